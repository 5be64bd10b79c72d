//! The fair test: every arm has its own learning rate, chosen on images that are held back, with equal budgets.

use super::arms::{arms, claim, images, key, networks, samples};
use super::speed::first;
use super::{Options, difference, results};
use crate::error::Result;
use crate::learning::loss::Task;
use crate::learning::optimizer::Optimizer;
use crate::learning::output::{Axis, Chart, Results, Series, Table};
use crate::learning::plan::Plan;
use crate::learning::runs::Lab;
use crate::learning::statistics::Mean;

/// The learning rates to choose from: a step of momentum is about ten of its gradients, and Adam's does not know how large they are.
fn rates(optimizer: Optimizer) -> [f64; 5] {
    match optimizer {
        Optimizer::Sgd => [0.01, 0.03, 0.1, 0.3, 1.0],
        Optimizer::Momentum { .. } => [1e-3, 3e-3, 0.01, 0.03, 0.1],
        Optimizer::Adam { .. } => [1e-4, 3e-4, 1e-3, 3e-3, 0.01],
    }
}

/// The optimizer in file names and in words.
fn words(optimizer: Optimizer) -> (&'static str, &'static str) {
    match optimizer {
        Optimizer::Sgd => ("", "SGD without momentum"),
        Optimizer::Momentum { .. } => ("momentum-", "SGD with a momentum of 0.9"),
        Optimizer::Adam { amsgrad: false } => ("adam-", "Adam"),
        Optimizer::Adam { amsgrad: true } => ("amsgrad-", "AMSGrad"),
    }
}

/// Seeds that choose; those that confirm are others.
const TUNING: u64 = 2;
const BATCH: usize = 50;

pub fn run(lab: &Lab, options: &Options) -> Result<Results> {
    let arms = arms();
    let rates = rates(options.optimizer);
    let (tag, optimizer) = words(options.optimizer);
    let seeds = options.seeds.unwrap_or(8) as usize;
    let base_epochs = options.epochs.unwrap_or(if super::small(lab.data) { 10 } else { 3 });
    let held = lab.data.train.len() / 6;
    let mut groups = vec![];
    for layers in networks(lab.data, options) {
        for count in samples(lab.data, options) {
            let ratio = count.map_or(1, |n| lab.data.train.len().div_ceil(5 * n).max(1)) as u32;
            let epochs = base_epochs * ratio;
            let plan = Plan {
                optimizer: options.optimizer,
                batch: BATCH,
                epochs,
                every: epochs,
                samples: count,
                ..Plan::new(&layers, Task::Classify)
            };
            groups.push((layers.clone(), count, plan));
        }
    }
    let tuned = tune(lab, &arms, &groups, (&rates, held, tag))?;
    let mut plans = vec![];
    for ((layers, count, plan), chosen) in groups.iter().zip(&tuned) {
        for (arm, choice) in arms.iter().zip(chosen) {
            for seed in 0..seeds as u64 {
                let name = format!("fair-{tag}{}-{}-seed{seed}", key(layers, *count), arm.key());
                plans.push(Plan { rate: rates[choice.best], seed: 100 + seed, ..arm.of(plan, name) });
            }
        }
    }
    let outcomes = lab.outcomes(&plans)?;
    let mut results = results("fair", "Does balancing help when every arm has the learning rate that suits it?", lab);
    results.method = vec![
        format!("{optimizer}, batches of {BATCH}, {base_epochs} epochs over all images and a fifth of the steps over few. \
                 The rate of every arm is the best of {rates:?} by the mean accuracy of {TUNING} seeds on {held} training images \
                 that are held back; then {seeds} other seeds, the same for every arm, on the test images."),
        "Differences are those of pairs with the same seed, with 95 % intervals (Student's t). Gain: by what balancing at the \
         start multiplies the squared gradient of the first layer; rate times gain is the effective rate there."
            .into(),
    ];
    let columns = [
        "hidden layers",
        "images",
        "arm",
        "rate",
        "at the end of the grid",
        "accuracy %",
        "± %",
        "difference %",
        "± %",
        "gain",
        "moved",
    ];
    let mut table =
        Table::new("fair", "Test accuracy at the tuned rate; difference to the same regularizer unbalanced", &columns);
    let mut rises = vec![vec![]; arms.len()];
    for (g, group) in outcomes.chunks_exact(arms.len() * seeds).enumerate() {
        let accuracies: Vec<Vec<f64>> =
            group.chunks_exact(seeds).map(|o| o.iter().map(|o| o.accuracy(lab.data.classes)).collect()).collect();
        for (k, (arm, own)) in arms.iter().zip(group.chunks_exact(seeds)).enumerate() {
            let best = tuned[g][k].best;
            let mean = Mean::of(&accuracies[k]);
            let rise = Mean::of_differences(&accuracies[k], &accuracies[arm.base]);
            let differs = (k != arm.base).then_some(rise);
            table.row([
                groups[g].0.as_str().into(),
                images(lab.data, groups[g].1).into(),
                arm.name.as_str().into(),
                rates[best].into(),
                if best == 0 || best + 1 == rates.len() { "yes".into() } else { "".into() },
                (100.0 * mean.mean).into(),
                (100.0 * mean.half).into(),
                differs.map(|r| 100.0 * r.mean).into(),
                differs.map(|r| 100.0 * r.half).into(),
                first(own, |o| &o.gain).into(),
                first(own, |o| &o.movement).into(),
            ]);
            rises[k].push(rise);
        }
    }
    for (k, arm) in arms.iter().enumerate().filter(|(k, arm)| *k != arm.base) {
        let sentence = format!("with tuned rates, {:?} is better than {:?}", arm.name, arms[arm.base].name);
        results.claims.push(claim(sentence, &rises[k]));
    }
    results.tables.push(table);
    for ((layers, count, _), chosen) in groups.iter().zip(&tuned) {
        let series = arms.iter().zip(chosen).map(|(arm, choice)| {
            Series::line(arm.name.clone(), rates.into_iter().zip(choice.accuracies.iter().map(|a| 100.0 * a)))
        });
        results.charts.push(Chart {
            name: format!("tuning-{tag}{}", key(layers, *count)),
            title: format!("Hidden layers {layers}, {} images: two seeds, images held back", images(lab.data, *count)),
            x: Axis::log("learning rate"),
            y: Axis::linear("accuracy, %"),
            series: series.collect(),
        });
    }
    results.function_difference = difference(&outcomes);
    Ok(results)
}

/// The choice of an arm's rate.
struct Choice {
    /// Index of the best rate.
    best: usize,
    /// Mean accuracy at every rate.
    accuracies: Vec<f64>,
}

/// The best rate of every arm in every group.
fn tune(
    lab: &Lab,
    arms: &[super::arms::Arm],
    groups: &[(String, Option<usize>, Plan)],
    (rates, held, tag): (&[f64], usize, &str),
) -> Result<Vec<Vec<Choice>>> {
    let mut plans = vec![];
    for (layers, count, plan) in groups {
        for arm in arms {
            for &rate in rates {
                for seed in 0..TUNING {
                    let name = format!("tune-{tag}{}-{}-rate{rate}-seed{seed}", key(layers, *count), arm.key());
                    plans.push(Plan { rate, seed, held, ..arm.of(plan, name) });
                }
            }
        }
    }
    let outcomes = lab.outcomes(&plans)?;
    let mean = |o: &[crate::learning::train::Outcome]| {
        o.iter().map(|o| o.accuracy(lab.data.classes)).sum::<f64>() / o.len() as f64
    };
    let means: Vec<f64> = outcomes.chunks_exact(TUNING as usize).map(mean).collect();
    let choices = means.chunks_exact(rates.len()).map(|accuracies| {
        let best = (0..rates.len()).max_by(|&a, &b| accuracies[a].total_cmp(&accuracies[b]).then(b.cmp(&a)));
        Choice { best: best.unwrap_or(0), accuracies: accuracies.to_vec() }
    });
    let mut choices: Vec<Choice> = choices.collect();
    let mut answer = vec![];
    while !choices.is_empty() {
        let rest = choices.split_off(arms.len());
        answer.push(std::mem::replace(&mut choices, rest));
    }
    Ok(answer)
}

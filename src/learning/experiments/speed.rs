//! The published tables: SGD at a learning rate of 1e-3, with balancing at the start or during training.

use super::arms::{Arm, arms, claim, images, key, networks, samples};
use super::{Options, difference, results};
use crate::error::Result;
use crate::learning::balancing::Balancing;
use crate::learning::loss::Task;
use crate::learning::output::{Axis, Chart, Results, Series, Table};
use crate::learning::penalty::Penalty;
use crate::learning::plan::Plan;
use crate::learning::runs::Lab;
use crate::learning::statistics::Mean;
use crate::learning::train::Outcome;

/// The learning rate of the publication.
const RATE: f64 = 1e-3;
/// Small batches make enough steps in few epochs.
const BATCH: usize = 20;
/// The control: no balancing, and this many times the learning rate.
const CONTROL: f64 = 30.0;

pub fn run(lab: &Lab, options: &Options) -> Result<Results> {
    let mut all = arms();
    all.push(Arm { name: "plain, rate x 30".into(), base: 0, penalty: Penalty::NONE, balancing: Balancing::NEVER });
    let seeds = options.seeds.unwrap_or(8);
    let small = super::small(lab.data);
    let base_epochs = options.epochs.unwrap_or(if small { 40 } else { 5 });
    let (mut plans, mut groups) = (vec![], vec![]);
    for layers in networks(lab.data, options) {
        for count in samples(lab.data, options) {
            // few images are shown so often that steps are a fifth of those with all of them
            let ratio = count.map_or(1, |n| lab.data.train.len().div_ceil(5 * n).max(1)) as u32;
            let epochs = base_epochs * ratio;
            let every = if count.is_some() { epochs } else { 1 };
            let plan = Plan { batch: BATCH, epochs, every, samples: count, ..Plan::new(&layers, Task::Classify) };
            for (k, arm) in all.iter().enumerate() {
                let rate = if k + 1 == all.len() { CONTROL * RATE } else { RATE };
                for seed in 0..u64::from(seeds) {
                    let name = format!("speed-{}-{}-seed{seed}", key(&layers, count), arm.key());
                    plans.push(Plan { rate, seed, ..arm.of(&plan, name) });
                }
            }
            groups.push((layers.clone(), count));
        }
    }
    let outcomes = lab.outcomes(&plans)?;
    let mut results = results("speed", "Does balancing before or during training speed learning, as published?", lab);
    results.method = vec![
        format!(
            "SGD without momentum, learning rate {RATE}, batches of {BATCH}, {base_epochs} epochs over all images and a fifth \
                 of the steps over few, {seeds} seeds. Start: balanced to the optimum before training. During: one \
                 layer-wise sweep after every epoch. Costs are those of the regularizer; plain is balanced in L2."
        ),
        "Gain: by what balancing at the start multiplies the squared gradient of the first layer, and with it the \
         effective learning rate. Moved: relative size of a step in the first layer during the first epoch."
            .into(),
    ];
    let columns = ["hidden layers", "images", "arm", "accuracy %", "± %", "difference %", "± %", "gain", "moved"];
    let mut table =
        Table::new("accuracy", "Test accuracy; difference to the same regularizer without balancing", &columns);
    let each = seeds as usize;
    let mut rises = vec![vec![]; all.len()];
    for ((layers, count), group) in groups.iter().zip(outcomes.chunks_exact(all.len() * each)) {
        let accuracies: Vec<Vec<f64>> =
            group.chunks_exact(each).map(|o| o.iter().map(|o| o.accuracy(lab.data.classes)).collect()).collect();
        for (k, (arm, own)) in all.iter().zip(group.chunks_exact(each)).enumerate() {
            let (mean, rise) = (Mean::of(&accuracies[k]), Mean::of_differences(&accuracies[k], &accuracies[arm.base]));
            let (gain, moved) = (first(own, |o| &o.gain), first(own, |o| &o.movement));
            let differs = (k != arm.base).then_some(rise);
            table.row([
                layers.as_str().into(),
                images(lab.data, *count).into(),
                arm.name.as_str().into(),
                (100.0 * mean.mean).into(),
                (100.0 * mean.half).into(),
                differs.map(|r| 100.0 * r.mean).into(),
                differs.map(|r| 100.0 * r.half).into(),
                gain.into(),
                moved.into(),
            ]);
            rises[k].push(rise);
        }
        if count.is_none() {
            results.charts.push(chart(layers, &all, group, each));
        }
    }
    for (k, arm) in all.iter().enumerate().filter(|(k, arm)| *k != arm.base) {
        let base = &all[arm.base].name;
        let sentence = format!("at a learning rate of 1e-3, {:?} learns faster than {base:?}", arm.name);
        results.claims.push(claim(sentence, &rises[k]));
    }
    results.tables.push(table);
    results.function_difference = difference(&outcomes);
    Ok(results)
}

/// The mean over seeds of a measure of the first layer.
pub fn first(outcomes: &[Outcome], of: impl Fn(&Outcome) -> &Vec<f64>) -> f64 {
    Mean::of(&outcomes.iter().filter_map(|o| of(o).first().copied()).collect::<Vec<_>>()).mean
}

fn chart(layers: &str, all: &[Arm], group: &[Outcome], each: usize) -> Chart {
    let series =
        all.iter().zip(group.chunks_exact(each)).filter(|(arm, _)| arm.penalty.exponent == 1.0 || arm.base == 0);
    let series = series.map(|(arm, own)| {
        let points = own[0].records.iter().enumerate().map(|(r, record)| {
            let values: Vec<f64> = own.iter().filter_map(|o| o.records.get(r)?.score.accuracy).collect();
            (f64::from(record.epoch), 100.0 * Mean::of(&values).mean)
        });
        Series::line(arm.name.clone(), points.collect::<Vec<_>>())
    });
    Chart {
        name: format!("accuracy-{}", key(layers, None)),
        title: format!("Hidden layers {layers}, learning rate 1e-3, all images"),
        x: Axis::linear("epoch"),
        y: Axis::linear("test accuracy, %"),
        series: series.collect(),
    }
}

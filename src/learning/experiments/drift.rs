//! Training on the error alone: what happens to balance.

use super::flow::{Descent, change, left};
use super::{Options, difference, layers, results, small};
use crate::error::Result;
use crate::learning::balancing::{Balancing, When};
use crate::learning::loss::Task;
use crate::learning::net::Net;
use crate::learning::output::{Axis, Chart, Claim, Results, Series, Table, Verdict};
use crate::learning::plan::Plan;
use crate::learning::runs::Lab;
use crate::learning::statistics::Mean;
use crate::network::Activation;
use candle_core::DType;
use rayon::prelude::*;

/// Time of learning of the laws: rate times steps.
const TIME: f64 = 4.0;
const RATES: [f64; 4] = [0.08, 0.04, 0.02, 0.01];
/// Factor of `sum w^2` where deficits are to decay: over [`TIME`] by exp(-1.6).
const BETA: f64 = 0.1;
const IMAGES: u32 = 100;
/// From one rate of the balanced starts to the next.
const RATIO: u32 = 4;

pub fn run(lab: &Lab, options: &Options) -> Result<Results> {
    let seeds = u64::from(options.seeds.unwrap_or(8));
    let mut results = results("drift", "What does training on the error alone do to balance?", lab);
    laws(lab, &mut results, seeds)?;
    starts(lab, options, &mut results, seeds)?;
    Ok(results)
}

/// The laws of single steps and of gradient flow.
fn laws(lab: &Lab, results: &mut Results, seeds: u64) -> Result<()> {
    let net = Net::new("16,12", lab.data.image, lab.data.classes, Activation::Linear, DType::F64)?;
    let count = IMAGES.min(lab.data.train.len() as u32);
    let (batch, labels) = lab.data.train.batch(&(0..count).collect::<Vec<_>>(), DType::F64)?;
    let descent = |rate, beta| Descent { net: &net, batch: &batch, labels: &labels, rate, beta };
    results.method.push(format!(
        "Laws: hidden layers 16,12, gradient descent on {count} images at once in double precision, {seeds} seeds, rate times steps = {TIME}."
    ));
    let runs: Vec<Law> = (0..seeds).into_par_iter().map(|seed| law(&descent, seed)).collect::<Result<_>>()?;
    let identity = runs.iter().map(|r| r.identity).fold(0.0, f64::max);
    results.claims.push(Claim {
        claim: "one step of rate eta changes the deficit of every unit by exactly eta^2 (sum_in g^2 - sum_out g^2)"
            .into(),
        verdict: Verdict::from(identity < 1e-12),
        found: format!("largest difference {identity:.1e} of the largest deficit, 50 steps of each of {seeds} seeds"),
    });
    let mut table = Table::new("flow", "Largest change of a deficit over the same time", &["rate", "change", "±"]);
    let means: Vec<Mean> = (0..RATES.len()).map(|k| mean(&runs, |r| r.changes[k])).collect();
    for (rate, mean) in RATES.iter().zip(&means) {
        table.row([(*rate).into(), mean.mean.into(), mean.half.into()]);
    }
    results.tables.push(table);
    let order = (means[0].mean / means[RATES.len() - 1].mean).log2() / (RATES.len() - 1) as f64;
    results.claims.push(Claim {
        claim: "gradient flow conserves the deficit of every unit".into(),
        verdict: Verdict::from((0.8..1.3).contains(&order)),
        found: format!(
            "over the same time deficits change by {:.1e} at rate {} and by {:.1e} at rate {}: as rate^{order:.2}, to none in the limit",
            means[0].mean, RATES[0], means[RATES.len() - 1].mean, RATES[RATES.len() - 1]
        ),
    });
    let points = runs[0].left.len();
    let time = |k: usize| TIME * k as f64 / (points - 1) as f64;
    let law = |k: usize| (-4.0 * BETA * time(k)).exp();
    let off = |r: &Law| r.left.iter().enumerate().map(|(k, v)| (v / law(k) - 1.0).abs()).fold(0.0, f64::max);
    let off = runs.iter().map(off).fold(0.0, f64::max);
    results.claims.push(Claim {
        claim: "with beta sum w^2 the deficit falls as exp(-4 beta t)".into(),
        verdict: Verdict::from(off < 0.05),
        found: format!("beta {BETA}, rate {}: within {:.2} % of the law at all times", RATES[3], 100.0 * off),
    });
    let measured = Series::points("measured", (0..points).map(|k| (time(k), mean(&runs, |r| r.left[k]).mean)));
    results.charts.push(Chart {
        name: "decay".into(),
        title: format!("Deficits under gradient descent with weight decay, beta {BETA}"),
        x: Axis::linear("time: rate times steps"),
        y: Axis::log("deficits, relative to the start"),
        series: vec![Series::line("exp(-4 beta t)", (0..points).map(|k| (time(k), law(k)))), measured],
    });
    Ok(())
}

struct Law {
    identity: f64,
    changes: Vec<f64>,
    left: Vec<f64>,
}

fn law<'a>(descent: &(impl Fn(f64, f64) -> Descent<'a> + Sync), seed: u64) -> Result<Law> {
    let changes = RATES.iter().map(|&rate| Ok(change(&descent(rate, 0.0).deficits(seed, TIME, 1)?)));
    Ok(Law {
        identity: descent(0.1, 0.0).identity(seed, 50)?,
        changes: changes.collect::<Result<_>>()?,
        left: left(&descent(RATES[3], BETA).deficits(seed, TIME, 10)?),
    })
}

fn mean(runs: &[Law], of: impl Fn(&Law) -> f64) -> Mean {
    Mean::of(&runs.iter().map(of).collect::<Vec<_>>())
}

/// Balanced starts of an autoencoder, at a large rate and at small ones.
fn starts(lab: &Lab, options: &Options, results: &mut Results, seeds: u64) -> Result<()> {
    let words = layers(options, if small(lab.data) { "32,16,32" } else { "200,100,50,100,200" });
    let (largest, samples) = if small(lab.data) { (0.08, 1000) } else { (LARGEST, 2000) };
    let epochs = options.epochs.unwrap_or(5);
    let rates: Vec<(f64, u32)> = (0..3).map(|k| RATIO.pow(k)).map(|r| (largest / f64::from(r), epochs * r)).collect();
    let samples = Some(samples).filter(|&n| n < lab.data.train.len());
    let mut plans = vec![];
    for &(rate, epochs) in &rates {
        for seed in 0..seeds {
            let base = Plan { rate, epochs, samples, batch: 20, seed, ..Plan::new(&words, Task::Reconstruct) };
            let (every, balancing) = (epochs / options.epochs.unwrap_or(5), Balancing::full(When::Start, 2.0));
            plans.push(Plan { name: format!("drift-rate{rate}-seed{seed}"), every, balancing, ..base });
        }
    }
    let outcomes = lab.outcomes(&plans)?;
    results.method.push(format!(
        "Balanced starts: autoencoder with hidden layers {words}, half the squared error, SGD with batches of 20, {} images; the smaller the rate, \
         the more epochs, so that rate times steps is the same.",
        samples.unwrap_or(lab.data.train.len())
    ));
    let mut table = Table::new(
        "balanced-start",
        "From a balanced start, the same time of learning",
        &["rate", "epochs", "test error before", "after", "relative deficit after", "±"],
    );
    let mut series = vec![];
    let mut ends = vec![];
    for (&(rate, epochs), own) in rates.iter().zip(outcomes.chunks_exact(seeds as usize)) {
        let of = |r: usize, f: &dyn Fn(&crate::learning::train::Record) -> f64| {
            Mean::of(&own.iter().filter_map(|o| o.records.get(r)).map(f).collect::<Vec<_>>())
        };
        let last = own.iter().map(|o| o.records.len()).max().unwrap_or(1) - 1;
        let end = of(last, &|r| r.deficit.relative);
        let (before, after) = (of(0, &|r| r.score.error).mean, of(last, &|r| r.score.error).mean);
        table.row([
            rate.into(),
            f64::from(epochs).into(),
            before.into(),
            after.into(),
            end.mean.into(),
            end.half.into(),
        ]);
        let points = (1..=last).map(|r| (rate * of(r, &|r| r.epoch.into()).mean, of(r, &|r| r.deficit.relative).mean));
        series.push(Series::line(format!("rate {rate}"), points.collect::<Vec<_>>()));
        ends.push(end);
    }
    let (large, little) = (ends[0], ends[ends.len() - 1]);
    results.claims.push(Claim {
        claim: "a balanced start is left when training on the error alone at a large learning rate, and hardly at a small one".into(),
        verdict: Verdict::from(large.mean - large.half > 10.0 * (little.mean + little.half)),
        found: format!(
            "relative deficit {:.1e} at rate {}, {:.1e} at rate {}, after the same time",
            large.mean, rates[0].0, little.mean, rates[2].0
        ),
    });
    results.tables.push(table);
    results.charts.push(Chart {
        name: "balanced-start".into(),
        title: "From a balanced start, training on the error alone".into(),
        x: Axis::linear("rate times epochs"),
        y: Axis::log("relative deficit"),
        series,
    });
    results.function_difference = difference(&outcomes);
    Ok(())
}

/// The large rate for big images.
const LARGEST: f64 = 0.02;

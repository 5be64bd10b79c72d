//! Training on error and regularizer: it approaches balance. Does the deficit tell how far learning is?

use super::{Options, layers, results, small};
use crate::error::Result;
use crate::learning::loss::Task;
use crate::learning::output::{Axis, Chart, Claim, Results, Series, Table, Verdict};
use crate::learning::penalty::Penalty;
use crate::learning::plan::Plan;
use crate::learning::runs::Lab;
use crate::learning::statistics::{Mean, rank_correlation};
use crate::learning::train::Outcome;

pub fn run(lab: &Lab, options: &Options) -> Result<Results> {
    let seeds = options.seeds.unwrap_or(8);
    let little = small(lab.data);
    let words = layers(options, if little { "32,16,32" } else { "200,100,50,100,200" });
    let (rate, batch, epochs) = if little { (0.05, 20, 60) } else { (0.02, 100, 10) };
    let epochs = options.epochs.unwrap_or(epochs);
    // so that the deficit would fall by exp(-4 beta rate steps) = exp(-4) or less were the error flat
    let steps = (lab.data.train.len().div_ceil(batch) * epochs as usize) as f64;
    let beta = 1.0 / (rate * steps);
    let arms = [
        ("E alone", Penalty::NONE),
        ("E + L2", Penalty { exponent: 2.0, beta }),
        ("E + L1", Penalty { exponent: 1.0, beta: beta * L1_SHARE }),
    ];
    let base = Plan { rate, batch, epochs, ..Plan::new(&words, Task::Reconstruct) };
    let mut plans = vec![];
    for (name, penalty) in arms {
        for seed in 0..u64::from(seeds) {
            let key = name.replace(" + ", "-").replace(' ', "-");
            plans.push(Plan { name: format!("regularized-{key}-seed{seed}"), penalty, seed, ..base.clone() });
        }
    }
    let outcomes = lab.outcomes(&plans)?;
    let groups: Vec<&[Outcome]> = outcomes.chunks_exact(seeds as usize).collect();
    let mut results = results("regularized", "Does training on error and regularizer lead to balance?", lab);
    results.method = vec![
        format!("Autoencoder with hidden layers {words}, all ReLU, half the squared error, SGD at rate {rate} with batches of {batch}, {epochs} \
                 epochs, {seeds} seeds; the regularizer is beta sum |w|^p, biases included, beta {beta:.2e} for L2 and {:.2e} for L1.", beta * L1_SHARE),
        "Relative deficit: sum over hidden units of (in - out)^2, divided by that of (in + out)^2, with costs |w|^p of the regularizer \
         (L2 for none)."
            .into(),
    ];
    let columns = [
        "trained on",
        "relative deficit at the start",
        "at the end",
        "±",
        "deficit kept",
        "±",
        "test error",
        "±",
        "rank correlation",
        "±",
    ];
    let mut table =
        Table::new("regularized", "Deficit, and its rank correlation with the test error over epochs", &columns);
    let mut ends = vec![];
    for ((name, _), own) in arms.iter().zip(&groups) {
        let start = mean(own, |o| o.records.first().map(|r| r.deficit.relative));
        let end = mean(own, |o| o.last().map(|r| r.deficit.relative));
        let kept = mean(own, |o| Some(o.last()?.deficit.total / o.records.first()?.deficit.total));
        let error = mean(own, |o| o.last().map(|r| r.score.error));
        let correlation = mean(own, correlation);
        table.row([
            (*name).into(),
            start.mean.into(),
            end.mean.into(),
            end.half.into(),
            kept.mean.into(),
            kept.half.into(),
            error.mean.into(),
            error.half.into(),
            correlation.mean.into(),
            correlation.half.into(),
        ]);
        ends.push(End { kept, correlation });
    }
    results.tables.push(table);
    results.claims = claims(&arms.map(|a| a.0), &ends);
    results.charts = vec![
        chart("deficit", "relative deficit", &arms.map(|a| a.0), &groups, |o, r| o.records[r].deficit.relative),
        chart("error", "test error", &arms.map(|a| a.0), &groups, |o, r| o.records[r].score.error),
    ];
    Ok(results)
}

/// The slope of `beta |w|` is constant: for weights near .05 this share of the other factor makes both alike.
const L1_SHARE: f64 = 0.1;

fn mean(own: &[Outcome], of: impl Fn(&Outcome) -> Option<f64>) -> Mean {
    Mean::of(&own.iter().filter_map(of).collect::<Vec<_>>())
}

/// The rank correlation of deficit and test error over the epochs of a run, its start left out.
fn correlation(outcome: &Outcome) -> Option<f64> {
    let records = outcome.records.get(1..)?;
    let of = |f: fn(&crate::learning::train::Record) -> f64| records.iter().map(f).collect::<Vec<_>>();
    rank_correlation(&of(|r| r.deficit.total), &of(|r| r.score.error))
}

/// What an arm led to.
struct End {
    /// The deficit at the end as a multiple of that at the start.
    kept: Mean,
    /// The rank correlation of deficit and test error.
    correlation: Mean,
}

fn claims(names: &[&str; 3], ends: &[End]) -> Vec<Claim> {
    let kept = |k: usize| ends[k].kept.mean;
    let mut claims = vec![Claim {
        claim: "training on the error alone does not lead to balance".into(),
        verdict: Verdict::from(kept(0) > 0.5),
        found: format!("the deficit at the end is {} times that at the start", ends[0].kept.show(1.0, 2)),
    }];
    for k in [1, 2] {
        claims.push(Claim {
            claim: format!("training on {} approaches balance", names[k]),
            verdict: Verdict::from(ends[k].kept.mean + ends[k].kept.half < 1.0 && kept(k) < 0.5 * kept(0)),
            found: format!("the deficit at the end is {} times that at the start", ends[k].kept.show(1.0, 3)),
        });
        let correlation = ends[k].correlation;
        claims.push(Claim {
            claim: format!("with {} the deficit tracks the test error", names[k]),
            verdict: Verdict::from(correlation.mean - correlation.half > 0.5),
            found: format!(
                "rank correlation over epochs {}; {} without a regularizer",
                correlation.show(1.0, 2),
                ends[0].correlation.show(1.0, 2)
            ),
        });
    }
    claims
}

fn chart(
    name: &str,
    what: &str,
    arms: &[&str; 3],
    groups: &[&[Outcome]],
    of: impl Fn(&Outcome, usize) -> f64,
) -> Chart {
    let series = arms.iter().zip(groups).map(|(arm, own)| {
        let count = own.iter().map(|o| o.records.len()).min().unwrap_or(0);
        let points = (0..count).map(|r| {
            let values: Vec<f64> = own.iter().map(|o| of(o, r)).collect();
            (f64::from(own[0].records[r].epoch), Mean::of(&values).mean)
        });
        Series::line(*arm, points.collect::<Vec<_>>())
    });
    Chart {
        name: name.into(),
        title: format!("Training an autoencoder: {what}, mean over seeds"),
        x: Axis::linear("epoch"),
        y: Axis::log(what),
        series: series.collect(),
    }
}

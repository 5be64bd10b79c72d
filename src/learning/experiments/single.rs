//! One network, trained as one likes.

use super::{difference, results};
use crate::error::Result;
use crate::learning::output::{Axis, Chart, Results, Series, Table};
use crate::learning::plan::Plan;
use crate::learning::runs::Lab;
use crate::learning::train::Trained;

/// Trains the network of a plan.
///
/// # Errors
/// When the plan does not fit the data, or files cannot be read or written.
pub fn single(lab: &Lab, plan: &Plan) -> Result<(Trained, Results)> {
    let trained = lab.network(plan)?;
    let mut results = results("train", "How does this network learn?", lab);
    let text = serde_json::to_string(plan).unwrap_or_default();
    results.method = vec![format!("Plan: {text}")];
    if trained.outcome.diverged {
        results.method.push("The error left the range of numbers: the learning rate is too large.".into());
    }
    let columns = ["epoch", "training error", "test error", "accuracy %", "relative deficit", "cost"];
    let mut table = Table::new("epochs", "After every epoch", &columns);
    let records = &trained.outcome.records;
    for r in records {
        table.row([
            f64::from(r.epoch).into(),
            r.training.into(),
            r.score.error.into(),
            r.score.accuracy.map(|a| 100.0 * a).into(),
            r.deficit.relative.into(),
            r.deficit.cost.into(),
        ]);
    }
    results.tables.push(table);
    let line = |name: &str, of: fn(&crate::learning::train::Record) -> f64| {
        Series::line(name, records.iter().map(|r| (f64::from(r.epoch), of(r))))
    };
    results.charts.push(Chart {
        name: "epochs".into(),
        title: format!("Hidden layers {}", plan.layers),
        x: Axis::linear("epoch"),
        y: Axis::log("test error, and relative deficit"),
        series: vec![line("test error", |r| r.score.error), line("relative deficit", |r| r.deficit.relative)],
    });
    results.function_difference = difference([&trained.outcome]);
    Ok((trained, results))
}

//! `synbal learn`.

pub mod args;
mod demo;
mod progress;
mod train;

use super::{Exit, show};
use crate::error::{Error, ErrorKind, Result};
use crate::learning::data::{Dataset, digits};
use crate::learning::experiments::{Experiment, Options, run as experiment};
use crate::learning::optimizer::Optimizer;
use crate::learning::output::{JSON, Results, write};
use crate::report::table;
use args::Learn;
use progress::Progress;
use std::path::Path;

pub fn run(args: &Learn) -> Result<Exit> {
    let (kind, given, samples) = match args {
        Learn::Drift(a) => (Experiment::Drift, a, [].as_slice()),
        Learn::Regularized(a) => (Experiment::Regularized, a, [].as_slice()),
        Learn::Order(a) => (Experiment::Order, a, [].as_slice()),
        Learn::Recurrent(a) => (Experiment::Recurrent, a, [].as_slice()),
        Learn::Speed(a) => (Experiment::Speed, &a.experiment, a.samples.as_slice()),
        Learn::Fair(a) => (Experiment::Fair, &a.arms.experiment, a.arms.samples.as_slice()),
        Learn::Train(a) => return train::run(a),
        Learn::Demo(a) => return demo::run(a),
    };
    let optimizer = match args {
        Learn::Fair(a) => a.optimizer.into(),
        _ => Optimizer::Sgd,
    };
    let options = Options {
        optimizer,
        seeds: given.seeds,
        epochs: given.epochs,
        layers: given.layers.clone(),
        samples: samples.iter().map(|s| count(s)).collect::<Result<_>>()?,
    };
    let data = data(given)?;
    prepare(given.output.as_deref(), kind.name())?;
    let progress = Progress::new();
    let results = experiment(kind, &data, &options, given.output.as_deref(), &|event| progress.tell(event))?;
    progress.finish();
    if let Some(folder) = &given.output {
        write(&results, folder)?;
    }
    show(&results, given.json, || text(&results, given.output.as_deref()))?;
    Ok(Exit::Done)
}

/// The images of an option.
fn data(args: &args::Experiment) -> Result<Dataset> {
    args.data.as_ref().map_or_else(|| Ok(digits()), |folder| Dataset::open(folder))
}

fn count(text: &str) -> Result<Option<usize>> {
    match text.parse() {
        _ if text == "all" => Ok(None),
        Ok(count) if count > 0 => Ok(Some(count)),
        _ => Err(Error::new(ErrorKind::Parameter, "--samples", format!("{text:?}"), "give a number above 0, or all")),
    }
}

/// Makes the folder of results, unless it holds those of another experiment.
fn prepare(folder: Option<&Path>, experiment: &str) -> Result<()> {
    let Some(folder) = folder else { return Ok(()) };
    let runs = folder.join("runs");
    std::fs::create_dir_all(&runs).map_err(|e| Error::io(&runs, "making a folder", &e))?;
    let path = folder.join(JSON);
    let Ok(text) = std::fs::read(&path) else { return Ok(()) };
    let other = serde_json::from_slice::<serde_json::Value>(&text).ok();
    let other = other.as_ref().and_then(|v| v["experiment"].as_str()).unwrap_or("something else");
    if other == experiment {
        return Ok(());
    }
    let problem = format!("the folder holds the results of {other}");
    Err(Error::new(ErrorKind::Io, "writing", problem, "give each experiment a folder of its own").in_file(&path))
}

/// Results for people.
fn text(results: &Results, folder: Option<&Path>) -> String {
    let mut text = format!("{}\n{}\n\n", results.question, results.data);
    results.method.iter().for_each(|line| text += &format!("{line}\n"));
    for claim in &results.claims {
        text += &format!("\n{}:\n  {} ({})\n", claim.verdict.words().to_uppercase(), claim.claim, claim.found);
    }
    for own in &results.tables {
        let heads: Vec<&str> = own.columns.iter().map(String::as_str).collect();
        let rows = own.rows.iter().map(|row| row.iter().map(|cell| cell.show()).collect()).collect();
        text += &format!("\n{}\n{}\n", own.title, table(&heads, rows));
    }
    if let Some(difference) = results.function_difference {
        text += &format!("\nbalancing changed no output by more than {difference:.1e} of their range\n");
    }
    if let Some(folder) = folder {
        text += &format!("written: {}\n", folder.join("report.html").display());
    }
    text
}

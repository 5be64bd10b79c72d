//! `synbal learn train`.

use super::args::{Extent, Task, Train};
use super::progress::Progress;
use super::{Exit, data, prepare, show, text};
use crate::error::{Error, ErrorKind, Result};
use crate::files::write_atomic;
use crate::learning::balancing::{self, Balancing, When};
use crate::learning::experiments::single;
use crate::learning::export::{json, onnx};
use crate::learning::loss;
use crate::learning::output::write;
use crate::learning::penalty::Penalty;
use crate::learning::plan::Plan;
use crate::learning::runs::Lab;
use crate::learning::train::{Outcome, Trained};
use std::path::Path;

pub fn run(args: &Train) -> Result<Exit> {
    let given = &args.experiment;
    let plan = plan(args)?;
    let data = data(given)?;
    plan.net(&data)?;
    prepare(given.output.as_deref(), "train")?;
    let progress = Progress::new();
    let lab = Lab { data: &data, folder: given.output.as_deref(), watch: &|event| progress.tell(event) };
    let (trained, mut results) = single(&lab, &plan)?;
    progress.finish();
    if let Some(folder) = &given.output {
        results.method.extend(files(&trained, &data.name, folder)?);
        write(&results, folder)?;
    }
    show(&results, given.json, || text(&results, given.output.as_deref()) + &times(&trained.outcome, plan.epochs))?;
    Ok(if trained.outcome.diverged { Exit::NotConverged } else { Exit::Done })
}

/// Writes the network in all formats that can hold it; returns what was not written, and why.
fn files(trained: &Trained, data: &str, folder: &Path) -> Result<Vec<String>> {
    let mut notes = vec![];
    match onnx(&trained.net, &trained.parameters) {
        Ok(bytes) => write_atomic(&folder.join("network.onnx"), &bytes, true)?,
        Err(why) => notes.push(format!("network.onnx was not written: {why}.")),
    }
    match json(&trained.net, &trained.parameters, &format!("trained by `synbal learn train` on {data}")) {
        Ok(text) => write_atomic(&folder.join("network.json"), text.as_bytes(), true)?,
        Err(why) => notes.push(format!("network.json was not written: {why}.")),
    }
    Ok(notes)
}

/// How long it took; not a part of the results, which are the same every time.
fn times(outcome: &Outcome, epochs: u32) -> String {
    let (all, balancing) = (outcome.seconds, outcome.balancing_seconds);
    let share = if all > 0.0 { 100.0 * balancing / all } else { 0.0 };
    format!("{:.3} s per epoch; balancing took {share:.2} % of them\n", all / f64::from(epochs))
}

fn plan(args: &Train) -> Result<Plan> {
    let given = &args.experiment;
    let layers = given.layers.first().map_or("32,16", String::as_str);
    if given.layers.len() > 1 || given.seeds.is_some() {
        let remedy = "give --layers once, and --seed instead of --seeds";
        return Err(Error::new(ErrorKind::Parameter, "--layers, --seeds", "one network is trained", remedy));
    }
    let task = match args.task {
        Task::Classify => loss::Task::Classify,
        Task::Reconstruct => loss::Task::Reconstruct,
    };
    let extent = match args.extent {
        Extent::Full => balancing::Extent::Full,
        Extent::Sweep => balancing::Extent::Sweep,
        Extent::Units => balancing::Extent::Units(args.units),
    };
    Ok(Plan {
        name: "train".into(),
        optimizer: args.optimizer.into(),
        rate: args.rate,
        batch: args.batch,
        epochs: given.epochs.unwrap_or(20),
        penalty: Penalty::new(args.norm, args.beta)?,
        balancing: Balancing { when: when(&args.balance)?, extent, exponent: args.norm },
        seed: args.seed,
        ..Plan::new(layers, task)
    })
}

fn when(text: &str) -> Result<When> {
    let number = |n: &str| n.parse().ok().filter(|&n| n > 0);
    let known = match text.split_once(':') {
        None => match text {
            "never" => Some(When::Never),
            "start" => Some(When::Start),
            "epoch" => Some(When::Epochs(1)),
            "step" => Some(When::Steps(1)),
            _ => None,
        },
        Some(("epochs", n)) => number(n).map(When::Epochs),
        Some(("steps", n)) => number(n).map(|n: u32| When::Steps(n.into())),
        Some(_) => None,
    };
    known.ok_or_else(|| {
        let remedy = "give never, start, epoch, epochs:K, step or steps:K";
        Error::new(ErrorKind::Parameter, "--balance", format!("{text:?}"), remedy)
    })
}

//! The published experiments, and the fair test of their claims.

mod arms;
mod drift;
mod fair;
mod flow;
mod order;
mod recurrent;
mod regularized;
mod single;
mod speed;

pub use single::single;

use super::data::Dataset;
use super::optimizer::Optimizer;
use super::output::{Results, SCHEMA};
use super::runs::{Lab, Watch};
use super::train::Outcome;
use crate::error::{Error, ErrorKind, Result};
use std::path::Path;

/// Which experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Experiment {
    /// Training on the error alone moves deficits by the square of the learning rate, and not towards balance.
    Drift,
    /// Training on error and regularizer leads to balance.
    Regularized,
    /// Stochastic balancing in any order leads to one set of weights.
    Order,
    /// The published tables: balancing at the start or during training at a small learning rate.
    Speed,
    /// The same arms with the learning rate chosen for each.
    Fair,
    /// Recurrent networks.
    Recurrent,
}

impl Experiment {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Regularized => "regularized",
            Self::Order => "order",
            Self::Speed => "speed",
            Self::Fair => "fair",
            Self::Recurrent => "recurrent",
        }
    }
}

/// What can be chosen about an experiment; each has its own defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Number of seeds (for `order`: of orders).
    pub seeds: Option<u32>,
    /// Epochs of every run.
    pub epochs: Option<u32>,
    /// Hidden layers in words; for `speed` and `fair` several networks.
    pub layers: Vec<String>,
    /// How gradients become steps, for `fair`.
    pub optimizer: Optimizer,
    /// Numbers of training images, for `speed` and `fair`; none stands for all.
    pub samples: Vec<Option<usize>>,
}

/// Runs an experiment; finished runs and checkpoints are kept in `folder`, and what is there already is not made again.
///
/// # Errors
/// When options do not fit the data, or files cannot be read or written.
pub fn run(
    experiment: Experiment,
    data: &Dataset,
    options: &Options,
    folder: Option<&Path>,
    watch: Watch,
) -> Result<Results> {
    if options.seeds == Some(0) || options.epochs == Some(0) {
        return Err(Error::new(ErrorKind::Parameter, "--seeds, --epochs", "0 is out of range", "ask for at least one"));
    }
    let lab = Lab { data, folder, watch };
    match experiment {
        Experiment::Drift => drift::run(&lab, options),
        Experiment::Regularized => regularized::run(&lab, options),
        Experiment::Order => order::run(&lab, options),
        Experiment::Speed => speed::run(&lab, options),
        Experiment::Fair => fair::run(&lab, options),
        Experiment::Recurrent => recurrent::run(&lab, options),
    }
}

/// Whether images are those of the embedded digits' size, for which networks are smaller.
fn small(data: &Dataset) -> bool {
    data.image.len() < 200
}

/// Results without content.
fn results(experiment: &str, question: &str, lab: &Lab) -> Results {
    Results {
        schema: SCHEMA,
        experiment: experiment.into(),
        question: question.into(),
        data: format!("{}; {}; fingerprint {}", lab.data.name, lab.data.source, lab.data.fingerprint()),
        method: vec![],
        claims: vec![],
        tables: vec![],
        charts: vec![],
        function_difference: None,
    }
}

/// The largest change of outputs by any balancing of some runs.
fn difference<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Option<f64> {
    let balanced = outcomes.into_iter().filter(|o| o.balancings > 0).map(|o| o.difference);
    balanced.fold(None, |most, d| Some(most.map_or(d, |m: f64| m.max(d))))
}

/// The hidden layers of an option, or the default.
fn layers(options: &Options, default: &str) -> String {
    options.layers.first().map_or(default, String::as_str).to_string()
}

//! One run of training, completely described.

use super::balancing::Balancing;
use super::data::Dataset;
use super::loss::Task;
use super::net::Net;
use super::optimizer::Optimizer;
use super::penalty::Penalty;
use crate::error::{Error, ErrorKind, Result};
use crate::network::Activation;
use candle_core::DType;
use serde::{Deserialize, Serialize};

/// All that decides how a run goes, the data aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the run, unique in its experiment; also that of its checkpoint.
    pub name: String,
    /// The hidden layers in words.
    pub layers: String,
    /// What it is trained for.
    pub task: Task,
    /// How gradients become steps.
    pub optimizer: Optimizer,
    /// The learning rate.
    pub rate: f64,
    /// Images in a batch.
    pub batch: usize,
    /// Passes over the training images.
    pub epochs: u32,
    /// Epochs from one evaluation to the next; the last is always evaluated.
    pub every: u32,
    /// The regularizer.
    pub penalty: Penalty,
    /// Balancing.
    pub balancing: Balancing,
    /// Training images, chosen by the seed; all when absent.
    pub samples: Option<usize>,
    /// Training images held back, to be evaluated instead of the test images; none for the final runs.
    pub held: usize,
    /// Seed of weights, of the choice and of the order of images.
    pub seed: u64,
    /// Whether numbers are `f64`, not `f32`.
    pub double: bool,
}

impl Plan {
    /// A plain run that others differ from: SGD with batches of 100, for one epoch.
    #[must_use]
    pub fn new(layers: &str, task: Task) -> Self {
        Self {
            name: "run".into(),
            layers: layers.into(),
            task,
            optimizer: Optimizer::Sgd,
            rate: 0.1,
            batch: 100,
            epochs: 1,
            every: 1,
            penalty: Penalty::NONE,
            balancing: Balancing::NEVER,
            samples: None,
            held: 0,
            seed: 0,
            double: false,
        }
    }

    /// The network for a data set.
    ///
    /// # Errors
    /// Names the option that is out of range, or the layer that does not fit.
    pub fn net(&self, data: &Dataset) -> Result<Net> {
        let wrong = |place: &str, value: String, remedy: &str| {
            Err(Error::new(ErrorKind::Parameter, place, format!("{value} is out of range"), remedy))
        };
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return wrong("rate", self.rate.to_string(), "choose a learning rate above 0");
        }
        if self.batch == 0 || self.epochs == 0 || self.every == 0 {
            return wrong("batch, epochs", format!("{}, {}", self.batch, self.epochs), "choose numbers above 0");
        }
        let (outputs, last) = match self.task {
            Task::Classify => (data.classes, Activation::Linear),
            // the published autoencoder is ReLU throughout
            Task::Reconstruct => (data.image.len(), Activation::Relu),
        };
        let precision = if self.double { DType::F64 } else { DType::F32 };
        Net::new(&self.layers, data.image, outputs, last, precision)
    }
}

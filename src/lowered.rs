//! Floor 3: what every kind of network hands to the balancer, and what it takes back.

#![forbid(unsafe_code)]

use crate::manifold::Form;
use crate::numeric::Multiplier;
use crate::problem::{LogScales, Problem, ScaleBounds};
use compact_str::CompactString;
use std::sync::Arc;

/// A network as a balancing problem, with the names that a user knows.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The convex problem.
    pub problem: Problem,
    /// Every unit or channel that has a scale, in the order of the network; frozen ones have the zero form.
    pub units: Arc<Vec<NamedForm>>,
    /// Layers from the inputs to the outputs, also those in which nothing is free.
    pub layers: Vec<Layer>,
    /// What is not scaled, and why.
    pub frozen: Vec<Frozen>,
    /// Names of the units that do nothing: no signal enters them, or nothing of them is seen.
    pub dead: Vec<String>,
    /// Number of weights that have a cost, zeros included.
    pub weights: u64,
}

/// The log-scale of a named unit or channel.
#[derive(Clone, Debug)]
pub struct NamedForm {
    /// Name of the unit, or of the tensor and channel.
    pub name: CompactString,
    /// Its log-scale in the free variables.
    pub form: Form,
}

/// A group of units or channels that a user knows as one layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Name of the layer.
    pub name: String,
    /// Its units or channels, by their places in [`Lowered::units`].
    pub units: Vec<u32>,
    /// Its free variables; one that several layers share belongs to the first of them.
    pub variables: Vec<u32>,
}

/// Something that is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Name of the unit or node.
    pub node: String,
    /// Why it is left alone.
    pub reason: String,
}

/// A solution as a network takes it: the log-scales, and the direction in which some weights go to zero.
///
/// The new weight is `w exp(L)` with `L = head(x) - tail(x)`. With a `direction` d (the limit), weights whose form is
/// negative along d become zero.
#[derive(Clone, Debug)]
pub struct Scaling {
    /// Free log-scales.
    pub scales: LogScales,
    /// The direction of the limit, where the limit is asked for.
    pub direction: Option<Vec<f64>>,
    /// Proved bounds of the log-scales: with them models and networks round weights as the exact optimum would be rounded.
    pub bounds: Option<Arc<ScaleBounds>>,
}

impl Scaling {
    /// A scaling by free log-scales, without a limit.
    #[must_use]
    pub fn new(log_scales: Vec<f64>) -> Self {
        Self { scales: LogScales::new(log_scales), direction: None, bounds: None }
    }

    /// The same in the limit along a direction.
    #[must_use]
    pub fn along(self, direction: Vec<f64>) -> Self {
        Self { direction: Some(direction), ..self }
    }

    /// The multiplier of a weight between two forms; zero for a weight that vanishes in the limit.
    #[must_use]
    pub fn multiplier(&self, head: &Form, tail: &Form) -> Multiplier {
        if self.escapes(head, tail) { Multiplier::ZERO } else { self.scales.between(head, tail) }
    }

    /// Whether a weight between two forms vanishes in the limit.
    #[must_use]
    pub fn escapes(&self, head: &Form, tail: &Form) -> bool {
        self.direction.as_ref().is_some_and(|d| head.at(d) < tail.at(d))
    }
}

//! Floor 2: blocks of weights between ports; cost, flows and curvature in fused passes.
//!
//! A *port* is a unit or channel as seen by a weight: a linear form in the free log-scales. The weight in row `r` and
//! column `c` of a block has the log-multiplier `L = head_r(x) - tail_c(x)` and, under `L_p`, the cost
//! `a exp(p L)` with the amplitude `a = alpha |w|^p`. So a block of costs is `diag(u) A diag(v)`, and one read of `A`
//! yields the cost of everything that enters every row and leaves every column.

#![forbid(unsafe_code)]

mod block;
mod bounds;
mod builder;
mod ends;
mod entries;
mod exact;
mod extremes;
mod flows;
mod fold;
mod gauge;
mod kernel;
mod point;
mod precise;
mod precise_kernel;
mod rounded;
mod roundoff;
mod scales;
mod spans;
mod stored;
mod weigh;

pub use block::{Amplitudes, Block, Cost, Pattern};
pub use bounds::{Decided, Decisions, MultiplierBounds, ScaleBounds, TIE};
pub use builder::{Port, ProblemBuilder, Weights};
pub use entries::Entry;
pub use exact::ExactFlows;
pub use extremes::Extremes;
pub use flows::Flows;
pub use gauge::Gauge;
pub use point::Point;
pub use precise::PreciseFlows;
pub(crate) use rounded::{Rounded, UNIT as ROUNDED_UNIT};
pub use scales::LogScales;
pub use spans::MultiplierSpans;
pub use stored::{Lines, Stored};
pub use weigh::Summed;

use crate::manifold::Form;
use crate::numeric::extent;
use std::sync::Arc;

/// A sum of convex costs of log-multipliers, each the difference of two linear forms.
///
/// `F(x) = sum over blocks, rows r, columns c of cost(head_r(x) - tail_c(x))`.
#[derive(Clone, Debug)]
pub struct Problem {
    variables: usize,
    /// Shared with what is folded from this problem.
    ports: Arc<Vec<Form>>,
    /// The distinct exponents p of all power blocks.
    exponents: Vec<f64>,
    blocks: Vec<Block>,
    /// The powers of two that are folded into the weights, for every variable.
    origin: Vec<i32>,
    /// Relative rounding error that the given weights or sums carry already, in units of roundoff.
    given: f64,
}

impl Problem {
    /// Number of free log-scales.
    #[must_use]
    pub fn variables(&self) -> usize {
        self.variables
    }

    /// The linear form of every port; port 0 is the ground.
    #[must_use]
    pub fn ports(&self) -> &[Form] {
        &self.ports
    }

    /// The node of a port in the graph of log-scales: its first variable, or the number of variables for the ground.
    ///
    /// # Panics
    /// When there is no such port.
    #[must_use]
    pub fn node(&self, port: u32) -> usize {
        self.ports[port as usize].terms().first().map_or(self.variables, |t| t.0 as usize)
    }

    /// The blocks, connections whose ends share a variable moved into blocks of their own.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The distinct exponents of all power blocks.
    #[must_use]
    pub fn exponents(&self) -> &[f64] {
        &self.exponents
    }

    /// Whether every cost is a power of the weight's magnitude.
    #[must_use]
    pub fn is_powers(&self) -> bool {
        self.blocks.iter().all(|b| matches!(b.cost, Cost::Power(_)))
    }

    /// Why nothing can be proved of the forms; none where their coefficients are exact.
    #[must_use]
    pub fn inexact(&self) -> Option<&'static str> {
        let rounded = self.ports.iter().any(Form::is_rounded);
        rounded.then_some("a coefficient of a log-multiplier is not exact in double precision")
    }

    /// Whether every log-multiplier is the difference of two log-scales, or a single one (degree 1 everywhere).
    #[must_use]
    pub fn is_graph(&self) -> bool {
        self.ports.iter().all(|f| matches!(f.terms(), [] | [(_, 1.0)])) && self.is_powers()
    }

    /// Whether every log-multiplier is the difference of two log-scales with positive coefficients, or a single one: units of
    /// any degrees, without gating or constraints of three terms.
    #[must_use]
    pub fn is_scaled_graph(&self) -> bool {
        self.ports.iter().all(|f| matches!(f.terms(), [] | [(_, 0.0..)])) && self.is_powers()
    }

    /// Whether every log-multiplier has at most one positive and one negative coefficient, so that the comparison
    /// principle holds.
    #[must_use]
    pub fn has_comparison(&self) -> bool {
        // most problems: heads add one log-scale, tails take one away
        if self.ports.iter().all(|f| matches!(f.terms(), [] | [(_, 0.0..)])) {
            return true;
        }
        let positive = |f: &Form| f.terms().iter().filter(|t| t.1 > 0.0).count();
        let negative = |f: &Form| f.terms().iter().filter(|t| t.1 < 0.0).count();
        self.blocks.iter().all(|b| {
            let most = |ports: &[u32], count: &dyn Fn(&Form) -> usize| {
                ports.iter().map(|&q| count(&self.ports[q as usize])).max().unwrap_or(0)
            };
            most(&b.heads, &positive) + most(&b.tails, &negative) <= 1
                && most(&b.heads, &negative) + most(&b.tails, &positive) <= 1
        })
    }

    /// A bound on the change of the logarithm of any connection's cost (of the log-multiplier for convex costs) where the form of
    /// every port changes by so much; infinite where one of them does not change by a finite number.
    pub(crate) fn log_change(&self, along: &[f64]) -> f64 {
        if !along.iter().all(|change| change.is_finite()) {
            return f64::INFINITY;
        }
        let range = |ports: &[u32]| extent(ports.iter().map(|&q| along[q as usize]));
        let change = |block: &Block| {
            let ((head_low, head_high), (tail_low, tail_high)) = (range(&block.heads), range(&block.tails));
            block.exponent(self).unwrap_or(1.0) * (head_high - tail_low).max(tail_high - head_low)
        };
        self.blocks.iter().map(change).fold(0.0, f64::max)
    }

    /// The powers of two that are folded into the weights, for every variable.
    pub(crate) fn origin(&self) -> &[i32] {
        &self.origin
    }

    /// The cost at log-scales zero: of the weights as they are.
    #[must_use]
    pub fn cost_at(&self, x: &[f64]) -> f64 {
        self.point(x).flows().cost.to_f64()
    }
}

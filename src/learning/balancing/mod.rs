//! Balancing in the loop of training.

mod lower;
mod rescale;

pub use lower::lower;
pub use rescale::rescale;

use super::net::{Net, probe};
use super::optimizer::Buffers;
use crate::error::{Error, ErrorKind, Result};
use crate::existence::existence;
use crate::problem::Problem;
use crate::solve::{Method, Schedule, Settings, solve};
use candle_core::{DType, Tensor};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// When weights are balanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Never.
    Never,
    /// Once, before the first step.
    Start,
    /// After every so many epochs.
    Epochs(u32),
    /// After every so many steps.
    Steps(u64),
}

/// How far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// To the optimum.
    Full,
    /// One sweep, layer by layer from the input.
    Sweep,
    /// So many units, chosen at random one after the other.
    Units(usize),
}

/// Balancing in the loop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balancing {
    /// When.
    pub when: When,
    /// How far.
    pub extent: Extent,
    /// The exponent p of the cost that is balanced.
    pub exponent: f64,
}

impl Balancing {
    /// No balancing.
    pub const NEVER: Self = Self { when: When::Never, extent: Extent::Full, exponent: 2.0 };

    /// To the optimum.
    #[must_use]
    pub fn full(when: When, exponent: f64) -> Self {
        Self { when, extent: Extent::Full, exponent }
    }
}

/// Relative residual at which a full balancing ends: weights of 32 bits are rounded at 6e-8.
const TOLERANCE: f64 = 1e-10;

/// Balances parameters in place, and transforms the buffers of the optimizer along. Returns how much the outputs for
/// `batch` differ from those before, relative to the largest of them.
///
/// Connections that escape (into units that feed nothing, out of units that nothing feeds) keep their weights up to the scales of
/// the rest: no norm of zero is ever divided by.
///
/// # Errors
/// When the function changes by more than rounding explains.
pub fn balance(
    net: &Net,
    parameters: &[Tensor],
    buffers: &mut Buffers,
    balancing: Balancing,
    (batch, seed): (&Tensor, u64),
) -> Result<f64> {
    let before = probe(net, parameters, batch)?;
    let problem = attained(lower(net, parameters, balancing.exponent)?);
    let log_scales = log_scales(net, &problem, balancing.extent, seed)?;
    rescale(net, parameters, buffers, &log_scales)?;
    let after = probe(net, parameters, batch)?;
    let difference = difference(&before, &after);
    let allowed = if net.precision == DType::F64 { 1e-9 } else { 2e-3 };
    if difference > allowed {
        let problem = format!("balancing changed the outputs by {difference:.1e} of their range");
        let remedy = "weights are spread too far for this precision; lower the learning rate";
        return Err(Error::new(ErrorKind::Network, "balancing", problem, remedy));
    }
    Ok(difference)
}

/// The problem without the connections that escape: what is left has a minimum.
#[must_use]
pub fn attained(problem: Problem) -> Problem {
    let existence = existence(&problem);
    existence.direction().map(|direction| problem.without_falling(direction)).unwrap_or(problem)
}

/// The log-scales of all hidden units, for a problem whose minimum is attained.
fn log_scales(net: &Net, problem: &Problem, extent: Extent, seed: u64) -> Result<Vec<f64>> {
    let local = |schedule| Settings { method: Method::Local, schedule, max_iterations: 1, ..Settings::default() };
    let settings = match extent {
        Extent::Full => Settings { tolerance: TOLERANCE, canonical: Some(false), ..Settings::default() },
        Extent::Sweep => local(Schedule::Forward(net.hidden().map(Iterator::collect).collect())),
        Extent::Units(count) => {
            let mut random = StdRng::seed_from_u64(seed);
            let units = problem.variables();
            local(Schedule::Sequence((0..count).map(|_| random.random_range(0..units)).collect()))
        }
    };
    Ok(solve(problem, &settings, &mut |_| ControlFlow::Continue(()))?.log_scales)
}

/// The largest difference of outputs relative to the largest output.
fn difference(before: &[f64], after: &[f64]) -> f64 {
    let largest = before.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let gap = before.iter().zip(after).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    if largest > 0.0 { gap / largest } else { gap }
}

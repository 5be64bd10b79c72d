//! What is measured of a network in training.

use super::balancing::lower;
use super::net::Net;
use super::tensor::numbers;
use crate::error::Result;
use crate::problem::Problem;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// How far weights are from balance, over all hidden units, with costs `|w|^p`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deficit {
    /// `sum (in - out)^2`.
    pub total: f64,
    /// The same divided by `sum (in + out)^2`: 0 for balanced weights, at most 1.
    pub relative: f64,
    /// The total cost `sum |w|^p`.
    pub cost: f64,
}

impl Deficit {
    /// The deficit of a problem at its own weights.
    #[must_use]
    pub fn of(problem: &Problem) -> Self {
        let zero = vec![0.0; problem.variables()];
        let point = problem.point(&zero);
        let flows = point.flows();
        let pairs = (0..flows.variables()).map(|v| (flows.inflow(v).to_f64(), flows.outflow(v).to_f64()));
        let (mut total, mut whole) = (0.0, 0.0);
        for (enters, leaves) in pairs {
            total += (enters - leaves).powi(2);
            whole += (enters + leaves).powi(2);
        }
        let relative = if whole > 0.0 { total / whole } else { 0.0 };
        Self { total, relative, cost: flows.cost.to_f64() }
    }
}

/// The deficit of a network in training.
///
/// # Errors
/// When a weight is not finite.
pub fn deficit(net: &Net, parameters: &[Tensor], exponent: f64) -> Result<Deficit> {
    Ok(Deficit::of(&lower(net, parameters, exponent)?))
}

/// For every unit `sum_in t^2 - sum_out t^2` of tensors in the shape of the parameters: deficits of weights, or of gradients.
///
/// # Errors
/// When a number is not finite.
pub fn square_deficits(net: &Net, tensors: &[Tensor]) -> Result<Vec<f64>> {
    let problem = lower(net, tensors, 2.0)?;
    let zero = vec![0.0; problem.variables()];
    let point = problem.point(&zero);
    let flows = point.flows();
    Ok((0..flows.variables()).map(|v| flows.inflow(v).to_f64() - flows.outflow(v).to_f64()).collect())
}

/// The sum of the squares of all numbers of a layer's tensors, layer by layer.
///
/// # Errors
/// Never on the CPU.
pub fn squares(net: &Net, tensors: &[Tensor]) -> Result<Vec<f64>> {
    let square = |t: &Tensor| -> Result<f64> { Ok(numbers(t)?.iter().map(|v| v * v).sum()) };
    (0..net.layers.len()).map(|l| tensors[net.range(l)].iter().map(square).sum()).collect()
}

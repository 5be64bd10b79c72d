//! Optimizers, with buffers that balancing can transform.
//!
//! When balancing multiplies a weight by k, the gradient of E by it is divided by k. A buffer that holds gradients alone
//! transforms likewise: momentum m becomes m / k, the second moment v becomes v / k^2, and so does AMSGrad's maximum. The
//! slope of a penalty transforms otherwise, so it never enters a buffer: penalties are decoupled from the moments. Adam's step
//! `m / sqrt(v)` itself is the same number before and after: in proportion to a weight that has become k times as large it
//! is 1 / k times as large. (That holds up to the small constant under the root.)

use super::penalty::Penalty;
use super::tensor::{ChangeBy, ChangeByTwo, Real, change_by, change_by_two};
use crate::error::Result;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// How gradients become steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// `w -= rate g`.
    #[default]
    Sgd,
    /// `m = momentum m + g`, `w -= rate m`.
    Momentum {
        /// Share of the old step that is kept.
        momentum: f64,
    },
    /// Adam with its usual constants .9, .999 and 1e-8.
    Adam {
        /// Whether the largest second moment so far divides the step.
        amsgrad: bool,
    },
}

const FIRST: f64 = 0.9;
const SECOND: f64 = 0.999;
/// Keeps the step finite where no gradient ever was.
const TINY: f64 = 1e-8;

/// Moments of the gradients of E, one tensor for each parameter tensor; empty where the optimizer has none.
#[derive(Clone, Debug, Default)]
pub struct Buffers {
    /// Momentum, or first moments.
    pub first: Vec<Tensor>,
    /// Second moments.
    pub second: Vec<Tensor>,
    /// The largest second moments.
    pub largest: Vec<Tensor>,
    /// Steps so far.
    pub steps: u64,
}

impl Buffers {
    /// Buffers of zeros for parameters.
    ///
    /// # Errors
    /// Never on the CPU.
    pub fn new(optimizer: Optimizer, parameters: &[Tensor]) -> Result<Self> {
        let zeros = |wanted: bool| -> Result<Vec<Tensor>> {
            let wanted = if wanted { parameters } else { &[] };
            wanted.iter().map(|p| Ok(p.zeros_like()?)).collect()
        };
        let adam = matches!(optimizer, Optimizer::Adam { .. });
        Ok(Self {
            first: zeros(optimizer != Optimizer::Sgd)?,
            second: zeros(adam)?,
            largest: zeros(optimizer == Optimizer::Adam { amsgrad: true })?,
            steps: 0,
        })
    }
}

/// Takes one step: gradients of E, and the slope of the penalty beside them.
///
/// # Errors
/// Never on the CPU.
pub fn step(
    optimizer: Optimizer,
    (rate, penalty): (f64, Penalty),
    parameters: &[Tensor],
    gradients: &[Tensor],
    buffers: &mut Buffers,
) -> Result<()> {
    buffers.steps += 1;
    let time = buffers.steps.min(1_000_000) as i32;
    for (k, (w, g)) in parameters.iter().zip(gradients).enumerate() {
        match optimizer {
            Optimizer::Sgd => change_by(w, g, &Descend { rate, penalty })?,
            Optimizer::Momentum { momentum } => {
                change_by(&buffers.first[k], g, &Average { keep: momentum, take: 1.0 })?;
                change_by(w, &buffers.first[k], &Descend { rate, penalty })?;
            }
            Optimizer::Adam { amsgrad } => {
                change_by(&buffers.first[k], g, &Average { keep: FIRST, take: 1.0 - FIRST })?;
                change_by(&buffers.second[k], g, &AverageSquare)?;
                let second = if amsgrad {
                    change_by(&buffers.largest[k], &buffers.second[k], &Largest)?;
                    &buffers.largest[k]
                } else {
                    &buffers.second[k]
                };
                let (first, root) = (1.0 - FIRST.powi(time), (1.0 - SECOND.powi(time)).sqrt());
                let descend = DescendByMoments { rate, penalty, factor: root / first, tiny: TINY * root };
                change_by_two(w, &buffers.first[k], second, &descend)?;
            }
        }
    }
    Ok(())
}

struct Descend {
    rate: f64,
    penalty: Penalty,
}

impl ChangeBy for Descend {
    fn apply<T: Real>(&self, values: &mut [T], by: &[T]) {
        let (rate, slope) = (T::of(self.rate), self.penalty.slope());
        for (w, g) in values.iter_mut().zip(by) {
            *w = *w - rate * (*g + slope.at(*w));
        }
    }
}

struct Average {
    keep: f64,
    take: f64,
}

impl ChangeBy for Average {
    fn apply<T: Real>(&self, values: &mut [T], by: &[T]) {
        let (keep, take) = (T::of(self.keep), T::of(self.take));
        for (m, g) in values.iter_mut().zip(by) {
            *m = keep * *m + take * *g;
        }
    }
}

struct AverageSquare;

impl ChangeBy for AverageSquare {
    fn apply<T: Real>(&self, values: &mut [T], by: &[T]) {
        let (keep, take) = (T::of(SECOND), T::of(1.0 - SECOND));
        for (v, g) in values.iter_mut().zip(by) {
            *v = keep * *v + take * *g * *g;
        }
    }
}

struct Largest;

impl ChangeBy for Largest {
    fn apply<T: Real>(&self, values: &mut [T], by: &[T]) {
        for (largest, v) in values.iter_mut().zip(by) {
            *largest = largest.max(*v);
        }
    }
}

struct DescendByMoments {
    rate: f64,
    penalty: Penalty,
    factor: f64,
    tiny: f64,
}

impl ChangeByTwo for DescendByMoments {
    fn apply<T: Real>(&self, values: &mut [T], by: &[T], and: &[T]) {
        let (rate, slope) = (T::of(self.rate), self.penalty.slope());
        let (factor, tiny) = (T::of(self.factor), T::of(self.tiny));
        for ((w, m), v) in values.iter_mut().zip(by).zip(and) {
            *w = *w - rate * (factor * *m / (v.sqrt() + tiny) + slope.at(*w));
        }
    }
}

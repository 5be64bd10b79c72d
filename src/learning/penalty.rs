//! The regularizer R of training: `beta sum |w|^p` over all weights, biases included, for they are incoming weights.

use super::tensor::{Real, numbers};
use crate::error::{Error, ErrorKind, Result};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// `beta sum |w|^p`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Penalty {
    /// The exponent p, at least 1.
    pub exponent: f64,
    /// The factor; zero for no penalty.
    pub beta: f64,
}

impl Penalty {
    /// No penalty.
    pub const NONE: Self = Self { exponent: 2.0, beta: 0.0 };

    /// A penalty.
    ///
    /// # Errors
    /// When the exponent is below 1, where the slope at zero is infinite, or a number is out of range.
    pub fn new(exponent: f64, beta: f64) -> Result<Self> {
        if !(1.0..=20.0).contains(&exponent) || !(0.0..=1e6).contains(&beta) {
            let problem = format!("exponent {exponent} and factor {beta}");
            let remedy = "choose an exponent from 1 to 20 and a factor from 0 up";
            return Err(Error::new(ErrorKind::Parameter, "penalty", problem, remedy));
        }
        Ok(Self { exponent, beta })
    }

    /// Its value.
    ///
    /// # Errors
    /// Never on the CPU.
    pub fn value(self, parameters: &[Tensor]) -> Result<f64> {
        let mut sum = 0.0;
        for parameter in parameters {
            sum += numbers(parameter)?.iter().map(|w| w.abs().powf(self.exponent)).sum::<f64>();
        }
        Ok(self.beta * sum)
    }

    /// Its slope as a function of the weight, in the precision of a network.
    pub(super) fn slope<T: Real>(self) -> Slope<T> {
        let factor = T::of(self.beta * self.exponent);
        match self.exponent {
            _ if self.beta == 0.0 => Slope::None,
            1.0 => Slope::Sign(factor),
            2.0 => Slope::Linear(factor),
            p => Slope::Power(factor, T::of(p - 1.0)),
        }
    }
}

/// The slope of a penalty as a function of the weight.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slope<T> {
    /// Zero.
    None,
    /// `f sign(w)`, zero at zero.
    Sign(T),
    /// `f w`.
    Linear(T),
    /// `f sign(w) |w|^q`.
    Power(T, T),
}

impl<T: Real> Slope<T> {
    /// The slope at a weight.
    pub fn at(self, weight: T) -> T {
        let sign = |w: T| if w == T::zero() { w } else { w.signum() };
        match self {
            Self::None => T::zero(),
            Self::Sign(f) => f * sign(weight),
            Self::Linear(f) => f * weight,
            Self::Power(f, q) => f * sign(weight) * weight.abs().powf(q),
        }
    }
}

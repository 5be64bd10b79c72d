//! Activations, and their degree of homogeneity.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// The function from the weighted input of a unit to its output.
///
/// A unit can be scaled when its activation is positively homogeneous: `f(lambda z) = lambda^c f(z)` for every
/// `lambda > 0`, with a degree `c > 0`. Degree 1 are exactly the bilinear (BiLU) functions, degree `c` exactly the
/// bipower (BiPU) functions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Activation {
    /// `z`.
    Linear,
    /// `max(z, 0)`.
    Relu,
    /// `z` for `z >= 0`, `slope z` below.
    LeakyRelu {
        /// Slope below zero.
        slope: f64,
    },
    /// As leaky ReLU, with a slope that was learned.
    Prelu {
        /// Slope below zero.
        slope: f64,
    },
    /// `positive z` for `z >= 0`, `negative z` below.
    Bilu {
        /// Slope below zero.
        negative: f64,
        /// Slope above zero.
        positive: f64,
    },
    /// `positive z^exponent` for `z >= 0`, `negative |z|^exponent` below.
    Bipu {
        /// The degree c > 0.
        exponent: f64,
        /// Coefficient below zero.
        negative: f64,
        /// Coefficient above zero.
        positive: f64,
    },
    /// Hyperbolic tangent; not homogeneous.
    Tanh,
    /// `1 / (1 + exp(-z))`; not homogeneous.
    Sigmoid,
    /// `z / (1 + exp(-z))`; not homogeneous.
    Silu,
    /// `ln(1 + exp(z))`; not homogeneous.
    Softplus,
    /// `z` for `z >= 0`, `alpha (exp(z) - 1)` below; not homogeneous.
    Elu {
        /// Minus the limit at minus infinity.
        alpha: f64,
    },
    /// `min(max(z, 0), 6)`; not homogeneous.
    Relu6,
}

impl Activation {
    /// The output for the weighted input `z`.
    #[must_use]
    pub fn apply(self, z: f64) -> f64 {
        match self {
            Self::Linear => z,
            // a NaN stays a NaN, unlike with f64::max
            Self::Relu => bilinear(z, 0.0, 1.0),
            Self::LeakyRelu { slope } | Self::Prelu { slope } => bilinear(z, slope, 1.0),
            Self::Bilu { negative, positive } => bilinear(z, negative, positive),
            Self::Bipu { exponent, negative, positive } => {
                if z < 0.0 {
                    negative * z.abs().powf(exponent)
                } else {
                    positive * z.powf(exponent)
                }
            }
            Self::Tanh => z.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-z).exp()),
            Self::Silu => z / (1.0 + (-z).exp()),
            // neither term overflows
            Self::Softplus => z.max(0.0) + (-z.abs()).exp().ln_1p(),
            Self::Elu { alpha } if z < 0.0 => alpha * z.exp_m1(),
            Self::Elu { .. } => z,
            Self::Relu6 => z.clamp(0.0, 6.0),
        }
    }

    /// The degree of homogeneity; `None` for an activation that is not positively homogeneous, whose units are frozen.
    #[must_use]
    pub fn degree(self) -> Option<f64> {
        match self {
            Self::Linear | Self::Relu | Self::LeakyRelu { .. } | Self::Prelu { .. } | Self::Bilu { .. } => Some(1.0),
            Self::Bipu { exponent, .. } => Some(exponent),
            Self::Tanh | Self::Sigmoid | Self::Silu | Self::Softplus | Self::Elu { .. } | Self::Relu6 => None,
        }
    }

    /// The name under which files know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Prelu { .. } => "prelu",
            Self::Bilu { .. } => "bilu",
            Self::Bipu { .. } => "bipu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Silu => "silu",
            Self::Softplus => "softplus",
            Self::Elu { .. } => "elu",
            Self::Relu6 => "relu6",
        }
    }

    /// Refuses parameters outside their range; `place` names the unit in the error.
    pub(super) fn check(self, place: &str) -> Result<()> {
        let numbers = match self {
            Self::LeakyRelu { slope } | Self::Prelu { slope } => vec![("slope", slope)],
            Self::Bilu { negative, positive } => vec![("negative", negative), ("positive", positive)],
            Self::Bipu { exponent, negative, positive } => {
                if !(exponent.is_finite() && exponent > 0.0) {
                    return Err(Error::new(
                        ErrorKind::Network,
                        place,
                        format!("the exponent {exponent} of its bipu activation is not a finite number above 0"),
                        "choose an exponent above 0, for example 2",
                    ));
                }
                vec![("negative", negative), ("positive", positive)]
            }
            Self::Elu { alpha } => vec![("alpha", alpha)],
            _ => vec![],
        };
        for (name, value) in numbers {
            if !value.is_finite() {
                return Err(Error::new(
                    ErrorKind::Network,
                    place,
                    format!("the parameter {name} = {value} of its {} activation is not finite", self.name()),
                    "give a finite number",
                ));
            }
        }
        Ok(())
    }
}

fn bilinear(z: f64, negative: f64, positive: f64) -> f64 {
    if z < 0.0 { negative * z } else { positive * z }
}

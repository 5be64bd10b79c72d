//! Floor 0: numbers beyond `f64`: of its precision with an unlimited exponent range, of twice its precision, and between
//! bounds of 192 digits; and numbers as files store them.

#![forbid(unsafe_code)]

mod dot;
mod double;
mod dyadic;
mod extent;
mod float;
mod multiplier;
mod power;
mod span;
mod vector;
mod wide;
mod words;

pub use dot::{dot, weighted_dot};
pub use double::{DOUBLE_ROUNDOFF, Double, EXP_ROUNDOFF, LARGEST_EXP};
pub use extent::extent;
pub use float::Float;
pub use multiplier::Multiplier;
pub use power::{half_integer_power, is_half_integer};
pub use span::Span;
pub use vector::{in_vector_units, leave_vector_units};
pub use wide::Wide;
pub use words::Words;

/// Unit roundoff of `f64`: a correctly rounded result is off by at most this factor.
pub const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// Multipliers `exp(l)` with `|l|` up to this (2^-100 to 2^100) are computed in `f64`: no product with plain amplitudes
/// leaves its range. Beyond, [`Wide`] is needed.
pub const PLAIN_LOG: f64 = 100.0 * std::f64::consts::LN_2;

/// What a pass adds and multiplies.
pub trait Number: Copy + Send + Sync + Default + std::ops::Add<Output = Self> + std::ops::Mul<Output = Self> {}

impl<T: Copy + Send + Sync + Default + std::ops::Add<Output = T> + std::ops::Mul<Output = T>> Number for T {}

/// What the fused passes compute with: plain `f64` where the range allows it, [`Wide`] elsewhere.
pub trait Scalar:
    Copy
    + Send
    + Sync
    + Default
    + PartialOrd
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + From<f64>
    + Into<Wide>
{
    /// Whether the range is that of `f64`.
    const PLAIN: bool;

    /// The nearest `f64`, infinite or zero where the range ends.
    fn to_f64(self) -> f64;

    /// The nearest number of this kind.
    fn from_wide(value: Wide) -> Self;

    /// The exponential of a logarithm, infinite or zero where the range ends.
    fn exp(log: f64) -> Self;

    /// The natural logarithm.
    fn ln(self) -> f64;
}

impl Scalar for f64 {
    const PLAIN: bool = true;

    #[inline]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline]
    fn from_wide(value: Wide) -> Self {
        value.to_f64()
    }

    #[inline]
    fn exp(log: f64) -> Self {
        log.exp()
    }

    #[inline]
    fn ln(self) -> f64 {
        f64::ln(self)
    }
}

impl Scalar for Wide {
    const PLAIN: bool = false;

    #[inline]
    fn to_f64(self) -> f64 {
        Wide::to_f64(self)
    }

    #[inline]
    fn from_wide(value: Wide) -> Self {
        value
    }

    #[inline]
    fn exp(log: f64) -> Self {
        Self::exp(log)
    }

    #[inline]
    fn ln(self) -> f64 {
        Self::ln(self)
    }
}

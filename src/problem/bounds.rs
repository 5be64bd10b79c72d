//! Proved bounds of log-scales, and what they say of one weight: which numbers of a type its exact multiple rounds to.

use crate::manifold::Form;
use crate::numeric::{DOUBLE_ROUNDOFF, Double, EXP_ROUNDOFF, LARGEST_EXP};

/// Bounds of every log-scale: whole powers of two, which are exact, and two words below and above the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleBounds {
    exponents: Vec<i32>,
    lower: Vec<Double>,
    upper: Vec<Double>,
}

/// A multiplier between two bounds, times a whole power of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiplierBounds {
    exponent: i64,
    lower: Double,
    upper: Double,
}

/// Powers of two by which a product in two words is moved without leaving the range of `f64`.
const LARGEST_POWER: i64 = 600;

impl ScaleBounds {
    /// Bounds `exponents ln 2 + lower` and `exponents ln 2 + upper`.
    ///
    /// # Panics
    /// When the lengths differ.
    #[must_use]
    pub fn new(exponents: Vec<i32>, lower: Vec<Double>, upper: Vec<Double>) -> Self {
        assert!(exponents.len() == lower.len() && lower.len() == upper.len(), "one entry for every variable");
        Self { exponents, lower, upper }
    }

    /// Bounds of the exponential of a form; none beyond the range of two words, or where a power of two is not whole.
    ///
    /// # Panics
    /// When the form names a variable that is not there.
    #[must_use]
    pub fn at(&self, form: &Form) -> Option<MultiplierBounds> {
        let power: f64 = form.terms().iter().map(|&(v, c)| c * f64::from(self.exponents[v as usize])).sum();
        if power.fract() != 0.0 {
            return None;
        }
        let (mut lower, mut upper, mut size) = (Double::default(), Double::default(), 0.0f64);
        for &(v, c) in form.terms() {
            let (low, high) = (self.lower[v as usize], self.upper[v as usize]);
            let (low, high) = if c > 0.0 { (low, high) } else { (high, low) };
            lower = lower + Double::from(c) * low;
            upper = upper + Double::from(c) * high;
            size += c.abs() * low.to_f64().abs().max(high.to_f64().abs());
        }
        let rounding = Double::from(2.0 * (form.terms().len() as f64 + 1.0) * DOUBLE_ROUNDOFF * size);
        if size.is_nan() || size > LARGEST_EXP - 1.0 {
            return None;
        }
        let at = |log: Double| log.exp();
        let bounds =
            MultiplierBounds { exponent: power as i64, lower: at(lower - rounding), upper: at(upper + rounding) };
        Some(bounds.widened(2.0 * EXP_ROUNDOFF))
    }
}

impl MultiplierBounds {
    fn widened(self, part: f64) -> Self {
        let part = Double::from(part);
        Self { lower: self.lower - self.lower * part, upper: self.upper + self.upper * part, ..self }
    }

    /// Bounds of the inverse.
    #[must_use]
    pub fn inverse(self) -> Self {
        let one = Double::from(1.0);
        Self { exponent: -self.exponent, lower: one / self.upper, upper: one / self.lower }
            .widened(2.0 * DOUBLE_ROUNDOFF)
    }

    /// The number of a type to which every multiple of a number within the bounds rounds, where that is one; `round` rounds
    /// `f64` to the type, to nearest. The type has 51 binary digits at most, or, with `double`, is `f64` itself.
    pub fn rounds(self, other: Self, number: f64, double: bool, round: impl Fn(f64) -> f64) -> Option<f64> {
        let power = self.exponent + other.exponent;
        if power.abs() > LARGEST_POWER {
            return None;
        }
        let power = 2f64.powi(power as i32);
        let size = Double::from(number.abs());
        let part = Double::from(4.0 * DOUBLE_ROUNDOFF);
        let low = size * self.lower * other.lower;
        let high = size * self.upper * other.upper;
        let (low, high) = ((low - low * part).scaled(power), (high + high * part).scaled(power));
        let value = |x: Double| if double { x.to_f64() } else { x.to_odd() };
        let (low, high) = (value(low), value(high));
        let plain = |x: f64| x.is_normal() && x > 1e-280;
        let one = plain(low) && plain(high) && round(low) == round(high);
        one.then_some(if number < 0.0 { -low } else { low })
    }
}

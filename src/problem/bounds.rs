//! Proved bounds of log-scales, and what they say of one weight: which numbers of a type its exact multiple rounds to.

use super::MultiplierSpans;
use crate::manifold::Form;
use crate::numeric::{DOUBLE_ROUNDOFF, Double, EXP_ROUNDOFF, Float, LARGEST_EXP, Span};
use std::ops::AddAssign;

/// Bounds of every log-scale: whole powers of two, which are exact, and two words below and above the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleBounds {
    exponents: Vec<i32>,
    lower: Vec<Double>,
    upper: Vec<Double>,
    /// Bounds of 192 digits on the multipliers, for what two words leave open.
    sharp: Option<MultiplierSpans>,
}

/// What bounds say of a number of some type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decided {
    /// The exact optimum rounds to this number; rounding this to the type gives it.
    Proved(f64),
    /// The exact optimum is so close to the middle between two neighbours that it is presumed to lie there: this is the even one.
    Tie(f64),
}

/// How many numbers were decided, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Numbers that are proved to be the exact optimum, rounded once.
    pub proved: u64,
    /// Numbers within a relative distance of 2^-100 of the middle between two neighbours: rounded to the even one.
    pub ties: u64,
    /// Numbers of which the bounds do not tell to which neighbour the exact optimum rounds.
    pub undecided: u64,
}

impl Decisions {
    /// Counts one number.
    pub fn count(&mut self, decided: Option<Decided>) {
        let count = match decided {
            Some(Decided::Proved(_)) => &mut self.proved,
            Some(Decided::Tie(_)) => &mut self.ties,
            None => &mut self.undecided,
        };
        *count += 1;
    }
}

impl AddAssign for Decisions {
    fn add_assign(&mut self, other: Self) {
        self.proved += other.proved;
        self.ties += other.ties;
        self.undecided += other.undecided;
    }
}

impl Decided {
    /// The number.
    #[must_use]
    pub fn number(self) -> f64 {
        match self {
            Self::Proved(number) | Self::Tie(number) => number,
        }
    }
}

/// A multiplier between two bounds, times a whole power of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiplierBounds {
    exponent: i64,
    lower: Double,
    upper: Double,
}

/// Relative distance from the middle of two neighbours at which a number is presumed to lie there: 2^-100.
pub const TIE: i64 = -100;
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
        Self { exponents, lower, upper, sharp: None }
    }

    /// The same with bounds of 192 digits on the multipliers.
    ///
    /// # Panics
    /// When there is not one for every variable.
    #[must_use]
    pub fn sharpened(self, spans: MultiplierSpans) -> Self {
        assert_eq!(spans.0.len(), self.lower.len(), "one entry for every variable");
        Self { sharp: Some(spans), ..self }
    }

    /// What becomes of a number of a type times `exp(head - tail)`; none where the bounds do not tell.
    ///
    /// # Panics
    /// When a form names a variable that is not there, or the number is not finite.
    #[must_use]
    pub fn decide(&self, head: &Form, tail: &Form, number: f64, float: Float) -> Option<Decided> {
        let two_words = || self.at(head)?.rounds(self.at(tail)?.inverse(), number, float);
        two_words().map(Decided::Proved).or_else(|| self.decide_sharply(head, tail, number, float))
    }

    /// The same from the bounds of 192 digits alone: what is not further than [`TIE`] from the middle of two neighbours counts as
    /// being there.
    ///
    /// # Panics
    /// As for [`decide`](Self::decide).
    #[must_use]
    pub fn decide_sharply(&self, head: &Form, tail: &Form, number: f64, float: Float) -> Option<Decided> {
        let spans = self.sharp.as_ref()?;
        let product = Span::exact(number).times(&spans.at(head)?).times(&spans.at(tail)?.power(-2));
        let (narrow, product) = (product.is_narrow(TIE), product.widened(TIE));
        let sign = if number < 0.0 { -1.0 } else { 1.0 };
        if float == Float::F64 {
            let (low, high) = product.to_nearest()?;
            let even = if low.to_bits() & 1 == 0 { low } else { high };
            return match low == high {
                true => Some(Decided::Proved(sign * low)),
                false => (narrow && low.next_up() == high).then_some(Decided::Tie(sign * even)),
            };
        }
        let (low, high) = product.to_odd()?;
        let (low, high) = (float.round(low), float.round(high));
        if low == high {
            return Some(Decided::Proved(sign * low));
        }
        // the middle of two neighbours is a number of double precision, which rounds to the even one
        let even = float.round(low + 0.5 * (high - low));
        (narrow && (even == low || even == high)).then_some(Decided::Tie(sign * even))
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

    /// The number of a type to which every multiple of a number within the bounds rounds, where that is one: rounding this to
    /// the type gives it.
    #[must_use]
    pub fn rounds(self, other: Self, number: f64, float: Float) -> Option<f64> {
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
        // every other type has 51 binary digits at most
        let value = |x: Double| if float == Float::F64 { x.to_f64() } else { x.to_odd() };
        let (low, high) = (value(low), value(high));
        let plain = |x: f64| x.is_normal() && x > 1e-280;
        let one = plain(low) && plain(high) && float.round(low) == float.round(high);
        one.then_some(if number < 0.0 { -low } else { low })
    }
}

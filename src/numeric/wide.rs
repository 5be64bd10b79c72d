//! Real numbers with the precision of `f64` and a practically unlimited exponent.
//!
//! Costs `|w|^p exp(p L)` leave the range of `f64` long before weights do: `|w|^40` underflows at `w = 1e-8`, and
//! `exp(2 * 700)` overflows. A [`Wide`] is a mantissa and a binary exponent, so neither happens.

use super::Double;
use super::power::{half_integer_power, is_half_integer};
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `mantissa * 2^exponent` with `1 <= |mantissa| < 2`, or zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wide {
    mantissa: f64,
    exponent: i64,
}

/// ln 2 in two words: the product of the first with any integer below 2^21 is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Logarithms beyond this have the exponential of this: far outside of all that is computed with, and exponents of products do
/// not overflow.
const FURTHEST: f64 = 1e12;

/// `log = k ln 2 + rest`.
fn reduced(log: f64) -> (i64, f64) {
    let log = log.clamp(-FURTHEST, FURTHEST);
    let k = (log / std::f64::consts::LN_2).round();
    (k as i64, (log - k * LN_2_HIGH) - k * LN_2_LOW)
}

impl Wide {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0.0, exponent: 0 };

    /// `exp(log)`, for `|log|` up to 1e6; beyond 1e12 it stays where it is.
    #[must_use]
    pub fn exp(log: f64) -> Self {
        let (k, rest) = reduced(log);
        Self::scaled(rest.exp(), k)
    }

    /// The same by an exponential of our own, off by little more than half a unit in the last place for the reduced argument: no
    /// mathematical library is trusted with it.
    #[must_use]
    pub fn proved_exp(log: f64) -> Self {
        let (k, rest) = reduced(log);
        Self::scaled(Double::from(rest).exp().to_f64(), k)
    }

    /// `|self|^power`.
    #[must_use]
    pub fn power(self, power: f64) -> Self {
        if self.is_zero() {
            return Self::ZERO;
        }
        let w = Self { mantissa: self.mantissa.abs(), ..self };
        // exact, or rounded once: as in `f64`
        if power == 1.0 {
            return w;
        }
        if power == 2.0 {
            return w * w;
        }
        let shift = w.exponent as f64 * power;
        if is_half_integer(power) {
            let root = if shift.fract() == 0.0 { 1.0 } else { std::f64::consts::SQRT_2 };
            return Self::scaled(half_integer_power(w.mantissa, power) * root, shift.floor() as i64);
        }
        // what the product of exponent and power leaves would be as large as the exponent, in the last place
        let (low, whole) = ((w.exponent as f64).mul_add(power, -shift), shift.floor());
        let root = Self::exp(power * w.mantissa.ln());
        let precise = if power < 500.0 { Self::from(w.mantissa.powf(power)) } else { root };
        precise * Self::scaled((shift - whole + low).exp2(), whole as i64)
    }

    /// `mantissa * 2^exponent` for any finite mantissa.
    #[must_use]
    #[inline]
    pub fn scaled(mantissa: f64, exponent: i64) -> Self {
        if mantissa == 0.0 {
            return Self::ZERO;
        }
        let (mantissa, own) = split(mantissa);
        Self { mantissa, exponent: exponent + own }
    }

    /// The binary exponent; meaningless for zero.
    #[must_use]
    pub fn exponent(self) -> i64 {
        self.exponent
    }

    /// Whether this is zero.
    #[must_use]
    #[inline]
    pub fn is_zero(self) -> bool {
        self.mantissa == 0.0
    }

    /// The natural logarithm; minus infinity for zero.
    #[must_use]
    pub fn ln(self) -> f64 {
        if self.is_zero() {
            return f64::NEG_INFINITY;
        }
        let k = self.exponent as f64;
        k * LN_2_HIGH + (k * LN_2_LOW + self.mantissa.ln())
    }

    /// The square root.
    #[must_use]
    pub fn sqrt(self) -> Self {
        let odd = self.exponent.rem_euclid(2);
        Self::scaled((self.mantissa * if odd == 1 { 2.0 } else { 1.0 }).sqrt(), (self.exponent - odd) / 2)
    }

    /// The nearest `f64`; infinite or zero where the range ends.
    #[must_use]
    #[inline]
    pub fn to_f64(self) -> f64 {
        match self.exponent {
            // the common case: the power of two is a normal number
            e @ -1022..=1023 if !self.is_zero() => self.mantissa * f64::from_bits(((e + 1023) as u64) << 52),
            e if self.is_zero() || e < -1080 => 0.0 * self.mantissa,
            e if e > 1023 => self.mantissa * f64::INFINITY,
            // two steps, so that neither power of two leaves the range
            e => self.mantissa * 2f64.powi((e / 2) as i32) * 2f64.powi((e - e / 2) as i32),
        }
    }
}

/// Mantissa with magnitude in [1, 2) and exponent of a non-zero finite number.
#[inline]
fn split(value: f64) -> (f64, i64) {
    let bits = value.to_bits();
    let field = (bits >> 52 & 0x7ff) as i64;
    if field == 0 {
        let (mantissa, exponent) = split(value * 2f64.powi(64));
        return (mantissa, exponent - 64);
    }
    if field == 0x7ff {
        return (value, 0);
    }
    (f64::from_bits(bits & !(0x7ff << 52) | 1023 << 52), field - 1023)
}

impl Default for Wide {
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<f64> for Wide {
    #[inline]
    fn from(value: f64) -> Self {
        Self::scaled(value, 0)
    }
}

impl Neg for Wide {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self { mantissa: -self.mantissa, ..self }
    }
}

impl Mul for Wide {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        Self::scaled(self.mantissa * other.mantissa, self.exponent + other.exponent)
    }
}

impl Div for Wide {
    type Output = Self;
    #[inline]
    fn div(self, other: Self) -> Self {
        Self::scaled(self.mantissa / other.mantissa, self.exponent - other.exponent)
    }
}

impl Add for Wide {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        if self.is_zero() {
            return other;
        }
        if other.is_zero() {
            return self;
        }
        let (big, small) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let gap = small.exponent - big.exponent;
        if gap < -60 {
            return big;
        }
        // the bits of a power of two: `powi` is a call, and sums are most of what is done with these numbers
        let power = f64::from_bits(((1023 + gap) as u64) << 52);
        Self::scaled(big.mantissa + small.mantissa * power, big.exponent)
    }
}

impl Sub for Wide {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl PartialOrd for Wide {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (*self - *other).mantissa.partial_cmp(&0.0)
    }
}

impl std::iter::Sum for Wide {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn costs_far_outside_the_range_of_f64_keep_their_precision() {
        let tiny = Wide::from(1e-30).power(40.0);
        assert_relative_eq!(tiny.ln(), 40.0 * 1e-30f64.ln(), max_relative = 1e-15);
        let back = tiny * Wide::exp(-40.0 * 1e-30f64.ln());
        assert_relative_eq!(back.to_f64(), 1.0, max_relative = 1e-12);
    }

    #[test]
    fn arithmetic_agrees_with_f64_inside_its_range() {
        for a in [3.5, -1e-300, 7e200, 5e-324, 0.0] {
            for b in [2.25, -3e150, 1e-10] {
                let (x, y) = (Wide::from(a), Wide::from(b));
                assert_eq!((x + y).to_f64(), a + b);
                assert_eq!((x * y).to_f64(), a * b);
                assert_eq!(x.partial_cmp(&y), a.partial_cmp(&b));
            }
        }
        assert_eq!(Wide::from(2.0).sqrt().to_f64(), 2f64.sqrt());
        assert_eq!(Wide::from(1e-9).sqrt().to_f64(), 1e-9f64.sqrt());
    }
}

//! Numbers of 192 binary digits, of any size and not negative, rounded below or above.

use dashu::base::{BitTest, SquareRoot};
use dashu::integer::UBig;
use std::cmp::Ordering;

/// Binary digits of a bound.
pub(super) const DIGITS: usize = 192;

/// `mantissa 2^exponent`.
#[derive(Clone, Debug, Default)]
pub(super) struct Dyadic {
    pub mantissa: UBig,
    pub exponent: i64,
}

/// Which way a bound is rounded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Toward {
    Below,
    Above,
}

impl Dyadic {
    /// The magnitude of a finite number, exactly.
    pub fn of(value: f64) -> Self {
        assert!(value.is_finite(), "{value} is no finite number");
        let bits = value.to_bits();
        let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i64, bits & ((1 << 52) - 1));
        let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
        Self { mantissa: mantissa.into(), exponent: exponent.max(1) - 1075 }
    }

    pub fn is_zero(&self) -> bool {
        self.mantissa.is_zero()
    }

    /// The binary exponent of the digit above the first one: the number is below `2^top`, and half of that at least.
    fn top(&self) -> i64 {
        self.mantissa.bit_len() as i64 + self.exponent
    }

    fn rounded(self, toward: Toward) -> Self {
        let extra = self.mantissa.bit_len().saturating_sub(DIGITS);
        if extra == 0 {
            return self;
        }
        let exact = self.mantissa.trailing_zeros().is_none_or(|zeros| zeros >= extra);
        let kept = self.mantissa >> extra;
        let mantissa = if exact || toward == Toward::Below { kept } else { kept + UBig::ONE };
        Self { mantissa, exponent: self.exponent + extra as i64 }
    }

    pub fn times(&self, other: &Self, toward: Toward) -> Self {
        let mantissa = &self.mantissa * &other.mantissa;
        Self { mantissa, exponent: self.exponent + other.exponent }.rounded(toward)
    }

    pub fn plus(&self, other: &Self, toward: Toward) -> Self {
        if self.is_zero() || other.is_zero() {
            return if self.is_zero() { other.clone() } else { self.clone() };
        }
        let (large, small) = if self.top() >= other.top() { (self, other) } else { (other, self) };
        // what lies below the digits that are kept counts as one unit there
        let unit = large.top() - DIGITS as i64 - 8;
        let tiny = Self { mantissa: UBig::ONE, exponent: unit.min(large.exponent) };
        let small = match (small.top() < unit, toward) {
            (true, Toward::Below) => return large.clone(),
            (true, Toward::Above) => &tiny,
            (false, _) => small,
        };
        let exponent = large.exponent.min(small.exponent);
        let at = |x: &Self| &x.mantissa << (x.exponent - exponent) as usize;
        Self { mantissa: at(large) + at(small), exponent }.rounded(toward)
    }

    /// The difference to a smaller number.
    pub fn minus(&self, small: &Self, toward: Toward) -> Self {
        if small.is_zero() {
            return self.clone();
        }
        // what lies below the digits that are kept counts as one unit there
        let unit = self.top() - DIGITS as i64 - 8;
        let tiny = Self { mantissa: UBig::ONE, exponent: unit.min(self.exponent) };
        let small = match (small.top() < unit, toward) {
            (true, Toward::Below) => &tiny,
            (true, Toward::Above) => return self.clone(),
            (false, _) => small,
        };
        let exponent = self.exponent.min(small.exponent);
        let at = |x: &Self| &x.mantissa << (x.exponent - exponent) as usize;
        Self { mantissa: at(self) - at(small), exponent }.rounded(toward)
    }

    /// The inverse of a positive number.
    pub fn inverse(&self, toward: Toward) -> Self {
        let shift = self.mantissa.bit_len() + DIGITS + 1;
        let (numerator, divisor) = (UBig::ONE << shift, &self.mantissa);
        let quotient = &numerator / divisor;
        let exact = &quotient * divisor == numerator;
        let mantissa = if exact || toward == Toward::Below { quotient } else { quotient + UBig::ONE };
        Self { mantissa, exponent: -self.exponent - shift as i64 }.rounded(toward)
    }

    pub fn sqrt(&self, toward: Toward) -> Self {
        let shift = (2 * DIGITS).saturating_sub(self.mantissa.bit_len()) as i64;
        let shift = shift + ((self.exponent - shift) & 1);
        let square = &self.mantissa << shift as usize;
        let root = square.sqrt();
        let exact = &root * &root == square;
        let mantissa = if exact || toward == Toward::Below { root } else { root + UBig::ONE };
        Self { mantissa, exponent: (self.exponent - shift) / 2 }.rounded(toward)
    }

    /// The first 53 digits of a positive number, and whether what is left is below, at or above half a unit of the last one;
    /// none outside the range in which `f64` has them all.
    fn leading(&self) -> Option<(f64, Option<Ordering>)> {
        if self.is_zero() {
            return Some((0.0, None));
        }
        if !(-1000..1000).contains(&self.top()) {
            return None;
        }
        let extra = self.mantissa.bit_len().saturating_sub(53);
        let kept = &self.mantissa >> extra;
        let rest = &self.mantissa - (&kept << extra);
        let rest = (!rest.is_zero()).then(|| rest.cmp(&(UBig::ONE << (extra - 1))));
        // at most 53 digits: exact
        let whole = u64::try_from(&kept).ok()? as f64;
        let power = (self.exponent + extra as i64) as i32;
        // in two steps, so that neither power of two leaves the range
        Some((whole * 2f64.powi(power / 2) * 2f64.powi(power - power / 2), rest))
    }

    /// The number rounded to odd; see [`super::Double::to_odd`].
    pub fn to_odd(&self) -> Option<f64> {
        let (whole, rest) = self.leading()?;
        Some(if rest.is_some() && whole.to_bits() & 1 == 0 { whole.next_up() } else { whole })
    }

    /// The nearest number, and of two the even one.
    pub fn to_nearest(&self) -> Option<f64> {
        let (whole, rest) = self.leading()?;
        let up = match rest {
            None | Some(Ordering::Less) => false,
            Some(Ordering::Equal) => whole.to_bits() & 1 == 1,
            Some(Ordering::Greater) => true,
        };
        Some(if up { whole.next_up() } else { whole })
    }
}

impl PartialEq for Dyadic {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Dyadic {}

impl PartialOrd for Dyadic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dyadic {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.is_zero() || other.is_zero() {
            return other.is_zero().cmp(&self.is_zero());
        }
        let exponent = self.exponent.min(other.exponent);
        let at = |x: &Self| &x.mantissa << (x.exponent - exponent) as usize;
        self.top().cmp(&other.top()).then_with(|| at(self).cmp(&at(other)))
    }
}

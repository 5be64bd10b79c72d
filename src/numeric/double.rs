//! Sums and products in double-double arithmetic.
//!
//! Source: Dekker 1971, Knuth's two-sum; relative error of a sum of n positive terms about n 2^-104.

/// The unevaluated sum of two `f64`, the second at most half a unit in the last place of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Double {
    high: f64,
    low: f64,
}

impl Double {
    /// The exact sum of two numbers.
    #[must_use]
    pub fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let b_part = high - a;
        Self { high, low: (a - (high - b_part)) + (b - b_part) }
    }

    /// The exact product of two numbers, barring underflow.
    #[must_use]
    pub fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        Self { high, low: a.mul_add(b, -high) }
    }

    /// `self + other`.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = Self::sum(self.high, other.high);
        let low = sum.low + (self.low + other.low);
        Self::renormalized(sum.high, low)
    }

    /// `self * factor`.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        let product = Self::product(self.high, factor);
        Self::renormalized(product.high, self.low.mul_add(factor, product.low))
    }

    /// The nearest `f64`.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.high + self.low
    }

    fn renormalized(high: f64, low: f64) -> Self {
        let sum = high + low;
        Self { high: sum, low: low - (sum - high) }
    }
}

impl From<f64> for Double {
    fn from(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_f64_loses_is_kept() {
        let sum = Double::from(1.0).plus(Double::from(1e-25)).plus(Double::from(-1.0));
        assert_eq!(sum.to_f64(), 1e-25);
        let square = Double::product(1.0 + f64::EPSILON, 1.0 + f64::EPSILON).plus(Double::from(-1.0 - 2.0 * f64::EPSILON));
        assert_eq!(square.to_f64(), f64::EPSILON * f64::EPSILON);
        assert_eq!(Double::product(0.1, 3.0).times(2.0).to_f64(), 0.6000000000000001);
    }
}

//! The factor of one weight: a power of two beside an exponential.

use super::Wide;

/// `2^exponent exp(log)`.
///
/// Two sets of weights that differ by powers of two have multipliers that differ in the exponent alone, so their products
/// are the same to the last bit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Multiplier {
    /// The exact power of two.
    pub exponent: i32,
    /// The rest, a natural logarithm; minus infinity for a weight that vanishes.
    pub log: f64,
}

impl Multiplier {
    /// Makes every weight zero.
    pub const ZERO: Self = Self { exponent: 0, log: f64::NEG_INFINITY };

    /// Whether products vanish.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.log == f64::NEG_INFINITY
    }

    /// Whether products are the weights themselves.
    #[must_use]
    pub fn is_one(self) -> bool {
        self.exponent == 0 && self.log == 0.0
    }

    /// `1 / self`, for a multiplier that is not zero.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self { exponent: -self.exponent, log: -self.log }
    }

    /// `weight * self`, rounded once beside the rounding of the exponential; infinite or zero where the range ends.
    #[must_use]
    pub fn times(self, weight: f64) -> f64 {
        if self.is_zero() {
            return 0.0;
        }
        (Wide::from(weight) * Wide::exp(self.log) * Wide::scaled(1.0, i64::from(self.exponent))).to_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_of_two_moves_between_weight_and_multiplier_without_a_trace() {
        let rest = 0.123_456_789;
        for weight in [0.1, -3.0e-7, 7.0e300, 5e-290] {
            let expected = Multiplier { exponent: 0, log: rest }.times(weight);
            for k in [-40, -1, 1, 20] {
                let moved = weight * 2f64.powi(k);
                assert_eq!(Multiplier { exponent: -k, log: rest }.times(moved), expected);
            }
        }
    }

    #[test]
    fn products_reach_beyond_the_range_of_each_factor() {
        let multiplier = Multiplier { exponent: 1500, log: -400.0 };
        let expected = 1e-280 * 2f64.powi(500) * 2f64.powi(500) * (-400f64).exp() * 2f64.powi(500);
        assert!((multiplier.times(1e-280) / expected - 1.0).abs() < 1e-12);
        let back = multiplier.inverse().times(multiplier.times(1e-280));
        assert!((back / 1e-280 - 1.0).abs() < 1e-15, "{back:e}");
        assert_eq!(Multiplier::ZERO.times(3.0), 0.0);
    }
}

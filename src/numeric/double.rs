//! Numbers of two words: about 106 bits, in the range of `f64`.
//!
//! Algorithms and error bounds: M. Joldes, J.-M. Muller, V. Popescu, "Tight and rigorous error bounds for basic building
//! blocks of double-word arithmetic", ACM Transactions on Mathematical Software 44 (2017). They hold where nothing
//! over- or underflows; u is the unit roundoff 2^-53.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `high + low`, with `high` the `f64` next to the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Double {
    high: f64,
    low: f64,
}

/// Bound on the relative error of one sum, product or quotient of [`Double`]s: `16 u^2`.
pub const DOUBLE_ROUNDOFF: f64 = 16.0 * super::UNIT_ROUNDOFF * super::UNIT_ROUNDOFF;

/// Bound on the relative error of [`Double::exp`] for arguments up to [`LARGEST_EXP`] in magnitude: 2^-96.
///
/// The argument is reduced to `|r| <= ln 2 / 2` with an error below `64 * 2^-106`; the series of `exp(t) - 1` at `t = r / 256`
/// has a relative error below `2^-119` by truncation and `24 * 16 u^2` by rounding; eight doublings add `4 * 16 u^2` each.
/// Together below `1000 * 2^-106`.
pub const EXP_ROUNDOFF: f64 = 1.262_177_448_353_619e-29;

/// Largest argument of [`Double::exp`] for which its error bound holds.
pub const LARGEST_EXP: f64 = 200.0;

/// `ln 2` in three words; the first two have so few bits that their products with integers below 2^20 are exact.
const LN_2: [f64; 3] = [0.693_147_180_369_123_8, 1.908_214_928_843_070_3e-10, 4.275_175_589_747_649e-20];

/// `1 / n!` for n = 11 down to 2, in two words.
const FACTORIALS: [[f64; 2]; 10] = [
    [2.505210838544172e-08, -1.448814070935912e-24],
    [2.755731922398589e-07, 2.3767714622250297e-23],
    [2.7557319223985893e-06, -1.858393274046472e-22],
    [2.48015873015873e-05, 2.1511947866775882e-23],
    [0.0001984126984126984, 1.7209558293420705e-22],
    [0.001388888888888889, -5.300543954373577e-20],
    [0.008333333333333333, 1.1564823173178714e-19],
    [0.041666666666666664, 2.3129646346357427e-18],
    [0.16666666666666666, 9.25185853854297e-18],
    [0.5, 0.0],
];

impl Double {
    /// The sum of two numbers, exactly.
    #[inline(always)]
    #[must_use]
    pub fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let part = high - a;
        Self { high, low: (a - (high - part)) + (b - part) }
    }

    /// The product of two numbers, exactly.
    #[inline(always)]
    #[must_use]
    pub fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        Self { high, low: a.mul_add(b, -high) }
    }

    /// The number that two words hold, of which the high one is the `f64` next to their sum.
    #[inline(always)]
    #[must_use]
    pub fn from_words(high: f64, low: f64) -> Self {
        Self { high, low }
    }

    /// The sum with a single word, with at most the error of a sum of two.
    #[inline(always)]
    #[must_use]
    pub fn plus(self, word: f64) -> Self {
        let sum = Self::sum(self.high, word);
        quick(sum.high, sum.low + self.low)
    }

    /// The `f64` next to the number.
    #[inline(always)]
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.high
    }

    /// What the nearest `f64` leaves.
    #[inline(always)]
    #[must_use]
    pub fn low(self) -> f64 {
        self.low
    }

    /// The number rounded to odd: to the neighbour with an odd last bit where `f64` does not hold it. Rounding that again to
    /// nearest, to at most 51 binary digits, is one rounding of the number itself.
    ///
    /// Source: S. Boldo, G. Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to
    /// odd", IEEE Transactions on Computers 57 (2008).
    #[must_use]
    pub fn to_odd(self) -> f64 {
        if self.low == 0.0 || self.high.to_bits() & 1 == 1 {
            return self.high;
        }
        if self.low > 0.0 { self.high.next_up() } else { self.high.next_down() }
    }

    /// The magnitude.
    #[inline(always)]
    #[must_use]
    pub fn abs(self) -> Self {
        if self.high < 0.0 { -self } else { self }
    }

    /// The product with a power of two, exactly.
    #[inline(always)]
    #[must_use]
    pub fn scaled(self, power_of_two: f64) -> Self {
        Self { high: self.high * power_of_two, low: self.low * power_of_two }
    }

    /// The square root of a positive number, or zero; the bound of a quotient holds for it.
    ///
    /// Source: V. Lefevre, N. Louvet, J.-M. Muller, J. Picot, L. Rideau, "Accurate calculation of Euclidean norms using
    /// double-word arithmetic", ACM Transactions on Mathematical Software 49 (2023).
    #[must_use]
    pub fn sqrt(self) -> Self {
        if self.high <= 0.0 {
            return Self::default();
        }
        let root = self.high.sqrt();
        let rest = self - Self::product(root, root);
        quick(root, rest.to_f64() / (2.0 * root))
    }

    /// The exponential; see [`EXP_ROUNDOFF`].
    #[inline(always)]
    #[must_use]
    pub fn exp(self) -> Self {
        let [power] = Self::exp_each([self]);
        power
    }

    /// The exponentials of several numbers, side by side: one alone is some hundred operations that wait for each other.
    #[inline(always)]
    #[must_use]
    pub fn exp_each<const N: usize>(values: [Self; N]) -> [Self; N] {
        let k = values.map(|value| (value.high / std::f64::consts::LN_2).round());
        // words apart, and every stage for all numbers, so that they fill vector units
        let (mut t, mut series, mut e) = (Apart::<N>::zeros(), Apart::<N>::zeros(), Apart::<N>::zeros());
        for i in 0..N {
            let high = values[i] - Self::from(k[i] * LN_2[0]) - Self::from(k[i] * LN_2[1]);
            t.set(i, (high - Self::product(k[i], LN_2[2])).scaled(1.0 / 256.0));
        }
        // exp(t) - 1 by Horner's rule
        for [high, low] in FACTORIALS {
            for i in 0..N {
                series.set(i, Self { high, low } + t.get(i) * series.get(i));
            }
        }
        let one = Self::from(1.0);
        for i in 0..N {
            e.set(i, t.get(i) * (one + t.get(i) * series.get(i)));
        }
        for _ in 0..8 {
            for i in 0..N {
                e.set(i, e.get(i).scaled(2.0) + e.get(i) * e.get(i));
            }
        }
        std::array::from_fn(|i| (one + e.get(i)).scaled(2f64.powi(k[i] as i32)))
    }
}

/// Numbers with their words apart.
struct Apart<const N: usize> {
    high: [f64; N],
    low: [f64; N],
}

impl<const N: usize> Apart<N> {
    #[inline(always)]
    fn zeros() -> Self {
        Self { high: [0.0; N], low: [0.0; N] }
    }

    #[inline(always)]
    fn get(&self, i: usize) -> Double {
        Double { high: self.high[i], low: self.low[i] }
    }

    #[inline(always)]
    fn set(&mut self, i: usize, value: Double) {
        (self.high[i], self.low[i]) = (value.high, value.low);
    }
}

impl From<f64> for Double {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }
}

impl Neg for Double {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Add for Double {
    type Output = Self;
    /// Relative error at most `3 u^2 / (1 - 4 u)`, whatever the signs.
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let s = Self::sum(self.high, other.high);
        let t = Self::sum(self.low, other.low);
        let v = quick(s.high, s.low + t.high);
        quick(v.high, t.low + v.low)
    }
}

impl Sub for Double {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;
    /// Relative error at most `5 u^2`.
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let p = Self::product(self.high, other.high);
        let cross = self.high.mul_add(other.low, self.low * other.high);
        quick(p.high, p.low + cross)
    }
}

impl Div for Double {
    type Output = Self;
    /// Relative error at most `15 u^2 + 56 u^3`.
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let quotient = self.high / other.high;
        let product = other * Self::from(quotient);
        let rest = (self.high - product.high) + (self.low - product.low);
        quick(quotient, rest / other.high)
    }
}

impl PartialOrd for Double {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.high.partial_cmp(&other.high) {
            Some(Ordering::Equal) => self.low.partial_cmp(&other.low),
            ordering => ordering,
        }
    }
}

/// The sum of two numbers of which the first has the larger exponent, exactly.
#[inline(always)]
fn quick(a: f64, b: f64) -> Double {
    let high = a + b;
    Double { high, low: b - (high - a) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu::integer::IBig;
    use dashu::rational::RBig;
    use quickcheck_macros::quickcheck;

    fn exact(x: Double) -> RBig {
        RBig::try_from(x.high).unwrap() + RBig::try_from(x.low).unwrap()
    }

    /// `|a - b| <= bound |b|`.
    fn close(a: &RBig, b: &RBig, bound: f64) -> bool {
        let distance = if a > b { a - b } else { b - a };
        let size = if *b > RBig::ZERO { b.clone() } else { -b.clone() };
        distance <= size * RBig::try_from(bound).unwrap()
    }

    fn number(words: (i32, i32, i8)) -> Double {
        Double::sum(f64::from(words.0) * 2f64.powi(i32::from(words.2) / 4), f64::from(words.1) * 1e-17)
    }

    #[quickcheck]
    fn arithmetic_keeps_its_bounds_against_exact_rationals(a: (i32, i32, i8), b: (i32, i32, i8)) -> bool {
        let (a, b) = (number(a), number(b));
        let (x, y) = (exact(a), exact(b));
        // a root that is off by a part has a square that is off by twice that
        let root = exact(a.abs().sqrt());
        let root = close(&(&root * &root), &exact(a.abs()), 2.0 * DOUBLE_ROUNDOFF);
        let quotient = b.high == 0.0 || close(&exact(a / b), &(&x / &y), DOUBLE_ROUNDOFF);
        close(&exact(a + b), &(&x + &y), DOUBLE_ROUNDOFF)
            && close(&exact(a - b), &(&x - &y), DOUBLE_ROUNDOFF)
            && close(&exact(a.plus(b.high)), &(&x + exact(Double::from(b.high))), DOUBLE_ROUNDOFF)
            && close(&exact(a * b), &(&x * &y), DOUBLE_ROUNDOFF)
            && root
            && quotient
    }

    #[quickcheck]
    fn rounding_to_odd_first_is_one_rounding(bits: u32, low: i8) -> bool {
        // the midpoint of two neighbours in single precision, and what lies beside it
        let below = f32::from_bits(bits % 0x7f00_0000 + 0x0080_0000);
        let (below, above) = (f64::from(below), f64::from(below.next_up()));
        let middle = below + (above - below) / 2.0;
        let x = Double { high: middle, low: f64::from(low) * middle * 2f64.powi(-70) };
        let even = f64::from(middle as f32);
        let expected = [below, even, above][(low.signum() + 1) as usize];
        f64::from(x.to_odd() as f32) == expected
    }

    /// `exp(x)` by its series at `x / 2^16` in rationals rounded to 300 bits, then squarings.
    fn exponential(x: &RBig) -> RBig {
        let round = |r: RBig| {
            let shifted = r * RBig::from(IBig::ONE << 300);
            RBig::from(shifted.floor()) / RBig::from(IBig::ONE << 300)
        };
        let t = x / RBig::from(1u32 << 16);
        let (mut sum, mut term) = (RBig::ONE, RBig::ONE);
        for n in 1u32..24 {
            term = round(term * &t / RBig::from(n));
            sum += &term;
        }
        for _ in 0..16 {
            sum = round(&sum * &sum);
        }
        sum
    }

    #[quickcheck]
    fn the_exponential_keeps_its_bound(a: i32, b: i32) -> bool {
        let x = Double::sum(f64::from(a) / f64::from(i32::MAX) * 40.0, f64::from(b) * 1e-27);
        close(&exact(x.exp()), &exponential(&exact(x)), EXP_ROUNDOFF)
    }

    #[test]
    fn the_words_of_inverse_factorials_are_right() {
        for (n, [high, low]) in (2..=11u32).rev().zip(FACTORIALS) {
            let factorial = RBig::from((2..=n).product::<u32>());
            assert!(close(&exact(Double { high, low }), &(RBig::ONE / factorial), 2f64.powi(-105)), "1 / {n}!");
        }
    }

    #[test]
    fn the_words_of_the_logarithm_of_two_are_right() {
        let two = exponential(&LN_2.iter().map(|&w| RBig::try_from(w).unwrap()).fold(RBig::ZERO, |a, b| a + b));
        assert!(close(&two, &RBig::from(2), 1e-34));
        for word in &LN_2[..2] {
            assert!(word.to_bits().trailing_zeros() >= 20, "{word:e}");
        }
    }
}

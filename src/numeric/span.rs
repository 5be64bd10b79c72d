//! Positive numbers between bounds of 192 binary digits, of any size: every operation rounds down below and up above.
//!
//! For the few decisions that two words leave open. Complexity: some hundred nanoseconds an operation.

use super::dyadic::{DIGITS, Dyadic, Toward};
use dashu::base::BitTest;

/// A number that is not negative, between two bounds that are kept exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    lower: Dyadic,
    upper: Dyadic,
}

impl Span {
    /// The magnitude of a number, exactly.
    ///
    /// # Panics
    /// When it is not finite.
    #[must_use]
    pub fn exact(value: f64) -> Self {
        let bound = Dyadic::of(value);
        Self { lower: bound.clone(), upper: bound }
    }

    /// The product with a power of two, exactly.
    #[must_use]
    pub fn scaled(mut self, exponent: i64) -> Self {
        self.lower.exponent += exponent;
        self.upper.exponent += exponent;
        self
    }

    /// The lower bound alone, as a number that is known exactly.
    #[must_use]
    pub fn collapsed(self) -> Self {
        Self { upper: self.lower.clone(), lower: self.lower }
    }

    /// From the lower bound of one number to the upper bound of another that is no smaller.
    #[must_use]
    pub fn hull(lower: &Self, upper: &Self) -> Self {
        Self { lower: lower.lower.clone(), upper: upper.upper.clone() }
    }

    /// The product.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        let lower = self.lower.times(&other.lower, Toward::Below);
        let exact = self.lower == self.upper && other.lower == other.upper && lower.mantissa.bit_len() < DIGITS;
        let upper = if exact { lower.clone() } else { self.upper.times(&other.upper, Toward::Above) };
        Self { lower, upper }
    }

    /// The sum.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let lower = self.lower.plus(&other.lower, Toward::Below);
        Self { lower, upper: self.upper.plus(&other.upper, Toward::Above) }
    }

    /// The difference to a number below.
    ///
    /// # Panics
    /// When the other number may be larger.
    #[must_use]
    pub fn less(&self, other: &Self) -> Self {
        assert!(other.upper <= self.lower, "a smaller number");
        let lower = self.lower.minus(&other.upper, Toward::Below);
        Self { lower, upper: self.upper.minus(&other.lower, Toward::Above) }
    }

    /// The power to half of a whole number, which may be negative; a power above zero of zero is zero.
    ///
    /// # Panics
    /// When the number may be zero and the power is negative.
    #[must_use]
    pub fn power(&self, halves: i32) -> Self {
        let one = Self::exact(1.0);
        let (mut power, mut square) = (one, self.clone());
        let mut rest = halves.unsigned_abs() / 2;
        while rest > 0 {
            if rest & 1 == 1 {
                power = power.times(&square);
            }
            rest >>= 1;
            square = if rest > 0 { square.times(&square) } else { square };
        }
        if halves % 2 != 0 {
            let root = Self { lower: self.lower.sqrt(Toward::Below), upper: self.upper.sqrt(Toward::Above) };
            power = power.times(&root);
        }
        if halves >= 0 {
            return power;
        }
        assert!(!power.lower.is_zero(), "zero has no inverse");
        Self { lower: power.upper.inverse(Toward::Below), upper: power.lower.inverse(Toward::Above) }
    }

    /// The bounds moved apart by this power of two of themselves each.
    #[must_use]
    pub fn widened(&self, power: i64) -> Self {
        let part = |x: &Dyadic| Dyadic { mantissa: x.mantissa.clone(), exponent: x.exponent + power };
        let lower = self.lower.minus(&part(&self.lower), Toward::Below);
        Self { lower, upper: self.upper.plus(&part(&self.upper), Toward::Above) }
    }

    /// Whether the bounds are apart by this power of two of the lower one at most.
    #[must_use]
    pub fn is_narrow(&self, power: i64) -> bool {
        let part = Dyadic { mantissa: self.lower.mantissa.clone(), exponent: self.lower.exponent + power };
        self.upper <= self.lower.plus(&part, Toward::Below)
    }

    /// Whether every number within the bounds is below every one of the others.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.upper < other.lower
    }

    /// About `(self - other) / (self + other)`, to the precision of `f64`; zero where both are zero.
    #[must_use]
    pub fn imbalance(&self, other: &Self) -> f64 {
        let (a, b) = (&self.lower, &other.lower);
        let (large, small, sign) = if a >= b { (a, b, 1.0) } else { (b, a, -1.0) };
        let sum = large.plus(small, Toward::Below);
        if sum.is_zero() {
            return 0.0;
        }
        let difference = large.minus(small, Toward::Below);
        if difference.is_zero() {
            return 0.0;
        }
        let quotient = difference.times(&sum.inverse(Toward::Below), Toward::Below);
        sign * quotient.to_nearest().unwrap_or(0.0)
    }

    /// Both bounds rounded to odd; none outside the range of `f64`.
    #[must_use]
    pub fn to_odd(&self) -> Option<(f64, f64)> {
        Some((self.lower.to_odd()?, self.upper.to_odd()?))
    }

    /// Both bounds rounded to the nearest `f64`; none outside its range.
    #[must_use]
    pub fn to_nearest(&self) -> Option<(f64, f64)> {
        Some((self.lower.to_nearest()?, self.upper.to_nearest()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu::integer::IBig;
    use dashu::rational::RBig;
    use quickcheck_macros::quickcheck;

    fn value(x: &Dyadic) -> RBig {
        let mantissa = RBig::from(IBig::from(x.mantissa.clone()));
        let power = RBig::from(IBig::ONE << x.exponent.unsigned_abs() as usize);
        if x.exponent >= 0 { mantissa * power } else { mantissa / power }
    }

    /// Whether bounds reach from one number to another, outwards, and no further than a few roundings.
    fn reaches(span: &Span, low: &RBig, high: &RBig) -> bool {
        let (lower, upper) = (value(&span.lower), value(&span.upper));
        let part = |x: &RBig| x / RBig::from(IBig::ONE << (DIGITS - 8));
        lower <= *low && *high <= upper && low - lower <= part(low) && upper - high <= part(high)
    }

    fn number(words: (u64, i8)) -> Span {
        Span::exact((words.0 >> 11) as f64).scaled(i64::from(words.1) * 3)
    }

    /// A span of many digits, wide or not, and its ends.
    fn span(words: (u64, i8), width: u8) -> (Span, RBig, RBig) {
        let low = number(words).plus(&number((words.0 ^ 0x5555, words.1 / 2)).power(3)).collapsed();
        let high = if width.is_multiple_of(3) {
            low.clone()
        } else {
            low.plus(&low.clone().scaled(-i64::from(width))).collapsed()
        };
        let span = Span::hull(&low, &high);
        let ends = (value(&span.lower), value(&span.upper));
        (span, ends.0, ends.1)
    }

    #[quickcheck]
    fn bounds_reach_outwards_to_what_exact_rationals_give(a: (u64, i8, u8), b: (u64, i8, u8), halves: i8) -> bool {
        let ((x, a, c), (y, b, d)) = (span((a.0, a.1), a.2), span((b.0, b.1), b.2));
        let power = |base: &RBig, n: u32| (0..n).fold(RBig::ONE, |p, _| p * base);
        let halves = i32::from(halves % 12);
        let powers = a == RBig::ZERO || {
            // a root lies where the squares of its bounds do
            let result = x.power(halves);
            let [mut low, mut high] = [&a, &c].map(|end| power(end, halves.unsigned_abs()));
            if halves < 0 {
                (low, high) = (RBig::ONE / high, RBig::ONE / low);
            }
            let squares = [value(&result.lower), value(&result.upper)].map(|end| power(&end, 2));
            let part = |x: &RBig| x / RBig::from(IBig::ONE << (DIGITS - 8));
            squares[0] <= low
                && high <= squares[1]
                && &low - &squares[0] <= part(&low)
                && &squares[1] - &high <= part(&high)
        };
        // under cancellation bounds are outward, too, but not narrow
        let less = d > a || {
            let difference = x.less(&y);
            value(&difference.lower) <= &a - &d && &c - &b <= value(&difference.upper)
        };
        let wide = x.widened(-30);
        let (low, high) = (value(&wide.lower), value(&wide.upper));
        let moved = |end: &RBig| end / RBig::from(1u64 << 30);
        let widened = low <= &a - moved(&a) && high >= &c + moved(&c) && &c + moved(&c) * RBig::from(2) >= high;
        let order = x.is_below(&y) == (c < b);
        powers
            && less
            && widened
            && order
            && reaches(&x.plus(&y), &(&a + &b), &(&c + &d))
            && reaches(&x.times(&y), &(&a * &b), &(&c * &d))
    }

    #[quickcheck]
    fn the_imbalance_is_that_of_exact_rationals(a: (u64, i8), b: (u64, i8), near: bool) -> bool {
        let (a, b) = (number(a), number(b));
        let b = if near { a.plus(&b.scaled(-150)).collapsed() } else { b };
        let (x, y) = (value(&a.lower), value(&b.lower));
        let expected = if x == y { RBig::ZERO } else { (&x - &y) / (&x + &y) };
        let found = RBig::try_from(a.imbalance(&b)).unwrap();
        let distance = if found > expected { &found - &expected } else { &expected - &found };
        let size = if expected < RBig::ZERO { -expected } else { expected };
        distance <= size * RBig::try_from(1e-12).unwrap()
    }

    #[quickcheck]
    fn bounds_round_to_the_neighbour_that_is_nearest_or_odd(bits: u64, quarters: u8, power: i8) -> bool {
        let (leading, quarters, power) = ((bits | 1 << 63) >> 11, quarters % 4, i64::from(power));
        let span = Span::exact(leading as f64).scaled(2).plus(&Span::exact(f64::from(quarters))).scaled(power - 2);
        let unit = 2f64.powi(power as i32);
        let (below, above) = (leading as f64 * unit, (leading + 1) as f64 * unit);
        let (even, odd) = if leading & 1 == 0 { (below, above) } else { (above, below) };
        let nearest = [below, below, even, above][usize::from(quarters)];
        let odd = if quarters == 0 { below } else { odd };
        span.to_nearest() == Some((nearest, nearest)) && span.to_odd() == Some((odd, odd))
    }
}

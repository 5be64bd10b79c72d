//! Powers of half integers: products and square roots, nothing that a mathematical library would have to be trusted with.

/// Whether powers of this exponent are products and square roots: exponents up to 64.
#[must_use]
pub fn is_half_integer(p: f64) -> bool {
    (2.0 * p).fract() == 0.0 && p <= 64.0
}

/// `w^p` for `w >= 0` and a half integer p: off by at most p + 1 roundoffs, where nothing under- or overflows.
#[must_use]
pub fn half_integer_power(w: f64, p: f64) -> f64 {
    let (mut square, mut left) = (w, p as u32);
    let mut power = if p.fract() == 0.0 { 1.0 } else { w.sqrt() };
    while left > 0 {
        if left & 1 == 1 {
            power *= square;
        }
        left >>= 1;
        if left > 0 {
            square *= square;
        }
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu::rational::RBig;
    use quickcheck_macros::quickcheck;

    #[quickcheck]
    fn powers_are_off_by_the_exponent_in_roundoffs(mantissa: u64, halves: u8) -> bool {
        let w = 1.0 + (mantissa >> 12) as f64 / (1u64 << 52) as f64;
        let halves = u32::from(halves) % 128 + 1;
        let p = f64::from(halves) / 2.0;
        let exact = |value: f64| RBig::try_from(value).unwrap();
        // twice the power is whole: (w^p)^2 = w^(2 p), whose relative error is twice as large
        let (found, whole) = (exact(half_integer_power(w, p)), exact(w).pow(halves as isize));
        let off = (&found * &found / whole - RBig::ONE).to_f64().value().abs();
        off <= 2.02 * (p + 1.0) * crate::numeric::UNIT_ROUNDOFF
    }
}

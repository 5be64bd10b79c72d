//! The test of a certificate, as `proofs/checker/Checker.v` states it.

use super::file::{Certificate, Link};
use dashu::integer::IBig;
use std::fmt;

/// The first test of a certificate that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A common denominator is not positive.
    Denominator,
    /// The bounds of a unit are not positive, or not in order.
    Bounds(usize),
    /// A connection, counted from 1, names a unit that is not there.
    Unknown(usize),
    /// The amplitude bounds of a connection are not positive, or not in order.
    Amplitude(usize),
    /// The cost bounds of a connection do not follow from the bounds of its ends.
    Cost(usize),
    /// The lower bound of a unit is not shown to be too low.
    Lower(usize),
    /// The upper bound of a unit is not shown to be too high.
    Upper(usize),
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denominator => f.write_str("a common denominator is not positive"),
            Self::Bounds(unit) => write!(f, "the bounds of unit {unit} are not positive and in order"),
            Self::Unknown(link) => write!(f, "connection {link} names a unit that is not there"),
            Self::Amplitude(link) => write!(f, "the amplitude of connection {link} is not positive and in order"),
            Self::Cost(link) => write!(f, "the cost of connection {link} is not enclosed"),
            Self::Lower(unit) => write!(f, "the lower bound of unit {unit} is not too low"),
            Self::Upper(unit) => write!(f, "the upper bound of unit {unit} is not too high"),
        }
    }
}

/// Whether a certificate is accepted.
pub(super) fn check(certificate: &Certificate) -> Result<(), Rejection> {
    let (one, zero) = (&certificate.scale_one, &IBig::ZERO);
    if one <= zero || certificate.amplitude_one <= *zero {
        return Err(Rejection::Denominator);
    }
    let in_order = |(low, high): &(IBig, IBig)| low > zero && low <= high;
    if let Some(wrong) = certificate.units.iter().position(|bounds| !in_order(bounds)) {
        return Err(Rejection::Bounds(wrong + 1));
    }
    let ground = (one.clone(), one.clone());
    let bounds = |unit: usize| if unit == 0 { Some(&ground) } else { certificate.units.get(unit - 1) };
    let square = one * one;
    // outward-rounded reciprocals of the bounds, for every unit
    let reciprocal = |s: &IBig, up: bool| if up { ceiling(square.clone(), s) } else { &square / s };
    let inverse: Vec<(IBig, IBig)> = std::iter::once(&ground)
        .chain(&certificate.units)
        .map(|(low, high)| (reciprocal(low, true), reciprocal(high, false)))
        .collect();
    let none = || vec![IBig::ZERO; certificate.units.len() + 1];
    let (mut into_low, mut out_low, mut into_high, mut out_high) = (none(), none(), none(), none());
    for (k, Link { from, to, amplitude, cost }) in certificate.links.iter().enumerate() {
        let (Some(tail), Some(head)) = (bounds(*from), bounds(*to)) else { return Err(Rejection::Unknown(k + 1)) };
        if !in_order(amplitude) {
            return Err(Rejection::Amplitude(k + 1));
        }
        if &cost.0 * &tail.1 > &amplitude.0 * &head.0 || &amplitude.1 * &head.1 > &cost.1 * &tail.0 {
            return Err(Rejection::Cost(k + 1));
        }
        into_low[*to] += &amplitude.1 * &inverse[*from].0;
        out_low[*from] += &amplitude.0 * &head.0;
        into_high[*to] += &amplitude.0 * &inverse[*from].1;
        out_high[*from] += &amplitude.1 * &head.1;
    }
    for (i, (low, high)) in certificate.units.iter().enumerate() {
        let unit = i + 1;
        if low * low * &into_low[unit] >= &square * &out_low[unit] {
            return Err(Rejection::Lower(unit));
        }
        if &square * &out_high[unit] >= high * high * &into_high[unit] {
            return Err(Rejection::Upper(unit));
        }
    }
    Ok(())
}

/// The quotient of positive integers, rounded up.
pub(super) fn ceiling(numerator: IBig, denominator: &IBig) -> IBig {
    (numerator + denominator - IBig::ONE) / denominator
}

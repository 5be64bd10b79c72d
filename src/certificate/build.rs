//! From an enclosure in floating point to a certificate in integers.

use super::Enclosure;
use super::check::{Rejection, ceiling};
use super::file::{Certificate, Link};
use crate::numeric::{Double, Wide};
use crate::problem::{Gauge, Problem};
use dashu::integer::IBig;

/// Binary digits of amplitudes and scales beyond those that the narrowest enclosure needs; more where signs are lost with few.
const GUARDS: [i64; 3] = [16, 40, 64];
/// Connections up to which a certificate is written: about 100 bytes each.
pub const LARGEST_CERTIFICATE: usize = 10_000_000;
/// The narrowest bounds of a certificate are widened, all by one factor, until the widest has this half width: more digits
/// would make a longer file.
const WIDEST: f64 = 1e-13;

/// Writes an enclosure as a certificate; also the number of every variable in it, 0 for what counts as ground.
///
/// `problem` is the one that was balanced, without powers of two folded in, and `gauge` its gauge. Parts without ground are
/// grounded at their pins.
///
/// Complexity: some twenty operations on integers of a few words for every connection, and memory for all of them.
///
/// # Errors
/// With the reason, where the problem is no graph of one exponent, or rounding to integers loses the signs.
///
/// # Panics
/// When enclosure or gauge belong to a problem with another number of variables.
pub fn certificate(
    problem: &Problem,
    gauge: &Gauge,
    enclosure: &Enclosure,
) -> Result<(Certificate, Vec<usize>), String> {
    let [p] = problem.exponents() else { return Err("costs are not powers with one exponent".into()) };
    if !problem.is_graph() {
        return Err("a unit is not of degree 1, or has tied factors".into());
    }
    if problem.places() > LARGEST_CERTIFICATE {
        return Err(format!("there are more than {LARGEST_CERTIFICATE} connections"));
    }
    let numbers = numbers(problem, gauge);
    let scales = Scales::of(problem, gauge, enclosure, *p)?;
    // all ranges widened by one factor: what is too low stays so, to first order
    let half = |v: usize| 0.5 * (enclosure.upper[v] - enclosure.lower[v]).to_f64();
    let free = || (0..problem.variables()).filter(|&v| numbers[v] > 0);
    let (narrow, wide) = free().map(half).fold((f64::INFINITY, 0.0f64), |(a, b), h| (a.min(h), b.max(h)));
    let mut last = Rejection::Denominator;
    for (guard, widening) in GUARDS.into_iter().flat_map(|guard| [1.0, 1.5, 3.0].map(|widening| (guard, widening))) {
        let widening = widening * if wide > 0.0 { (WIDEST / wide).max(1.0) } else { 1.0 };
        let digits = guard - (narrow * widening).min(1.0).log2().floor() as i64;
        let certificate = integers(problem, &numbers, &scales.widened(widening), digits)?;
        match certificate.check() {
            Ok(()) => return Ok((certificate, numbers)),
            Err(rejection) => last = rejection,
        }
    }
    Err(format!("in integers {last}"))
}

/// The free units, numbered from 1 in the order of the variables; what is held fixed is ground.
pub(super) fn numbers(problem: &Problem, gauge: &Gauge) -> Vec<usize> {
    let mut free = gauge.active.clone();
    gauge.pins.iter().for_each(|&v| free[v as usize] = false);
    let mut next = 0;
    let mut number = |free: bool| {
        next += usize::from(free);
        if free { next } else { 0 }
    };
    (0..problem.variables()).map(|v| number(free[v])).collect()
}

/// Lower and upper bounds of `ln exp(p x)` of every variable: whole powers of two and the rest, relative to the pin of its part.
struct Scales {
    exponents: Vec<f64>,
    lower: Vec<Double>,
    upper: Vec<Double>,
    p: f64,
}

impl Scales {
    fn of(problem: &Problem, gauge: &Gauge, enclosure: &Enclosure, p: f64) -> Result<Self, String> {
        let n = problem.variables();
        assert!(enclosure.lower.len() == n && gauge.active.len() == n, "an enclosure and a gauge of this problem");
        let mut exponents: Vec<f64> = enclosure.exponents.iter().map(|&e| e.into()).collect();
        let (mut lower, mut upper) = (enclosure.lower.clone(), enclosure.upper.clone());
        for (part, &pin) in gauge.kernel.iter().zip(&gauge.pins) {
            let pin = pin as usize;
            if !part.iter().any(|&(v, _)| v as usize == pin) {
                return Err("a part without ground has no pin".into());
            }
            let (whole, rest) = (exponents[pin], lower[pin]);
            for v in part.iter().map(|&(v, _)| v as usize) {
                exponents[v] -= whole;
                (lower[v], upper[v]) = (lower[v] - rest, upper[v] - rest);
            }
        }
        Ok(Self { exponents, lower, upper, p })
    }

    fn widened(&self, factor: f64) -> Self {
        let by = Double::from(0.5 * (factor - 1.0));
        let moved = |from: &[Double], sign: f64| -> Vec<Double> {
            let ranges = self.lower.iter().zip(&self.upper).map(|(l, u)| (*u - *l) * by * Double::from(sign));
            from.iter().zip(ranges).map(|(x, d)| *x + d).collect()
        };
        let (lower, upper) = (moved(&self.lower, -1.0), moved(&self.upper, 1.0));
        Self { exponents: self.exponents.clone(), lower, upper, p: self.p }
    }

    /// `exp(p x)` as a number of two words and a power of two.
    fn exponential(&self, v: usize, rest: Double) -> Option<(Double, i64)> {
        let power = self.p * self.exponents[v];
        let whole = power.round();
        let ln_2 = Double::sum(std::f64::consts::LN_2, LN_2_LOW);
        let argument = Double::from(self.p) * rest + Double::from(power - whole) * ln_2;
        (argument.to_f64().abs() < crate::numeric::LARGEST_EXP).then(|| (argument.exp(), whole as i64))
    }
}

/// What `f64` leaves of `ln 2`.
const LN_2_LOW: f64 = 2.319_046_813_846_299_6e-17;

fn integers(problem: &Problem, numbers: &[usize], scales: &Scales, digits: i64) -> Result<Certificate, String> {
    let free: Vec<usize> = (0..numbers.len()).filter(|&v| numbers[v] > 0).collect();
    let far = || "a scale is beyond every range".to_string();
    let bounds = |of: &[Double]| -> Result<Vec<(Double, i64)>, String> {
        free.iter().map(|&v| scales.exponential(v, of[v]).ok_or_else(far)).collect()
    };
    let (lower, upper) = (bounds(&scales.lower)?, bounds(&scales.upper)?);
    let size = |(s, e): &(Double, i64)| exponent(*s) + e;
    let smallest = lower.iter().map(size).min().unwrap_or(0).min(0);
    let largest = upper.iter().map(size).max().unwrap_or(0).max(0);
    // bounds and their reciprocals both need the digits
    let scale_digits = digits - smallest + largest.max(0);
    let integer = |(s, e): &(Double, i64), up: bool| fixed(*s, e + scale_digits, up);
    let units: Vec<(IBig, IBig)> =
        lower.iter().zip(&upper).map(|(l, u)| (integer(l, false), integer(u, true))).collect();
    let one = IBig::ONE << scale_digits as usize;
    let ground = (one.clone(), one.clone());

    let beyond = || "an amplitude is beyond the range of plain numbers".to_string();
    // costs need the digits as amplitudes do
    let mut size_of = vec![0; numbers.len() + 1];
    free.iter().zip(&lower).for_each(|(&v, bound)| size_of[v] = size(bound));
    let mut smallest = 0;
    problem.for_each_entry(|e| {
        let amplitude = problem.blocks()[e.block].values.get(e.index).exponent();
        let cost = amplitude + size_of[problem.node(e.head)] - size_of[problem.node(e.tail)] - 2;
        smallest = smallest.min(amplitude).min(cost);
    });
    let amplitude_digits = digits - smallest;
    let (mut links, mut fault) = (vec![], None);
    problem.for_each_amplitude(|e, bounds| {
        let Some((low, high)) = bounds else {
            fault = Some(beyond());
            return;
        };
        let amplitude = (fixed(low, amplitude_digits, false), fixed(high, amplitude_digits, true));
        let number = |port: u32| numbers.get(problem.node(port)).copied().unwrap_or(0);
        let (from, to) = (number(e.tail), number(e.head));
        let at = |unit: usize| if unit == 0 { &ground } else { &units[unit - 1] };
        let (tail, head) = (at(from), at(to));
        let cost = (&amplitude.0 * &head.0 / &tail.1, ceiling(&amplitude.1 * &head.1, &tail.0));
        links.push(Link { from, to, amplitude, cost });
    });
    match fault {
        Some(fault) => Err(fault),
        None => Ok(Certificate { amplitude_one: IBig::ONE << amplitude_digits as usize, scale_one: one, units, links }),
    }
}

/// The binary exponent of a number.
fn exponent(x: Double) -> i64 {
    Wide::from(x.to_f64()).exponent()
}

/// `x 2^shift`, rounded down, or up.
fn fixed(x: Double, shift: i64, up: bool) -> IBig {
    // both words over one power of two
    let (high, high_power) = integer_of(x.to_f64().into());
    let (low, low_power) = integer_of(x.low().into());
    let power = if low == IBig::ZERO { high_power } else { high_power.min(low_power) };
    let at = |value: IBig, own: i64| if value == IBig::ZERO { value } else { value << (own - power) as usize };
    let sum = at(high, high_power) + at(low, low_power);
    match power + shift {
        left if left >= 0 => sum << left as usize,
        // a shift of a signed integer to the right rounds down
        right if up => -((-sum) >> (-right) as usize),
        right => sum >> (-right) as usize,
    }
}

/// A number as an integer and a power of two.
pub(super) fn integer_of(wide: Wide) -> (IBig, i64) {
    if wide.is_zero() {
        return (IBig::ZERO, 0);
    }
    let mantissa = (wide * Wide::scaled(1.0, 52 - wide.exponent())).to_f64();
    (IBig::from(mantissa as i64), wide.exponent() - 52)
}

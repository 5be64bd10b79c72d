//! Whether a certificate speaks of a given network: the same connections, and their amplitudes within its bounds.

use super::build::{integer_of, numbers};
use super::file::Certificate;
use crate::numeric::{Double, UNIT_ROUNDOFF};
use crate::problem::{Entry, Gauge, Problem};
use dashu::integer::IBig;
use dashu::rational::RBig;

/// Compares a certificate with the problem of a network as it was given; returns the first difference.
///
/// Complexity: a few operations on rationals for every connection.
#[must_use]
pub fn differs_from_given(certificate: &Certificate, problem: &Problem, gauge: &Gauge) -> Option<String> {
    let numbers = numbers(problem, gauge);
    let units = numbers.iter().copied().max().unwrap_or(0);
    if units != certificate.units.len() {
        return Some(format!("it has {} units, the network {units} free ones", certificate.units.len()));
    }
    let ends = |e: &Entry| {
        let number = |port: u32| numbers.get(problem.node(port)).copied().unwrap_or(0);
        (number(e.tail), number(e.head))
    };
    first_difference(certificate, problem, |k, entry, (low, high)| {
        let link = &certificate.links[k];
        if (link.from, link.to) != ends(entry) {
            return Some("joins other units than the network's".to_string());
        }
        let inside = within(&link.amplitude, &certificate.amplitude_one, (&low, &high));
        (!inside).then(|| "has another amplitude than the network's".to_string())
    })
}

/// How the weights of a balanced network were rounded: each by at most one of these.
#[derive(Clone, Copy, Debug)]
pub struct Rounding {
    /// A factor, of numbers that keep all digits of their type.
    pub relative: f64,
    /// An amount, of those that are subnormal.
    pub absolute: f64,
    /// How many weights there are: one entry holds no more.
    pub weights: u64,
}

impl Rounding {
    /// How far the rounding of its weights may have changed the cost of an entry, downwards and upwards, relative to that cost.
    ///
    /// The weights w of an entry that are summed cost `|w|_p^p`, and by Minkowski's inequality rounding moves the norm `|w|_p` by
    /// at most that of the errors; for p below 1 its power by at most theirs.
    fn of_cost(&self, problem: &Problem, entry: &Entry, p: f64) -> [f64; 2] {
        let many = if problem.blocks()[entry.block].is_summed() { self.weights.max(1) as f64 } else { 1.0 };
        // the largest error beside the norm of the weights, whose logarithm never overflows
        let beside = (self.absolute.ln() + many.ln() / p - problem.log_weight(entry)).exp();
        let relative = 1.01 * self.relative;
        let (down, up) = match p < 1.0 {
            true => ((1.0 - relative).powf(p) - beside.powf(p), (1.0 + relative).powf(p) + beside.powf(p)),
            false => ((1.0 - relative - beside).max(0.0).powf(p), (1.0 + relative + beside).powf(p)),
        };
        [(1.0 - down).clamp(0.0, 1.0) + 1e-15, (up - 1.0).min(f64::MAX) + 1e-15]
    }
}

/// Compares the cost bounds of a certificate with the problem of a balanced network whose weights were rounded; returns the
/// first difference.
#[must_use]
pub fn differs_from_balanced(certificate: &Certificate, problem: &Problem, rounding: &Rounding) -> Option<String> {
    let [p] = problem.exponents() else { return Some("has another cost than a power".into()) };
    first_difference(certificate, problem, |k, entry, (low, high)| {
        let bounds = &certificate.links[k].cost;
        let over = |numerator: &IBig| RBig::from(numerator.clone()) / RBig::from(certificate.amplitude_one.clone());
        // the exact cost c became one between c (1 - down) and c (1 + up), as seen from the rounded one, too
        let [down, up] = rounding.of_cost(problem, entry, *p).map(|part| RBig::try_from(part).unwrap_or(RBig::ONE));
        let inside = high * (RBig::ONE + up) >= over(&bounds.0) && low * (RBig::ONE - down) <= over(&bounds.1);
        (!inside).then(|| "has a cost outside its bounds".to_string())
    })
}

fn first_difference(
    certificate: &Certificate,
    problem: &Problem,
    mut differs: impl FnMut(usize, &Entry, (RBig, RBig)) -> Option<String>,
) -> Option<String> {
    let (mut k, mut found) = (0, None);
    problem.for_each_amplitude(|entry, bounds| {
        if found.is_none() && k < certificate.links.len() {
            let name = &problem.blocks()[entry.block].name;
            let place =
                |what| format!("connection {} ({name}, row {}, column {}) {what}", k + 1, entry.row, entry.column);
            let bounds = bounds.map_or_else(|| wide(problem, &entry), |(low, high)| (exact(&low), exact(&high)));
            found = differs(k, &entry, bounds).map(place);
        }
        k += 1;
    });
    found.or_else(|| {
        let links = certificate.links.len();
        (k != links).then(|| format!("it has {links} connections, the network {k}"))
    })
}

fn exact(x: &Double) -> RBig {
    let word = |w: f64| RBig::try_from(w).expect("amplitudes are finite");
    word(x.to_f64()) + word(x.low())
}

/// Bounds of an amplitude beyond the range of plain numbers, to about single words.
fn wide(problem: &Problem, entry: &Entry) -> (RBig, RBig) {
    let steepest = problem.exponents().iter().fold(1.0, |m: f64, &p| m.max(p));
    let value = problem.blocks()[entry.block].values.get(entry.index);
    let (digits, power) = integer_of(value);
    let shifted = |digits: IBig, by: i64| match usize::try_from(by) {
        Ok(left) => RBig::from(digits << left),
        Err(_) => RBig::from(digits) / RBig::from(IBig::ONE << by.unsigned_abs() as usize),
    };
    let exact = shifted(digits, power);
    let part = RBig::try_from((8.0 + 4.0 * steepest) * UNIT_ROUNDOFF).unwrap_or(RBig::ONE);
    (&exact * (RBig::ONE - &part), exact * (RBig::ONE + part))
}

/// Whether bounds over a common denominator hold both numbers.
fn within(bounds: &(IBig, IBig), one: &IBig, (low, high): (&RBig, &RBig)) -> bool {
    let one = RBig::from(one.clone());
    RBig::from(bounds.0.clone()) <= low * &one && high * one <= RBig::from(bounds.1.clone())
}

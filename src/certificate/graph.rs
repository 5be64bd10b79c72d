//! Whether a certificate speaks of a given network: the same connections, and their amplitudes within its bounds.

use super::build::numbers;
use super::file::Certificate;
use crate::numeric::Double;
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

/// Compares the cost bounds of a certificate with the problem of a balanced network whose weights were rounded, each
/// changing its cost by at most the relative `rounding`; returns the first difference.
#[must_use]
pub fn differs_from_balanced(certificate: &Certificate, problem: &Problem, rounding: f64) -> Option<String> {
    let part = RBig::try_from(rounding).unwrap_or(RBig::ZERO);
    let (less, more) = (RBig::ONE - &part, RBig::ONE + &part);
    first_difference(certificate, problem, |k, _, (low, high)| {
        let bounds = &certificate.links[k].cost;
        let over = |numerator: &IBig| RBig::from(numerator.clone()) / RBig::from(certificate.amplitude_one.clone());
        let inside = exact(&high) >= over(&bounds.0) * &less && exact(&low) <= over(&bounds.1) * &more;
        (!inside).then(|| "has a cost outside its bounds".to_string())
    })
}

fn first_difference(
    certificate: &Certificate,
    problem: &Problem,
    mut differs: impl FnMut(usize, &Entry, (Double, Double)) -> Option<String>,
) -> Option<String> {
    let (mut k, mut found) = (0, None);
    problem.for_each_entry(|entry| {
        if found.is_none() && k < certificate.links.len() {
            let name = &problem.blocks()[entry.block].name;
            let place =
                |what| format!("connection {} ({name}, row {}, column {}) {what}", k + 1, entry.row, entry.column);
            found = match problem.amplitude_bounds(&entry) {
                Some(bounds) => differs(k, &entry, bounds).map(place),
                None => Some(place("is beyond the range of plain numbers".to_string())),
            };
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

/// Whether bounds over a common denominator hold both numbers.
fn within(bounds: &(IBig, IBig), one: &IBig, (low, high): (&Double, &Double)) -> bool {
    let one = RBig::from(one.clone());
    RBig::from(bounds.0.clone()) <= exact(low) * &one && exact(high) * one <= RBig::from(bounds.1.clone())
}

//! Bounds of 192 digits around an enclosure in two words: where these leave open to which neighbour a weight rounds.

use super::Enclosure;
use crate::numeric::{Double, Span};
use crate::problem::{MultiplierSpans, Problem};

/// Relative width of balanced weights between these bounds, before it is widened for a proof: 2^-110.
const WIDTH: f64 = 7.703_719_777_548_943e-34;
/// Most corrections: they gain three digits each, or the linear solver hardly sees the problem.
const CORRECTIONS: usize = 30;
/// Corrections in a row that need not halve the largest imbalance: iterative solvers lower another norm.
const PATIENCE: usize = 3;
/// The guess of the margins is widened by these factors, one after the other, until the proof succeeds.
const FACTORS: [f64; 3] = [1.0, 4.0, 32.0];

/// Encloses the optimum anew, in 192 digits.
///
/// `problem` has every weight exactly, as [`Problem::exact_flows`] needs it. `solve` takes relative imbalances `b` to about
/// `H^-1 (diagonal * b)`, where the diagonal is inflow plus outflow; nothing is taken from it on trust. `fixed` variables keep
/// their value, as in [`super::enclose`].
///
/// Complexity: a few reads of the weights, each about a microsecond a weight.
///
/// # Errors
/// With the reason, when nothing was proved.
///
/// # Panics
/// When there are not as many marks as variables.
pub fn sharpen(
    problem: &Problem,
    enclosure: &Enclosure,
    fixed: &[bool],
    solve: &mut dyn FnMut(&[f64]) -> Option<Vec<f64>>,
) -> Result<MultiplierSpans, String> {
    let n = problem.variables();
    assert!(fixed.len() == n && enclosure.lower.len() == n, "one entry for every variable");
    if !problem.has_comparison() {
        return Err("signs do not enclose the optimum".into());
    }
    let failed = || "the linear solver does not reach 192 digits".to_string();
    let free = |v: &usize| !fixed[*v];
    let reach = solve(&vec![1.0; n]).filter(|reach| reach.len() == n).ok_or_else(failed)?;
    let furthest = (0..n).filter(free).map(|v| reach[v]).fold(1.0, f64::max);
    if !furthest.is_finite() || (0..n).filter(free).any(|v| reach[v].is_nan() || reach[v] <= 0.0) {
        return Err(failed());
    }
    // the imbalance that is to be left: an error of a quarter of the width in every log-scale at most
    let rest = 0.25 * WIDTH / furthest;
    debug_assert!(rest * furthest * FACTORS[FACTORS.len() - 1] < 0.5, "multipliers stay positive");
    let mut at: Vec<Span> = (0..n).map(|v| centre(enclosure, v)).collect();
    let (mut least, mut idle) = (f64::INFINITY, 0);
    for _ in 0..CORRECTIONS {
        let spans = MultiplierSpans(at.clone());
        let flows = problem.exact_flows(&spans)?;
        let imbalance: Vec<f64> =
            (0..n).map(|v| if fixed[v] { 0.0 } else { flows.inflow[v].imbalance(&flows.outflow[v]) }).collect();
        let worst = imbalance.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        if worst <= 0.25 * rest {
            break;
        }
        idle = if worst <= 0.5 * least { 0 } else { idle + 1 };
        if idle > PATIENCE {
            return Err(failed());
        }
        least = least.min(worst);
        let step = solve(&imbalance).filter(|step| step.len() == n && step.iter().all(|d| d.abs() < 0.5));
        let step = step.ok_or_else(failed)?;
        for v in (0..n).filter(free) {
            at[v] = moved(&at[v], -step[v]);
        }
    }
    for factor in FACTORS {
        let ends = |sign: f64| {
            let end = |v: usize| if fixed[v] { at[v].clone() } else { moved(&at[v], sign * factor * rest * reach[v]) };
            MultiplierSpans((0..n).map(end).collect())
        };
        let (lower, upper) = (ends(-1.0), ends(1.0));
        let (low, high) = (problem.exact_flows(&lower)?, problem.exact_flows(&upper)?);
        let proved = (0..n)
            .filter(free)
            .all(|v| low.inflow[v].is_below(&low.outflow[v]) && high.outflow[v].is_below(&high.inflow[v]));
        if proved {
            return Ok(MultiplierSpans(lower.0.iter().zip(&upper.0).map(|(l, u)| Span::hull(l, u)).collect()));
        }
    }
    Err("rounding hides the signs that would enclose the optimum".into())
}

/// A number between the bounds of an enclosure.
fn centre(enclosure: &Enclosure, v: usize) -> Span {
    let middle: Double = (enclosure.lower[v] + enclosure.upper[v]).scaled(0.5).exp();
    let high = Span::exact(middle.to_f64());
    plus(&high, &Span::exact(middle.low()), middle.low()).scaled(i64::from(enclosure.exponents[v]))
}

/// A multiplier after a small step of its log-scale, to first order; known exactly.
fn moved(multiplier: &Span, step: f64) -> Span {
    plus(multiplier, &multiplier.times(&Span::exact(step)), step)
}

/// A number and a small change of this sign; known exactly.
fn plus(number: &Span, change: &Span, sign: f64) -> Span {
    if sign < 0.0 { number.less(change) } else { number.plus(change) }.collapsed()
}

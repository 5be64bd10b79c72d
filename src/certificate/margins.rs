//! How far a candidate may be off, to first order: where the search for an enclosure begins.

use crate::numeric::Wide;
use crate::problem::{LogScales, Problem};

/// Passes after which the conjugate gradients end at the latest: a guess must not cost more than a solve.
const PASSES: usize = 200;
/// Share of the right side that may be left.
const LEFT: f64 = 0.1;

/// Guesses of how far each log-scale of a candidate may be off, whoever proposed it: with these [`super::enclose`] proves bounds
/// around it. Nothing is proved by the guesses.
///
/// They solve `H z = |gradient| + doubt`, with the Hessian H and the rounding of the gradient, by conjugate gradients
/// preconditioned by the diagonal. `problem` has the candidate's powers of two folded in; `fixed` variables have no margin.
///
/// Complexity: one read of the weights a step, at most 200 steps.
///
/// # Panics
/// When there are not as many log-scales and marks as variables.
#[must_use]
pub fn margins(problem: &Problem, candidate: &LogScales, fixed: &[bool]) -> Vec<f64> {
    let n = problem.variables();
    assert!(candidate.len() == n && fixed.len() == n, "one entry for every variable");
    let x = candidate.rest();
    let point = problem.point(x);
    let (flows, diagonal, roundoff) = (point.flows(), point.diagonal(), problem.roundoff(x));
    let largest = diagonal.iter().fold(Wide::ZERO, |a, &b| if b > a { b } else { a });
    let moves: Vec<bool> = (0..n).map(|v| !fixed[v] && !diagonal[v].is_zero()).collect();
    let over = |v: usize, value: Wide| if moves[v] { (value / diagonal[v]).to_f64() } else { 0.0 };
    let right: Vec<f64> = (0..n)
        .map(|v| over(v, flows.inflow(v) + flows.outflow(v)) * (flows.imbalance(v).abs() + 3.0 * roundoff))
        .collect();
    let weight: Vec<f64> = (0..n).map(|v| if moves[v] { (diagonal[v] / largest).to_f64() } else { 0.0 }).collect();
    let dot = |a: &[f64], b: &[f64]| (0..n).map(|v| weight[v] * a[v] * b[v]).sum::<f64>();
    // everything is divided by the diagonal: in the inner product of the diagonal the matrix is symmetric
    let (mut z, mut rest, mut direction) = (vec![0.0; n], right.clone(), right.clone());
    let mut square = dot(&rest, &rest);
    for _ in 0..PASSES {
        if (0..n).all(|v| rest[v].abs() <= LEFT * right[v]) {
            break;
        }
        let image = point.scaled_product(&direction);
        let curvature = dot(&direction, &image);
        // also where it is not a number
        if !(curvature > 0.0 && square > 0.0) {
            break;
        }
        for v in (0..n).filter(|&v| moves[v]) {
            z[v] += square / curvature * direction[v];
            rest[v] -= square / curvature * image[v];
        }
        let next = dot(&rest, &rest);
        (0..n).for_each(|v| direction[v] = rest[v] + next / square * direction[v]);
        square = next;
    }
    // alone, a variable is off by the right side at least
    (0..n).map(|v| z[v].max(right[v])).collect()
}

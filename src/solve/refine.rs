//! Log-scales in two words: Newton's last steps, with residuals in twice the working precision.
//!
//! A residual at the roundoff of `f64` leaves an error of the weights about the depth squared times as large. Iterative
//! refinement removes it: the linear solves stay in `f64`, for only a few digits of each correction are needed.

use super::bound::{ErrorBound, bound, largest_shift};
use super::linear::LinearSolver;
use super::run::Run;
use crate::numeric::{Double, UNIT_ROUNDOFF, Wide};
use crate::problem::{LogScales, Point, PreciseFlows};

/// Error bounds from which on nothing is refined: what is left is far below the last digit that anyone reads, and a proved
/// bound of twice its size still is.
pub(super) const GOOD_ENOUGH: f64 = 7e-13;
/// Most corrections: each gains several digits, or the linear solver does not see the problem.
const CORRECTIONS: usize = 12;
/// An error of log-scales that needs no further correction, and one that two words cannot tell from none.
const ENOUGH: [f64; 2] = [1e-14, 1e-31];
/// Relative error of a correction: what an iterative solver is asked for.
pub(super) const REFINEMENT: f64 = 1e-3;

/// Refines a solution; `point` is at its rest. None where two words do not reach, or nothing is gained.
pub(super) fn refine(
    run: &mut Run,
    point: &Point,
    scales: &LogScales,
    solver: &mut dyn LinearSolver,
) -> Option<(LogScales, ErrorBound)> {
    let diagonal = point.diagonal();
    let mut x = scales.precise_rest();
    let mut flows = run.problem.precise_flows(&x)?;
    let worst = |flows: &PreciseFlows| (0..flows.inflow.len()).map(|v| flows.imbalance(v).abs()).fold(0.0, f64::max);
    // a correction that an iterative solver leaves inexact can raise imbalances, although the error falls
    let mut best = (worst(&flows), x.clone(), flows.clone());
    let tolerance = run.settings.tolerance;
    let mut last = f64::INFINITY;
    for _ in 0..CORRECTIONS {
        run.passes += 1.0;
        let b: Vec<f64> = (0..x.len())
            .map(|v| {
                let gradient = (flows.inflow[v] - flows.outflow[v]).to_f64();
                if diagonal[v].is_zero() { 0.0 } else { -(Wide::from(gradient) / diagonal[v]).to_f64() }
            })
            .collect();
        let correction = solver.solve(run, point, &b)?;
        let size = correction.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        // a correction that is no smaller than the last one is rounding, or worse
        if size.is_nan() || size > 0.25 * last {
            break;
        }
        x.iter_mut().zip(&correction).for_each(|(x, &d)| *x = *x + Double::from(d));
        flows = run.problem.precise_flows(&x)?;
        last = size;
        let here = worst(&flows);
        if here <= best.0.max(tolerance) {
            best = (here, x.clone(), flows.clone());
        }
        if here <= tolerance && size * REFINEMENT <= ENOUGH[usize::from(run.settings.refined)] {
            break;
        }
    }
    let (_, x, flows) = best;
    let mut error = bound(run, point, |v| flows.imbalance(v), flows.roundoff, solver);
    let (rest, low): (Vec<f64>, Vec<f64>) = x.iter().map(|x| (x.to_f64(), x.low())).unzip();
    let scales = LogScales::in_words(scales.exponents().to_vec(), rest, low);
    // weights are computed from the first words alone, or from single numbers
    let rounded: Vec<f64> = scales.total().iter().map(|x| 4.0 * UNIT_ROUNDOFF * x.abs()).collect();
    error.weights += (largest_shift(run.problem, &rounded) + 4.0 * UNIT_ROUNDOFF) * (1.0 + error.weights);
    error.weights.is_finite().then_some((scales, error))
}

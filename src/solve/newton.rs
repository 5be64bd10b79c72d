//! Newton's method: damped sweeps until it is near, then steps from a linear solver.
//!
//! Reference: T. Sun and Q. Tran-Dinh, "Generalized self-concordant functions" (2019), for the safe step length.
//! Complexity: one pass an iteration, besides the linear solver.

use super::linear::LinearSolver;
use super::run::{End, Run};
use super::warm;
use crate::numeric::extent;
use crate::problem::{Cost, Point, Problem};

/// Sweeps before the first Newton step; fewer when the local steps are already short.
const SWEEPS: usize = 8;
/// Local steps below this change of the log-cost call for Newton.
const NEAR: f64 = 0.5;
/// A full step is taken unseen when no cost changes by more than this factor in logarithm.
const SURE: f64 = 0.5;
/// Residuals below this are near the optimum.
const NEAR_RESIDUAL: f64 = 1e-6;
/// Iterations without halving of the best residual after which a solve ends, near the optimum and far from it.
const PATIENCE: usize = 12;
const FAR_PATIENCE: usize = 480;

/// Minimizes by Newton steps.
pub(super) fn minimize(run: &mut Run, x: &mut Vec<f64>, solver: &mut dyn LinearSolver) -> End {
    let mut point = run.point(x);
    solver.moved(f64::INFINITY);
    let (mut best, mut best_x, mut since_best) = (f64::INFINITY, x.clone(), 0);
    let mut previous = f64::INFINITY;
    let mut sweeping = true;
    for iteration in 0.. {
        if !run.step(iteration, &point) {
            return End::Cancelled;
        }
        if run.is_far(&point, x) {
            return End::Far;
        }
        let residual = run.last_residual();
        // past the tolerance a cheap step still gains digits; it ends when a step gains none
        let gains = solver.is_direct() && residual <= 0.25 * previous && residual > 0.0;
        if residual <= run.settings.tolerance && !gains {
            if residual > best {
                x.clone_from(&best_x);
                solver.moved(f64::INFINITY);
            }
            return End::Tolerance;
        }
        since_best = if residual < 0.5 * best { 0 } else { since_best + 1 };
        if residual < best {
            best = residual;
            best_x.clone_from(x);
        }
        // near the optimum Newton's steps square the residual: without progress there, rounding has the last word
        let near = !sweeping && best < NEAR_RESIDUAL;
        if since_best > if near { PATIENCE } else { FAR_PATIENCE } {
            x.clone_from(&best_x);
            solver.moved(f64::INFINITY);
            return if best <= run.settings.tolerance { End::Tolerance } else { End::Stalled };
        }
        if iteration >= run.settings.max_iterations {
            x.clone_from(&best_x);
            solver.moved(f64::INFINITY);
            return End::Limit;
        }
        previous = residual;
        let sweep = (sweeping && iteration < SWEEPS).then(|| warm::step(run, &point));
        let sweep = sweep.filter(|step| log_change(run.problem, step) > NEAR);
        sweeping = sweep.is_some();
        if let Some(step) = sweep {
            advance(x, 1.0, &step);
            solver.moved(f64::INFINITY);
            point = run.point(x);
        } else {
            let direction = solver.newton_direction(run, &point);
            let (next, change) = search(run, x, &point, &direction);
            solver.moved(if run.problem.is_powers() { change } else { f64::INFINITY });
            point = next;
        }
    }
    unreachable!("the loop ends by returning")
}

/// Takes a step along `direction`: full where that lowers the cost, else a length that surely does. With the point there it returns
/// a bound on the change of any log-cost.
fn search<'a>(run: &mut Run<'a, '_>, x: &mut Vec<f64>, point: &Point, direction: &[f64]) -> (Point<'a>, f64) {
    let change = log_change(run.problem, direction);
    if !change.is_finite() {
        return (run.point(x), 0.0);
    }
    if change <= SURE {
        advance(x, 1.0, direction);
        return (run.point(x), change);
    }
    // no cost changes by more than exp(700) at once
    let mut length = (600.0 / change).min(1.0);
    let sure = if run.problem.is_powers() { change.ln_1p() / change } else { 1e-10 * length };
    loop {
        let mut trial = x.clone();
        advance(&mut trial, length, direction);
        let next = run.point(&trial);
        if length <= sure || next.flows().cost < point.flows().cost {
            *x = trial;
            return (next, length * change);
        }
        length = if length < 4.0 * sure { sure } else { (length * sure).sqrt().max(0.25 * length) };
    }
}

fn advance(x: &mut [f64], length: f64, direction: &[f64]) {
    x.iter_mut().zip(direction).for_each(|(x, d)| *x += length * d);
}

/// A bound on the change of the logarithm of any connection's cost along `d` (of the log-multiplier for convex costs).
pub(super) fn log_change(problem: &Problem, d: &[f64]) -> f64 {
    let along: Vec<f64> = problem.ports().iter().map(|f| f.at(d)).collect();
    let range = |ports: &[u32]| extent(ports.iter().map(|&q| along[q as usize]));
    let mut most = 0.0f64;
    for block in problem.blocks() {
        let ((head_low, head_high), (tail_low, tail_high)) = (range(&block.heads), range(&block.tails));
        let exponent = match block.cost {
            Cost::Power(k) => problem.exponents()[k],
            Cost::Convex(_) => 1.0,
        };
        most = most.max(exponent * (head_high - tail_low).max(tail_high - head_low));
    }
    most
}

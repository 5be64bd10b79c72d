//! Newton's method: damped sweeps until it is near, then steps from a linear solver.
//!
//! Reference: T. Sun and Q. Tran-Dinh, "Generalized self-concordant functions" (2019), for the safe step length.
//! Complexity: one pass an iteration, besides the linear solver.

use super::linear::LinearSolver;
use super::run::{End, Run};
use super::warm;
use crate::problem::{Point, Problem};

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
            return if best <= run.settings.tolerance { End::Tolerance } else { End::Stalled };
        }
        if iteration >= run.settings.max_iterations {
            x.clone_from(&best_x);
            return End::Limit;
        }
        previous = residual;
        let sweep = (sweeping && iteration < SWEEPS).then(|| warm::step(run, &point));
        let sweep = sweep.filter(|step| log_change(run.problem, step) > NEAR);
        sweeping = sweep.is_some();
        if let Some(step) = sweep {
            advance(x, 1.0, &step);
            point = run.point(x);
        } else {
            let direction = solver.newton_direction(run, &point);
            point = search(run, x, &point, &direction);
        }
    }
    unreachable!("the loop ends by returning")
}

/// Takes a step along `direction`: full where that lowers the cost, else a length that surely does.
fn search<'a>(run: &mut Run<'a, '_>, x: &mut Vec<f64>, point: &Point, direction: &[f64]) -> Point<'a> {
    let change = log_change(run.problem, direction);
    if !change.is_finite() {
        return run.point(x);
    }
    if change <= SURE {
        advance(x, 1.0, direction);
        return run.point(x);
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
            return next;
        }
        length = if length < 4.0 * sure { sure } else { (length * sure).sqrt().max(0.25 * length) };
    }
}

fn advance(x: &mut [f64], length: f64, direction: &[f64]) {
    x.iter_mut().zip(direction).for_each(|(x, d)| *x += length * d);
}

/// A bound on the change of the logarithm of any connection's cost along `d` (of the log-multiplier for convex costs).
fn log_change(problem: &Problem, d: &[f64]) -> f64 {
    problem.log_change(&problem.ports().iter().map(|f| f.at(d)).collect::<Vec<f64>>())
}

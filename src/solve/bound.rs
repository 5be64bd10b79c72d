//! A bound on the error of the weights.
//!
//! Let G = inflow - outflow be the gradient at x, known up to rounding: `|error of G_i| <= gamma (inflow_i + outflow_i)`.
//! To first order the optimum is at `x - H^-1 G`, so `|x - optimum| <= |H^-1| (|G| + gamma (inflow + outflow))`. Where
//! the comparison principle holds H^-1 has no negative entries, and one linear solve gives the bound. A small residual alone
//! says nothing: two units tied by weights of 1e6 and grounded by 1e-6 may drift apart by decades at residual zero.

use super::linear::{LinearSolver, UpperBound};
use super::run::Run;
use crate::problem::{Point, Problem};

/// Beyond this change of a log-multiplier the first-order bound says nothing.
const FIRST_ORDER: f64 = 0.1;

/// What a bound says of a solution.
pub(super) struct ErrorBound {
    /// Relative error of every weight; infinite where none is known.
    pub weights: f64,
    /// Error of every log-scale; empty where none is known.
    pub margins: Vec<f64>,
    /// About the smallest eigenvalue of the Hessian scaled to a diagonal of ones.
    pub smallest: Option<f64>,
}

/// The bound at a point where every imbalance is known up to `roundoff`.
pub(super) fn bound(
    run: &mut Run,
    point: &Point,
    imbalance: impl Fn(usize) -> f64,
    roundoff: f64,
    solver: &mut dyn LinearSolver,
) -> ErrorBound {
    let (flows, diagonal) = (point.flows(), point.diagonal());
    let unknown = ErrorBound { weights: f64::INFINITY, margins: vec![], smallest: None };
    // a curvature that vanishes in rounding says nothing of how far the optimum is
    let flat = |v: usize| run.moves[v] && diagonal[v].is_zero() && !(flows.inflow(v) + flows.outflow(v)).is_zero();
    if (0..diagonal.len()).any(flat) {
        return unknown;
    }
    let moves = |v: usize| run.moves[v] && !diagonal[v].is_zero();
    let b: Vec<f64> = (0..diagonal.len())
        .map(|v| {
            if !moves(v) {
                return 0.0;
            }
            let through = ((flows.inflow(v) + flows.outflow(v)) / diagonal[v]).to_f64();
            through * (imbalance(v).abs() + roundoff)
        })
        .collect();
    let Some(UpperBound { z: margins, quotient: smallest }) = solver.upper_bound(run, point, &b) else {
        return unknown;
    };
    let shift = largest_shift(run.problem, &margins);
    let steepest = run.problem.exponents().iter().fold(1.0, |m: f64, &p| m.max(p));
    let near = shift * steepest < FIRST_ORDER;
    let weights = if near { (shift * (1.0 + 2.0 * shift * steepest)).exp_m1() } else { f64::INFINITY };
    ErrorBound { weights, margins, smallest }
}

/// The largest possible change of a log-multiplier when every log-scale may be off by `z`.
pub(super) fn largest_shift(problem: &Problem, z: &[f64]) -> f64 {
    let width: Vec<f64> =
        problem.ports().iter().map(|f| f.terms().iter().map(|&(v, c)| c.abs() * z[v as usize].abs()).sum()).collect();
    let widest = |ports: &[u32]| ports.iter().map(|&q| width[q as usize]).fold(0.0, f64::max);
    problem.blocks().iter().map(|b| widest(&b.heads) + widest(&b.tails)).fold(0.0, f64::max)
}

//! A bound on the error of the weights.
//!
//! Let G = inflow - outflow be the gradient at x, known up to rounding: `|error of G_i| <= gamma (inflow_i + outflow_i)`.
//! To first order the optimum is at `x - H^-1 G`, so `|x - optimum| <= |H^-1| (|G| + gamma (inflow + outflow))`. Where
//! the comparison principle holds H^-1 has no negative entries, and one linear solve gives the bound. A small residual alone
//! says nothing: two units tied by weights of 1e6 and grounded by 1e-6 may drift apart by decades at residual zero.

use super::linear::LinearSolver;
use super::run::Run;
use crate::numeric::UNIT_ROUNDOFF;
use crate::problem::{Pattern, Point, Problem};

/// Beyond this change of a log-multiplier the first-order bound says nothing.
const FIRST_ORDER: f64 = 0.1;

/// Bound on the relative error of every weight at `x`; infinite where none is known.
pub(super) fn weights(run: &mut Run, point: &Point, x: &[f64], solver: &mut dyn LinearSolver) -> f64 {
    let (flows, diagonal) = (point.flows(), point.diagonal());
    let gamma = rounding(run.problem, x);
    let moves = |v: usize| run.moves[v] && !diagonal[v].is_zero();
    let b: Vec<f64> = (0..x.len())
        .map(|v| {
            if !moves(v) {
                return 0.0;
            }
            let through = ((flows.inflow[v] + flows.outflow[v]) / diagonal[v]).to_f64();
            through * (flows.imbalance(v).abs() + gamma)
        })
        .collect();
    let Some(z) = solver.upper_bound(run, point, &b) else { return f64::INFINITY };
    let shift = largest_shift(run.problem, &z);
    let steepest = run.problem.exponents().iter().fold(1.0, |m: f64, &p| m.max(p));
    if shift * steepest < FIRST_ORDER { (shift * (1.0 + 2.0 * shift * steepest)).exp_m1() } else { f64::INFINITY }
}

/// The largest possible change of a log-multiplier when every log-scale may be off by `z`.
fn largest_shift(problem: &Problem, z: &[f64]) -> f64 {
    let width: Vec<f64> =
        problem.ports().iter().map(|f| f.terms().iter().map(|&(v, c)| c.abs() * z[v as usize].abs()).sum()).collect();
    let widest = |ports: &[u32]| ports.iter().map(|&q| width[q as usize]).fold(0.0, f64::max);
    problem.blocks().iter().map(|b| widest(&b.heads) + widest(&b.tails)).fold(0.0, f64::max)
}

/// Bound on the relative rounding error of inflow plus outflow: multipliers `exp(p L)` are off by the rounding of their
/// argument, sums by one roundoff for every addition on the longest path through them.
fn rounding(problem: &Problem, x: &[f64]) -> f64 {
    let furthest = problem.ports().iter().map(|f| f.at(x).abs()).fold(0.0, f64::max);
    let steepest = problem.exponents().iter().fold(1.0, |m: f64, &p| m.max(p));
    // lanes and tiles along a line, panels across lines
    let dense = |lines: usize, places: usize| (128 + places / 1024).max(64 + lines / 64);
    let additions = problem.blocks().iter().map(|b| match &b.pattern {
        Pattern::Dense => dense(b.heads.len(), b.tails.len()),
        Pattern::DenseColumns => dense(b.tails.len(), b.heads.len()),
        Pattern::Diagonal => 1,
        Pattern::Sparse { start, column } => {
            let widest = start.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
            let mut degree = vec![0usize; b.tails.len()];
            column.iter().for_each(|&c| degree[c as usize] += 1);
            widest.max(degree.into_iter().max().unwrap_or(0))
        }
    });
    let additions = additions.max().unwrap_or(0) + crowd(problem);
    UNIT_ROUNDOFF * (additions as f64 + 8.0 + 2.0 * steepest * furthest)
}

/// Most sums that are added up in one variable: rows and columns that share a port, and ports that share the variable.
fn crowd(problem: &Problem) -> usize {
    let mut at_port = vec![0usize; problem.ports().len()];
    for block in problem.blocks() {
        block.heads.iter().chain(&block.tails).for_each(|&q| at_port[q as usize] += 1);
    }
    let mut at_variable = vec![0usize; problem.variables()];
    for (form, count) in problem.ports().iter().zip(at_port) {
        form.terms().iter().for_each(|&(v, _)| at_variable[v as usize] += count);
    }
    at_variable.into_iter().max().unwrap_or(0)
}

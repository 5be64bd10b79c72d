//! The limit p to infinity: the least possible largest weight, by linear programming (good_lp).
//!
//! Minimize t subject to `ln |w| + L(x) <= t` for all connections. The dual variables are a circulation; the mean of
//! `ln |w|` under it bounds t from below (for degree 1: the largest geometric cycle mean).

use crate::error::{Error, ErrorKind, Result};
use crate::problem::{Gauge, Problem};
use good_lp::{Expression, Solution as _, SolverModel, Variable, clarabel, constraint, microlp, variable, variables};
use std::collections::HashMap;

/// Constraints up to which the simplex method runs: its vertices are exact to rounding.
const SIMPLEX_ROWS: usize = 400;

/// The result of the linear program.
#[derive(Clone, Debug)]
pub struct Minimax {
    /// Free log-scales; one of many optima.
    pub log_scales: Vec<f64>,
    /// The largest magnitude of a weight at these log-scales, over the weights that have a variable.
    pub largest: f64,
    /// The optimum of the program; `largest` is above it by the program's error.
    pub bound: f64,
    /// The largest weight at log-scales zero, among those that have a variable.
    pub start: f64,
}

/// Minimizes the largest `|w| exp(L)` over all connections that have a variable; coefficients of the cost are ignored.
///
/// Complexity: one linear program with a row for every pair of connected ports.
///
/// # Errors
/// When costs are not powers, when weights were summed, or the program fails: then the largest weight can fall without bound.
pub fn minimax(problem: &Problem) -> Result<Minimax> {
    let rows = heaviest(problem, false)?;
    if rows.is_empty() {
        return Ok(Minimax { log_scales: vec![0.0; problem.variables()], largest: 0.0, bound: 0.0, start: 0.0 });
    }
    let start = rows.iter().map(|r| r.1).fold(f64::NEG_INFINITY, f64::max).exp();
    variables! { unknowns: }
    let x: Vec<Variable> = unknowns.add_vector(variable().min(-1e4).max(1e4), problem.variables());
    let t = unknowns.add(variable().min(-1e6).max(1e6));
    let objective = unknowns.minimise(t);
    let constraints = rows.iter().map(|&((head, tail), log)| {
        let mut left = Expression::from(log);
        problem.ports()[head as usize].terms().iter().for_each(|&(v, c)| left += c * x[v as usize]);
        problem.ports()[tail as usize].terms().iter().for_each(|&(v, c)| left -= c * x[v as usize]);
        constraint!(left <= t)
    });
    let failed = |e: good_lp::ResolutionError| {
        let remedy = "balance with a finite norm, which names the connections that escape";
        Error::new(ErrorKind::Unsupported, "norm inf", format!("the linear program failed: {e}"), remedy)
    };
    let mut log_scales: Vec<f64>;
    let bound: f64;
    if rows.len() <= SIMPLEX_ROWS {
        let solved = constraints.fold(objective.using(microlp), SolverModel::with).solve().map_err(failed)?;
        log_scales = x.iter().map(|&v| solved.value(v)).collect();
        bound = solved.value(t);
    } else {
        let solved = constraints.fold(objective.using(clarabel), SolverModel::with).solve().map_err(failed)?;
        log_scales = x.iter().map(|&v| solved.value(v)).collect();
        bound = solved.value(t);
    }
    // the program leaves shifts that change no weight anywhere
    Gauge::of(problem)?.apply(&mut log_scales);
    let largest = largest(problem, &rows, &log_scales);
    Ok(Minimax { log_scales, largest, bound: bound.exp(), start })
}

/// For every pair of ports the logarithm of the heaviest weight between them; `fixed` ones, without a variable, on demand.
pub(crate) fn heaviest(problem: &Problem, fixed: bool) -> Result<Vec<((u32, u32), f64)>> {
    if !problem.is_powers() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "norm inf",
            "a cost that is not a power has no limit p to infinity",
            "use a power as regularizer",
        ));
    }
    if let Some(block) = problem.blocks().iter().find(|b| b.is_summed()) {
        let fault = format!(
            "the weights of {:?} that share both ends were summed, and the largest of them is not known",
            block.name
        );
        let remedy = "lower the model with every weight apart (OnnxModel::lower_apart)";
        return Err(Error::new(ErrorKind::Unsupported, "norm inf", fault, remedy));
    }
    let mut most: HashMap<(u32, u32), f64> = HashMap::new();
    problem.for_each_entry(|e| {
        if fixed || !problem.form(&e).is_zero() {
            let best = most.entry((e.head, e.tail)).or_insert(f64::NEG_INFINITY);
            *best = best.max(problem.log_weight(&e));
        }
    });
    let mut rows: Vec<_> = most.into_iter().collect();
    rows.sort_unstable_by_key(|r| r.0);
    Ok(rows)
}

/// The largest magnitude of a weight at the log-scales `x`, of those that cannot move too; zero when there is none.
///
/// # Errors
/// When costs are not powers, or weights were summed.
///
/// # Panics
/// When `x` has the wrong length.
pub fn largest_weight(problem: &Problem, x: &[f64]) -> Result<f64> {
    heaviest(problem, true).map(|rows| largest(problem, &rows, x))
}

/// The same over the weights that have a variable.
///
/// # Errors
/// As for [`largest_weight`].
///
/// # Panics
/// When `x` has the wrong length.
pub fn largest_moving(problem: &Problem, x: &[f64]) -> Result<f64> {
    heaviest(problem, false).map(|rows| largest(problem, &rows, x))
}

fn largest(problem: &Problem, rows: &[((u32, u32), f64)], x: &[f64]) -> f64 {
    let along: Vec<f64> = problem.ports().iter().map(|f| f.at(x)).collect();
    let at = |&((h, t), log): &((u32, u32), f64)| (log + along[h as usize] - along[t as usize]).exp();
    rows.iter().map(at).fold(0.0, f64::max)
}

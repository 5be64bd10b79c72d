//! Newton's corrections at a fixed point, for whoever knows its imbalances better than double precision does.

use super::Method;
use super::run::{Run, check};
use super::settings::Settings;
use super::solvers::Solvers;
use crate::error::Result;
use crate::problem::Problem;
use std::ops::ControlFlow;

/// Solves `H d = diagonal * imbalance`, with inflow plus outflow as diagonal; none where H is not numerically definite.
pub type Correct<'a> = dyn FnMut(&[f64]) -> Option<Vec<f64>> + 'a;

/// Runs `use_it` with a linear solver at log-scales `x`; variables that do not move get zero.
///
/// Complexity: one read of the weights, and what [`super::solve`] needs for a linear solve of a few digits, for every one.
///
/// # Errors
/// When a setting is out of range.
pub fn corrections<T>(
    problem: &Problem,
    settings: &Settings,
    x: &[f64],
    use_it: impl FnOnce(&mut Correct) -> T,
) -> Result<T> {
    check(problem, settings)?;
    let callback = &mut |_: &_| ControlFlow::Continue(());
    // which solver serves best is a matter of the problem, not of the method that came here
    let mut solvers = Solvers::new(problem, Method::Auto)?;
    let mut run = Run::new(problem, settings, &solvers.gauge, callback)?;
    let method = solvers.method(Method::Auto);
    let point = run.point(x);
    let (flows, diagonal) = (point.flows(), point.diagonal());
    let solver = solvers.for_bound(method);
    solver.prepare(&mut run, &point);
    Ok(use_it(&mut |imbalance| {
        let one = |v: usize| {
            let moves = run.moves[v] && !diagonal[v].is_zero();
            let through = || ((flows.inflow(v) + flows.outflow(v)) / diagonal[v]).to_f64();
            if moves { through() * imbalance[v] } else { 0.0 }
        };
        let b: Vec<f64> = (0..diagonal.len()).map(one).collect();
        solver.solve(&mut run, &point, &b)
    }))
}

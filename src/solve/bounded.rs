//! The least cost with every log-scale inside a range: an active set around the unbounded solvers.
//!
//! Variables that leave the range are held at its end and the others solved anew; when none leaves, those are released
//! that would lower the cost on their way back. The problem is convex, so the point where neither happens is optimal.
//! Complexity: a solve for every change of the set, each from the last point; a handful in practice.

use super::run::solve;
use super::settings::Callback;
use super::{Settings, Solution, Status};
use crate::error::{Error, ErrorKind, Result};
use crate::problem::{LogScales, Problem};

/// Changes of the set after which the search ends.
const MOST_CHANGES: usize = 200;

/// Minimizes the cost with `|x_v| <= range` for every free log-scale.
///
/// The residual of the solution is that of the variables inside the range; those at its end want to leave it.
///
/// # Errors
/// As [`solve`], and when the range is not a finite number above zero.
pub fn solve_within(problem: &Problem, range: f64, settings: &Settings, callback: &mut Callback) -> Result<Solution> {
    if !(range > 0.0 && range.is_finite()) {
        let fault = format!("log-scales between -{range} and {range}");
        return Err(Error::new(ErrorKind::Parameter, "scale range", fault, "give a factor above 1"));
    }
    let mut solution = solve(problem, settings, callback)?;
    let mut held: Vec<bool> = vec![false; problem.variables()];
    let beyond =
        |x: &[f64], held: &[bool]| -> Vec<usize> { (0..x.len()).filter(|&v| !held[v] && x[v].abs() > range).collect() };
    let mut leaving = beyond(&solution.log_scales, &held);
    for _ in 0..MOST_CHANGES {
        if solution.status == Status::Cancelled {
            return Ok(solution);
        }
        if leaving.is_empty() {
            let point = problem.point(&solution.log_scales);
            solution.passes += 1.0;
            let inward = |v: &usize| {
                held[*v] && point.flows().imbalance(*v) * solution.log_scales[*v].signum() > settings.tolerance
            };
            let released: Vec<usize> = (0..held.len()).filter(inward).collect();
            if released.is_empty() {
                return Ok(solution);
            }
            released.into_iter().for_each(|v| held[v] = false);
        }
        leaving.iter().for_each(|&v| held[v] = true);
        let start = solution.log_scales.iter().map(|x| x.clamp(-range, range)).collect();
        let subset = (0..held.len()).filter(|&v| !held[v]).collect();
        let next =
            solve(problem, &Settings { start: Some(start), subset: Some(subset), ..settings.clone() }, callback)?;
        solution = after(solution, next);
        leaving = beyond(&solution.log_scales, &held);
    }
    // the best that is inside, though not the optimum
    let inside: Vec<f64> = solution.log_scales.iter().map(|x| x.clamp(-range, range)).collect();
    let cost = problem.cost_at(&inside);
    let scales = LogScales::new(inside.clone());
    Ok(Solution { log_scales: inside, scales, cost, status: Status::IterationLimit, ..solution })
}

/// A solution with the work before it counted in.
fn after(before: Solution, mut next: Solution) -> Solution {
    let mut trace = before.trace;
    next.trace.iter_mut().for_each(|step| {
        step.iteration += before.iterations;
        step.passes += before.passes;
    });
    trace.append(&mut next.trace);
    let (iterations, passes) = (before.iterations + next.iterations, before.passes + next.passes);
    Solution { trace, iterations, passes, ..next }
}

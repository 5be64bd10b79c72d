//! The optimum that a command asks for, and what its options make of it.

use super::args::Balance;
use super::settings::{Norm, progress};
use crate::analysis::max_balanced;
use crate::balance::{Balanced, balance};
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::Lowered;
use crate::problem::{LogScales, Problem};
use crate::solve::{Settings, Status, largest_moving, largest_weight, minimax, solve_within};

/// Connections up to which the optimum under the largest weight is the max-balanced one: it takes a sequence of programs.
const FEW: usize = 5000;

/// Balances, or for the largest weight minimizes it; and whether that is then the max-balanced optimum.
pub fn solve(lowered: &Lowered, norm: &Norm, settings: &Settings) -> Result<(Balanced, bool)> {
    let mut balanced = match norm {
        Norm::Powers(_) => return Ok((balance(&lowered.problem, settings, &mut progress())?, false)),
        // existence and the figures before are those of the sum of magnitudes
        Norm::Infinity => {
            let none = Settings { max_iterations: 0, ..settings.clone() };
            balance(&lowered.problem, &none, &mut progress())?
        }
    };
    let rest;
    let attained = match balanced.existence.direction() {
        Some(direction) => {
            rest = lowered.problem.without_falling(direction);
            &rest
        }
        None => &lowered.problem,
    };
    let before = largest_weight(attained, &vec![0.0; attained.variables()])?;
    let optimum = minimax(attained)?;
    // of the many optima the limit of the other norms, where that is quickly found
    let limit = if attained.entries() <= FEW { max_balanced(attained).ok() } else { None };
    let is_limit = limit.is_some();
    let log_scales = limit.map_or(optimum.log_scales, |limit| limit.log_scales);
    let reached = largest_moving(attained, &log_scales)?;
    let gap = if optimum.bound > 0.0 { reached / optimum.bound - 1.0 } else { 0.0 };
    balanced.cost_before = before;
    balanced.solution.cost = largest_weight(attained, &log_scales)?;
    balanced.solution.scales = LogScales::new(log_scales.clone());
    balanced.solution.log_scales = log_scales;
    balanced.residual_before = if optimum.bound > 0.0 { (optimum.start / optimum.bound - 1.0).max(0.0) } else { 0.0 };
    balanced.solution.residual = gap.abs();
    balanced.solution.error_bound = f64::INFINITY;
    balanced.enclosure = Err("the optimum under norm inf is not unique".into());
    balanced.gap = Err("norm inf has none".into());
    // nothing of the solve that ended at once says anything of this optimum
    (balanced.solution.passes, balanced.solution.smallest_eigenvalue) = (0.0, None);
    balanced.solution.trace.clear();
    balanced.solution.status = if gap.abs() <= 1e-6 { Status::Converged } else { Status::Stalled };
    Ok((balanced, is_limit))
}

/// Powers of two, those beyond a range of `log2` brought back to its last one.
fn within(problem: &Problem, scales: &LogScales, log2: f64) -> LogScales {
    let inside = |(&exponent, &step): (&i32, &i32)| {
        let most = step * (log2 / f64::from(step.max(1))).floor() as i32;
        exponent.clamp(-most, most)
    };
    let exponents: Vec<i32> = scales.exponents().iter().zip(&problem.whole_steps()).map(inside).collect();
    LogScales::split(exponents, vec![0.0; scales.len()])
}

/// Replaces the optimum by what the options allow; returns how far above the optimum that is, relatively.
pub fn constrain(
    args: &Balance,
    lowered: &Lowered,
    norm: &Norm,
    settings: &Settings,
    balanced: &mut Balanced,
) -> Result<Option<f64>> {
    let rest = balanced.existence.direction().map(|d| lowered.problem.without_falling(d));
    let problem = rest.as_ref().unwrap_or(&lowered.problem);
    let optimum = balanced.solution.cost;
    let solution = &mut balanced.solution;
    if args.power_of_two || args.scale_range.is_some() {
        balanced.enclosure = Err("the options ask for other weights than the optimum".into());
        balanced.gap = balanced.enclosure.as_ref().map(|e| e.gap).map_err(Clone::clone);
    }
    if let Some(range) = args.scale_range {
        if *norm == Norm::Infinity || !(range > 1.0 && range.is_finite()) {
            let fault = match norm {
                Norm::Infinity => "norm inf knows no range".to_string(),
                Norm::Powers(_) => format!("{range} is no factor above 1"),
            };
            let remedy = "give a number like 1000 and a finite norm";
            return Err(Error::new(ErrorKind::Parameter, "--scale-range", fault, remedy));
        }
        if solution.log_scales.iter().any(|x| x.abs() > range.ln()) {
            *solution = solve_within(problem, range.ln(), settings, &mut progress())?;
        }
    }
    if args.power_of_two {
        solution.scales = problem.nearest_powers(&solution.scales);
        if let Some(range) = args.scale_range {
            solution.scales = within(problem, &solution.scales, range.log2());
        }
        solution.log_scales = solution.scales.total();
        solution.error_bound = f64::INFINITY;
        if *norm == Norm::Infinity {
            solution.cost = largest_weight(problem, &solution.log_scales)?;
            solution.residual = solution.cost / optimum - 1.0;
        } else {
            let point = problem.point(&solution.log_scales);
            (solution.cost, solution.residual) = (point.flows().cost.to_f64(), point.flows().residual());
        }
    }
    let asked = args.power_of_two || args.scale_range.is_some();
    Ok((asked && optimum > 0.0).then(|| (solution.cost / optimum - 1.0).max(0.0)))
}

//! Stochastic local balancing: one unit after the other takes its exact step.
//!
//! Reference: Baldi, Alexos, Domingo, Rahmansetayesh, "A Theory of Synaptic Neural Balance" (2024); for matrices Osborne
//! (1960). Complexity: a step reads the unit's connections; a sweep reads every connection at both ends.

use super::incidence::Incidence;
use super::run::{End, Run};
use super::schedule::Order;
use crate::numeric::{PLAIN_LOG, Scalar, Wide};
use rayon::prelude::*;
use std::collections::HashMap;

/// From then on the residual is recomputed only when this share of sweeps more has passed: it costs half a sweep.
const CHECK_EVERY: usize = 20;
/// Checks without progress, below a residual of 1e-9, after which rounding has ended the progress.
const PATIENCE: usize = 200;

/// Units of one layer that a thread takes together.
const AT_ONCE: usize = 16;

/// Balances until the recomputed residual is within the tolerance.
pub(super) fn balance(run: &mut Run, x: &mut [f64]) -> End {
    let moves = movable(run);
    let mut order = Order::new(&run.settings.schedule, &moves, run.settings.seed);
    let mut progress = Progress { sweep: 0, next_check: 1, best: f64::INFINITY, idle: 0 };
    if Incidence::<f64>::is_plain(run.problem)
        && let Some(end) = sweeps::<f64>(run, x, &mut order, &mut progress)
    {
        return end;
    }
    sweeps::<Wide>(run, x, &mut order, &mut progress).expect("wide sweeps never leave their range")
}

/// Active variables of the subset; pinned ones move too, for the schedule is the user's.
pub(super) fn movable(run: &Run) -> Vec<bool> {
    run.gauge.active.clone()
}

struct Progress {
    sweep: usize,
    next_check: usize,
    best: f64,
    idle: usize,
}

/// Sweeps in one kind of number; none when they leave its range.
fn sweeps<S: Scalar>(run: &mut Run, x: &mut [f64], order: &mut Order, progress: &mut Progress) -> Option<End> {
    let mut incidence = Incidence::<S>::new(run.problem, x);
    let entries = run.problem.entries().max(1) as f64;
    let largest = run.problem.ports().iter().map(|f| f.at(x).abs()).fold(0.0, f64::max);
    let steepest = run.problem.exponents().iter().fold(1.0, |m: f64, &p| m.max(p));
    if S::PLAIN && largest * steepest > PLAIN_LOG {
        return None;
    }
    let at_once = order.layers().map(|layers| apart(&incidence, &layers));
    loop {
        if progress.sweep == 0 || progress.sweep >= progress.next_check || order.len() == 0 {
            if let Some(end) = check(run, x, progress) {
                return Some(end);
            }
            if order.len() == 0 {
                return Some(End::Stalled);
            }
        }
        let mut visits = 0;
        let theta = run.settings.relaxation;
        let step = |incidence: &Incidence<S>, v: usize| {
            let local = incidence.local(v);
            (v, theta * incidence.exact_step(&local), local.visits)
        };
        let mut take = |incidence: &mut Incidence<S>, (v, step, seen): (usize, f64, usize)| {
            visits += seen;
            x[v] += step;
            incidence.update(v, x) <= PLAIN_LOG || !S::PLAIN
        };
        let mut in_range = true;
        match &at_once {
            None => {
                for _ in 0..order.len() {
                    let one = step(&incidence, order.next());
                    in_range = in_range && take(&mut incidence, one);
                }
            }
            Some(sets) => {
                for set in sets {
                    let steps: Vec<_> = set.par_iter().with_min_len(AT_ONCE).map(|&v| step(&incidence, v)).collect();
                    in_range = steps.into_iter().all(|one| take(&mut incidence, one)) && in_range;
                }
            }
        }
        if !in_range {
            return None;
        }
        run.passes += visits as f64 / entries;
        progress.sweep += 1;
    }
}

/// Splits layers into sets of units that no connection joins: greedy colouring.
fn apart<S: Scalar>(incidence: &Incidence<S>, layers: &[&[usize]]) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = vec![];
    let mut set_of: HashMap<u32, usize> = HashMap::new();
    for layer in layers {
        let first = sets.len();
        for &v in *layer {
            let taken: Vec<usize> = incidence.neighbours(v).iter().filter_map(|u| set_of.get(u).copied()).collect();
            let own = (first..).find(|set| !taken.contains(set)).expect("sets are endless");
            if own == sets.len() {
                sets.push(vec![]);
            }
            sets[own].push(v);
            set_of.insert(v as u32, own);
        }
    }
    sets
}

fn check(run: &mut Run, x: &[f64], progress: &mut Progress) -> Option<End> {
    let next = progress.sweep + 1 + progress.sweep / CHECK_EVERY;
    progress.next_check = next.min(run.settings.max_iterations.max(progress.sweep + 1));
    let point = run.point(x);
    let go_on = run.step(progress.sweep, &point);
    let residual = run.residual(&point);
    progress.idle = if residual < 0.99 * progress.best { 0 } else { progress.idle + 1 };
    progress.best = progress.best.min(residual);
    if residual <= run.settings.tolerance {
        return Some(End::Tolerance);
    }
    if !go_on {
        return Some(End::Cancelled);
    }
    if progress.sweep >= run.settings.max_iterations {
        return Some(End::Limit);
    }
    (progress.idle > PATIENCE && progress.best < 1e-9).then_some(End::Stalled)
}

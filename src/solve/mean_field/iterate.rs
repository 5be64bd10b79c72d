//! Steps to the minimum of the replaced problem, accelerated, one pass each; and Newton's from rounded copies.

use super::Layout;
use super::anderson::Anderson;
use super::kept::{Kept, NEAR, PRECISE};
use crate::problem::Point;
use crate::solve::run::{End, Run};

/// Iterates that the acceleration remembers.
const MEMORY: usize = 20;
/// Steps without halving of the best residual after which another method goes on.
const PATIENCE: usize = 8;
/// Above this residual flows may differ by orders of magnitude, and sweeps come first.
const FAR: f64 = 0.9;
/// A step leaves about the square of the residual, and this part of it may be left of its system.
const FORCE: f64 = 0.3;
/// A step is asked for this part of what it needs: norms differ.
const MARGIN: f64 = 0.2;
/// No system is solved to less.
const LOOSEST: f64 = 0.1;
/// Newton's steps from rounded copies change no logarithm of a cost by more.
const LONGEST: f64 = 1.0;
/// Changes of a logarithm of a cost beyond this factor times the plain step are not believed.
const FARTHEST: f64 = 4.0;
/// A plain step below this change counts as if it were as long.
const SHORT: f64 = 0.1;

/// Minimizes by steps to the minimum of the replaced problem; none where they make no progress, with x the best point.
pub(in crate::solve) fn minimize(run: &mut Run, x: &mut Vec<f64>, layout: &Layout, copies: &mut Kept) -> Option<End> {
    let mut anderson = Anderson::new(MEMORY);
    let (mut best, mut best_x, mut since_best) = (f64::INFINITY, x.clone(), 0);
    let moves = run.moves.clone();
    let mut near = NEAR;
    let mut last_cost: Option<crate::numeric::Wide> = None;
    for iteration in 0.. {
        let point: Point = run.point(x);
        if !run.step(iteration, &point) {
            return Some(End::Cancelled);
        }
        let residual = run.last_residual();
        since_best = if residual < 0.5 * best { 0 } else { since_best + 1 };
        if residual < best {
            best = residual;
            best_x.clone_from(x);
        }
        if residual <= run.settings.tolerance {
            return Some(End::Tolerance);
        }
        if iteration >= run.settings.max_iterations {
            x.clone_from(&best_x);
            return Some(End::Limit);
        }
        if since_best > PATIENCE {
            x.clone_from(&best_x);
            return None;
        }
        let step = if residual <= near {
            let b: Vec<f64> = point.scaled_gradient().into_iter().map(|g| -g).collect();
            copies.solution(run, layout, &point, &b, precision(run.settings.tolerance / residual, residual))
        } else {
            None
        };
        if let Some(step) = step.filter(|step| layout.longest(step) <= LONGEST) {
            anderson.restart();
            x.iter_mut().zip(&step).for_each(|(x, s)| *x += s);
            continue;
        }
        // what was too long is not tried again at once, nor what had no solution
        near = if residual <= near { 0.5 * residual } else { near };
        // rising costs show that the past does not tell the future
        if last_cost.is_some_and(|last| point.flows().cost > last) && residual > 1e-6 {
            anderson.restart();
        }
        last_cost = Some(point.flows().cost);
        let Some(model) = layout.at(&point, &moves) else {
            x.clone_from(&best_x);
            return None;
        };
        let plain = model.minimize(residual > FAR);
        let mut step = anderson.step(x, &plain);
        // a combination that leads far away is not believed
        let far = layout.longest(&step);
        if far > FARTHEST * SHORT && far > FARTHEST * layout.longest(&plain) {
            anderson.restart();
            step = plain;
        }
        x.iter_mut().zip(&step).for_each(|(x, s)| *x += s);
    }
    unreachable!("the loop ends by returning")
}

/// What a system is to be solved to where the residual is to fall by `needed`: no more digits than the last step needs, and
/// those before it share the way alike.
fn precision(needed: f64, residual: f64) -> f64 {
    let needed = MARGIN * needed;
    let steps = (needed.ln() / PRECISE.ln()).ceil().max(1.0);
    needed.powf(steps.recip()).max(FORCE * residual).clamp(PRECISE, LOOSEST)
}

#[cfg(test)]
mod tests {
    use super::super::kept::tests::problem;
    use super::*;
    use crate::problem::Gauge;
    use crate::solve::Settings;
    use quickcheck_macros::quickcheck;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    use std::ops::ControlFlow;

    #[quickcheck]
    fn with_and_without_copies_the_optimum_is_the_same_one(seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let depth = random.random_range(2..8);
        let problem = problem(&mut random, depth);
        let (layout, gauge) = (Layout::new(&problem).unwrap(), Gauge::of(&problem).unwrap());
        let settings = Settings::default();
        let run = |mut copies: Kept, uses: bool| {
            let mut callback = |_: &_| ControlFlow::Continue(());
            let mut run = Run::new(&problem, &settings, &gauge, &mut callback).unwrap();
            let mut x = vec![0.0; problem.variables()];
            assert_eq!(minimize(&mut run, &mut x, &layout, &mut copies), Some(End::Tolerance), "{:?}", run.trace);
            // the last step begins within their reach, but for those that a mean field takes from afar
            let near = run.trace.iter().rev().nth(1).is_some_and(|step| step.residual <= NEAR);
            assert_eq!(copies.made_at().is_some(), uses && near);
            x
        };
        let (with, without) = (run(Kept::default(), true), run(Kept::none(), false));
        let off = with.iter().zip(&without).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off <= 1e-9, "off by {off:e}");
    }
}

//! A start for Newton's method in sparse graphs: the logarithms of inflow and outflow made equal.
//!
//! Newton's method on the cost moves a unit whose costs are too small by one in logarithm at a time, and damps all others for
//! it. The equations `ln inflow = ln outflow` are nearly linear however far they are from balance: along a chain they
//! are linear. Their Jacobian is no symmetric matrix; a symmetric one beside it preconditions, near balance the Hessian.
//!
//! Nothing here leaves the range of `f64`, for all is in logarithms. Complexity: a few factorizations, and some ten solves and
//! walks over the connections for each.

use super::cholesky::Cholesky;
use super::equations::{Equations, size};
use super::relax::{Joined, relax};
use super::run::Run;
use super::tangent::Tangent;

/// Steps after which the start is left to others.
const MOST_STEPS: usize = 40;
/// Newton's method on the cost squares its error from here: no gap is wider, and the mean gap is small. On a grid of a million
/// units it takes 7 steps from a mean of 1e-3, and 20 from 4e-2.
const NEAR: f64 = 0.2;
const SMALL: f64 = 1e-3;
/// Where no gap is wider, the Hessian resembles the Jacobian more than a matrix of the parts of costs in flows does: on a grid of a
/// million units a step takes two vectors with it, and five or more without.
const BALANCED: f64 = 0.5;
/// A step is halved until it makes the gaps smaller, at most so often.
const MOST_HALVINGS: i32 = 10;
/// Gaps beyond this are closed one by one after every step: it leaves few, and steps of all others wait for them. Far from
/// balance, and where all gaps are within [`BALANCED`]: what is left of them there is what the next step cannot close.
const WIDE: [f64; 2] = [0.5 * NEAR, 0.1 * NEAR];
/// Steps in a row that make no gap smaller at any length, after which the start is left to others.
const MOST_FAILURES: usize = 1;

/// Log-scales near the optimum from `x`; none where the steps do not lead there.
pub(super) fn start(run: &mut Run, equations: &Equations, x: &[f64], factor: &mut Cholesky) -> Option<Vec<f64>> {
    let joined = Joined::new(equations, x.len());
    let mut x = x.to_vec();
    let mut failures = 0;
    run.passes += 1.0;
    let mut near = equations.at(&x)?;
    for _ in 0..MOST_STEPS {
        let widest = near.gaps.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        if widest <= NEAR && size(&near.gaps) <= SMALL * x.len() as f64 {
            return Some(x);
        }
        let before = size(&near.gaps);
        let tangent = Tangent::of(near, widest <= BALANCED);
        let exponent = |block: usize| run.problem.blocks()[block].exponent(run.problem).unwrap_or(1.0);
        let weight = |block: usize, order: usize| exponent(block).powi(2) * tangent.symmetric[order];
        if !factor.factorize_weighted(&run.moves, &tangent.diagonals.1, weight) {
            return None;
        }
        let (step, passes) = tangent.step(|side| factor.solve_weighted(&run.moves, side));
        // two of them at once, in a problem of a million units, are a tenth of a gigabyte
        drop(tangent);
        run.passes += passes;
        if step.iter().any(|d| !d.is_finite()) {
            return None;
        }
        let shorter = (0..MOST_HALVINGS).find_map(|halvings| {
            let length = 0.5f64.powi(halvings);
            let trial: Vec<f64> = x.iter().zip(&step).map(|(x, d)| x + length * d).collect();
            run.passes += 1.0;
            let next = equations.at(&trial)?;
            (size(&next.gaps) < (1.0 - 0.1 * length) * before).then_some((trial, next))
        });
        failures = if shorter.is_some() { 0 } else { failures + 1 };
        if failures > MOST_FAILURES {
            return None;
        }
        near = match shorter {
            Some((next, near)) => {
                x = next;
                near
            }
            None => equations.at(&x)?,
        };
        let (relaxed, share) = relax(&near, &joined, WIDE[usize::from(widest <= BALANCED)], &mut x);
        run.passes += share;
        if relaxed {
            run.passes += 1.0;
            near = equations.at(&x)?;
        }
    }
    None
}

//! Conjugate gradients with the matrix-free Hessian, preconditioned by its mean field, by the sparse factor of a Hessian nearby,
//! whole or incomplete, or by its diagonal.
//!
//! Everything is divided by the diagonal, so no cost leaves the range of `f64`: the operator is `D^-1 H`, self-adjoint in
//! the inner product `sum D a b`. Complexity: one pass an iteration.

use super::cholesky::Cholesky;
use super::conjugate::{ANY, End, State, relative_weight, serves_again};
use super::incomplete::Incomplete;
use super::linear::{LinearSolver, UpperBound, bound_from, bound_of};
use super::mean_field::{Kept, Layout, NEAR};
use super::refine::REFINEMENT;
use super::run::Run;
use crate::problem::Point;

/// Conjugate gradients; what preconditions is remembered between solves.
pub(super) struct ConjugateGradients {
    /// The mean field that preconditions; none for the diagonal.
    mean_field: Option<Layout>,
    /// Rounded copies of its blocks, once they are made.
    copies: Kept,
    /// A sparse factor that preconditions, and whether it should be made anew before it is used.
    factor: Option<(Cholesky, bool)>,
    /// An incomplete factor that preconditions.
    incomplete: Option<Incomplete>,
    /// The logarithms of the multipliers of all ports where it was made; none where there is none to be used again.
    made_at: Option<Vec<f64>>,
}

/// Most iterations of one solve.
pub(super) const MOST: usize = 5000;
/// Iterations with a factor after which it is made anew: on a grid of a million units it takes the time of some four.
const STALE: usize = 4;
/// Most corrections of a bound from rounded copies: each leaves a thousandth.
const CORRECTIONS: usize = 3;
/// A direction need not be more precise than this fraction of the current imbalance, squared when it is small.
const LOOSEST: f64 = 0.1;

impl LinearSolver for ConjugateGradients {
    fn is_direct(&self) -> bool {
        false
    }

    fn newton_direction(&mut self, run: &mut Run, point: &Point) -> Vec<f64> {
        let b: Vec<f64> = point.scaled_gradient().into_iter().map(|g| -g).collect();
        let residual = run.last_residual();
        // the next residual is about the square of this one, and what is left of the direction's equations should not add as much
        let precision = (0.5 * residual).max(0.1 * run.settings.tolerance / residual.max(1e-300)).min(LOOSEST);
        self.rounded(run, point, &b, precision).unwrap_or_else(|| self.iterate(run, point, &b, precision, None))
    }

    fn prepare(&mut self, _: &mut Run, _: &Point) {}

    fn solve(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<Vec<f64>> {
        if let Some(d) = self.rounded(run, point, b, REFINEMENT) {
            return Some(d);
        }
        let d = self.iterate(run, point, b, REFINEMENT, None);
        Some(if self.incomplete.is_some() { completed(run, point, b, d, REFINEMENT) } else { d })
    }

    fn upper_bound(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<UpperBound> {
        if !run.problem.has_comparison() {
            return None;
        }
        if let Some(bound) = self.rounded_bound(run, point, b) {
            return Some(bound);
        }
        // the recurrence's own residual tells
        let z = self.iterate(run, point, b, ANY, Some(&|v, r| is_near(b[v], r)));
        bound_from(run, point, b, &z)
    }
}

impl ConjugateGradients {
    /// Conjugate gradients with what preconditions, if anything: a mean field, a factor, or an incomplete one.
    pub fn new(mean_field: Option<Layout>, factor: Option<Cholesky>, incomplete: Option<Incomplete>) -> Self {
        Self {
            mean_field,
            copies: Kept::default(),
            factor: factor.map(|factor| (factor, true)),
            incomplete,
            made_at: None,
        }
    }

    /// The factor that preconditions, if any.
    pub fn factor(&mut self) -> Option<&mut Cholesky> {
        self.factor.as_mut().map(|(factor, _)| factor)
    }

    /// Makes factors and copies anew before they are used again.
    pub fn forget(&mut self) {
        self.factor.iter_mut().for_each(|(_, stale)| *stale = true);
        self.copies.forget();
        self.made_at = None;
    }

    /// The layout of the mean field, where there is one, and the rounded copies.
    pub fn mean_field(&mut self) -> Option<(&Layout, &mut Kept)> {
        self.mean_field.as_ref().map(|layout| (layout, &mut self.copies))
    }

    /// Whether there is an incomplete factor of a Hessian near the point, made there unless the last one is as precise.
    fn has_incomplete(&mut self, run: &mut Run, point: &Point, precision: f64) -> bool {
        let Some(factor) = &mut self.incomplete else { return false };
        if !self.made_at.as_ref().is_some_and(|made_at| serves_again(point, made_at, precision)) {
            self.made_at = factor.factorize(run, point).then(|| point.logs().to_vec());
        }
        self.made_at.is_some()
    }

    /// The solution of `D^-1 H d = b` from rounded copies, where there are any that are as precise.
    fn rounded(&mut self, run: &mut Run, point: &Point, b: &[f64], precision: f64) -> Option<Vec<f64>> {
        let layout = self.mean_field.as_ref().filter(|_| run.last_residual() <= NEAR)?;
        self.copies.solution(run, layout, point, b, precision)
    }

    /// The bound from rounded copies. Where some entries of b are so small that what is left of the solution counts there, it is
    /// corrected.
    fn rounded_bound(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<UpperBound> {
        let mut z = self.rounded(run, point, b, REFINEMENT)?;
        for _ in 0..=CORRECTIONS {
            run.passes += 1.0;
            let reached = point.scaled_product(&z);
            let left: Vec<f64> = b.iter().zip(&reached).map(|(b, r)| b - r).collect();
            if (0..b.len()).all(|v| !run.moves[v] || is_near(b[v], left[v].abs())) {
                return bound_of(run, point, b, (&z, &reached));
            }
            let correction = self.rounded(run, point, &left, REFINEMENT)?;
            z.iter_mut().zip(&correction).for_each(|(z, d)| *z += d);
        }
        None
    }

    /// Solves `D^-1 H d = b` until the residual has fallen by `precision`, or `enough` holds for every entry of it.
    fn iterate(
        &mut self,
        run: &mut Run,
        point: &Point,
        b: &[f64],
        precision: f64,
        enough: Option<&dyn Fn(usize, f64) -> bool>,
    ) -> Vec<f64> {
        let moves = run.moves.clone();
        let b: Vec<f64> = (0..b.len()).map(|v| if moves[v] { b[v] } else { 0.0 }).collect();
        let weight = relative_weight(point);
        let mut state = State { weight: weight.clone(), d: vec![0.0; b.len()], residual: b.clone() };
        let end = End { precision: precision * precision, b: &b, enough };
        if let Some(layout) = &self.mean_field {
            let Some(model) = layout.at(point, &moves) else {
                state.advance(&moves, &end, MOST, counted(run, point), <[f64]>::to_vec);
                return state.d;
            };
            let (_, diagonal) = model.slopes();
            let hessian = model.hessian(&diagonal);
            state.advance(&moves, &end, MOST, counted(run, point), |r| {
                hessian.solve(layout, &r.iter().zip(&diagonal).map(|(r, d)| r * d).collect::<Vec<f64>>())
            });
            return state.d;
        }
        if let Some((factor, stale)) = &mut self.factor
            && (!*stale || factor.factorize(run, point))
        {
            let ended =
                state.advance(&moves, &end, MOST, counted(run, point), |r| factor.solve_scaled(&moves, &weight, r));
            *stale = ended.is_none_or(|iterations| iterations > STALE);
        } else if self.has_incomplete(run, point, if enough.is_some() { REFINEMENT } else { precision })
            && let Some(factor) = &self.incomplete
        {
            return factor.solve(run, &end);
        } else {
            state.advance(&moves, &end, MOST, counted(run, point), <[f64]>::to_vec);
        }
        state.d
    }
}

/// Whether an entry of a bound's right-hand side is reached by a quarter: the bound may be four times too wide.
fn is_near(b: f64, residual: f64) -> bool {
    residual <= 0.75 * b
}

/// Goes on from a solution of an assembled matrix, whose entries are rounded, with products of the weights themselves: where a
/// part is hardly grounded it would be too far off for a refinement.
fn completed(run: &mut Run, point: &Point, b: &[f64], d: Vec<f64>, precision: f64) -> Vec<f64> {
    let moves = run.moves.clone();
    let moving =
        |of: &[f64]| -> Vec<f64> { of.iter().zip(&moves).map(|(x, &moves)| if moves { *x } else { 0.0 }).collect() };
    let (b, reached) = (moving(b), moving(&counted(run, point)(&d)));
    let residual = b.iter().zip(&reached).map(|(b, r)| b - r).collect();
    let mut state = State { weight: relative_weight(point), d, residual };
    let end = End { precision: precision * precision, b: &b, enough: None };
    state.advance(&moves, &end, MOST, counted(run, point), <[f64]>::to_vec);
    state.d
}

/// The product with the Hessian of the weights, each of which is a pass.
fn counted<'r>(run: &'r mut Run, point: &'r Point) -> impl FnMut(&[f64]) -> Vec<f64> + 'r {
    |d| {
        run.passes += 1.0;
        point.scaled_product(d)
    }
}

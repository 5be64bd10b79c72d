//! Conjugate gradients with the matrix-free Hessian, preconditioned by its mean field, by the sparse factor of a Hessian nearby,
//! whole or incomplete, or by its diagonal.
//!
//! Everything is divided by the diagonal, so no cost leaves the range of `f64`: the operator is `D^-1 H`, self-adjoint in
//! the inner product `sum D a b`. Complexity: one pass an iteration.

use super::cholesky::Cholesky;
use super::incomplete::Incomplete;
use super::linear::{LinearSolver, UpperBound, bound_from};
use super::mean_field::Layout;
use super::refine::REFINEMENT;
use super::run::Run;
use crate::numeric::{Wide, weighted_dot};
use crate::problem::Point;

/// Conjugate gradients; only a factor is remembered between solves.
pub(super) struct ConjugateGradients {
    /// The mean field that preconditions; none for the diagonal.
    mean_field: Option<Layout>,
    /// A sparse factor that preconditions, and whether it should be made anew before it is used.
    factor: Option<(Cholesky, bool)>,
    /// An incomplete factor that preconditions.
    incomplete: Option<Incomplete>,
}

/// Most iterations of one solve.
pub(super) const MOST: usize = 5000;
/// Iterations with a factor after which it is made anew: on a grid of a million units it takes the time of some four.
const STALE: usize = 4;
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
        self.iterate(run, point, &b, precision, None)
    }

    fn prepare(&mut self, _: &mut Run, _: &Point) {}

    fn solve(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<Vec<f64>> {
        let d = self.iterate(run, point, b, REFINEMENT, None);
        Some(if self.incomplete.is_some() { completed(run, point, b, d, REFINEMENT) } else { d })
    }

    fn upper_bound(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<UpperBound> {
        if !run.problem.has_comparison() {
            return None;
        }
        // the recurrence's own residual tells when every entry is reached by a quarter: the bound may be four times too wide
        let z = self.iterate(run, point, b, 0.0, Some(&|v, r| r <= 0.75 * b[v]));
        bound_from(run, point, b, z)
    }
}

impl ConjugateGradients {
    /// Conjugate gradients with what preconditions, if anything: a mean field, a factor, or an incomplete one.
    pub fn new(mean_field: Option<Layout>, factor: Option<Cholesky>, incomplete: Option<Incomplete>) -> Self {
        Self { mean_field, factor: factor.map(|factor| (factor, true)), incomplete }
    }

    /// The factor that preconditions, if any.
    pub fn factor(&mut self) -> Option<&mut Cholesky> {
        self.factor.as_mut().map(|(factor, _)| factor)
    }

    /// Makes factors anew before they are used again.
    pub fn forget(&mut self) {
        self.factor.iter_mut().for_each(|(_, stale)| *stale = true);
    }

    /// The layout of the mean field, where there is one.
    pub fn mean_field(&self) -> Option<&Layout> {
        self.mean_field.as_ref()
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
            let model = layout.at(point, &moves);
            let diagonal = model.as_ref().map(|m| m.slopes().1);
            let hessian = model.as_ref().zip(diagonal.as_ref()).map(|(m, diagonal)| m.hessian(diagonal));
            state.advance(run, point, &end, MOST, |r| match (&hessian, &diagonal) {
                (Some(hessian), Some(d)) => hessian.solve(&r.iter().zip(d).map(|(r, d)| r * d).collect::<Vec<f64>>()),
                _ => r.to_vec(),
            });
            return state.d;
        }
        if let Some((factor, stale)) = &mut self.factor
            && (!*stale || factor.factorize(run, point))
        {
            let ended = state.advance(run, point, &end, MOST, |r| factor.solve_scaled(&moves, &weight, r));
            *stale = ended.is_none_or(|iterations| iterations > STALE);
        } else if let Some(factor) = &mut self.incomplete
            && factor.factorize(run, point)
        {
            return factor.solve(run, &end);
        } else {
            state.advance(run, point, &end, MOST, <[f64]>::to_vec);
        }
        state.d
    }
}

/// Goes on from a solution of an assembled matrix, whose entries are rounded, with products of the weights themselves: where a
/// part is hardly grounded it would be too far off for a refinement.
fn completed(run: &mut Run, point: &Point, b: &[f64], d: Vec<f64>, precision: f64) -> Vec<f64> {
    let moving = |of: &[f64]| -> Vec<f64> {
        of.iter().zip(&run.moves).map(|(x, &moves)| if moves { *x } else { 0.0 }).collect()
    };
    let (b, reached) = (moving(b), moving(&point.scaled_product(&d)));
    let residual = b.iter().zip(&reached).map(|(b, r)| b - r).collect();
    run.passes += 1.0;
    let mut state = State { weight: relative_weight(point), d, residual };
    state.advance(run, point, &End { precision: precision * precision, b: &b, enough: None }, MOST, <[f64]>::to_vec);
    state.d
}

/// When an iteration ends.
pub(super) struct End<'a> {
    /// The square by which the residual is to fall below that of `b`, in the norm of the preconditioner.
    pub precision: f64,
    pub b: &'a [f64],
    /// Whether the magnitude of the residual is small enough, for every variable.
    pub enough: Option<&'a dyn Fn(usize, f64) -> bool>,
}

impl End<'_> {
    /// Whether the residual is small enough at all variables that move.
    pub fn is_enough<R: AsRef<[f64]>>(&self, run: &Run, residual: impl FnOnce() -> R) -> bool {
        let Some(enough) = self.enough else { return false };
        residual().as_ref().iter().zip(&run.moves).enumerate().all(|(v, (r, moves))| !moves || enough(v, r.abs()))
    }
}

/// The solution so far, and its residual.
struct State {
    weight: Vec<f64>,
    d: Vec<f64>,
    residual: Vec<f64>,
}

impl State {
    fn dot(&self, a: &[f64], b: &[f64]) -> f64 {
        weighted_dot(&self.weight, a, b)
    }

    /// Iterates on from here with a preconditioner; the number of iterations, or none where `most` were not enough.
    fn advance(
        &mut self,
        run: &mut Run,
        point: &Point,
        end: &End,
        most: usize,
        precondition: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Option<usize> {
        let n = self.d.len();
        let mut direction = precondition(&self.residual);
        let mut square = self.dot(&self.residual, &direction);
        let goal = end.precision * if self.residual == end.b { square } else { self.dot(end.b, &precondition(end.b)) };
        for iteration in 0..most {
            // rounding in the preconditioner may make the square negative
            let done = square.is_nan() || square <= goal || square <= 0.0;
            if done || end.is_enough(run, || &self.residual) {
                return Some(iteration);
            }
            run.passes += 1.0;
            let mut image = point.scaled_product(&direction);
            (0..n).filter(|&v| !run.moves[v]).for_each(|v| image[v] = 0.0);
            let curvature = self.dot(&direction, &image);
            // rounding makes the curvature along exhausted directions vanish
            if curvature.is_nan() || curvature <= 0.0 {
                return Some(iteration);
            }
            let length = square / curvature;
            for v in 0..n {
                self.d[v] += length * direction[v];
                self.residual[v] -= length * image[v];
            }
            let improved = precondition(&self.residual);
            let next = self.dot(&self.residual, &improved);
            let keep = next / square;
            (0..n).for_each(|v| direction[v] = improved[v] + keep * direction[v]);
            square = next;
        }
        None
    }
}

/// The diagonal over its largest entry; entries too small for `f64` count as the smallest number.
pub(super) fn relative_weight(point: &Point) -> Vec<f64> {
    const LEAST: f64 = 1e-290;
    if let Some(diagonal) = point.plain_diagonal() {
        let largest = diagonal.iter().fold(0.0, |m: f64, &d| m.max(d));
        return diagonal.iter().map(|&d| if d == 0.0 { 0.0 } else { (d / largest).max(LEAST) }).collect();
    }
    let diagonal = point.diagonal();
    let largest = diagonal.iter().fold(Wide::ZERO, |m, &d| if d > m { d } else { m });
    let relative = |d: Wide| if d.is_zero() { 0.0 } else { (d / largest).to_f64().max(LEAST) };
    diagonal.into_iter().map(relative).collect()
}

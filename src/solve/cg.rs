//! Conjugate gradients with the matrix-free Hessian, preconditioned by its mean field, or by its diagonal.
//!
//! Everything is divided by the diagonal, so no cost leaves the range of `f64`: the operator is `D^-1 H`, self-adjoint in
//! the inner product `sum D a b`. Complexity: one pass an iteration.

use super::linear::{LinearSolver, bound_from};
use super::mean_field::Layout;
use super::refine::REFINEMENT;
use super::run::Run;
use crate::numeric::Wide;
use crate::problem::Point;

/// Conjugate gradients; remembers nothing between solves.
pub(super) struct ConjugateGradients {
    /// The mean field that preconditions; none for the diagonal.
    pub mean_field: Option<Layout>,
}

/// Most iterations of one solve.
const MOST: usize = 5000;
/// A direction need not be more precise than this fraction of the current imbalance, squared when it is small.
const LOOSEST: f64 = 0.1;

impl LinearSolver for ConjugateGradients {
    fn is_direct(&self) -> bool {
        false
    }

    fn newton_direction(&mut self, run: &mut Run, point: &Point) -> Vec<f64> {
        let b: Vec<f64> = point.scaled_gradient().into_iter().map(|g| -g).collect();
        let residual = run.residual(point);
        // the next residual is about the square of this one: a direction more precise than that is wasted
        let precision = residual.max(0.1 * run.settings.tolerance / residual.max(1e-300)).min(LOOSEST);
        self.iterate(run, point, &b, precision, |_, _| false)
    }

    fn solve(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<Vec<f64>> {
        Some(self.iterate(run, point, b, REFINEMENT, |_, _| false))
    }

    fn upper_bound(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<Vec<f64>> {
        if !run.problem.has_comparison() {
            return None;
        }
        // the recurrence's own residual tells when every entry is reached by a quarter: the bound may be four times too wide
        let z = self.iterate(run, point, b, 0.0, |v, r| r <= 0.75 * b[v]);
        bound_from(run, point, b, z)
    }
}

impl ConjugateGradients {
    /// Solves `D^-1 H d = b` until the residual has fallen by `precision`, or `enough` holds for every entry of it.
    fn iterate(
        &self,
        run: &mut Run,
        point: &Point,
        b: &[f64],
        precision: f64,
        enough: impl Fn(usize, f64) -> bool,
    ) -> Vec<f64> {
        let weight = relative_weight(point);
        let n = b.len();
        let dot = |a: &[f64], b: &[f64]| -> f64 { (0..n).map(|v| weight[v] * a[v] * b[v]).sum() };
        let moves = run.moves.clone();
        let model = self.mean_field.as_ref().and_then(|layout| layout.at(point, &moves));
        let diagonal = model.as_ref().map(|m| m.slopes().1);
        let hessian = model.as_ref().zip(diagonal.as_ref()).map(|(m, diagonal)| m.hessian(diagonal));
        let precondition = |r: &[f64]| match (&hessian, &diagonal) {
            (Some(hessian), Some(d)) => hessian.solve(&r.iter().zip(d).map(|(r, d)| r * d).collect::<Vec<f64>>()),
            _ => r.to_vec(),
        };
        let mut residual: Vec<f64> = (0..n).map(|v| if run.moves[v] { b[v] } else { 0.0 }).collect();
        let mut d = vec![0.0; n];
        let mut direction = precondition(&residual);
        let mut square = dot(&residual, &direction);
        let goal = precision * precision * square;
        for _ in 0..MOST {
            // rounding in the preconditioner may make the square negative
            let done = square.is_nan() || square <= goal || square <= 0.0;
            if done || (0..n).all(|v| !run.moves[v] || enough(v, residual[v].abs())) {
                break;
            }
            run.passes += 1.0;
            let mut image = point.scaled_product(&direction);
            (0..n).filter(|&v| !run.moves[v]).for_each(|v| image[v] = 0.0);
            let curvature = dot(&direction, &image);
            // rounding makes the curvature along exhausted directions vanish
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            let length = square / curvature;
            for v in 0..n {
                d[v] += length * direction[v];
                residual[v] -= length * image[v];
            }
            let improved = precondition(&residual);
            let next = dot(&residual, &improved);
            let keep = next / square;
            (0..n).for_each(|v| direction[v] = improved[v] + keep * direction[v]);
            square = next;
        }
        d
    }
}

/// The diagonal over its largest entry; entries too small for `f64` count as the smallest number.
pub(super) fn relative_weight(point: &Point) -> Vec<f64> {
    let diagonal = point.diagonal();
    let largest = diagonal.iter().fold(Wide::ZERO, |m, &d| if d > m { d } else { m });
    let relative = |d: Wide| if d.is_zero() { 0.0 } else { (d / largest).to_f64().max(1e-290) };
    diagonal.into_iter().map(relative).collect()
}

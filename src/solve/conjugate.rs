//! The loop of conjugate gradients, for a matrix divided by its diagonal: `D^-1 H`, self-adjoint in the inner product
//! `sum D a b`. No cost leaves the range of `f64`, however far costs are apart.

use crate::numeric::{Wide, weighted_dot};
use crate::problem::Point;

/// Any precision in the norm of the preconditioner, where something else tells when an iteration ends.
pub(super) const ANY: f64 = 1e100;

/// A Hessian serves again where no cost has moved by more than this part of the precision that is asked for.
const AGAIN: f64 = 0.1;

/// Whether the Hessian where the multipliers of all ports had these logarithms is still as precise at a point: every cost's part
/// of it has changed as the cost has, and as a quadratic form it is off by no more, whatever its condition.
pub(super) fn serves_again(point: &Point, logs: &[f64], precision: f64) -> bool {
    // a change that is not a number does not serve either
    point.log_change(logs) <= AGAIN * precision
}

/// When an iteration ends.
pub(super) struct End<'a> {
    /// The square by which the residual is to fall below that of `b`, in the norm of the preconditioner.
    pub precision: f64,
    pub b: &'a [f64],
    /// Whether the magnitude of the residual is small enough besides, for every variable.
    pub enough: Option<&'a dyn Fn(usize, f64) -> bool>,
}

impl End<'_> {
    /// Whether the residual is small enough at all variables that move.
    pub fn is_enough<R: AsRef<[f64]>>(&self, moves: &[bool], residual: impl FnOnce() -> R) -> bool {
        let Some(enough) = self.enough else { return true };
        residual().as_ref().iter().zip(moves).enumerate().all(|(v, (r, moves))| !moves || enough(v, r.abs()))
    }
}

/// The solution so far, and its residual.
pub(super) struct State {
    /// The diagonal of the matrix, up to a factor: of the inner product.
    pub weight: Vec<f64>,
    pub d: Vec<f64>,
    pub residual: Vec<f64>,
}

impl State {
    fn dot(&self, a: &[f64], b: &[f64]) -> f64 {
        weighted_dot(&self.weight, a, b)
    }

    /// Iterates on from here with a product and a preconditioner, over the variables that move; the number of iterations, or none
    /// where `most` were not enough or rounding has the last word.
    pub fn advance(
        &mut self,
        moves: &[bool],
        end: &End,
        most: usize,
        mut product: impl FnMut(&[f64]) -> Vec<f64>,
        precondition: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Option<usize> {
        let n = self.d.len();
        let mut direction = precondition(&self.residual);
        let mut square = self.dot(&self.residual, &direction);
        let goal = end.precision * if self.residual == end.b { square } else { self.dot(end.b, &precondition(end.b)) };
        for iteration in 0..most {
            if square <= goal && end.is_enough(moves, || &self.residual) {
                return Some(iteration);
            }
            // rounding in the preconditioner may make the square negative
            if square.is_nan() || square <= 0.0 {
                return None;
            }
            let mut image = product(&direction);
            (0..n).filter(|&v| !moves[v]).for_each(|v| image[v] = 0.0);
            let curvature = self.dot(&direction, &image);
            // rounding makes the curvature along exhausted directions vanish
            if curvature.is_nan() || curvature <= 0.0 {
                return None;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifold::Form;
    use crate::problem::{ProblemBuilder, Weights};
    use crate::regularizer::Regularizer;

    #[test]
    fn a_hessian_serves_again_where_costs_have_hardly_moved_and_never_where_that_is_unknown() {
        let mut builder = ProblemBuilder::new(2);
        let [a, b] = [0, 1].map(|v| builder.port(&Form::variable(v)));
        builder.block("w", vec![a], vec![b], Weights::Dense(vec![1.0]), &Regularizer::lp(2.0).unwrap()).unwrap();
        let problem = builder.build();
        let point = problem.point(&[0.3, -0.2]);
        let moved = |by: f64| -> Vec<f64> {
            let mut logs = point.logs().to_vec();
            *logs.last_mut().unwrap() += by;
            logs
        };
        // the cost is the square of the weight
        assert!(serves_again(&point, &moved(0.0), 1e-3) && serves_again(&point, &moved(4e-5), 1e-3));
        assert!(!serves_again(&point, &moved(6e-5), 1e-3) && !serves_again(&point, &moved(-6e-5), 1e-3));
        assert!(!serves_again(&point, &moved(f64::NAN), 1e-3) && !serves_again(&point, &moved(f64::INFINITY), 1e-3));
    }
}

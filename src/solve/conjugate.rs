//! The loop of conjugate gradients, for a matrix divided by its diagonal: `D^-1 H`, self-adjoint in the inner product
//! `sum D a b`. No cost leaves the range of `f64`, however far costs are apart.

use crate::numeric::weighted_dot;

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
    pub fn is_enough<R: AsRef<[f64]>>(&self, moves: &[bool], residual: impl FnOnce() -> R) -> bool {
        let Some(enough) = self.enough else { return false };
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
    /// where `most` were not enough.
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
            // rounding in the preconditioner may make the square negative
            let done = square.is_nan() || square <= goal || square <= 0.0;
            if done || end.is_enough(moves, || &self.residual) {
                return Some(iteration);
            }
            let mut image = product(&direction);
            (0..n).filter(|&v| !moves[v]).for_each(|v| image[v] = 0.0);
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

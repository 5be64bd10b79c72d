//! Eigenvalues of the Hessian, and the rate at which local balancing approaches the optimum.

use super::add_square;
use crate::error::Result;
use crate::problem::{Gauge, Problem};
use nalgebra::DMatrix;

/// The curvature of the cost in log-scales at a point.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// Positive eigenvalues of the Hessian, ascending: as many as the manifold of the non-zero weights has dimensions.
    pub eigenvalues: Vec<f64>,
    /// Largest over smallest eigenvalue of the Hessian scaled to a diagonal of ones, which is what solvers meet.
    pub condition: f64,
    /// The smallest eigenvalue of the scaled Hessian.
    pub smallest: f64,
    /// The factor by which one cyclic sweep of local balancing shrinks the distance in the limit: the spectral radius of the
    /// Gauss-Seidel iteration, where shifts that change no weight count as nothing.
    pub sweep_rate: f64,
}

impl Spectrum {
    /// The spectrum at log-scales `x`; the rate is that of local balancing if they are the optimum.
    ///
    /// Complexity: O(n^3 + connections) in n variables.
    ///
    /// # Errors
    /// As for [`Gauge::of`].
    ///
    /// # Panics
    /// When `x` has the wrong length.
    pub fn at(problem: &Problem, x: &[f64]) -> Result<Self> {
        let gauge = Gauge::of(problem)?;
        let point = problem.point(x);
        let mut whole = DMatrix::zeros(x.len(), x.len());
        problem.for_each_entry(|e| {
            let curvature = point.curvature(e.block, e.index, [e.head, e.tail]).to_f64();
            add_square(&mut whole, curvature, &problem.form(&e));
        });
        // a variable of no curvature belongs to connections that it scales up and down alike
        let moving: Vec<usize> = (0..x.len()).filter(|&v| whole[(v, v)] > 0.0).collect();
        let n = moving.len();
        let hessian = DMatrix::from_fn(n, n, |i, j| whole[(moving[i], moving[j])]);
        let scaled = DMatrix::from_fn(n, n, |i, j| hessian[(i, j)] / (hessian[(i, i)] * hessian[(j, j)]).sqrt());
        let flat = n - gauge.dimension.min(n);
        let eigenvalues = positive(hessian.clone(), flat);
        let scaled = positive(scaled, flat);
        let condition = scaled.last().zip(scaled.first()).map_or(1.0, |(most, least)| most / least);
        let smallest = scaled.first().copied().unwrap_or(1.0);
        Ok(Self { eigenvalues, condition, smallest, sweep_rate: sweep_rate(&hessian, flat) })
    }
}

/// The eigenvalues of a symmetric matrix, ascending, without the `flat` smallest.
fn positive(matrix: DMatrix<f64>, flat: usize) -> Vec<f64> {
    if matrix.is_empty() {
        return vec![];
    }
    let mut values: Vec<f64> = matrix.symmetric_eigenvalues().iter().copied().collect();
    values.sort_by(f64::total_cmp);
    values.split_off(flat)
}

/// The spectral radius of `-(D + L)^-1 L^T` without its `flat` eigenvalues of one.
fn sweep_rate(hessian: &DMatrix<f64>, flat: usize) -> f64 {
    let n = hessian.nrows();
    if n == 0 {
        return 0.0;
    }
    let lower = hessian.lower_triangle();
    let upper = hessian - &lower;
    let iteration = -lower.solve_lower_triangular(&upper).expect("the diagonal is positive");
    let mut sizes: Vec<f64> = iteration.complex_eigenvalues().iter().map(|z| z.norm()).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    sizes.get(flat).copied().unwrap_or(0.0)
}

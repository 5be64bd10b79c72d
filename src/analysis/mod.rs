//! Floor 5: the optimum seen from around: curvature and rates, gradient flow, sensitivity to the weights, and the ends of the p axis.
//!
//! These are tools for research: dense linear algebra in as many dimensions as there are log-scales.

#![forbid(unsafe_code)]

mod circulation;
mod cycle;
mod flow;
mod geodesic;
mod max_balanced;
mod norms;
mod rate;
mod sensitivity;
mod spectrum;

pub use circulation::{CirculationMean, largest_circulation_mean};
pub use cycle::{CycleMean, largest_cycle_mean};
pub use flow::gradient_flow;
pub use geodesic::Geodesic;
pub use max_balanced::{MaxBalanced, max_balanced};
pub use norms::{SmallNorms, norm_path, small_norms};
pub use rate::observed_rate;
pub use sensitivity::Sensitivity;
pub use spectrum::Spectrum;

use crate::manifold::Form;
use nalgebra::{DMatrix, DVector};

/// Adds `factor form form^T` to a matrix.
fn add_square(matrix: &mut DMatrix<f64>, factor: f64, form: &Form) {
    for &(i, a) in form.terms() {
        for &(j, b) in form.terms() {
            matrix[(i as usize, j as usize)] += factor * a * b;
        }
    }
}

/// Adds `factor form` to a vector.
fn add_form(vector: &mut DVector<f64>, factor: f64, form: &Form) {
    form.terms().iter().for_each(|&(i, a)| vector[i as usize] += factor * a);
}

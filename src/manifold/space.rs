//! The manifold as a linear space: dimension and orthonormal basis.
//!
//! Matrices are nalgebra's, decompositions faer's: nalgebra's left singular vectors of a matrix without full rank may leave
//! its column space by a hundredth.

use super::Form;
use nalgebra::DMatrix;

/// Singular values below this share of the largest count as zero.
const RANK_TOLERANCE: f64 = 1e-10;

/// The space of all vectors of log-multipliers `(form_1(x), ..., form_m(x))`.
#[derive(Clone, Debug)]
pub struct Space {
    /// Dimension.
    pub dimension: usize,
    /// Orthonormal basis, shape connections x dimension.
    pub basis: DMatrix<f64>,
}

impl Space {
    /// The space of the given forms in `variables` log-scales.
    ///
    /// Complexity: a dense singular value decomposition, O(m n min(m, n)).
    #[must_use]
    pub fn of(forms: &[Form], variables: usize) -> Self {
        let mut matrix = DMatrix::zeros(forms.len(), variables);
        for (row, form) in forms.iter().enumerate() {
            form.terms().iter().for_each(|&(v, c)| matrix[(row, v as usize)] = c);
        }
        if forms.is_empty() || variables == 0 {
            return Self { dimension: 0, basis: DMatrix::zeros(forms.len(), 0) };
        }
        let svd = to_faer(&matrix).thin_svd().expect("the decomposition of a finite matrix converges");
        let values: Vec<f64> = svd.S().column_vector().iter().copied().collect();
        let dimension = count(&values);
        let basis = DMatrix::from_fn(forms.len(), dimension, |row, k| svd.U()[(row, k)]);
        Self { dimension, basis }
    }

    /// The vector of the space that is nearest to arbitrary log-multipliers: what a rescaling can do of them.
    ///
    /// # Panics
    /// When there is not one number for every connection.
    #[must_use]
    pub fn project(&self, log_multipliers: &[f64]) -> Vec<f64> {
        let vector = nalgebra::DVector::from_column_slice(log_multipliers);
        let nearest = &self.basis * (self.basis.transpose() * vector);
        nearest.iter().copied().collect()
    }

    /// The largest violation of a set of constraints by the space: zero when every row annihilates it.
    ///
    /// # Panics
    /// When the constraints have another number of columns than the space has connections.
    #[must_use]
    pub fn violation(&self, constraints: &DMatrix<f64>) -> f64 {
        (constraints * &self.basis).amax()
    }
}

/// The rank of a constraint matrix.
#[must_use]
pub fn rank(matrix: &DMatrix<f64>) -> usize {
    if matrix.is_empty() {
        return 0;
    }
    count(&to_faer(matrix).singular_values().expect("the decomposition of a finite matrix converges"))
}

/// How many singular values, from the largest to the smallest, count as non-zero.
fn count(values: &[f64]) -> usize {
    let largest = values.first().copied().unwrap_or(0.0);
    values.iter().filter(|&&v| v > RANK_TOLERANCE * largest).count()
}

fn to_faer(matrix: &DMatrix<f64>) -> faer::Mat<f64> {
    faer::Mat::from_fn(matrix.nrows(), matrix.ncols(), |row, column| matrix[(row, column)])
}

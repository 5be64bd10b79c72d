//! The manifold as a linear space (nalgebra): dimension and orthonormal basis.

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
        let svd = matrix.svd(true, false);
        let largest = svd.singular_values.max();
        let kept: Vec<usize> =
            (0..svd.singular_values.len()).filter(|&k| svd.singular_values[k] > RANK_TOLERANCE * largest).collect();
        let u = svd.u.expect("the left vectors were asked for");
        Self { dimension: kept.len(), basis: u.select_columns(&kept) }
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
    let values = matrix.clone().singular_values();
    let largest = values.max();
    values.iter().filter(|&&v| v > RANK_TOLERANCE * largest && v > 0.0).count()
}

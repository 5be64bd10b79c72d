//! The form of a sparse Cholesky factor: found once for all factorizations (faer).

use super::multifrontal::Assembly;
use super::pattern::Pattern;
use super::subtrees::Subtrees;
use faer::Side;
use faer::sparse::linalg::cholesky::{
    CholeskySymbolicParams, SymbolicCholesky, SymbolicCholeskyRaw, SymmetricOrdering, factorize_symbolic_cholesky,
};

/// The form of a factor, and how its supernodes are worked on.
pub(super) struct Symbolic {
    pub cholesky: SymbolicCholesky<usize>,
    /// None where so little is filled in that there are no supernodes.
    pub supernodes: Option<(Subtrees, Assembly)>,
}

impl Symbolic {
    /// The form of the factor of a matrix, in the approximate minimum degree ordering; none when it exceeds the memory that can
    /// be indexed.
    pub fn new(pattern: &Pattern) -> Option<Self> {
        let (matrix, params) = (&pattern.matrix, CholeskySymbolicParams::default());
        let order = SymmetricOrdering::Amd;
        let cholesky = factorize_symbolic_cholesky(matrix.as_ref(), Side::Lower, order, params).ok()?;
        let supernodes = match (cholesky.raw(), cholesky.perm()) {
            (SymbolicCholeskyRaw::Supernodal(supernodal), Some(order)) => {
                Some((Subtrees::of(supernodal), Assembly::new(matrix, order.arrays().1)))
            }
            _ => None,
        };
        Some(Self { cholesky, supernodes })
    }
}

//! Solves with a supernodal Cholesky factor for one right-hand side.
//!
//! Most supernodes of a sparse graph have few columns, so that products of matrices, which are made for many right-hand sides, take
//! longer to begin than to multiply.

use crate::numeric::dot;
use faer::sparse::linalg::cholesky::supernodal::SymbolicSupernodalCholesky;
use std::ops::Range;

/// A factor `L L^T`: columns that share their rows below the diagonal are stored together, column by column.
pub(super) struct Supernodal<'a> {
    pub symbolic: &'a SymbolicSupernodalCholesky<usize>,
    pub values: &'a [f64],
}

impl Supernodal<'_> {
    /// `(L L^T)^-1` in place, in the order of the factor.
    pub fn solve(&self, x: &mut [f64]) {
        let mut below: Vec<f64> = vec![];
        let nodes = self.symbolic.n_supernodes();
        for (own, pattern, columns) in (0..nodes).map(|s| self.node(s)) {
            below.clear();
            below.resize(pattern.len(), 0.0);
            let x_own = &mut x[own];
            for (c, column) in columns.enumerate() {
                let (top, bottom) = column.split_at(x_own.len());
                let value = x_own[c] / top[c];
                x_own[c] = value;
                x_own[c + 1..].iter_mut().zip(&top[c + 1..]).for_each(|(x, l)| *x -= l * value);
                below.iter_mut().zip(bottom).for_each(|(b, l)| *b += l * value);
            }
            pattern.iter().zip(&below).for_each(|(&row, b)| x[row] -= b);
        }
        for (own, pattern, columns) in (0..nodes).rev().map(|s| self.node(s)) {
            below.clear();
            below.extend(pattern.iter().map(|&row| x[row]));
            let x_own = &mut x[own];
            for (c, column) in columns.enumerate().rev() {
                let (top, bottom) = column.split_at(x_own.len());
                let taken = dot(bottom, &below) + dot(&top[c + 1..], &x_own[c + 1..]);
                x_own[c] = (x_own[c] - taken) / top[c];
            }
        }
    }

    /// The columns of a supernode, their rows below, and their values from the first of the columns on.
    fn node(&self, s: usize) -> (Range<usize>, &[usize], std::slice::ChunksExact<'_, f64>) {
        let own = self.symbolic.supernode_begin()[s]..self.symbolic.supernode_end()[s];
        let first = self.symbolic.col_ptr_for_row_idx()[s];
        let pattern = &self.symbolic.row_idx()[first..first + self.symbolic.nnz_per_super()[s]];
        let ends = self.symbolic.col_ptr_for_val();
        let values = &self.values[ends[s]..ends[s + 1]];
        let height = own.len() + pattern.len();
        (own, pattern, values.chunks_exact(height))
    }
}

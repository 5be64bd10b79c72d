//! Solves with a supernodal Cholesky factor for one right-hand side.
//!
//! Most supernodes of a sparse graph have few columns, so that products of matrices, which are made for many right-hand sides, take
//! longer to begin than to multiply.

use crate::numeric::dot;
use faer::sparse::linalg::cholesky::supernodal::SymbolicSupernodalCholesky;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Range, Sub, SubAssign};

/// A number of a factor.
pub(super) trait Number:
    Copy
    + Default
    + Sum
    + AddAssign
    + SubAssign
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
}

impl Number for f64 {}
impl Number for f32 {}

/// A factor `L L^T`: columns that share their rows below the diagonal are stored together, column by column.
pub(super) struct Supernodal<'a, T> {
    pub symbolic: &'a SymbolicSupernodalCholesky<usize>,
    pub values: &'a [T],
}

impl<T: Number> Supernodal<'_, T> {
    /// `(L L^T)^-1` in place, in the order of the factor.
    pub fn solve(&self, x: &mut [T]) {
        let mut below: Vec<T> = vec![];
        let nodes = self.symbolic.n_supernodes();
        for (own, pattern, columns) in (0..nodes).map(|s| self.node(s)) {
            below.clear();
            below.resize(pattern.len(), T::default());
            let x_own = &mut x[own];
            for (c, column) in columns.enumerate() {
                let (top, bottom) = column.split_at(x_own.len());
                let value = x_own[c] / top[c];
                x_own[c] = value;
                x_own[c + 1..].iter_mut().zip(&top[c + 1..]).for_each(|(x, l)| *x -= *l * value);
                below.iter_mut().zip(bottom).for_each(|(b, l)| *b += *l * value);
            }
            pattern.iter().zip(&below).for_each(|(&row, b)| x[row] -= *b);
        }
        for (own, pattern, columns) in (0..nodes).rev().map(|s| self.node(s)) {
            below.clear();
            below.extend(pattern.iter().map(|&row| x[row]));
            let x_own = &mut x[own];
            for (c, column) in columns.enumerate().rev() {
                let (top, bottom) = column.split_at(x_own.len());
                let above = dot(&top[c + 1..], &x_own[c + 1..]);
                x_own[c] = (x_own[c] - (dot(bottom, &below) + above)) / top[c];
            }
        }
    }

    /// The columns of a supernode, their rows below, and their values from the first of the columns on.
    fn node(&self, s: usize) -> (Range<usize>, &[usize], std::slice::ChunksExact<'_, T>) {
        let own = self.symbolic.supernode_begin()[s]..self.symbolic.supernode_end()[s];
        let first = self.symbolic.col_ptr_for_row_idx()[s];
        let pattern = &self.symbolic.row_idx()[first..first + self.symbolic.nnz_per_super()[s]];
        let ends = self.symbolic.col_ptr_for_val();
        let values = &self.values[ends[s]..ends[s + 1]];
        let height = own.len() + pattern.len();
        (own, pattern, values.chunks_exact(height))
    }
}

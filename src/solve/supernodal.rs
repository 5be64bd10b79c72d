//! Solves with a supernodal Cholesky factor for one right-hand side.
//!
//! Most supernodes of a sparse graph have few columns, so that products of matrices, which are made for many right-hand sides, take
//! longer to begin than to multiply. Subtrees of the elimination tree are solved on all threads; what they subtract from the
//! columns above is added in their order, so that the result does not depend on the number of threads.

use super::subtrees::{Subtree, Subtrees};
use crate::numeric::dot;
use faer::sparse::linalg::cholesky::supernodal::SymbolicSupernodalCholesky;
use rayon::prelude::*;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Range, Sub, SubAssign};

/// A number of a factor.
pub(super) trait Number:
    Copy
    + Default
    + Send
    + Sync
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
    pub subtrees: &'a Subtrees,
    pub values: &'a [T],
}

/// A supernode: its columns, their rows below, and their values from the first of the columns on.
struct Node<'a, T> {
    own: Range<usize>,
    below: &'a [usize],
    columns: std::slice::ChunksExact<'a, T>,
}

impl<T: Number> Supernodal<'_, T> {
    /// `(L L^T)^-1` in place, in the order of the factor.
    pub fn solve(&self, x: &mut [T]) {
        let Subtrees { parts, top, place, above, .. } = self.subtrees;
        let nodes_above = || top.iter().map(|&s| self.node(s));
        let place_above = |column: usize| place[column] as usize;
        // the columns of a subtree, and after them those above it
        let position = |columns: &Range<usize>, column: usize| {
            if column < columns.end { column - columns.start } else { columns.len() + place_above(column) }
        };
        let mut inside: Vec<Vec<T>> = parts
            .par_iter()
            .map(|Subtree { nodes, columns, .. }| {
                let mut local = x[columns.clone()].to_vec();
                local.resize(columns.len() + above, T::default());
                forward(nodes.clone().map(|s| self.node(s)), &mut local, |c| position(columns, c));
                local
            })
            .collect();
        let mut outside = vec![T::default(); *above];
        top.iter().flat_map(|&s| self.columns(s)).for_each(|column| outside[place_above(column)] = x[column]);
        for (local, Subtree { columns, .. }) in inside.iter().zip(parts) {
            outside.iter_mut().zip(&local[columns.len()..]).for_each(|(sum, part)| *sum += *part);
        }
        forward(nodes_above(), &mut outside, place_above);
        backward(nodes_above().rev(), &mut outside, place_above);
        inside.par_iter_mut().zip(parts).for_each(|(local, Subtree { nodes, columns, .. })| {
            local[columns.len()..].copy_from_slice(&outside);
            backward(nodes.clone().rev().map(|s| self.node(s)), local, |c| position(columns, c));
        });
        for (local, Subtree { columns, .. }) in inside.iter().zip(parts) {
            x[columns.clone()].copy_from_slice(&local[..columns.len()]);
        }
        top.iter().flat_map(|&s| self.columns(s)).for_each(|column| x[column] = outside[place_above(column)]);
    }

    fn columns(&self, s: usize) -> Range<usize> {
        self.symbolic.supernode_begin()[s]..self.symbolic.supernode_end()[s]
    }

    fn node(&self, s: usize) -> Node<'_, T> {
        let own = self.columns(s);
        let first = self.symbolic.col_ptr_for_row_idx()[s];
        let below = &self.symbolic.row_idx()[first..first + self.symbolic.nnz_per_super()[s]];
        let ends = self.symbolic.col_ptr_for_val();
        let values = &self.values[ends[s]..ends[s + 1]];
        let height = own.len() + below.len();
        Node { own, below, columns: values.chunks_exact(height) }
    }
}

/// `L^-1` in place, with the columns of some supernodes; `position` is where a column is in `x`.
fn forward<'a, T: Number + 'a>(
    nodes: impl Iterator<Item = Node<'a, T>>,
    x: &mut [T],
    position: impl Fn(usize) -> usize,
) {
    let mut sums: Vec<T> = vec![];
    for Node { own, below, columns } in nodes {
        sums.clear();
        sums.resize(below.len(), T::default());
        let first = position(own.start);
        let x_own = &mut x[first..first + own.len()];
        for (c, column) in columns.enumerate() {
            let (top, bottom) = column.split_at(x_own.len());
            let value = x_own[c] / top[c];
            x_own[c] = value;
            x_own[c + 1..].iter_mut().zip(&top[c + 1..]).for_each(|(x, l)| *x -= *l * value);
            sums.iter_mut().zip(bottom).for_each(|(sum, l)| *sum += *l * value);
        }
        below.iter().zip(&sums).for_each(|(&row, sum)| x[position(row)] -= *sum);
    }
}

/// `L^-T` in place, likewise.
fn backward<'a, T: Number + 'a>(
    nodes: impl Iterator<Item = Node<'a, T>>,
    x: &mut [T],
    position: impl Fn(usize) -> usize,
) {
    let mut x_below: Vec<T> = vec![];
    for Node { own, below, columns } in nodes {
        x_below.clear();
        x_below.extend(below.iter().map(|&row| x[position(row)]));
        let first = position(own.start);
        let x_own = &mut x[first..first + own.len()];
        for (c, column) in columns.enumerate().rev() {
            let (top, bottom) = column.split_at(x_own.len());
            let above = dot(&top[c + 1..], &x_own[c + 1..]);
            x_own[c] = (x_own[c] - (dot(bottom, &x_below) + above)) / top[c];
        }
    }
}

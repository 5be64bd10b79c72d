//! The first columns of a symmetric matrix eliminated, the others updated: what a multifrontal factorization does at every
//! supernode.

use super::supernodal::Number;
use crate::numeric::leave_vector_units;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::traits::RealField;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::cmp::Ordering;

/// Multiplications up to which products of matrices take longer to begin than to multiply.
const FEW: usize = 1 << 14;
/// Rows, or columns, that one thread updates at a time.
const BLOCK: usize = 128;

/// A symmetric matrix whose first columns are eliminated; of all columns the part on and below the diagonal.
pub(super) struct Front<'a, T> {
    /// How many columns are eliminated.
    pub width: usize,
    /// The columns that are eliminated, one after the other.
    pub panel: &'a mut [T],
    /// The square of the others, column by column.
    pub rest: &'a mut [T],
    /// Rows of the whole matrix.
    pub height: usize,
}

impl<T: RealField + Number> Front<'_, T> {
    /// Turns the panel into columns of the Cholesky factor, and the rest into its Schur complement; false where a pivot is
    /// not above zero. With `threads` for large matrices; the result does not depend on them.
    pub fn eliminate(self, threads: bool) -> bool {
        if self.width * self.height * self.height <= FEW { self.by_columns() } else { self.by_blocks(threads) }
    }

    fn by_columns(self) -> bool {
        let Self { width, panel, rest, height } = self;
        for c in 0..width {
            let (before, after) = panel.split_at_mut((c + 1) * height);
            let column = &mut before[c * height + c..];
            // a pivot that is no number is not above zero either
            if column[0].partial_cmp(&T::default()) != Some(Ordering::Greater) {
                return false;
            }
            let root = T::sqrt_impl(&column[0]);
            let inverse = T::one_impl() / root;
            column[0] = root;
            column[1..].iter_mut().for_each(|l| *l = inverse * *l);
            for (k, other) in after.chunks_exact_mut(height).enumerate() {
                let factor = column[k + 1];
                other[c + 1 + k..].iter_mut().zip(&column[k + 1..]).for_each(|(o, l)| *o -= factor * *l);
            }
            let below = &column[width - c..];
            for (k, other) in rest.chunks_exact_mut(below.len().max(1)).enumerate() {
                let factor = below[k];
                other[k..].iter_mut().zip(&below[k..]).for_each(|(o, l)| *o -= factor * *l);
            }
        }
        true
    }

    fn by_blocks(self, threads: bool) -> bool {
        let done = self.in_blocks(threads);
        leave_vector_units();
        done
    }

    fn in_blocks(self, threads: bool) -> bool {
        let Self { width, panel, rest, height } = self;
        let below = height - width;
        let panel = MatMut::from_column_major_slice_with_stride_mut(panel, height, width, height);
        let (mut top, mut bottom) = panel.split_at_row_mut(width);
        let mut memory = MemBuffer::new(cholesky_in_place_scratch::<T>(width, Par::Seq, Default::default()));
        let stack = MemStack::new(&mut memory);
        let done = cholesky_in_place(top.as_mut(), LltRegularization::default(), Par::Seq, stack, Default::default());
        if done.is_err() {
            return false;
        }
        let top = top.as_ref();
        let solve = |rows: MatMut<'_, T>| solve_lower_triangular_in_place(top, rows.transpose_mut(), Par::Seq);
        let threads = threads && below > BLOCK;
        if threads {
            bottom.as_mut().par_row_chunks_mut(BLOCK).for_each(|rows| {
                solve(rows);
                leave_vector_units();
            });
        } else {
            solve(bottom.as_mut());
        }
        if below == 0 {
            return true;
        }
        let bottom = bottom.as_ref();
        let update = |(block, columns): (usize, &mut [T])| update(bottom, block * BLOCK, columns);
        let blocks = BLOCK * below;
        if threads {
            rest.par_chunks_mut(blocks).enumerate().for_each(|block| {
                update(block);
                leave_vector_units();
            });
        } else {
            rest.chunks_mut(blocks).enumerate().for_each(update);
        }
        true
    }
}

/// Takes `B B^T` from some columns of a square, on and below the diagonal; the first of them is column `first`.
fn update<T: RealField>(b: MatRef<'_, T>, first: usize, columns: &mut [T]) {
    let rows = b.nrows();
    let count = columns.len() / rows;
    let square = MatMut::from_column_major_slice_with_stride_mut(columns, rows, count, rows);
    let (_, square) = square.split_at_row_mut(first);
    let (diagonal, under) = square.split_at_row_mut(count);
    let (own, others) = b.split_at_row(first).1.split_at_row(count);
    let (whole, half) = (BlockStructure::Rectangular, BlockStructure::TriangularLower);
    let minus = -T::one_impl();
    matmul(diagonal, half, Accum::Add, own, whole, own.transpose(), whole, minus.clone(), Par::Seq);
    matmul(under, whole, Accum::Add, others, whole, own.transpose(), whole, minus, Par::Seq);
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck_macros::quickcheck;

    /// `F = L L^T` of a random lower triangle, in the memory of a front.
    fn front(width: usize, height: usize, numbers: &[u8]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let number = |k: usize| f64::from(numbers.get(k % numbers.len().max(1)).copied().unwrap_or(7)) / 256.0 - 0.5;
        let at = |i: usize, j: usize| if i == j { 2.0 + number(i) } else { number(i * 31 + j * 17) };
        let whole = |i: usize, j: usize| (0..=j.min(i)).map(|k| at(i, k) * at(j, k)).sum::<f64>();
        let below = height - width;
        let panel = (0..width).flat_map(|j| (0..height).map(move |i| (i, j)));
        let rest = (0..below).flat_map(|j| (0..below).map(move |i| (i + width, j + width)));
        // the Schur complement is what the last columns of L make
        let left = rest.clone().map(|(i, j)| (width..=j.min(i)).map(|k| at(i, k) * at(j, k)).sum()).collect();
        (panel.map(|(i, j)| whole(i, j)).collect(), rest.map(|(i, j)| whole(i, j)).collect(), left)
    }

    #[quickcheck]
    fn both_ways_leave_the_schur_complement(width: u8, below: u8, numbers: Vec<u8>) {
        let (width, below) = (usize::from(width) % 9 + 1, usize::from(below) % 150);
        let height = width + below;
        let (panel, rest, left) = front(width, height, &numbers);
        let ways: [fn(Front<f64>) -> bool; 3] =
            [|front| front.by_columns(), |front| front.by_blocks(false), |front| front.by_blocks(true)];
        let results = ways.map(|eliminate| {
            let (mut panel, mut rest) = (panel.clone(), rest.clone());
            assert!(eliminate(Front { width, panel: &mut panel, rest: &mut rest, height }));
            for j in 0..below {
                for i in j..below {
                    let (is, should) = (rest[j * below + i], left[j * below + i]);
                    assert!((is - should).abs() < 1e-10 * (1.0 + should.abs()), "{i} {j} {is} {should}");
                }
            }
            let lower = |values: &[f64], height: usize| -> Vec<f64> {
                values.chunks(height.max(1)).enumerate().flat_map(|(j, column)| column[j..].to_vec()).collect()
            };
            (lower(&panel, height), lower(&rest, below))
        });
        assert_eq!(results[1], results[2], "threads change nothing");
        for (one, other) in results[0].0.iter().zip(&results[1].0) {
            assert!((one - other).abs() < 1e-10);
        }
    }

    #[test]
    fn a_matrix_that_is_not_definite_is_refused() {
        for panel in [[1.0, 2.0, 0.0, 1.0], [f64::NAN, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]] {
            let ways: [fn(Front<f64>) -> bool; 2] = [|front| front.by_columns(), |front| front.by_blocks(false)];
            for eliminate in ways {
                let mut panel = panel;
                assert!(!eliminate(Front { width: 2, panel: &mut panel, rest: &mut [], height: 2 }), "{panel:?}");
            }
        }
    }
}

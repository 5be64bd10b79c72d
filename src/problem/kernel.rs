//! The fused pass over dense amplitudes: row sums and column sums from one read.

use super::stored::Visitor;
use crate::numeric::{Scalar, in_vector_units};
use rayon::prelude::*;

/// Rows whose columns sums are added up together, before they join the total: keeps rounding errors small, and the result
/// independent of the number of threads.
const ROWS_PER_PANEL: usize = 64;
/// Columns that stay in the first-level cache while a panel passes.
const COLUMNS_PER_TILE: usize = 1024;
/// Panels in flight at once; bounds the memory of their column sums.
const PANELS_AT_ONCE: usize = 16;
/// Entries from which on threads pay.
const ENTRIES_FOR_THREADS: usize = 1 << 17;

/// Both products of a dense matrix of stored numbers, line by line.
pub(super) struct Products<'a, S> {
    /// What multiplies the places of a line.
    pub across: &'a [S],
    /// What multiplies the lines.
    pub along: &'a [S],
}

impl<S: Scalar> Visitor for Products<'_, S> {
    type Output = (Vec<S>, Vec<S>);

    fn visit<A: Copy + Sync>(self, raw: &[A], read: impl Fn(A) -> f64 + Copy + Sync) -> Self::Output {
        let mut lines = vec![S::default(); self.along.len()];
        let mut places = vec![S::default(); self.across.len()];
        dense(raw, |a| S::from(read(a)), self.across, self.along, &mut lines, &mut places);
        (lines, places)
    }
}

/// One read of a dense matrix A, row by row: `A column_in` is added to `rows`, and `A^T row_in` to `columns`.
///
/// Complexity: every entry is read once. The result does not depend on the number of threads, nor on the vector units of
/// the machine: multiplications and additions are never fused.
pub(super) fn dense<A: Copy + Sync, S: Scalar>(
    values: &[A],
    read: impl Fn(A) -> S + Copy + Sync,
    column_in: &[S],
    row_in: &[S],
    rows: &mut [S],
    columns: &mut [S],
) {
    let width = column_in.len();
    if width == 0 || rows.is_empty() {
        return;
    }
    let panel = |(values, (row_in, rows)): (&[A], (&[S], &mut [S]))| {
        in_vector_units(
            (values, read, column_in, row_in, rows),
            #[inline(always)]
            |(values, read, column_in, row_in, rows)| panel(values, read, column_in, row_in, rows),
        )
    };
    let threads = values.len() >= ENTRIES_FOR_THREADS;
    let group = ROWS_PER_PANEL * PANELS_AT_ONCE;
    for ((values, row_in), rows) in values.chunks(group * width).zip(row_in.chunks(group)).zip(rows.chunks_mut(group)) {
        let sums: Vec<Vec<S>> = if threads {
            let ends = row_in.par_chunks(ROWS_PER_PANEL).zip(rows.par_chunks_mut(ROWS_PER_PANEL));
            values.par_chunks(ROWS_PER_PANEL * width).zip(ends).map(panel).collect()
        } else {
            let ends = row_in.chunks(ROWS_PER_PANEL).zip(rows.chunks_mut(ROWS_PER_PANEL));
            values.chunks(ROWS_PER_PANEL * width).zip(ends).map(panel).collect()
        };
        for sum in sums {
            columns.iter_mut().zip(sum).for_each(|(c, s)| *c = *c + s);
        }
    }
}

/// Additions on the longest path to a sum of [`dense`]: lanes and tiles along a row, panels across rows.
pub(super) fn longest_sum(rows: usize, columns: usize) -> usize {
    let lanes = COLUMNS_PER_TILE / 8 + 10;
    (lanes + columns / COLUMNS_PER_TILE).max(ROWS_PER_PANEL + 2 + rows / ROWS_PER_PANEL)
}

/// The sums of a panel's rows are added to `rows`; the sums of its columns are returned.
#[inline(always)]
fn panel<A: Copy, S: Scalar>(
    values: &[A],
    read: impl Fn(A) -> S + Copy,
    column_in: &[S],
    row_in: &[S],
    rows: &mut [S],
) -> Vec<S> {
    let width = column_in.len();
    let mut sums = vec![S::default(); width];
    for tile in (0..width).step_by(COLUMNS_PER_TILE) {
        let end = (tile + COLUMNS_PER_TILE).min(width);
        for (r, row) in values.chunks_exact(width).enumerate() {
            rows[r] = rows[r] + tile_row(&row[tile..end], read, &column_in[tile..end], row_in[r], &mut sums[tile..end]);
        }
    }
    sums
}

/// One row of a tile: its sum against `column_in`, in eight lanes; its multiples are added to the column sums.
#[inline(always)]
fn tile_row<A: Copy, S: Scalar>(row: &[A], read: impl Fn(A) -> S, column_in: &[S], factor: S, sums: &mut [S]) -> S {
    let mut lanes = [S::default(); 8];
    let whole = row.len() / 8 * 8;
    let (entries, factors) = (row.as_chunks::<8>().0, column_in.as_chunks::<8>().0);
    for ((entries, factors), sums) in entries.iter().zip(factors).zip(sums.as_chunks_mut::<8>().0) {
        let mut own = *sums;
        for i in 0..8 {
            let a = read(entries[i]);
            lanes[i] = lanes[i] + a * factors[i];
            own[i] = own[i] + a * factor;
        }
        *sums = own;
    }
    let mut rest = S::default();
    for ((a, v), s) in row[whole..].iter().zip(&column_in[whole..]).zip(&mut sums[whole..]) {
        let a = read(*a);
        rest = rest + a * *v;
        *s = *s + a * factor;
    }
    lanes.into_iter().fold(rest, |sum, lane| sum + lane)
}

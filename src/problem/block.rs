//! One block of amplitudes, and the one kernel that reads it.

use crate::numeric::{Scalar, Wide};
use crate::regularizer::ConvexCost;
use rayon::prelude::*;
use std::sync::Arc;

/// Weights between head ports (rows) and tail ports (columns), with one kind of cost.
#[derive(Clone, Debug)]
pub struct Block {
    /// The name a user knows.
    pub name: String,
    /// Port of every row.
    pub heads: Vec<u32>,
    /// Port of every column.
    pub tails: Vec<u32>,
    /// Where the entries are.
    pub pattern: Pattern,
    /// One number for every entry of the pattern: the amplitude of a power, or `ln |w|` for a convex cost.
    pub values: Amplitudes,
    /// How an entry costs.
    pub cost: Cost,
    /// The weights, where their powers of two are not exact powers of two of the values.
    pub(super) source: Option<Source>,
}

/// Weights from which values are computed anew.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) weights: Arc<Vec<f64>>,
    pub(super) coefficient: f64,
}

/// Where the entries of a block are.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// All places, row by row.
    Dense,
    /// Compressed rows: row `r` holds the entries `start[r]..start[r + 1]`, entry `k` is in column `column[k]`.
    Sparse {
        /// Offsets of the rows, one more than there are rows.
        start: Vec<usize>,
        /// Column of every entry.
        column: Vec<u32>,
    },
    /// Entry `i` is in row `i` and column `i`.
    Diagonal,
}

/// Numbers of a block: plain where `f64` holds them well inside its range.
#[derive(Clone, Debug)]
pub enum Amplitudes {
    /// All non-zero magnitudes within 2^-450 and 2^450.
    Plain(Vec<f64>),
    /// Any range.
    Wide(Vec<Wide>),
}

/// How the entries of a block cost.
#[derive(Clone, Debug)]
pub enum Cost {
    /// `amplitude * exp(p L)`; the index of p among the problem's exponents.
    Power(usize),
    /// A convex function of `ln |w| + L`.
    Convex(Arc<dyn ConvexCost>),
}

/// Rows whose columns sums are added up together, before they join the total: keeps rounding errors small, and the result
/// independent of the number of threads.
const ROWS_PER_PANEL: usize = 64;
/// Columns that stay in the first-level cache while a panel passes.
const COLUMNS_PER_TILE: usize = 1024;
/// Panels in flight at once; bounds the memory of their column sums.
const PANELS_AT_ONCE: usize = 16;
/// Entries from which on threads pay.
const ENTRIES_FOR_THREADS: usize = 1 << 17;

/// Largest amplitude that is kept as `f64`, 2^450; the smallest is its inverse.
const PLAIN_AMPLITUDE: f64 = f64::from_bits((1023 + 450) << 52);

/// Whether `f64` holds an amplitude well inside its range.
pub(super) fn is_plain(amplitude: f64) -> bool {
    (1.0 / PLAIN_AMPLITUDE..=PLAIN_AMPLITUDE).contains(&amplitude)
}

impl Amplitudes {
    /// Plain numbers where all fit.
    #[must_use]
    pub(super) fn of(values: Vec<Wide>) -> Self {
        if values.iter().all(|a| a.is_zero() || is_plain(a.to_f64())) {
            Self::Plain(values.into_iter().map(Wide::to_f64).collect())
        } else {
            Self::Wide(values)
        }
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Plain(v) => v.len(),
            Self::Wide(v) => v.len(),
        }
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entry `k`.
    #[must_use]
    pub fn get(&self, k: usize) -> Wide {
        match self {
            Self::Plain(v) => v[k].into(),
            Self::Wide(v) => v[k],
        }
    }

    /// Sets entry `k` to zero.
    pub fn clear(&mut self, k: usize) {
        match self {
            Self::Plain(v) => v[k] = 0.0,
            Self::Wide(v) => v[k] = Wide::ZERO,
        }
    }
}

impl Block {
    /// Calls `f(row, column, k)` for every entry `k` of the pattern.
    pub fn for_each(&self, mut f: impl FnMut(usize, usize, usize)) {
        match &self.pattern {
            Pattern::Dense => {
                let columns = self.tails.len();
                (0..self.values.len()).for_each(|k| f(k / columns, k % columns, k));
            }
            Pattern::Sparse { start, column } => {
                for r in 0..self.heads.len() {
                    (start[r]..start[r + 1]).for_each(|k| f(r, column[k] as usize, k));
                }
            }
            Pattern::Diagonal => (0..self.values.len()).for_each(|k| f(k, k, k)),
        }
    }

    /// Row and column of entry `k`; none when there is no such entry.
    #[must_use]
    pub fn place(&self, k: usize) -> Option<(u32, u32)> {
        if k >= self.values.len() {
            return None;
        }
        let (r, c) = match &self.pattern {
            Pattern::Dense => (k / self.tails.len(), k % self.tails.len()),
            Pattern::Sparse { start, column } => (start.partition_point(|&s| s <= k) - 1, column[k] as usize),
            Pattern::Diagonal => (k, k),
        };
        Some((r as u32, c as u32))
    }

    /// One read of the block's matrix A: `A column_in` and `A^T row_in`.
    ///
    /// Shapes: `column_in` and the second result have one entry per column, `row_in` and the first one per row.
    /// Complexity: every amplitude is read once. The result does not depend on the number of threads.
    #[must_use]
    pub(crate) fn products<S: Scalar>(&self, column_in: &[S], row_in: &[S]) -> (Vec<S>, Vec<S>) {
        match &self.values {
            Amplitudes::Plain(values) => self.products_of(values, S::from, column_in, row_in),
            Amplitudes::Wide(values) => self.products_of(values, S::from_wide, column_in, row_in),
        }
    }

    fn products_of<A: Copy + Sync, S: Scalar>(
        &self,
        values: &[A],
        read: impl Fn(A) -> S + Sync,
        column_in: &[S],
        row_in: &[S],
    ) -> (Vec<S>, Vec<S>) {
        let mut rows = vec![S::default(); self.heads.len()];
        let mut columns = vec![S::default(); self.tails.len()];
        match &self.pattern {
            Pattern::Dense => dense(values, read, column_in, row_in, &mut rows, &mut columns),
            Pattern::Sparse { start, column } => {
                for r in 0..rows.len() {
                    let mut sum = S::default();
                    for k in start[r]..start[r + 1] {
                        let (a, c) = (read(values[k]), column[k] as usize);
                        sum = sum + a * column_in[c];
                        columns[c] = columns[c] + a * row_in[r];
                    }
                    rows[r] = sum;
                }
            }
            Pattern::Diagonal => {
                for (i, &value) in values.iter().enumerate() {
                    let a = read(value);
                    rows[i] = a * column_in[i];
                    columns[i] = a * row_in[i];
                }
            }
        }
        (rows, columns)
    }
}

fn dense<A: Copy + Sync, S: Scalar>(
    values: &[A],
    read: impl Fn(A) -> S + Sync,
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
        let mut sums = vec![S::default(); width];
        for tile in (0..width).step_by(COLUMNS_PER_TILE) {
            let end = (tile + COLUMNS_PER_TILE).min(width);
            for (r, row) in values.chunks_exact(width).enumerate() {
                rows[r] =
                    rows[r] + tile_row(&row[tile..end], &read, &column_in[tile..end], row_in[r], &mut sums[tile..end]);
            }
        }
        sums
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

/// One row of a tile: its sum against `column_in`, in eight lanes; its multiples are added to the column sums.
#[inline]
fn tile_row<A: Copy, S: Scalar>(row: &[A], read: &impl Fn(A) -> S, column_in: &[S], factor: S, sums: &mut [S]) -> S {
    let mut lanes = [S::default(); 8];
    let whole = row.len() / 8 * 8;
    for ((a, v), s) in row.chunks_exact(8).zip(column_in.chunks_exact(8)).zip(sums.chunks_exact_mut(8)) {
        for i in 0..8 {
            let a = read(a[i]);
            lanes[i] = lanes[i] + a * v[i];
            s[i] = s[i] + a * factor;
        }
    }
    let mut rest = S::default();
    for ((a, v), s) in row[whole..].iter().zip(&column_in[whole..]).zip(&mut sums[whole..]) {
        let a = read(*a);
        rest = rest + a * *v;
        *s = *s + a * factor;
    }
    lanes.into_iter().fold(rest, |sum, lane| sum + lane)
}

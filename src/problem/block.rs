//! One block of amplitudes, and the one kernel that reads it.

use super::kernel::dense;
use super::stored::Lines;
use crate::numeric::{Double, Number, Scalar, Wide};
use crate::regularizer::ConvexCost;
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
    /// What is known beyond the values; nothing where they stay in a file.
    pub(super) source: Option<Source>,
}

/// Where values come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Weights from which values are computed anew.
    Weights { weights: Arc<Vec<f64>>, coefficient: f64 },
    /// Sums of which the values are the nearest `f64`: what these leave, relative to them.
    Sums(Arc<SumRests>),
}

/// What the values leave of sums; single precision tells another 24 binary digits, whatever is folded into the values.
#[derive(Debug)]
pub(super) struct SumRests {
    pub(super) relative: Vec<f32>,
    /// Bound on the relative error of values and rests together.
    pub(super) error: f64,
    /// The coefficient of the power that was summed.
    pub(super) coefficient: f64,
}

impl SumRests {
    /// Sum `k`, of which `value` is the nearest `f64`.
    #[inline(always)]
    pub(super) fn restored(&self, value: f64, k: usize) -> Double {
        Double::sum(value, value * f64::from(self.relative[k]))
    }
}

/// Where the entries of a block are.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// All places, row by row.
    Dense,
    /// All places, column by column.
    DenseColumns,
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
    /// All non-zero magnitudes within 2^-600 and 2^600.
    Plain(Vec<f64>),
    /// Any range.
    Wide(Vec<Wide>),
    /// Computed in every pass from weights in a file; of a dense pattern.
    Stored(Lines),
}

/// How the entries of a block cost.
#[derive(Clone, Debug)]
pub enum Cost {
    /// `amplitude * exp(p L)`; the index of p among the problem's exponents.
    Power(usize),
    /// A convex function of `ln |w| + L`.
    Convex(Arc<dyn ConvexCost>),
}

/// Binary exponent of the largest amplitude that is kept as `f64`; the smallest is its inverse. On a grid of a million units a
/// few of the balanced costs are below 2^-450, and passes in wide numbers take five times as long.
pub(super) const PLAIN_EXPONENT: i64 = 600;
const PLAIN_AMPLITUDE: f64 = f64::from_bits((1023 + PLAIN_EXPONENT as u64) << 52);

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
            Self::Stored(v) => v.len(),
        }
    }

    /// Bytes that a read takes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Plain(v) => size_of_val(&v[..]),
            Self::Wide(v) => size_of_val(&v[..]),
            Self::Stored(v) => v.bytes(),
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
            Self::Stored(v) => v.get(k),
        }
    }

    /// Entry `k` as a number of a pass.
    #[inline]
    pub(super) fn scalar<S: Scalar>(&self, k: usize) -> S {
        match self {
            Self::Plain(v) => v[k].into(),
            Self::Wide(_) | Self::Stored(_) => S::from_wide(self.get(k)),
        }
    }

    /// Whether all non-zero magnitudes are within 2^-600 and 2^600.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Wide(_) => false,
            Self::Stored(v) => v.is_plain(),
        }
    }

    /// Whether a pass in plain numbers stays inside their range.
    pub(super) fn passes_plain(&self) -> bool {
        match self {
            Self::Stored(v) => v.passes_plain(),
            _ => self.is_plain(),
        }
    }

    /// Sets entry `k` to zero; nothing that stays in a file changes.
    pub(super) fn clear(&mut self, k: usize) {
        match self {
            Self::Plain(v) => v[k] = 0.0,
            Self::Wide(v) => v[k] = Wide::ZERO,
            Self::Stored(_) => {}
        }
    }
}

impl Block {
    /// The coefficient of the power that entries cost; 1 where they cost otherwise.
    #[must_use]
    pub fn coefficient(&self) -> f64 {
        match (&self.values, &self.source) {
            (Amplitudes::Stored(lines), _) => lines.coefficient(),
            (_, Some(Source::Weights { coefficient, .. })) => *coefficient,
            (_, Some(Source::Sums(rests))) => rests.coefficient,
            (_, None) => 1.0,
        }
    }

    /// Whether entries are sums over several weights.
    #[must_use]
    pub fn is_summed(&self) -> bool {
        matches!(self.source, Some(Source::Sums(_)))
    }

    /// Calls `f(row, column, k)` for every entry `k` of the pattern.
    #[inline(always)]
    pub fn for_each(&self, mut f: impl FnMut(usize, usize, usize)) {
        match &self.pattern {
            Pattern::Dense => {
                let columns = self.tails.len();
                (0..self.heads.len()).for_each(|r| (0..columns).for_each(|c| f(r, c, r * columns + c)));
            }
            Pattern::DenseColumns => {
                let rows = self.heads.len();
                (0..self.tails.len()).for_each(|c| (0..rows).for_each(|r| f(r, c, c * rows + r)));
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
            Pattern::DenseColumns => (k % self.heads.len(), k / self.heads.len()),
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
            Amplitudes::Stored(lines) if matches!(self.pattern, Pattern::DenseColumns) => {
                let (columns, rows) = lines.products(row_in, column_in);
                (rows, columns)
            }
            Amplitudes::Stored(lines) => lines.products(column_in, row_in),
        }
    }

    /// The same of other values in the places of the amplitudes.
    fn products_of<A: Copy + Sync, S: Number>(
        &self,
        values: &[A],
        read: impl Fn(A) -> S + Copy + Sync,
        column_in: &[S],
        row_in: &[S],
    ) -> (Vec<S>, Vec<S>) {
        let mut rows = vec![S::default(); self.heads.len()];
        let mut columns = vec![S::default(); self.tails.len()];
        self.write_products((values, read), column_in, row_in, &mut rows, &mut columns);
        (rows, columns)
    }

    /// The same, in `rows` and `columns`, which are zero before.
    pub(super) fn write_products<A: Copy + Sync, S: Number>(
        &self,
        (values, read): (&[A], impl Fn(A) -> S + Copy + Sync),
        column_in: &[S],
        row_in: &[S],
        rows: &mut [S],
        columns: &mut [S],
    ) {
        match &self.pattern {
            Pattern::Dense => dense(values, read, column_in, row_in, rows, columns),
            Pattern::DenseColumns => dense(values, read, row_in, column_in, columns, rows),
            Pattern::Sparse { start, column } => {
                for ((row, factor), ends) in rows.iter_mut().zip(row_in).zip(start.windows(2)) {
                    let (own, mut sum) = (ends[0]..ends[1], S::default());
                    for (&value, &c) in values[own.clone()].iter().zip(&column[own]) {
                        let (a, c) = (read(value), c as usize);
                        sum = sum + a * column_in[c];
                        columns[c] = columns[c] + a * *factor;
                    }
                    *row = sum;
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
    }
}

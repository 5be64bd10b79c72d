//! Copies of blocks, rounded: systems near a point are solved with them, for they are read in a fraction of a pass.

use super::Block;
use super::block::{Amplitudes, Pattern};
use super::point::{Multipliers, Point};
use super::stored::Visitor;
use crate::numeric::in_vector_units;
use rayon::prelude::*;

/// The costs of a block at a point over the roots of the sums of their row and their column, rounded to eleven binary digits, ten
/// of which are stored, and the exponent in six.
///
/// No cost is larger than these sums, so that none of the values is larger than 1; those below 2^-62 have fewer digits, and count
/// as little: in the Hessian scaled to a diagonal of ones no entry is larger than its value here.
#[derive(Debug)]
pub(crate) struct Rounded {
    values: Vec<u16>,
    /// What the multipliers of rows and of columns are to be multiplied by.
    rows: Vec<f64>,
    columns: Vec<f64>,
}

impl Point<'_> {
    /// A rounded copy of a block, by its number; none where costs are no powers, or numbers leave the range of `f64`.
    ///
    /// Complexity: one read of the block, and two bytes for every entry.
    pub(crate) fn rounded(&self, number: usize) -> Option<Rounded> {
        let (row_sums, column_sums) = self.plain_curvature_sums(number)?;
        let Multipliers { up, down, square } = self.plain_multipliers(number)?;
        let block = self.block(number);
        // what an entry is multiplied by for its row or column, and what brings the multiplier there back
        let factors = |sums: &[f64], multipliers: &[f64], ports: &[u32], square: f64| -> (Vec<f64>, Vec<f64>) {
            let both = sums.iter().zip(ports).map(|(&sum, &q)| {
                let (multiplier, root) = (multipliers[q as usize], sum.sqrt());
                let factor = if sum > 0.0 { square * multiplier / root } else { 0.0 };
                (factor, if sum > 0.0 { root / multiplier } else { 0.0 })
            });
            both.unzip()
        };
        let (row_in, rows) = factors(row_sums, up, &block.heads, square);
        let (column_in, columns) = factors(column_sums, down, &block.tails, 1.0);
        let all = row_in.iter().chain(&rows).chain(&column_in).chain(&columns);
        let finite = all.fold(true, |finite, x| finite & x.is_finite());
        let stored: Vec<f64> = row_in.iter().map(|x| x / f64::from(UNIT)).collect();
        finite.then(|| Rounded { values: values(block, &stored, &column_in), rows, columns })
    }
}

impl Rounded {
    /// Appends what every row, and then every column, of the values is to be multiplied by at a point of the same problem, to be
    /// the curvatures of the block with this number; false where numbers leave the range of `f64`.
    pub fn factors(&self, point: &Point, number: usize, to: &mut Vec<f64>) -> bool {
        let Some(Multipliers { up, down, .. }) = point.plain_multipliers(number) else { return false };
        let Block { heads, tails, .. } = point.block(number);
        to.extend(self.rows.iter().zip(heads).map(|(own, &q)| own * up[q as usize]));
        to.extend(self.columns.iter().zip(tails).map(|(own, &q)| own * down[q as usize]));
        true
    }

    /// One read of the matrix Q of the values, which are in the places of this block's entries: `Q column_in` and `Q^T row_in`,
    /// each divided by [`UNIT`], in `rows` and `columns`, which are zero before.
    pub fn products(&self, block: &Block, column_in: &[f32], row_in: &[f32], rows: &mut [f32], columns: &mut [f32]) {
        block.write_products((&self.values, read), column_in, row_in, rows, columns);
    }

    /// Bytes that a read takes.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.values[..])
    }
}

/// Binary digits of single precision that are cut off.
const CUT: u32 = 13;
/// The value 1 as it is stored is this power of two: the largest of the 64 exponents of single precision from the smallest on.
const ONE: i32 = -64;
/// What products with the values are to be multiplied by; inputs are, for what is stored is tiny.
pub(crate) const UNIT: f32 = f32::from_bits(((127 - ONE) as u32) << 23);
/// Values end here.
const LARGEST: f32 = f32::from_bits((u16::MAX as u32) << CUT);

/// The number with these bits: those of single precision but for the sign and two of the exponent, which are zero.
#[inline(always)]
fn read(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << CUT)
}

/// The bits of the nearest number to one that is not negative, over [`UNIT`].
#[inline(always)]
fn rounded(value: f64) -> u16 {
    // half a unit of the last place more, and the rest cut off
    (((value as f32).min(LARGEST).to_bits() + (1 << (CUT - 1))) >> CUT) as u16
}

fn values(block: &Block, row_in: &[f64], column_in: &[f64]) -> Vec<u16> {
    let (along, across) = match block.pattern {
        Pattern::DenseColumns => (column_in, row_in),
        _ => (row_in, column_in),
    };
    match (&block.values, &block.pattern) {
        (Amplitudes::Plain(values), Pattern::Dense | Pattern::DenseColumns) => dense(values, |a| a, along, across),
        (Amplitudes::Stored(lines), _) => lines.rounded(along, across),
        _ => {
            let mut all = vec![0; block.values.len()];
            block.for_each(|r, c, k| all[k] = rounded(block.values.scalar::<f64>(k) * row_in[r] * column_in[c]));
            all
        }
    }
}

/// Entries from which on threads pay.
const ENTRIES_FOR_THREADS: usize = 1 << 17;
/// Rows that one thread rounds together.
const ROWS_AT_ONCE: usize = 16;

/// The entries of a dense matrix times the factors of their row and their column, rounded.
fn dense<A: Copy + Sync>(
    values: &[A],
    read: impl Fn(A) -> f64 + Copy + Sync,
    along: &[f64],
    across: &[f64],
) -> Vec<u16> {
    let (width, mut all) = (across.len(), vec![0; values.len()]);
    if values.is_empty() {
        return all;
    }
    let rows = |all: &mut [u16], values: &[A], along: &[f64]| {
        in_vector_units(
            (all, values, along, across),
            #[inline(always)]
            |(all, values, along, across)| {
                for ((all, values), &along) in all.chunks_exact_mut(width).zip(values.chunks_exact(width)).zip(along) {
                    for ((to, &a), &across) in all.iter_mut().zip(values).zip(across) {
                        *to = rounded(read(a) * along * across);
                    }
                }
            },
        );
    };
    if values.len() < ENTRIES_FOR_THREADS {
        rows(&mut all, values, along);
    } else {
        let chunks = all.par_chunks_mut(ROWS_AT_ONCE * width).zip(values.par_chunks(ROWS_AT_ONCE * width));
        chunks.zip(along.par_chunks(ROWS_AT_ONCE)).for_each(|((all, values), along)| rows(all, values, along));
    }
    all
}

/// The same of stored numbers.
pub(super) struct Rounding<'a> {
    pub along: &'a [f64],
    pub across: &'a [f64],
}

impl Visitor for Rounding<'_> {
    type Output = Vec<u16>;

    fn visit<A: Copy + Sync>(self, raw: &[A], read: impl Fn(A) -> f64 + Copy + Sync) -> Vec<u16> {
        dense(raw, read, self.along, self.across)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifold::Form;
    use crate::numeric::Float;
    use crate::problem::{Port, ProblemBuilder, Stored, Weights};
    use crate::regularizer::Regularizer;
    use quickcheck_macros::quickcheck;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    use std::sync::Arc;

    /// Blocks of every pattern, in memory and in a file, at two points, the powers of two of a third folded into the weights.
    #[quickcheck]
    fn values_times_their_factors_are_the_curvatures_rounded_to_eleven_digits(seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let (rows, columns) = (random.random_range(1..40), random.random_range(1..40));
        let norm = Regularizer::lp([1.0, 2.0][random.random_range(0..2)]).unwrap();
        let spread = random.random_range(0.1..6.0);
        let mut numbers = |count: usize| -> Vec<f32> {
            let number = |_| {
                let size: f32 = random.random_range(-spread..spread);
                if random.random_range(0..6) == 0 { 0.0 } else { size.exp() }
            };
            (0..count).map(number).collect()
        };
        let mut builder = ProblemBuilder::new(rows + columns);
        let mut ports = |first: usize, count: usize| -> Vec<Port> {
            (first..first + count).map(|v| builder.port(&Form::variable(v))).collect()
        };
        let (heads, tails) = (ports(0, rows), ports(rows, columns));
        let least = rows.min(columns);
        let single = |count: usize, numbers: &mut dyn FnMut(usize) -> Vec<f32>| -> Vec<f64> {
            numbers(count).into_iter().map(f64::from).collect()
        };
        let sparse = single(rows, &mut numbers).into_iter().enumerate();
        let sparse = sparse.map(|(r, w)| (r as u32, (7 * r % columns) as u32, w)).collect();
        for (heads, tails, weights) in [
            (&heads[..], &tails[..], Weights::Dense(single(rows * columns, &mut numbers))),
            (&heads[..], &tails[..], Weights::Sparse(sparse)),
            (&heads[..least], &tails[..least], Weights::Diagonal(single(least, &mut numbers))),
        ] {
            builder.block("w", heads.to_vec(), tails.to_vec(), weights, &norm).unwrap();
        }
        for by_columns in [false, true] {
            let bytes: Vec<u8> = numbers(rows * columns).into_iter().flat_map(f32::to_le_bytes).collect();
            let range = 0..bytes.len();
            let stored = Stored::new(Arc::new(bytes), range, Float::F32);
            builder.stored("w", heads.clone(), tails.clone(), (stored, by_columns), &norm).unwrap();
        }
        let problem = builder.build();
        let exponents: Vec<i32> = (0..rows + columns).map(|_| random.random_range(-9..9)).collect();
        for problem in [&problem, &problem.folded(&exponents)] {
            let mut point = || {
                let x: Vec<f64> = (0..rows + columns).map(|_| random.random_range(-3.0..3.0)).collect();
                problem.point(&x)
            };
            let (made, used) = (point(), point());
            for (number, block) in problem.blocks().iter().enumerate() {
                let copy = made.rounded(number).unwrap();
                let mut factors = vec![];
                assert!(copy.factors(&used, number, &mut factors));
                let (by_rows, by_columns) = factors.split_at(block.heads.len());
                block.for_each(|r, c, k| {
                    let exact = used.curvature(number, k, [block.heads[r], block.tails[c]]).to_f64();
                    let one = by_rows[r] * by_columns[c];
                    let found = one * f64::from(read(copy.values[k])) * f64::from(UNIT);
                    let off = (found - exact).abs();
                    let most = exact / 2047.0 + one * 2f64.powi(-73);
                    assert!(off <= most, "{:?} of {:?}: {found:e} for {exact:e}", (r, c), block.pattern);
                });
            }
        }
    }
}

//! The fused pass over dense amplitudes in two words: row sums and column sums from one read.

use crate::numeric::{Double, Words, in_vector_units};
use rayon::prelude::*;

/// Lines whose sums over places are added up together, before they join the total: the result does not depend on the number
/// of threads.
const LINES_PER_PANEL: usize = 32;
/// Places that stay in the first-level cache while a panel passes.
const PLACES_PER_TILE: usize = 512;
/// Panels in flight at once; bounds the memory of their sums.
const PANELS_AT_ONCE: usize = 16;
/// Numbers that are computed side by side.
const LANES: usize = 8;

/// One read of a dense matrix A without negative entries, line by line, of which `read` gives entry `k`: `A across`, and
/// `A^T along`. The vectors are not negative either.
///
/// Every result is a sum of products with at most one rounding of [`Double`] for each product and each addition.
/// Complexity: every entry is read once, in some forty operations, on all threads. The result depends neither on their number
/// nor on the vector units of the machine.
pub(super) fn dense(
    read: impl Fn(usize) -> Double + Copy + Sync,
    across: &[Double],
    along: &[Double],
) -> (Vec<Double>, Vec<Double>) {
    let width = across.len();
    let (mut lines, mut places) = (vec![Double::default(); along.len()], vec![Double::default(); width]);
    if width == 0 {
        return (lines, places);
    }
    let across = Words::of(across);
    let group = LINES_PER_PANEL * PANELS_AT_ONCE;
    for (g, (along, lines)) in along.chunks(group).zip(lines.chunks_mut(group)).enumerate() {
        let panels = along.par_chunks(LINES_PER_PANEL).zip(lines.par_chunks_mut(LINES_PER_PANEL)).enumerate();
        let panel = |(i, (along, lines)): (usize, (&[Double], &mut [Double]))| {
            let first = (g * group + i * LINES_PER_PANEL) * width;
            // what is not inlined here does not see the vector units: fused multiplications would be calls
            in_vector_units(
                (read, first, &across, along, lines),
                #[inline(always)]
                |(read, first, across, along, lines)| panel(|k| read(first + k), across, along, lines),
            )
        };
        let sums: Vec<Words> = panels.map(panel).collect();
        for sum in sums {
            places.iter_mut().enumerate().for_each(|(c, place)| *place = *place + sum.get(c));
        }
    }
    (lines, places)
}

/// Additions on the longest path to a sum of [`dense`]: lanes, their sum and what is left of them, and tiles along a line;
/// panels across lines.
pub(super) fn longest_sum(lines: usize, places: usize) -> usize {
    let lanes = PLACES_PER_TILE / LANES + 2 * LANES;
    (lanes + 1 + places / PLACES_PER_TILE).max(LINES_PER_PANEL + 1 + lines / LINES_PER_PANEL)
}

/// The sums of a panel's lines are added to `lines`; the sums over its places are returned.
#[inline(always)]
fn panel(read: impl Fn(usize) -> Double, across: &Words, along: &[Double], lines: &mut [Double]) -> Words {
    let width = across.high.len();
    let mut sums = Words::zeros(width);
    let mut tile = Words::zeros(PLACES_PER_TILE.min(width));
    for start in (0..width).step_by(PLACES_PER_TILE) {
        let end = (start + PLACES_PER_TILE).min(width);
        for (l, (line, &factor)) in lines.iter_mut().zip(along).enumerate() {
            for (i, k) in (l * width + start..l * width + end).enumerate() {
                let entry = read(k);
                (tile.high[i], tile.low[i]) = (entry.to_f64(), entry.low());
            }
            *line = *line + tile_line(&tile, across, &mut sums, start..end, factor);
        }
    }
    sums
}

/// The part of a line in a tile: its sum against `across`; its multiples are added to the sums over places.
#[inline(always)]
fn tile_line(tile: &Words, across: &Words, sums: &mut Words, range: std::ops::Range<usize>, factor: Double) -> Double {
    let length = range.len();
    let mut lanes = Lanes([0.0; LANES], [0.0; LANES]);
    let factors = Lanes([factor.to_f64(); LANES], [factor.low(); LANES]);
    let whole = length / LANES * LANES;
    let (a_high, a_low) = (&tile.high[..whole], &tile.low[..whole]);
    let eights = range.start..range.start + whole;
    let (x_high, x_low) = (&across.high[eights.clone()], &across.low[eights.clone()]);
    let (s_high, s_low) = (&mut sums.high[eights.clone()], &mut sums.low[eights]);
    let entries = a_high.as_chunks::<LANES>().0.iter().zip(a_low.as_chunks::<LANES>().0);
    let factors_across = x_high.as_chunks::<LANES>().0.iter().zip(x_low.as_chunks::<LANES>().0);
    let sums_eight = s_high.as_chunks_mut::<LANES>().0.iter_mut().zip(s_low.as_chunks_mut::<LANES>().0);
    for ((a, x), s) in entries.zip(factors_across).zip(sums_eight) {
        let a = Lanes(*a.0, *a.1);
        lanes = lanes.plus(a.times(Lanes(*x.0, *x.1)));
        let sum = Lanes(*s.0, *s.1).plus(a.times(factors));
        (*s.0, *s.1) = (sum.0, sum.1);
    }
    let mut rest = Double::default();
    for i in whole..length {
        let (a, c) = (tile.get(i), range.start + i);
        rest = rest + a * across.get(c);
        let sum = sums.get(c) + a * factor;
        (sums.high[c], sums.low[c]) = (sum.to_f64(), sum.low());
    }
    (0..LANES).fold(rest, |sum, i| sum + Double::from_words(lanes.0[i], lanes.1[i]))
}

/// Some numbers of two words: the first words, and the second ones.
#[derive(Clone, Copy)]
struct Lanes([f64; LANES], [f64; LANES]);

impl Lanes {
    /// The algorithm of [`Double`]'s product, lane by lane.
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        let high = each(self.0, other.0, |a, b| a * b);
        let low = fused(self.0, other.0, each(high, high, |h, _| -h));
        let cross = fused(self.0, other.1, each(self.1, other.0, |a, b| a * b));
        quick(high, each(low, cross, |a, b| a + b))
    }

    /// The sum of numbers that are not negative: half the operations of [`Double`]'s sum, with a relative error of at most
    /// `3 u^2` where no signs differ (Joldes, Muller and Popescu, "sloppy" addition).
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        let high = each(self.0, other.0, |a, b| a + b);
        let part = each(high, self.0, |h, a| h - a);
        let left = each(self.0, each(high, part, |h, p| h - p), |a, b| a - b);
        let right = each(other.0, part, |b, p| b - p);
        let low = each(each(left, right, |a, b| a + b), each(self.1, other.1, |a, b| a + b), |a, b| a + b);
        quick(high, low)
    }
}

#[inline(always)]
fn quick(a: [f64; LANES], b: [f64; LANES]) -> Lanes {
    let high = each(a, b, |a, b| a + b);
    Lanes(high, each(b, each(high, a, |h, a| h - a), |b, d| b - d))
}

// loops, for what the standard library does on arrays is not always inlined: it would not see the vector units

#[inline(always)]
fn each(mut a: [f64; LANES], b: [f64; LANES], f: impl Fn(f64, f64) -> f64) -> [f64; LANES] {
    for i in 0..LANES {
        a[i] = f(a[i], b[i]);
    }
    a
}

#[inline(always)]
fn fused(mut a: [f64; LANES], b: [f64; LANES], c: [f64; LANES]) -> [f64; LANES] {
    for i in 0..LANES {
        a[i] = a[i].mul_add(b[i], c[i]);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::DOUBLE_ROUNDOFF;
    use dashu::rational::RBig;
    use quickcheck_macros::quickcheck;

    fn exact(x: Double) -> RBig {
        RBig::try_from(x.to_f64()).unwrap() + RBig::try_from(x.low()).unwrap()
    }

    #[quickcheck]
    fn both_products_are_those_of_exact_rationals_within_their_bound(rows: u8, columns: u16, seed: u32) -> bool {
        let (rows, columns) = (usize::from(rows % 70), usize::from(columns % 40));
        let mut state = u64::from(seed);
        let mut number = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let size = 2f64.powi((state >> 58) as i32 - 32);
            let one = (state >> 11) as f64 * size;
            Double::sum(one, one * 2f64.powi(-54) * ((state >> 20 & 255) as f64 / 256.0))
        };
        let matrix: Vec<Double> = (0..rows * columns).map(|_| number()).collect();
        let across: Vec<Double> = (0..columns).map(|_| number()).collect();
        let along: Vec<Double> = (0..rows).map(|_| number()).collect();
        let (lines, places) = dense(|k| matrix[k], &across, &along);
        let terms = longest_sum(rows, columns);
        let near = |sum: Double, expected: RBig| {
            let distance = exact(sum) - expected.clone();
            let distance = if distance < RBig::ZERO { -distance } else { distance };
            distance <= expected * RBig::try_from((terms as f64 + 1.0) * DOUBLE_ROUNDOFF).unwrap()
        };
        let product = |a: Double, b: Double| exact(a) * exact(b);
        (0..rows).all(|r| {
            let expected =
                (0..columns).map(|c| product(matrix[r * columns + c], across[c])).fold(RBig::ZERO, |a, b| a + b);
            near(lines[r], expected)
        }) && (0..columns).all(|c| {
            let expected = (0..rows).map(|r| product(matrix[r * columns + c], along[r])).fold(RBig::ZERO, |a, b| a + b);
            near(places[c], expected)
        })
    }
}

//! The smallest and the largest magnitude of stored numbers, in one read.

use super::stored::Visitor;
use crate::numeric::in_vector_units;
use rayon::prelude::*;

/// What one read of numbers tells about their magnitudes.
#[derive(Clone, Copy, Debug)]
pub struct Extremes {
    /// The smallest one that is not zero; infinite where there is none.
    pub smallest: f64,
    /// The largest one; not finite where one of the numbers is not.
    pub largest: f64,
    /// Whether some number is zero.
    pub zero: bool,
}

/// Numbers that one thread takes together.
const CHUNK: usize = 1 << 14;
/// Numbers that are looked at side by side.
const LANES: usize = 16;

/// Everything but the sign of a single-precision number.
const MAGNITUDE: u32 = 0x7fff_ffff;

impl Extremes {
    const NONE: Self = Self { smallest: f64::INFINITY, largest: 0.0, zero: false };

    fn and(self, other: Self) -> Self {
        let (smallest, zero) = (self.smallest.min(other.smallest), self.zero | other.zero);
        Self { smallest, largest: larger(self.largest, other.largest), zero }
    }

    /// Those of single-precision numbers: their magnitudes are ordered as their bits are.
    pub(super) fn of_single(raw: &[[u8; 4]]) -> Self {
        let of_chunk = |chunk: &[[u8; 4]]| {
            let [least, smallest, largest] = in_vector_units(
                chunk,
                #[inline(always)]
                |chunk| {
                    // less by one, zero counts as the largest of all
                    let mut found = [[u32::MAX; LANES], [u32::MAX; LANES], [0u32; LANES]];
                    let (groups, rest) = chunk.as_chunks::<LANES>();
                    for group in groups {
                        for (lane, number) in group.iter().enumerate() {
                            meet(&mut found, lane, *number);
                        }
                    }
                    rest.iter().for_each(|&number| meet(&mut found, 0, number));
                    found
                },
            );
            let min = |of: [u32; LANES]| of.into_iter().min().unwrap_or(u32::MAX);
            let number = |bits: u32| f64::from(f32::from_bits(bits));
            Self {
                smallest: min(smallest).checked_add(1).map_or(f64::INFINITY, number),
                largest: number(largest.into_iter().max().unwrap_or(0)),
                zero: min(least) == 0,
            }
        };
        raw.par_chunks(CHUNK).map(of_chunk).reduce(|| Self::NONE, Self::and)
    }
}

/// Notes a number in one lane of the least magnitude, the least but for zero less one, and the largest.
#[inline(always)]
fn meet([least, smallest, largest]: &mut [[u32; LANES]; 3], lane: usize, number: [u8; 4]) {
    let bits = u32::from_le_bytes(number) & MAGNITUDE;
    least[lane] = least[lane].min(bits);
    smallest[lane] = smallest[lane].min(bits.wrapping_sub(1));
    largest[lane] = largest[lane].max(bits);
}

/// Finds the extremes of numbers of any type.
pub(super) struct OfMagnitudes;

impl Visitor for OfMagnitudes {
    type Output = Extremes;

    fn visit<A: Copy + Sync>(self, raw: &[A], read: impl Fn(A) -> f64 + Copy + Sync) -> Extremes {
        let meet = |found: Extremes, &number: &A| {
            let size = read(number);
            let smallest = if size > 0.0 { found.smallest.min(size) } else { found.smallest };
            Extremes { smallest, largest: larger(found.largest, size), zero: found.zero | (size == 0.0) }
        };
        let of_chunk = |chunk: &[A]| chunk.iter().fold(Extremes::NONE, meet);
        raw.par_chunks(CHUNK).map(of_chunk).reduce(|| Extremes::NONE, Extremes::and)
    }
}

/// The larger one of two numbers, or the one that is none.
#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if b > a || b.is_nan() { b } else { a }
}

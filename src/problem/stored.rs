//! Weights that stay where a file stores them: read anew in every pass, never copied.

use super::block::{PLAIN_EXPONENT, is_plain};
use super::extremes::{Extremes, OfMagnitudes};
use super::precise::precise_power;
use super::precise_kernel;
use super::rounded::Rounding;
use crate::numeric::{Double, Float, Scalar, Wide};
use crate::regularizer::Power;
use half::{bf16, f16};
use rayon::prelude::*;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Little-endian numbers of a file, row after row.
#[derive(Clone)]
pub struct Stored {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
    float: Float,
    /// Found once, for all copies.
    extremes: Arc<OnceLock<Extremes>>,
}

impl Stored {
    /// The numbers in a range of bytes.
    ///
    /// # Panics
    /// When the range is not inside the bytes, or holds no whole number of numbers.
    #[must_use]
    pub fn new(bytes: Arc<dyn AsRef<[u8]> + Send + Sync>, range: Range<usize>, float: Float) -> Self {
        assert!((*bytes).as_ref().get(range.clone()).is_some_and(|b| b.len() % float.width() == 0), "whole numbers");
        Self { bytes, range, float, extremes: Arc::default() }
    }

    /// How many numbers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.range.len() / self.float.width()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    fn raw(&self) -> &[u8] {
        &(*self.bytes).as_ref()[self.range.clone()]
    }

    /// Number `k`.
    #[must_use]
    pub fn get(&self, k: usize) -> f64 {
        self.float.read(&self.raw()[k * self.float.width()..])
    }

    /// What one read of the numbers tells of their magnitudes; they are read once, however often it is asked.
    #[must_use]
    pub fn extremes(&self) -> Extremes {
        *self.extremes.get_or_init(|| match self.float {
            Float::F32 => Extremes::of_single(self.raw().as_chunks().0),
            _ => self.visit(false, 1.0, OfMagnitudes),
        })
    }

    /// All numbers in double precision.
    #[must_use]
    pub fn decode(&self) -> Vec<f64> {
        (0..self.len()).map(|k| self.get(k)).collect()
    }

    /// Runs a visitor on the raw numbers and the way to read `c |w|`, or `c w^2`.
    fn visit<V: Visitor>(&self, squares: bool, c: f64, visitor: V) -> V::Output {
        let (raw, plain) = (self.raw(), c == 1.0);
        match (self.float, squares) {
            (Float::F32, true) if plain => visitor.visit(raw.as_chunks().0, |b| square(from_f32(b))),
            (Float::F32, true) => visitor.visit(raw.as_chunks().0, move |b| c * square(from_f32(b))),
            (Float::F32, false) => visitor.visit(raw.as_chunks().0, move |b| c * from_f32(b).abs()),
            (Float::F64, true) => visitor.visit(raw.as_chunks().0, move |b| c * square(f64::from_le_bytes(b))),
            (Float::F64, false) => visitor.visit(raw.as_chunks().0, move |b| c * f64::from_le_bytes(b).abs()),
            (Float::F16, true) => visitor.visit(raw.as_chunks().0, move |b| c * square(from_f16(b))),
            (Float::F16, false) => visitor.visit(raw.as_chunks().0, move |b| c * from_f16(b).abs()),
            (Float::Bf16, true) => visitor.visit(raw.as_chunks().0, move |b| c * square(from_bf16(b))),
            (Float::Bf16, false) => visitor.visit(raw.as_chunks().0, move |b| c * from_bf16(b).abs()),
        }
    }

    /// Place and value of the first number that is not finite.
    pub(super) fn first_faulty(&self) -> Option<(usize, f64)> {
        let raw = self.raw();
        // sums of some thousand magnitudes are finite unless one number is not, or their sum overflows
        let faulty = |values: &mut dyn Iterator<Item = f64>| !values.map(f64::abs).sum::<f64>().is_finite();
        let suspicious: Vec<usize> = match self.float {
            Float::F32 => chunks(raw.as_chunks().0, |c| c.iter().fold(false, |found, &b| found | !is_finite(b))),
            Float::F64 => chunks(raw.as_chunks().0, |c| faulty(&mut c.iter().map(|&b| f64::from_le_bytes(b)))),
            Float::F16 => chunks(raw.as_chunks().0, |c| faulty(&mut c.iter().map(|&b| from_f16(b)))),
            Float::Bf16 => chunks(raw.as_chunks().0, |c| faulty(&mut c.iter().map(|&b| from_bf16(b)))),
        };
        let places = suspicious.into_iter().flat_map(|c| c * CHUNK..((c + 1) * CHUNK).min(self.len()));
        places.map(|k| (k, self.get(k))).find(|(_, w)| !w.is_finite())
    }
}

/// Numbers that are looked at together when only few of them can be at fault.
const CHUNK: usize = 1 << 14;

fn chunks<const N: usize>(raw: &[[u8; N]], is_suspicious: impl Fn(&[[u8; N]]) -> bool + Sync) -> Vec<usize> {
    raw.par_chunks(CHUNK).enumerate().filter(|(_, c)| is_suspicious(c)).map(|(i, _)| i).collect()
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} stored numbers of type {:?}", self.len(), self.float)
    }
}

/// Whether single-precision bits stand for a finite number.
#[inline(always)]
fn is_finite(bytes: [u8; 4]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    u32::from_le_bytes(bytes) & EXPONENT != EXPONENT
}

#[inline(always)]
fn from_f32(bytes: [u8; 4]) -> f64 {
    f64::from(f32::from_le_bytes(bytes))
}

#[inline(always)]
fn from_f16(bytes: [u8; 2]) -> f64 {
    f16::from_le_bytes(bytes).to_f64()
}

#[inline(always)]
fn from_bf16(bytes: [u8; 2]) -> f64 {
    // bfloat16 is the upper half of single precision
    f64::from(f32::from_bits(u32::from(bf16::from_le_bytes(bytes).to_bits()) << 16))
}

/// Amplitudes `coefficient |w|^p` of stored weights with p = 1 or 2, times powers of two for every line and place in it.
///
/// A *line* is a row of the block where the file stores the block row by row, and a column where it stores columns.
#[derive(Clone, Debug)]
pub struct Lines {
    weights: Stored,
    /// Whether amplitudes are squares: p = 2.
    squares: bool,
    coefficient: f64,
    /// Powers of two of the amplitudes, for every line; empty for none.
    along: Vec<i64>,
    /// Powers of two of the amplitudes, for every place in a line; empty for none.
    across: Vec<i64>,
    /// Numbers in a line.
    width: usize,
    /// Binary exponents of the smallest and the largest amplitude before these powers.
    span: Range<i64>,
}

/// Powers of two beyond this at one end of a pass could leave the range before those at the other end bring them back.
const FURTHEST: i64 = 300;

impl Lines {
    /// The amplitudes of weights in lines of `width`; none where p is neither 1 nor 2, where a weight is not finite, or its
    /// amplitude is beyond the range of plain numbers.
    pub(super) fn new(weights: Stored, width: usize, power: Power) -> Option<Self> {
        if !power.is_exact() {
            return None;
        }
        let (squares, coefficient) = (power.exponent == 2.0, power.coefficient);
        let mut own = Self { weights, squares, coefficient, along: vec![], across: vec![], width, span: 0..0 };
        // of the magnitudes: squares may vanish
        let Extremes { smallest, largest, .. } = own.weights.extremes();
        if largest == 0.0 {
            own.span = 0..1;
            return Some(own);
        }
        let power = |size: f64| if squares { square(size) } else { size };
        let (smallest, largest) = (power(smallest), power(largest));
        // powers as well as costs: a coefficient may lift what was rounded as a subnormal number
        if !(is_plain(smallest) && is_plain(largest)) {
            return None;
        }
        let (smallest, largest) = (coefficient * smallest, coefficient * largest);
        if !(is_plain(smallest) && is_plain(largest)) {
            return None;
        }
        own.span = exponent(smallest)..exponent(largest) + 1;
        Some(own)
    }

    /// Number of amplitudes.
    pub(super) fn len(&self) -> usize {
        self.weights.len()
    }

    /// Bytes that a read takes.
    pub(super) fn bytes(&self) -> usize {
        self.weights.range.len()
    }

    /// Amplitude `k`.
    pub(super) fn get(&self, k: usize) -> Wide {
        let power = |of: &[i64], at: usize| of.get(at).copied().unwrap_or(0);
        Wide::from(self.unfolded(k))
            * Wide::scaled(1.0, power(&self.along, k / self.width) + power(&self.across, k % self.width))
    }

    /// Whether no amplitude is zero; those of other weights are well inside the range of `f64`.
    pub(super) fn has_all(&self) -> bool {
        !self.weights.extremes().zero
    }

    /// Whether amplitude `k` is not zero.
    pub(super) fn has(&self, k: usize) -> bool {
        self.unfolded(k) != 0.0
    }

    /// Amplitude `k` without any power of two.
    fn unfolded(&self, k: usize) -> f64 {
        let weight = self.weights.get(k).abs();
        self.coefficient * if self.squares { weight * weight } else { weight }
    }

    /// Weight `k`, without any power of two.
    pub(super) fn weight(&self, k: usize) -> f64 {
        self.weights.get(k)
    }

    /// The coefficient of the power.
    pub(super) fn coefficient(&self) -> f64 {
        self.coefficient
    }

    /// Amplitude `k` in two words.
    #[inline(always)]
    pub(super) fn precise(&self, k: usize) -> Double {
        let weight = self.weights.get(k).abs();
        if weight == 0.0 {
            return Double::default();
        }
        precise_power(weight, self.squares, self.coefficient, self.get(k).to_f64())
    }

    /// Whether all amplitudes lie well inside the range of `f64`.
    pub(super) fn is_plain(&self) -> bool {
        let most = |of: &[i64], sign: i64| of.iter().map(|e| sign * e).max().unwrap_or(0);
        let up = most(&self.along, 1) + most(&self.across, 1);
        let down = most(&self.along, -1) + most(&self.across, -1);
        self.span.end + up <= PLAIN_EXPONENT && self.span.start - down >= -PLAIN_EXPONENT
    }

    /// Whether a pass in plain numbers stays inside their range: the powers of two come in at both of its ends, and one alone must
    /// not lead out.
    pub(super) fn passes_plain(&self) -> bool {
        self.is_plain() && !self.is_far()
    }

    fn is_far(&self) -> bool {
        self.across.iter().chain(&self.along).any(|e| e.abs() > FURTHEST)
    }

    /// The same amplitudes times more powers of two.
    pub(super) fn shifted(&self, along: &[i64], across: &[i64]) -> Self {
        let factor = if self.squares { 2 } else { 1 };
        let sum = |old: &[i64], new: &[i64]| -> Vec<i64> {
            new.iter().enumerate().map(|(i, n)| old.get(i).copied().unwrap_or(0) + factor * n).collect()
        };
        Self { along: sum(&self.along, along), across: sum(&self.across, across), ..self.clone() }
    }

    /// The products of the amplitudes with `across` along every line, and with `along` across the lines.
    pub(super) fn products<S: Scalar>(&self, across: &[S], along: &[S]) -> (Vec<S>, Vec<S>) {
        let power = |e: i64| S::from_wide(Wide::scaled(1.0, e));
        // a power of two and a sum commute exactly: the factors go to both ends of the pass
        let scaled = |values: &[S], by: &[i64]| -> Vec<S> {
            if by.is_empty() { values.to_vec() } else { values.iter().zip(by).map(|(v, &e)| *v * power(e)).collect() }
        };
        let (across_in, along_in) = (scaled(across, &self.across), scaled(along, &self.along));
        let (lines, places) = self.weights.visit(
            self.squares,
            self.coefficient,
            super::kernel::Products { across: &across_in, along: &along_in },
        );
        (scaled(&lines, &self.along), scaled(&places, &self.across))
    }

    /// The amplitudes times a factor for every line and one for every place in it, rounded.
    pub(super) fn rounded(&self, along: &[f64], across: &[f64]) -> Vec<u16> {
        let power = |of: &[i64], i: usize| 2f64.powi(of.get(i).copied().unwrap_or(0) as i32);
        let scaled = |values: &[f64], by: &[i64]| -> Vec<f64> {
            values.iter().enumerate().map(|(i, v)| v * power(by, i)).collect()
        };
        let (along, across) = (scaled(along, &self.along), scaled(across, &self.across));
        self.weights.visit(self.squares, self.coefficient, Rounding { along: &along, across: &across })
    }

    /// The same in two words; where all amplitudes are plain.
    pub(super) fn precise_products(&self, across: &[Double], along: &[Double]) -> (Vec<Double>, Vec<Double>) {
        let scaled = |values: &[Double], by: &[i64], factor: f64| -> Vec<Double> {
            let power = |i: usize| 2f64.powi(by.get(i).copied().unwrap_or(0) as i32);
            let one =
                |(i, v): (usize, &Double)| if factor == 1.0 { *v } else { *v * Double::from(factor) }.scaled(power(i));
            values.iter().enumerate().map(one).collect()
        };
        if self.is_far() {
            return precise_kernel::dense(|k| self.precise(k), across, along);
        }
        let (across_in, along_in) = (scaled(across, &self.across, 1.0), scaled(along, &self.along, 1.0));
        // of the magnitudes; the pass takes their squares, which two words hold exactly
        let products = PreciseProducts { across: &across_in, along: &along_in, squares: self.squares };
        let (lines, places) = self.weights.visit(false, 1.0, products);
        (scaled(&lines, &self.along, self.coefficient), scaled(&places, &self.across, self.coefficient))
    }
}

/// A computation over raw numbers, for any type in which they are stored.
pub(super) trait Visitor {
    type Output;

    fn visit<A: Copy + Sync>(self, raw: &[A], read: impl Fn(A) -> f64 + Copy + Sync) -> Self::Output;
}

/// Both products in two words of a dense matrix of magnitudes, or of their squares, line by line.
struct PreciseProducts<'a> {
    across: &'a [Double],
    along: &'a [Double],
    squares: bool,
}

impl Visitor for PreciseProducts<'_> {
    type Output = (Vec<Double>, Vec<Double>);

    fn visit<A: Copy + Sync>(self, raw: &[A], read: impl Fn(A) -> f64 + Copy + Sync) -> Self::Output {
        if self.squares {
            let square = |k: usize| {
                let size = read(raw[k]);
                Double::product(size, size)
            };
            return precise_kernel::dense(square, self.across, self.along);
        }
        precise_kernel::dense(|k| Double::from(read(raw[k])), self.across, self.along)
    }
}

#[inline(always)]
fn square(w: f64) -> f64 {
    w * w
}

/// The binary exponent of a positive number.
fn exponent(a: f64) -> i64 {
    Wide::from(a).exponent()
}

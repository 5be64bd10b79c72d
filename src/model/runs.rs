//! Sums of costs over single-precision numbers that a file holds in one piece, in the order in which it holds them.

use super::files::Files;
use super::scales::WeightUse;
use super::sums::Places;
use super::tensor::Tensor;
use crate::numeric::{Double, Words, in_vector_units};
use rayon::prelude::*;
use std::ops::Range;

/// Sums of costs for every place, row by row.
pub(super) enum Sums<'a> {
    /// All of them.
    Made(Vec<Double>),
    /// Over runs of so many numbers, made where they are asked for.
    Runs { numbers: &'a [[u8; 4]], length: usize, square: bool },
}

impl Sums<'_> {
    /// Writes the sums of some places.
    pub(super) fn write(&self, places: Range<usize>, sums: &mut [Double]) {
        match *self {
            Self::Made(ref all) => sums.copy_from_slice(&all[places]),
            Self::Runs { numbers, length, square } => {
                let numbers = &numbers[places.start * length..places.end * length];
                if square { sum_runs::<true>(numbers, length, sums) } else { sum_runs::<false>(numbers, length, sums) }
            }
        }
    }

    /// All sums.
    pub(super) fn made(self) -> Vec<Double> {
        match self {
            Self::Made(all) => all,
            Self::Runs { numbers, length, square } => {
                if square {
                    run_sums::<true>(numbers, length)
                } else {
                    run_sums::<false>(numbers, length)
                }
            }
        }
    }
}

/// Sums over single-precision numbers in one piece; none where one is not finite.
pub(super) fn quick_sums<'a, const SQUARE: bool>(
    one: &WeightUse,
    tensor: &'a Tensor,
    files: &'a Files,
    places: &Places,
) -> Option<Sums<'a>> {
    let numbers = tensor.single_precision(files).filter(|_| !one.reciprocal)?;
    let axes = places.split(one.stored_axes()?);
    let [length, head_step, tail_step] = axes.last().copied().unwrap_or([1, 0, 0]);
    // sums of what single precision holds are well inside the range of double precision
    if !tensor.stored(files)?.extremes().largest.is_finite() {
        return None;
    }
    if places.in_order(&axes) {
        return Some(Sums::Runs { numbers, length, square: SQUARE });
    }
    let shape = (places.rows, places.columns);
    // all entries of a run lie in one place
    let alike = Places::alike(places.head_of, &axes, 1) && Places::alike(places.tail_of, &axes, 2);
    if alike {
        let mut sums = vec![Double::default(); shape.0 * shape.1];
        let mut ready = vec![].into_iter();
        WeightUse::visit_runs(&axes, |element, head, tail| {
            let run = ready.next().unwrap_or_else(|| {
                let end = numbers.len().min(element + RUNS_AT_ONCE * length);
                ready = run_sums::<SQUARE>(&numbers[element..end], length).into_iter();
                ready.next().expect("a run begins here")
            });
            let sum = &mut sums[places.of(head, tail)];
            *sum = *sum + run;
        });
        return Some(Sums::Made(sums));
    }
    // a run meets all columns, or all rows, one after the other
    let along =
        |of: &[u32], step: usize, other: usize| step == 1 && other == 0 && of.len() == length && Places::one_by_one(of);
    if along(places.tail_of, tail_step, head_step) {
        let mut sums = Words::zeros(shape.0 * shape.1);
        WeightUse::visit_runs(&axes, |element, head, _| {
            let at = places.head_of[head] as usize * length;
            add::<SQUARE>(&mut sums, &numbers[element..element + length], at);
        });
        return Some(Sums::Made((0..shape.0 * shape.1).map(|at| sums.get(at)).collect()));
    }
    if along(places.head_of, head_step, tail_step) {
        let mut sums = Words::zeros(shape.0 * shape.1);
        WeightUse::visit_runs(&axes, |element, _, tail| {
            let at = places.tail_of[tail] as usize * length;
            add::<SQUARE>(&mut sums, &numbers[element..element + length], at);
        });
        let turned = (0..shape.0).flat_map(|row| (0..shape.1).map(move |column| column * shape.0 + row));
        return Some(Sums::Made(turned.map(|at| sums.get(at)).collect()));
    }
    let mut sums = vec![Double::default(); shape.0 * shape.1];
    WeightUse::visit_runs(&axes, |element, head, tail| {
        for (k, &number) in numbers[element..element + length].iter().enumerate() {
            let sum = &mut sums[places.of(head + k * head_step, tail + k * tail_step)];
            *sum = sum.plus(cost::<SQUARE>(number));
        }
    });
    Some(Sums::Made(sums))
}

/// Adds the costs of numbers to the sums from `at` on.
fn add<const SQUARE: bool>(sums: &mut Words, numbers: &[[u8; 4]], at: usize) {
    let (high, low) = (&mut sums.high[at..at + numbers.len()], &mut sums.low[at..at + numbers.len()]);
    in_vector_units(
        (numbers, high, low),
        #[inline(always)]
        |(numbers, high, low)| {
            for ((number, high), low) in numbers.iter().zip(high).zip(low) {
                let sum = Double::from_words(*high, *low).plus(cost::<SQUARE>(*number));
                (*high, *low) = (sum.to_f64(), sum.low());
            }
        },
    );
}

/// Runs whose sums are taken at once: a megabyte of sums.
const RUNS_AT_ONCE: usize = 1 << 16;
/// Runs that one thread takes together.
const RUNS_PER_TASK: usize = 1 << 10;
/// Numbers that are added side by side: so many that the compiler keeps the loop over them, and fills vector units with it; eight
/// it unrolls, and adds one by one.
const LANES: usize = 32;
/// Runs of fewer numbers are summed side by side.
const SHORT: usize = 2 * LANES;

/// The sum of every run of `length` numbers, on all threads.
fn run_sums<const SQUARE: bool>(numbers: &[[u8; 4]], length: usize) -> Vec<Double> {
    let mut sums = vec![Double::default(); numbers.len() / length];
    let parts = numbers.par_chunks(RUNS_PER_TASK * length);
    sums.par_chunks_mut(RUNS_PER_TASK).zip(parts).for_each(|(sums, part)| sum_runs::<SQUARE>(part, length, sums));
    sums
}

/// The sum of every run of `length` numbers: runs of few numbers side by side, each run of many in lanes.
fn sum_runs<const SQUARE: bool>(numbers: &[[u8; 4]], length: usize, sums: &mut [Double]) {
    in_vector_units(
        (numbers, length, sums),
        #[inline(always)]
        |(numbers, length, sums)| {
            if length < SHORT {
                let mut turned = [[[0; 4]; LANES]; SHORT];
                for (sums, runs) in sums.chunks_mut(LANES).zip(numbers.chunks(LANES * length)) {
                    // of fewer runs the other lanes hold what is not asked for
                    for (lane, run) in runs.chunks_exact(length).enumerate() {
                        turned.iter_mut().zip(run).for_each(|(row, number)| row[lane] = *number);
                    }
                    sums.copy_from_slice(&lanes::<SQUARE>(&turned[..length])[..sums.len()]);
                }
                return;
            }
            for (sum, run) in sums.iter_mut().zip(numbers.chunks_exact(length)) {
                let (rows, rest) = run.as_chunks::<LANES>();
                let rest = rest.iter().fold(Double::default(), |sum, &number| sum.plus(cost::<SQUARE>(number)));
                *sum = lanes::<SQUARE>(rows).into_iter().fold(rest, |a, b| a + b);
            }
        },
    );
}

/// The cost of a stored number; the square of single precision is exact.
#[inline(always)]
fn cost<const SQUARE: bool>(number: [u8; 4]) -> f64 {
    let size = f64::from(f32::from_le_bytes(number));
    if SQUARE { size * size } else { size.abs() }
}

/// The sum of costs in every lane.
#[inline(always)]
fn lanes<const SQUARE: bool>(rows: &[[[u8; 4]; LANES]]) -> [Double; LANES] {
    // words apart, so that lanes fill vector units
    let (mut high, mut low) = ([0.0; LANES], [0.0; LANES]);
    for row in rows {
        for lane in 0..LANES {
            let sum = Double::from_words(high[lane], low[lane]).plus(cost::<SQUARE>(row[lane]));
            (high[lane], low[lane]) = (sum.to_f64(), sum.low());
        }
    }
    let mut sums = [Double::default(); LANES];
    for lane in 0..LANES {
        sums[lane] = Double::from_words(high[lane], low[lane]);
    }
    sums
}

//! Sums of costs over the entries of a tensor that share both ports: kernel places, and what a flatten merges.

use super::amplitudes::{not_finite, weight};
use super::files::Files;
use super::scales::WeightUse;
use super::tensor::Tensor;
use crate::error::Result;
use crate::numeric::Double;
use crate::regularizer::Power;
use rayon::prelude::*;
use std::collections::HashMap;

/// Where the entries of a tensor are summed: the row of every head, and the column of every tail.
pub(super) struct Places<'a> {
    pub head_of: &'a [u32],
    pub tail_of: &'a [u32],
    pub rows: usize,
    pub columns: usize,
}

impl Places<'_> {
    /// Whether the runs of these axes lie in the places, one by one.
    fn in_order(&self, axes: &[[usize; 3]]) -> bool {
        let one_by_one = |of: &[u32]| of.iter().enumerate().all(|(i, &place)| i == place as usize);
        matches!(axes, [head, tail, [_, 0, 0]] if *head == [self.rows, 1, 0] && *tail == [self.columns, 0, 1])
            && one_by_one(self.head_of)
            && one_by_one(self.tail_of)
    }

    fn of(&self, head: usize, tail: usize) -> usize {
        self.head_of[head] as usize * self.columns + self.tail_of[tail] as usize
    }

    /// A bound on how many entries lie in one place: the entries of a pair of forms, times the forms that share ports.
    pub(super) fn most(&self, one: &WeightUse) -> usize {
        let most = |of: &[u32]| {
            let mut count: HashMap<u32, usize> = HashMap::new();
            of.iter().for_each(|&i| *count.entry(i).or_default() += 1);
            count.into_values().max().unwrap_or(1)
        };
        let each = match one.stored_axes() {
            Some(axes) => axes.iter().filter(|a| a[1] == 0 && a[2] == 0).map(|a| a[0]).product(),
            None => {
                let mut count: HashMap<(usize, usize), usize> = HashMap::new();
                one.visit(|_, head, tail| *count.entry((head, tail)).or_default() += 1);
                count.into_values().max().unwrap_or(1)
            }
        };
        each * most(self.head_of) * most(self.tail_of)
    }
}

/// Weights whose squares, and sums of them, are well inside the range of `f64`: 2^200.
const SAFE: f64 = f64::from_bits((1023 + 200) << 52);

/// Sums of `|w|^p`, p = 1 or 2, over the entries of every place, row by row; none where one is beyond the range in which sums
/// are safe.
///
/// # Errors
/// When a weight is not finite.
pub(super) fn sums(
    one: &WeightUse,
    tensor: &Tensor,
    files: &Files,
    places: &Places,
    power: Power,
) -> Result<Option<Vec<Double>>> {
    let square = power.exponent == 2.0;
    let quick = match square {
        true => quick_sums(one, tensor, files, places, |size| size * size),
        false => quick_sums(one, tensor, files, places, |size| size),
    };
    if let Some(sums) = quick {
        return Ok(Some(sums));
    }
    let mut sums = vec![Double::default(); places.rows * places.columns];
    let (mut faulty, mut safe) = (None, true);
    one.visit(|element, head, tail| {
        let stored = tensor.number(files, element);
        let size = weight(one, stored).abs();
        if !size.is_finite() {
            faulty.get_or_insert((element, stored));
        }
        safe &= size == 0.0 || (SAFE.recip()..SAFE).contains(&size);
        let cost = if square { Double::product(size, size) } else { Double::from(size) };
        let sum = &mut sums[places.of(head, tail)];
        *sum = *sum + cost;
    });
    match faulty {
        Some(fault) => Err(not_finite(tensor, fault)),
        None => Ok(safe.then_some(sums)),
    }
}

/// The same for single precision in one piece, in the order in which it is stored; none where something is out of range.
fn quick_sums(
    one: &WeightUse,
    tensor: &Tensor,
    files: &Files,
    places: &Places,
    cost: impl Fn(f64) -> f64 + Copy + Sync,
) -> Option<Vec<Double>> {
    let (axes, numbers) = (one.stored_axes()?, tensor.single_precision(files).filter(|_| !one.reciprocal)?);
    let [length, head_step, tail_step] = axes.last().copied().unwrap_or([1, 0, 0]);
    // squares of single precision are exact, and never too small for sums in double precision
    let cost = move |number: [u8; 4]| cost(f64::from(f32::from_le_bytes(number)).abs());
    if places.in_order(&axes) {
        let sums = run_sums(numbers, length, cost);
        return sums.iter().all(|sum| sum.to_f64() < SAFE * SAFE).then_some(sums);
    }
    let mut sums = vec![Double::default(); places.rows * places.columns];
    let mut safe = true;
    // runs whose entries all lie in one place
    let alike = (head_step == 0 || places.rows == 1) && (tail_step == 0 || places.columns == 1);
    if alike {
        let mut ready = vec![].into_iter();
        WeightUse::visit_runs(&axes, |element, head, tail| {
            let run = ready.next().unwrap_or_else(|| {
                let end = numbers.len().min(element + RUNS_AT_ONCE * length);
                ready = run_sums(&numbers[element..end], length, cost).into_iter();
                ready.next().expect("a run begins here")
            });
            // the sum is not finite when one of its terms is not
            safe &= run.to_f64() < SAFE * SAFE;
            let sum = &mut sums[places.of(head, tail)];
            *sum = *sum + run;
        });
        return safe.then_some(sums);
    }
    WeightUse::visit_runs(&axes, |element, head, tail| {
        for (k, &number) in numbers[element..element + length].iter().enumerate() {
            let cost = cost(number);
            safe &= cost < SAFE * SAFE;
            let sum = &mut sums[places.of(head + k * head_step, tail + k * tail_step)];
            *sum = sum.plus(cost);
        }
    });
    safe.then_some(sums)
}

/// Runs whose sums are taken at once: a megabyte of sums.
const RUNS_AT_ONCE: usize = 1 << 16;
/// Runs that one thread takes together.
const RUNS_PER_TASK: usize = 1 << 10;
/// Numbers that are added side by side.
const LANES: usize = 8;

/// The sum of every run of `length` numbers: runs of few numbers side by side, each run of many in lanes.
fn run_sums(numbers: &[[u8; 4]], length: usize, cost: impl Fn([u8; 4]) -> f64 + Copy + Sync) -> Vec<Double> {
    let mut sums = vec![Double::default(); numbers.len() / length];
    let vector_units = pulp::Arch::new();
    let task = |(sums, numbers): (&mut [Double], &[[u8; 4]])| {
        vector_units.dispatch(
            #[inline(always)]
            || {
                if length < 8 * LANES {
                    let (groups, rest) = sums.as_chunks_mut::<LANES>();
                    for (sums, runs) in groups.iter_mut().zip(numbers.chunks_exact(LANES * length)) {
                        *sums = lanes(length, |k, lane| cost(runs[lane * length + k]));
                    }
                    let done = groups.len() * LANES * length;
                    for (sum, run) in rest.iter_mut().zip(numbers[done..].chunks_exact(length)) {
                        *sum = run.iter().fold(Double::default(), |sum, &number| sum.plus(cost(number)));
                    }
                    return;
                }
                for (sum, run) in sums.iter_mut().zip(numbers.chunks_exact(length)) {
                    let (eights, rest) = run.as_chunks::<LANES>();
                    let rest = rest.iter().fold(Double::default(), |sum, &number| sum.plus(cost(number)));
                    *sum = lanes(eights.len(), |k, lane| cost(eights[k][lane])).into_iter().fold(rest, |a, b| a + b);
                }
            },
        );
    };
    let numbers = numbers.par_chunks(RUNS_PER_TASK * length);
    sums.par_chunks_mut(RUNS_PER_TASK).zip(numbers).for_each(task);
    sums
}

/// For every lane the sum of `term(k, lane)` over `k`.
#[inline(always)]
fn lanes(count: usize, term: impl Fn(usize, usize) -> f64) -> [Double; LANES] {
    // words apart, so that lanes fill vector units
    let (mut high, mut low) = ([0.0; LANES], [0.0; LANES]);
    for k in 0..count {
        for lane in 0..LANES {
            let sum = Double::from_words(high[lane], low[lane]).plus(term(k, lane));
            (high[lane], low[lane]) = (sum.to_f64(), sum.low());
        }
    }
    std::array::from_fn(|lane| Double::from_words(high[lane], low[lane]))
}

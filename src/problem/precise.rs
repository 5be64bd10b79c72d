//! Flows in twice the working precision, with a proved bound on their rounding.
//!
//! In deep networks the error of the weights is the residual times about the depth squared, so the residual of the last
//! steps must be known far beyond the roundoff of `f64`. Complexity: one read of the weights, some forty operations for each.

use super::block::{Amplitudes, Block, Cost, Pattern, Source};
use super::{Entry, Problem, precise_kernel};
use crate::numeric::{
    DOUBLE_ROUNDOFF, Double, EXP_ROUNDOFF, LARGEST_EXP, UNIT_ROUNDOFF, Wide, in_vector_units, is_half_integer,
};
use rayon::prelude::*;

/// What enters and leaves every variable; as [`super::Flows`], in two words.
#[derive(Clone, Debug)]
pub struct PreciseFlows {
    /// What the variable scales up.
    pub inflow: Vec<Double>,
    /// What the variable scales down.
    pub outflow: Vec<Double>,
    /// Bound on the relative error of every flow.
    pub roundoff: f64,
}

impl Problem {
    /// Visits all connections in their order, with lower and upper bounds of the amplitude, as narrow as its weight is known; none
    /// for costs that are no powers, and beyond the range of plain numbers.
    pub fn for_each_amplitude(&self, mut visit: impl FnMut(Entry, Option<(Double, Double)>)) {
        // of a block: its exponent, and the relative error of all of its amplitudes
        let known = |block: &Block| {
            let p = block.exponent(self)?;
            let error = block.precise_error(p, self.given)?;
            let exact = self.given == 0.0 && block.is_exact(p);
            Some((p, if exact { 0.0 } else { 1.01 * error + DOUBLE_ROUNDOFF }))
        };
        let known: Vec<Option<(f64, f64)>> = self.blocks.iter().map(known).collect();
        self.for_each_entry(|entry| {
            let bounds = known[entry.block].map(|(p, error)| {
                let amplitude = self.blocks[entry.block].precise(entry.index, p);
                let part = amplitude * Double::from(error);
                (amplitude - part, amplitude + part)
            });
            visit(entry, bounds);
        });
    }

    /// Flows at two-word log-scales; none for costs that are no powers, and beyond the range of plain numbers.
    ///
    /// # Panics
    /// When `x` has the wrong length.
    #[must_use]
    pub fn precise_flows(&self, x: &[Double]) -> Option<PreciseFlows> {
        assert_eq!(x.len(), self.variables, "one log-scale for every variable");
        let mut furthest = 0.0f64;
        let mut log = Vec::with_capacity(self.ports.len());
        for form in self.ports.iter() {
            let term = |&(v, c): &(u32, f64)| Double::from(c) * x[v as usize];
            log.push(form.terms().iter().map(term).fold(Double::default(), |a, b| a + b));
            let size: f64 = form.terms().iter().map(|t| term(t).to_f64().abs()).sum();
            furthest = furthest.max((form.terms().len() as f64 + 3.0) * size);
        }
        let steepest = self.exponents.iter().fold(0.0, |m: f64, &p| m.max(p));
        let largest = log.iter().map(|l| l.to_f64().abs()).fold(0.0, f64::max);
        if (largest * steepest).is_nan() || largest * steepest > LARGEST_EXP / 2.0 {
            return None;
        }
        let mut amplitude_error = 0.0f64;
        let mut flows = Sums::new(self);
        // multipliers of all ports as heads and as tails, for every exponent: blocks share most of them
        let multipliers: Vec<[Vec<Double>; 2]> = self.exponents.iter().map(|&p| exponentials(&log, p)).collect();
        for block in &self.blocks {
            let Cost::Power(k) = block.cost else { return None };
            let p = self.exponents[k];
            amplitude_error = amplitude_error.max(block.precise_error(p, self.given)?);
            let at = |ports: &[u32], of: &[Double]| -> Vec<Double> { ports.iter().map(|&q| of[q as usize]).collect() };
            let (up, down) = (at(&block.heads, &multipliers[k][0]), at(&block.tails, &multipliers[k][1]));
            let (rows, columns) = block.precise_products(p, &down, &up);
            add_flows(&mut flows.heads, &block.heads, (p, &up), &rows);
            add_flows(&mut flows.tails, &block.tails, (p, &down), &columns);
        }
        let (inflow, outflow) = flows.at_variables(self);
        let additions = self.most_additions(precise_kernel::longest_sum);
        let arithmetic = additions as f64 + 10.0 + 2.0 * steepest * furthest;
        let roundoff = 1.01 * (amplitude_error + 2.0 * EXP_ROUNDOFF + arithmetic * DOUBLE_ROUNDOFF);
        Some(PreciseFlows { inflow, outflow, roundoff })
    }
}

/// `exp(p l)` and its inverse for every log-scale l, on all threads.
fn exponentials(log: &[Double], p: f64) -> [Vec<Double>; 2] {
    let p = Double::from(p);
    let mut values = log.to_vec();
    let mut inverse = vec![Double::default(); log.len()];
    // fused multiplications are single instructions there, and exact everywhere: the same numbers on all machines
    values.par_chunks_mut(1024).zip(inverse.par_chunks_mut(1024)).for_each(|(values, inverse)| {
        in_vector_units(
            (values, inverse, p),
            #[inline(always)]
            |(values, inverse, p)| {
                let (groups, rest) = values.as_chunks_mut::<EXPONENTIALS>();
                groups.iter_mut().for_each(|group| *group = Double::exp_each(group.map(|l| p * l)));
                rest.iter_mut().for_each(|value| *value = (p * *value).exp());
                inverse.iter_mut().zip(values).for_each(|(inverse, value)| *inverse = Double::from(1.0) / *value);
            },
        );
    });
    [values, inverse]
}

/// Exponentials that are computed side by side.
const EXPONENTIALS: usize = 8;

/// Adds the sums of a block at its ports, times their multipliers and a factor, to the flows.
fn add_flows(flows: &mut [Double], ports: &[u32], (factor, multipliers): (f64, &[Double]), sums: &[Double]) {
    in_vector_units(
        (flows, ports, multipliers, sums),
        #[inline(always)]
        |(flows, ports, multipliers, sums)| {
            for ((&port, &multiplier), &sum) in ports.iter().zip(multipliers).zip(sums) {
                flows[port as usize] = flows[port as usize] + Double::from(factor) * multiplier * sum;
            }
        },
    );
}

impl PreciseFlows {
    /// `(inflow - outflow) / (inflow + outflow)` of one variable; zero where nothing flows.
    #[must_use]
    pub fn imbalance(&self, variable: usize) -> f64 {
        let (i, o) = (self.inflow[variable], self.outflow[variable]);
        let total = (i + o).to_f64();
        if total == 0.0 { 0.0 } else { (i - o).to_f64() / total }
    }
}

impl Block {
    /// Whether two words hold an amplitude exactly: that of a weight under p = 1 or 2, without a coefficient.
    fn is_exact(&self, p: f64) -> bool {
        let known = !self.is_summed() && (self.source.is_some() || matches!(self.values, Amplitudes::Stored(_)));
        known && self.coefficient() == 1.0 && (p == 1.0 || p == 2.0)
    }

    /// Bound on the relative error of [`Block::precise`]; none where amplitudes leave the range of plain numbers.
    fn precise_error(&self, p: f64, given: f64) -> Option<f64> {
        let exact = p == 1.0 || p == 2.0;
        let given = given * UNIT_ROUNDOFF;
        match (&self.values, &self.source) {
            (Amplitudes::Stored(lines), _) => lines.is_plain().then_some(given + 2.0 * DOUBLE_ROUNDOFF),
            (Amplitudes::Plain(_), Some(Source::Sums(rests))) => Some(given + rests.error),
            (Amplitudes::Wide(_), _) => None,
            (_, Some(Source::Weights { .. })) if exact => Some(given + 2.0 * DOUBLE_ROUNDOFF),
            (_, Some(Source::Weights { .. })) if is_half_integer(p) => Some(given + (p + 6.0) * DOUBLE_ROUNDOFF),
            (Amplitudes::Plain(_), _) => Some(given + (6.0 + 2.0 * p) * UNIT_ROUNDOFF),
        }
    }

    /// One read of the block's matrix A in two words: `A down` and `A^T up`.
    fn precise_products(&self, p: f64, down: &[Double], up: &[Double]) -> (Vec<Double>, Vec<Double>) {
        let (across, along) = if matches!(self.pattern, Pattern::DenseColumns) { (up, down) } else { (down, up) };
        let (lines, places) = match (&self.pattern, &self.values, &self.source) {
            (Pattern::Dense | Pattern::DenseColumns, Amplitudes::Stored(lines), _) => {
                lines.precise_products(across, along)
            }
            (Pattern::Dense | Pattern::DenseColumns, Amplitudes::Plain(values), Some(Source::Sums(rests))) => {
                precise_kernel::dense(|k| rests.restored(values[k], k), across, along)
            }
            (Pattern::Dense | Pattern::DenseColumns, ..) => {
                precise_kernel::dense(|k| self.precise(k, p), across, along)
            }
            (Pattern::Sparse { .. } | Pattern::Diagonal, ..) => {
                let (mut rows, mut columns) = (vec![Double::default(); up.len()], vec![Double::default(); down.len()]);
                // fused multiplications are exact, so the same numbers on all machines
                in_vector_units(
                    (&mut rows[..], &mut columns[..]),
                    #[inline(always)]
                    |(rows, columns)| {
                        self.for_each(|r, c, k| {
                            let amplitude = self.precise(k, p);
                            rows[r] = rows[r] + amplitude * down[c];
                            columns[c] = columns[c] + amplitude * up[r];
                        });
                    },
                );
                (rows, columns)
            }
        };
        if matches!(self.pattern, Pattern::DenseColumns) { (places, lines) } else { (lines, places) }
    }

    /// Amplitude `k` in two words; under p = 1 and 2 as exact as that allows.
    #[inline(always)]
    fn precise(&self, k: usize, p: f64) -> Double {
        match (&self.values, &self.source) {
            (Amplitudes::Stored(lines), _) => lines.precise(k),
            (Amplitudes::Plain(values), Some(Source::Sums(rests))) => rests.restored(values[k], k),
            (values, Some(Source::Weights { weights, coefficient })) if is_half_integer(p) => {
                let (weight, folded) = (weights[k].abs(), values.get(k).to_f64());
                match p {
                    _ if folded == 0.0 => Double::default(),
                    1.0 | 2.0 => precise_power(weight, p == 2.0, *coefficient, folded),
                    _ => half_power(weight, p, *coefficient, folded),
                }
            }
            (values, _) => Double::from(values.get(k).to_f64()),
        }
    }
}

/// `coefficient |w|` or `coefficient w^2` in two words, times the power of two that leads from the rounded amplitude to
/// `folded`.
#[inline(always)]
pub(super) fn precise_power(weight: f64, square: bool, coefficient: f64, folded: f64) -> Double {
    // powers of two keep the squares of very small and very large weights in range; both shifts are exact
    let shift = match weight {
        w if w < 2f64.powi(-400) => 2f64.powi(400),
        w if w > 2f64.powi(400) => 2f64.powi(-400),
        _ => 1.0,
    };
    let weight = weight * shift;
    let amplitude = if square { Double::product(weight, weight) } else { Double::from(weight) };
    let rounded = coefficient * amplitude.to_f64();
    let amplitude = if coefficient == 1.0 { amplitude } else { Double::from(coefficient) * amplitude };
    // in two steps, for the way from one end of the plain range to the other is longer than that of a number
    let exponent = |number: f64| (number.to_bits() >> 52) as i64;
    let power = |exponent: i64| f64::from_bits(((1023 + exponent) as u64) << 52);
    let steps = exponent(folded) - exponent(rounded);
    amplitude.scaled(power(steps / 2)).scaled(power(steps - steps / 2))
}

/// `coefficient w^p` in two words for a half integer p, times the power of two that leads to `folded`; that power is half
/// integer, too, where the exponents of w and of the fold are odd.
fn half_power(weight: f64, p: f64, coefficient: f64, folded: f64) -> Double {
    let fraction = (Wide::from(weight) * Wide::scaled(1.0, -Wide::from(weight).exponent())).to_f64();
    let mut amplitude = (0..p as u32).fold(Double::from(coefficient), |a, _| a * Double::from(fraction));
    if p.fract() != 0.0 {
        amplitude = amplitude * Double::from(fraction).sqrt();
    }
    let halves = (2.0 * (folded / amplitude.to_f64()).log2()).round() as i32;
    let amplitude = if halves.rem_euclid(2) == 1 { amplitude * Double::from(2.0).sqrt() } else { amplitude };
    amplitude.scaled(2f64.powi(halves.div_euclid(2)))
}

/// Sums of costs at ports, as heads and as tails.
struct Sums {
    heads: Vec<Double>,
    tails: Vec<Double>,
}

impl Sums {
    fn new(problem: &Problem) -> Self {
        let n = problem.ports.len();
        Self { heads: vec![Double::default(); n], tails: vec![Double::default(); n] }
    }

    /// Inflow and outflow of every variable.
    fn at_variables(&self, problem: &Problem) -> (Vec<Double>, Vec<Double>) {
        let zeros = vec![Double::default(); problem.variables];
        let (mut inflow, mut outflow) = (zeros.clone(), zeros);
        in_vector_units(
            (&mut inflow[..], &mut outflow[..], &self.heads[..], &self.tails[..]),
            #[inline(always)]
            |(inflow, outflow, heads, tails)| {
                for ((form, &head), &tail) in problem.ports.iter().zip(heads).zip(tails) {
                    for &(v, c) in form.terms() {
                        let (v, size) = (v as usize, Double::from(c.abs()));
                        let (up, down) = if c > 0.0 { (head, tail) } else { (tail, head) };
                        inflow[v] = inflow[v] + size * up;
                        outflow[v] = outflow[v] + size * down;
                    }
                }
            },
        );
        (inflow, outflow)
    }
}

//! Powers of two folded from the log-scales into the weights: exact, and the log-scales become small.

use super::block::{Amplitudes, Cost, Pattern, Source, is_plain};
use super::weigh::{log_magnitudes, wide_powers};
use super::{Block, LogScales, Problem};
use crate::manifold::Form;
use crate::numeric::Wide;
use std::sync::Arc;

/// Coefficients of forms are multiples of one over this, or their variables are not folded.
const FINEST: f64 = 1024.0;

impl Problem {
    /// For every variable the multiples of which powers of two keep all multipliers whole powers of two; zero where none
    /// small does (a unit whose degree is no simple fraction).
    #[must_use]
    pub fn whole_steps(&self) -> Vec<i32> {
        let mut steps = vec![1i32; self.variables];
        for &(v, c) in self.ports.iter().flat_map(|f| f.terms()) {
            let step = &mut steps[v as usize];
            while *step != 0 && (c * f64::from(*step)).fract() != 0.0 {
                *step = if f64::from(*step) < FINEST { 2 * *step } else { 0 };
            }
        }
        steps
    }

    /// The whole powers of two next to log-scales, each a multiple of its [whole step](Self::whole_steps).
    ///
    /// # Panics
    /// When there is not one log-scale for every variable.
    #[must_use]
    pub fn nearest_powers(&self, scales: &LogScales) -> LogScales {
        assert_eq!(scales.len(), self.variables, "one log-scale for every variable");
        let steps = self.whole_steps();
        let nearest = |v: usize| {
            let step = f64::from(steps[v]);
            let position = f64::from(scales.exponents()[v]) + scales.rest()[v] / std::f64::consts::LN_2;
            // nothing fits a unit whose degree is no simple fraction
            if step == 0.0 { 0 } else { (step * (position / step).round()) as i32 }
        };
        LogScales::split((0..self.variables).map(nearest).collect(), vec![0.0; self.variables])
    }

    /// The problem of the weights times `2^L`, with `L` the log-multipliers at `exponents`: its log-scales are those of this
    /// problem less `exponents * ln 2`.
    ///
    /// Complexity: one read of the weights, and memory for their amplitudes.
    ///
    /// # Panics
    /// When an exponent is no multiple of its [whole step](Self::whole_steps), or there are too few.
    #[must_use]
    pub fn folded(&self, exponents: &[i32]) -> Self {
        let origin: Vec<i32> = self.origin.iter().zip(exponents).map(|(o, e)| o + e).collect();
        let (step, total) = (self.powers_at(exponents), self.powers_at(&origin));
        let blocks = self.blocks.iter().map(|block| fold(block, &step, &total, &self.exponents)).collect();
        Self { ports: Arc::clone(&self.ports), exponents: self.exponents.clone(), blocks, origin, ..*self }
    }

    /// The value of every port's form, a whole number.
    fn powers_at(&self, exponents: &[i32]) -> Vec<i64> {
        let exponents: Vec<f64> = exponents.iter().map(|&e| e.into()).collect();
        let whole = |form: &Form| {
            let power = form.at(&exponents);
            assert_eq!(power.fract(), 0.0, "a fold by whole powers of two");
            power as i64
        };
        self.ports.iter().map(whole).collect()
    }
}

fn fold(block: &Block, step: &[i64], total: &[i64], exponents: &[f64]) -> Block {
    if let Amplitudes::Stored(lines) = &block.values {
        let at = |ports: &[u32], sign: i64| ports.iter().map(|&q| sign * step[q as usize]).collect::<Vec<i64>>();
        let (rows, columns) = (at(&block.heads, 1), at(&block.tails, -1));
        let by_columns = matches!(block.pattern, Pattern::DenseColumns);
        let lines = if by_columns { lines.shifted(&columns, &rows) } else { lines.shifted(&rows, &columns) };
        return Block { values: Amplitudes::Stored(lines), ..block.clone() };
    }
    // under p = 1 and 2 amplitudes double exactly with the weights
    let exact = matches!(block.cost, Cost::Power(k) if exponents[k] == 1.0 || exponents[k] == 2.0);
    let weights = match &block.source {
        Some(Source::Weights { weights, coefficient }) if !exact => Some((weights, *coefficient)),
        _ => None,
    };
    let along = if weights.is_some() { total } else { step };
    let mut shift = vec![0i32; block.values.len()];
    block.for_each(|r, c, k| {
        let power = along[block.heads[r] as usize] - along[block.tails[c] as usize];
        shift[k] = i32::try_from(power).expect("exponents of a few thousand");
    });
    let shifted =
        |k: usize, value: Wide, times: i32| value * Wide::scaled(f64::from(block.has(k)), i64::from(times * shift[k]));
    let values = match (&block.cost, weights) {
        (cost, Some((weights, coefficient))) => {
            let weights: Vec<Wide> = weights.iter().enumerate().map(|(k, &w)| shifted(k, w.into(), 1)).collect();
            match cost {
                Cost::Power(k) => wide_powers(&weights, exponents[*k], coefficient),
                Cost::Convex(_) => log_magnitudes(&weights),
            }
        }
        // the amplitude is the weight itself or its square
        (Cost::Power(p), None) => {
            let times = exponents[*p] as i32;
            plain(&block.values, &shift, times).unwrap_or_else(|| {
                Amplitudes::of((0..shift.len()).map(|k| shifted(k, block.values.get(k), times)).collect())
            })
        }
        (Cost::Convex(_), None) => unreachable!("convex costs keep their weights"),
    };
    Block { values, ..block.clone() }
}

/// The values times powers of two, where they are plain before and after.
fn plain(values: &Amplitudes, shift: &[i32], times: i32) -> Option<Amplitudes> {
    let Amplitudes::Plain(values) = values else { return None };
    if shift.iter().any(|s| (times * s).abs() > 500) {
        return None;
    }
    let moved: Vec<f64> = values.iter().zip(shift).map(|(v, s)| v * 2f64.powi(times * s)).collect();
    moved.iter().all(|&v| v == 0.0 || is_plain(v)).then_some(Amplitudes::Plain(moved))
}

//! From the weights of a block to what they cost.

use super::block::{Amplitudes, Cost, Pattern, Source, SumRests, is_plain};
use super::builder::{ProblemBuilder, Weights};
use crate::error::{Error, ErrorKind, Result};
use crate::numeric::{
    DOUBLE_ROUNDOFF, Double, UNIT_ROUNDOFF, Wide, half_integer_power, in_vector_units, is_half_integer,
};
use crate::regularizer::{Power, Regularizer};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

pub(super) fn not_finite(name: &str, place: &str, weight: f64) -> Error {
    let problem = format!("the weight {place} is {weight}");
    Error::new(ErrorKind::Network, name, problem, "replace it by a finite number")
}

/// Refuses a dense block with another number of weights than places.
pub(super) fn check_count(name: &str, (heads, tails): (usize, usize), count: usize) -> Result<()> {
    if heads.checked_mul(tails) == Some(count) {
        return Ok(());
    }
    let problem = format!("{count} weights for {heads} rows and {tails} columns");
    Err(Error::new(ErrorKind::Network, name, problem, "give one weight for every row and column"))
}

pub(super) fn check(name: &str, heads: usize, tails: usize, weights: &Weights) -> Result<()> {
    let wrong = |problem: String, remedy: &str| Err(Error::new(ErrorKind::Network, name, problem, remedy));
    let finite = |place: &dyn Fn() -> String, w: f64| {
        if w.is_finite() {
            return Ok(());
        }
        Err(not_finite(name, &place(), w))
    };
    match weights {
        Weights::Dense(values) => {
            check_count(name, (heads, tails), values.len())?;
            for (k, &w) in values.iter().enumerate() {
                finite(&|| format!("in row {}, column {}", k / tails, k % tails), w)?;
            }
        }
        Weights::Sparse(entries) => {
            for &(r, c, w) in entries {
                if r as usize >= heads || c as usize >= tails {
                    return wrong(
                        format!("a weight in row {r}, column {c} of a block of {heads} rows and {tails} columns"),
                        "keep all places inside the block",
                    );
                }
                finite(&|| format!("in row {r}, column {c}"), w)?;
            }
        }
        Weights::Diagonal(values) => {
            if values.len() != heads || heads != tails {
                return wrong(
                    format!("{} diagonal weights for {heads} rows and {tails} columns", values.len()),
                    "give as many rows as columns as weights",
                );
            }
            for (k, &w) in values.iter().enumerate() {
                finite(&|| format!("in place {k}"), w)?;
            }
        }
    }
    Ok(())
}

pub(super) fn compress(rows: usize, weights: Weights) -> (Pattern, Vec<f64>) {
    match weights {
        Weights::Dense(values) => (Pattern::Dense, values),
        Weights::Diagonal(values) => (Pattern::Diagonal, values),
        Weights::Sparse(mut entries) => {
            entries.sort_by_key(|&(r, c, _)| (r, c));
            let mut start = vec![0; rows + 1];
            entries.iter().for_each(|e| start[e.0 as usize + 1] += 1);
            (0..rows).for_each(|r| start[r + 1] += start[r]);
            let column = entries.iter().map(|e| e.1).collect();
            (Pattern::Sparse { start, column }, entries.iter().map(|e| e.2).collect())
        }
    }
}

fn nonzero(rows: usize, columns: usize, pattern: &Pattern, weights: &[f64]) -> (Pattern, Vec<f64>) {
    let entry = |k: usize, r: usize, c: usize| (r as u32, c as u32, weights[k]);
    let all: Vec<(u32, u32, f64)> = match pattern {
        Pattern::Dense => (0..weights.len()).map(|k| entry(k, k / columns, k % columns)).collect(),
        Pattern::DenseColumns => (0..weights.len()).map(|k| entry(k, k % rows, k / rows)).collect(),
        Pattern::Diagonal => (0..weights.len()).map(|k| entry(k, k, k)).collect(),
        Pattern::Sparse { start, column } => (0..rows)
            .flat_map(|r| (start[r]..start[r + 1]).map(move |k| (k, r)))
            .map(|(k, r)| entry(k, r, column[k] as usize))
            .collect(),
    };
    let costly = all.into_iter().filter(|e| e.2 != 0.0).collect();
    compress(rows, Weights::Sparse(costly))
}

/// What numbers of a block cost: one entry for every term of the regularizer.
pub(super) type Costs = Vec<(Pattern, Amplitudes, Cost, Source)>;

/// The costs of weights.
pub(super) fn weighed(
    regularizer: &Regularizer,
) -> impl Fn(&mut ProblemBuilder, (usize, usize), &Pattern, Vec<f64>) -> Costs + '_ {
    |problem, (rows, columns), pattern, weights| match regularizer {
        Regularizer::Powers(terms) => {
            let weights = Arc::new(weights);
            let cost = |term: &Power| {
                let source = Source::Weights { weights: Arc::clone(&weights), coefficient: term.coefficient };
                (pattern.clone(), powers(&weights, *term), Cost::Power(problem.exponent(term.exponent)), source)
            };
            terms.iter().map(cost).collect()
        }
        Regularizer::Convex(cost) => {
            let (pattern, weights) = nonzero(rows, columns, pattern, &weights);
            let wide: Vec<Wide> = weights.iter().map(|&w| w.into()).collect();
            let source = Source::Weights { weights: Arc::new(weights), coefficient: 1.0 };
            vec![(pattern, log_magnitudes(&wide), Cost::Convex(Arc::clone(&cost.0)), source)]
        }
    }
}

/// Amplitudes of a dense block that are sums over several weights in every place.
#[derive(Debug)]
pub struct Summed {
    pub(super) values: Amplitudes,
    pub(super) source: Source,
    pub(super) power: Power,
}

impl Summed {
    /// The amplitudes of a block, row by row: for every place the sum of `|w|^p` over the weights there, which took at most so
    /// many roundings of [`Double`], times the coefficient of the power. `write` gives the sums of some places; it is asked
    /// by several threads, for each place once where all is well. Powers of 1 and 2 only: those of others do not double exactly
    /// with the weights.
    ///
    /// # Errors
    /// When a sum is not finite.
    ///
    /// # Panics
    /// When the power is neither 1 nor 2.
    pub fn new(
        name: &str,
        (rows, columns): (usize, usize),
        (write, roundings): (impl Fn(Range<usize>, &mut [Double]) + Sync, usize),
        power: Power,
    ) -> Result<Self> {
        assert!(power.is_exact(), "powers of 1 and 2");
        let (mut plain, mut relative) = (vec![0.0; rows * columns], vec![0.0; rows * columns]);
        let parts = plain.par_chunks_mut(SUMS_AT_ONCE).zip(relative.par_chunks_mut(SUMS_AT_ONCE)).enumerate();
        let round = |(part, (plain, relative)): (usize, (&mut [f64], &mut [f32]))| {
            let (mut sums, count) = ([Double::default(); SUMS_AT_ONCE], plain.len());
            write(part * SUMS_AT_ONCE..part * SUMS_AT_ONCE + count, &mut sums[..count]);
            round(&sums[..count], power.coefficient, plain, relative)
        };
        let fit = parts.map(round).reduce(|| true, |a, b| a & b);
        // single precision keeps 2^-24 of a rest of at most 2^-53
        let error = UNIT_ROUNDOFF * 2f64.powi(-23) + (roundings as f64 + 2.0) * DOUBLE_ROUNDOFF;
        let source = Source::Sums(Arc::new(SumRests { relative, error, coefficient: power.coefficient }));
        if fit {
            return Ok(Self { values: Amplitudes::Plain(plain), source, power });
        }
        let mut sums = vec![Double::default(); rows * columns];
        write(0..rows * columns, &mut sums);
        if let Some(k) = sums.iter().position(|a| !a.to_f64().is_finite()) {
            let place = format!("in row {}, column {}", k / columns, k % columns);
            return Err(not_finite(name, &place, sums[k].to_f64()));
        }
        let wide = |a: &Double| Wide::from(a.to_f64()) * Wide::from(power.coefficient);
        Ok(Self { values: Amplitudes::of(sums.iter().map(wide).collect()), source, power })
    }
}

/// Sums that one thread rounds together: they stay in its first-level cache.
const SUMS_AT_ONCE: usize = 1 << 10;

/// Sums times their coefficient, and what the nearest `f64` leaves of them; whether plain numbers hold them.
fn round(sums: &[Double], coefficient: f64, plain: &mut [f64], relative: &mut [f32]) -> bool {
    in_vector_units(
        (sums, coefficient, plain, relative),
        #[inline(always)]
        |(sums, coefficient, plain, relative)| {
            let mut fit = true;
            for ((plain, relative), &sum) in plain.iter_mut().zip(relative).zip(sums) {
                let cost = if coefficient == 1.0 { sum } else { sum * Double::from(coefficient) };
                *plain = cost.to_f64();
                *relative = if cost.low() == 0.0 { 0.0 } else { (cost.low() / cost.to_f64()) as f32 };
                fit &= (sum.to_f64() == 0.0) | is_plain(cost.to_f64());
            }
            fit
        },
    )
}

/// `coefficient |w|^p` of every weight.
fn powers(weights: &[f64], Power { exponent: p, coefficient }: Power) -> Amplitudes {
    let power = |w: f64| match p {
        2.0 => w * w,
        1.0 => w,
        p if is_half_integer(p) => half_integer_power(w, p),
        _ => w.powf(p),
    };
    // powers as well as costs: a coefficient may lift what was rounded as a subnormal number
    let fits = |power: f64| power == 0.0 || (is_plain(power) && is_plain(coefficient * power));
    let mut plain: Vec<f64> = weights.iter().map(|w| power(w.abs())).collect();
    if plain.iter().zip(weights).all(|(&a, &w)| fits(a) && (a != 0.0 || w == 0.0)) {
        plain.iter_mut().for_each(|a| *a *= coefficient);
        return Amplitudes::Plain(plain);
    }
    let wide: Vec<Wide> = weights.iter().map(|&w| w.into()).collect();
    wide_powers(&wide, p, coefficient)
}

/// `coefficient |w|^p` of weights of any size.
pub(super) fn wide_powers(weights: &[Wide], p: f64, coefficient: f64) -> Amplitudes {
    Amplitudes::of(weights.iter().map(|&w| w.power(p) * Wide::from(coefficient)).collect())
}

/// `ln |w|` of every weight.
pub(super) fn log_magnitudes(weights: &[Wide]) -> Amplitudes {
    Amplitudes::Plain(weights.iter().map(|w| w.power(1.0).ln()).collect())
}

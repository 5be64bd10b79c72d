//! From the weights of a block to what they cost.

use super::block::{Amplitudes, Cost, Pattern, Source, SumRests, is_plain};
use super::builder::{ProblemBuilder, Weights};
use crate::error::{Error, ErrorKind, Result};
use crate::numeric::{DOUBLE_ROUNDOFF, Double, UNIT_ROUNDOFF, Wide};
use crate::regularizer::{Power, Regularizer};
use rayon::prelude::*;
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

/// Sums times their coefficient, and what the nearest `f64` leaves of them.
pub(super) fn rounded(sums: &[Double], roundings: usize, coefficient: f64) -> (Amplitudes, Source) {
    let costs = || sums.par_iter().map(|&a| if coefficient == 1.0 { a } else { a * Double::from(coefficient) });
    let rest = |a: Double| if a.low() == 0.0 { 0.0 } else { (a.low() / a.to_f64()) as f32 };
    // single precision keeps 2^-24 of a rest of at most 2^-53
    let error = UNIT_ROUNDOFF * 2f64.powi(-23) + (roundings as f64 + 2.0) * DOUBLE_ROUNDOFF;
    let rests = SumRests { relative: costs().map(rest).collect(), error };
    let plain: Vec<f64> = costs().map(Double::to_f64).collect();
    let plain = if plain.par_iter().zip(sums).all(|(a, sum)| sum.to_f64() == 0.0 || is_plain(*a)) {
        Amplitudes::Plain(plain)
    } else {
        let wide = |a: &Double| Wide::from(a.to_f64()) * Wide::from(coefficient);
        Amplitudes::of(sums.iter().map(wide).collect())
    };
    (plain, Source::Sums(Arc::new(rests)))
}

/// `coefficient |w|^p` of every weight.
fn powers(weights: &[f64], Power { exponent: p, coefficient }: Power) -> Amplitudes {
    let power = |w: f64| match p {
        2.0 => w * w,
        1.0 => w,
        _ => w.powf(p),
    };
    let plain: Vec<f64> = weights.iter().map(|w| coefficient * power(w.abs())).collect();
    if plain.iter().zip(weights).all(|(a, w)| *w == 0.0 || is_plain(*a)) {
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

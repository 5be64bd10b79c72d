//! A network in training as a balancing problem.

use crate::error::Result;
use crate::learning::net::{Ends, GROUND, Net, ends};
use crate::learning::tensor::numbers;
use crate::manifold::Form;
use crate::problem::{Port, Problem, ProblemBuilder, Weights};
use crate::regularizer::Regularizer;
use candle_core::Tensor;
use std::collections::HashMap;

/// The problem of minimizing `sum |w|^p`; variable `u` is the log-scale of hidden unit `u`.
///
/// Weights between the same two units (a convolution's window, everything that comes from the inputs) are one
/// connection whose cost is their sum: the first and last layer of a network shrink to one number for each unit.
///
/// Complexity: O(weights).
///
/// # Errors
/// When a weight is not finite.
pub fn lower(net: &Net, parameters: &[Tensor], exponent: f64) -> Result<Problem> {
    let regularizer = Regularizer::lp(exponent)?;
    let mut builder = ProblemBuilder::new(net.units());
    for ((ends, parameter), shape) in ends(net).iter().zip(parameters).zip(net.shapes()) {
        let values = numbers(parameter)?;
        let cost = |w: f64| match exponent {
            1.0 => w.abs(),
            2.0 => w * w,
            p => w.abs().powf(p),
        };
        let weight = |sum: f64| sum.powf(exponent.recip());
        let (heads, rows) = distinct(&ends.heads);
        let (tails, columns) = distinct(&ends.tails);
        let weights = if ends.group == ends.heads.len() {
            let mut sums = vec![0.0; heads.len() * tails.len()];
            for (row, &h) in values.chunks_exact(ends.columns).zip(&rows) {
                let sums = &mut sums[h * tails.len()..][..tails.len()];
                row.iter().zip(&columns).for_each(|(&w, &t)| sums[t] += cost(w));
            }
            Weights::Dense(sums.into_iter().map(weight).collect())
        } else {
            let place = |row: usize, column: usize| columns[row / ends.group * ends.columns + column];
            let mut entries = vec![];
            for (r, row) in values.chunks_exact(ends.columns).enumerate() {
                add_row(&mut entries, (r, rows[r]), row.iter().map(|&w| cost(w)), |c| place(r, c), ends, &weight);
            }
            Weights::Sparse(entries)
        };
        let heads = heads.iter().map(|&u| port(&mut builder, u)).collect();
        let tails = tails.iter().map(|&u| port(&mut builder, u)).collect();
        builder.block(shape.name, heads, tails, weights, &regularizer)?;
    }
    Ok(builder.build())
}

/// Adds the entries of a row; all those from the ground become one.
fn add_row(
    entries: &mut Vec<(u32, u32, f64)>,
    (row, head): (usize, usize),
    costs: impl Iterator<Item = f64>,
    place: impl Fn(usize) -> usize,
    ends: &Ends,
    weight: &impl Fn(f64) -> f64,
) {
    let mut ground = (0.0, None);
    for (c, cost) in costs.enumerate() {
        if ends.tails_of(row)[c] == GROUND {
            ground = (ground.0 + cost, Some(place(c)));
        } else {
            entries.push((head as u32, place(c) as u32, weight(cost)));
        }
    }
    if let (sum, Some(tail)) = ground {
        entries.push((head as u32, tail as u32, weight(sum)));
    }
}

/// The distinct units, in the order of their appearance, and for every entry its place among them.
fn distinct(units: &[u32]) -> (Vec<u32>, Vec<usize>) {
    let (mut list, mut known) = (vec![], HashMap::new());
    let places = units.iter().map(|&u| {
        *known.entry(u).or_insert_with(|| {
            list.push(u);
            list.len() - 1
        })
    });
    let places = places.collect();
    (list, places)
}

fn port(builder: &mut ProblemBuilder, unit: u32) -> Port {
    if unit == GROUND { Port::GROUND } else { builder.port(&Form::variable(unit as usize)) }
}

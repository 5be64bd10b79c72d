//! The costs of one stored tensor: where its entries lie between ports decides how they join the problem.

use super::files::Files;
use super::scales::WeightUse;
use super::sums::{Places, sums};
use super::tensor::Tensor;
use crate::error::{Error, ErrorKind, Result};
use crate::numeric::Double;
use crate::problem::{Port, ProblemBuilder, Stored, Summed, Weights};
use crate::regularizer::{Power, Regularizer};
use rayon::prelude::*;

/// A tensor of weights, and what its entries cost.
pub(super) struct Weighed<'a> {
    pub one: &'a WeightUse,
    pub tensor: &'a Tensor,
    pub regularizer: &'a Regularizer,
    /// Whether entries that share their ports are summed.
    pub summed: bool,
}

/// Adds the blocks of all tensors; what takes a read of the weights is done on all threads.
///
/// A matrix stays in the file. Entries that share their ports (kernel places of a convolution, places that a flatten
/// merges) are summed once. Whatever else is copied, with one number for every entry.
pub(super) fn add(builder: &mut ProblemBuilder, all: &[Weighed], files: &Files) -> Result<()> {
    let placed: Vec<Placed> = all.iter().map(|one| Placed::new(builder, one)).collect();
    let costs: Vec<Result<Costs>> = placed.par_iter().map(|one| one.costs(files)).collect();
    placed.into_iter().zip(costs).try_for_each(|(placed, costs)| placed.add(builder, costs?))
}

/// A tensor between ports.
struct Placed<'a> {
    one: &'a WeightUse,
    tensor: &'a Tensor,
    regularizer: &'a Regularizer,
    summed: bool,
    /// The distinct ports at the heads, and which of them every head is.
    heads: (Vec<Port>, Vec<u32>),
    /// The same at the tails.
    tails: (Vec<Port>, Vec<u32>),
    /// Whether no entry has a variable at both ends.
    apart: bool,
}

/// What the entries of a tensor cost.
enum Costs {
    /// Sums for every pair of distinct ports, one block for every power.
    Summed(Vec<Summed>),
    /// The same before they are rounded.
    Sums(Vec<(Vec<Double>, Power)>, usize),
    /// The weights in the file, and whether they are stored column by column.
    Stored(Stored, bool),
    /// Weights.
    Copied(Weights),
}

impl<'a> Placed<'a> {
    fn new(builder: &mut ProblemBuilder, weighed: &Weighed<'a>) -> Self {
        let Weighed { one, tensor, regularizer, summed } = *weighed;
        let (heads, tails) = (builder.distinct(one.heads.forms.iter()), builder.distinct(one.tails.forms.iter()));
        let apart = builder.is_apart(&heads.0, &tails.0);
        Self { one, tensor, regularizer, summed, heads, tails, apart }
    }

    /// What the entries cost. Complexity: every weight is read once.
    fn costs(&self, files: &Files) -> Result<Costs> {
        let Self { one, tensor, regularizer, heads, tails, apart, .. } = self;
        let exact = match regularizer {
            Regularizer::Powers(terms) if self.summed && terms.iter().all(|t| t.is_exact()) => Some(terms),
            _ => None,
        };
        let shape = (heads.0.len(), tails.0.len());
        if let Some(terms) = exact.filter(|_| shape.0.saturating_mul(shape.1) < tensor.len()) {
            let places = Places { head_of: &heads.1, tail_of: &tails.1, rows: shape.0, columns: shape.1 };
            let roundings = 2 * places.most(one);
            let mut summed = vec![];
            let mut raw = vec![];
            for &term in terms {
                let Some(sums) = sums(one, tensor, files, &places, term)? else { break };
                match apart {
                    true => {
                        let write = |places, to: &mut [Double]| sums.write(places, to);
                        summed.push(Summed::new(&tensor.name, shape, (write, roundings), term)?);
                    }
                    false => raw.push((sums.made(), term)),
                }
            }
            if summed.len() + raw.len() == terms.len() {
                tensor.release(files);
                return Ok(if *apart { Costs::Summed(summed) } else { Costs::Sums(raw, roundings) });
            }
        }
        if let Some((stored, by_columns)) = stored(one, tensor, files) {
            // read here, where other tensors are read beside it
            let _ = stored.extremes();
            return Ok(Costs::Stored(stored, by_columns));
        }
        copied(one, tensor, files).map(Costs::Copied)
    }

    fn add(self, builder: &mut ProblemBuilder, costs: Costs) -> Result<()> {
        let Self { one, tensor, regularizer, heads, tails, .. } = self;
        let name = &tensor.name;
        let every = |(distinct, of): &(Vec<Port>, Vec<u32>)| of.iter().map(|&i| distinct[i as usize]).collect();
        if one.reciprocal {
            builder.rounded(match (&costs, regularizer) {
                // a reciprocal is rounded before it is summed
                (Costs::Summed(_) | Costs::Sums(..), _) => 4.0,
                // or before its power is taken
                (_, Regularizer::Powers(terms)) => terms.iter().fold(1.0, |m: f64, t| m.max(2.0 * t.exponent)),
                (_, Regularizer::Convex(_)) => 1.0,
            });
        }
        match costs {
            Costs::Summed(all) => {
                all.into_iter().for_each(|sums| builder.summed(name, heads.0.clone(), tails.0.clone(), sums));
                Ok(())
            }
            Costs::Sums(all, roundings) => all.into_iter().try_for_each(|(sums, power)| {
                builder.sums(name, heads.0.clone(), tails.0.clone(), (sums, roundings), power)
            }),
            Costs::Stored(stored, by_columns) => {
                builder.stored(name, every(&heads), every(&tails), (stored, by_columns), regularizer)
            }
            Costs::Copied(weights) => builder.block(name, every(&heads), every(&tails), weights, regularizer),
        }
    }
}

/// The weight of an entry: what is stored, or its reciprocal.
pub(super) fn weight(one: &WeightUse, stored: f64) -> f64 {
    if one.reciprocal { stored.recip() } else { stored }
}

/// The tensor in the file, and whether it is stored column by column; none where its order or type is another one.
fn stored(one: &WeightUse, tensor: &Tensor, files: &Files) -> Option<(Stored, bool)> {
    if one.reciprocal || one.heads.forms.len() * one.tails.forms.len() != tensor.len() {
        return None;
    }
    let stored = tensor.stored(files)?;
    let axes = one.stored_axes()?;
    let counts = |axes: &[[usize; 3]], which: usize| {
        let mut next = 1;
        axes.iter().rev().all(|axis| {
            let expected = next;
            next *= axis[0];
            axis[which] == expected
        })
    };
    let ordered = |slow: usize, fast: usize| {
        let (lines, places) = axes.split_at(axes.iter().position(|a| a[slow] == 0).unwrap_or(axes.len()));
        let apart = lines.iter().all(|a| a[fast] == 0) && places.iter().all(|a| a[slow] == 0);
        apart && counts(lines, slow) && counts(places, fast)
    };
    let by_columns = if ordered(1, 2) {
        false
    } else if ordered(2, 1) {
        true
    } else {
        return None;
    };
    Some((stored.clone(), by_columns))
}

/// A copy of the weights: dense where every pair of ports has one entry.
fn copied(one: &WeightUse, tensor: &Tensor, files: &Files) -> Result<Weights> {
    let (rows, columns) = (one.heads.forms.len(), one.tails.forms.len());
    if u32::try_from(rows.max(columns)).is_err() {
        let problem = "it has more than 2^32 channels";
        return Err(Error::new(ErrorKind::Unsupported, tensor.place(), problem, "split the model"));
    }
    let mut faulty = None;
    let mut entries = Vec::with_capacity(tensor.len());
    one.visit(|element, head, tail| {
        let stored = tensor.number(files, element);
        let weight = weight(one, stored);
        if !weight.is_finite() {
            faulty.get_or_insert((element, stored));
        }
        entries.push((head as u32, tail as u32, weight));
    });
    if let Some(fault) = faulty {
        return Err(not_finite(tensor, fault));
    }
    if entries.len() == rows * columns {
        let mut dense = vec![f64::NAN; entries.len()];
        entries.iter().for_each(|&(r, c, w)| dense[r as usize * columns + c as usize] = w);
        // a place without an entry means that another one has two
        if !dense.iter().any(|w| w.is_nan()) {
            return Ok(Weights::Dense(dense));
        }
    }
    Ok(Weights::Sparse(entries))
}

pub(super) fn not_finite(tensor: &Tensor, (element, stored): (usize, f64)) -> Error {
    let problem = format!("element {element} is {stored}");
    Error::new(ErrorKind::Network, tensor.place(), problem, "give the model finite weights")
}

//! The costs of one stored tensor: where its entries lie between ports decides how they join the problem.

use super::files::Files;
use super::scales::{Ports, WeightUse};
use super::sums::{Places, sums};
use super::tensor::Tensor;
use crate::error::{Error, ErrorKind, Result};
use crate::problem::{Port, ProblemBuilder, Stored, Weights};
use crate::regularizer::{Power, Regularizer};
use std::collections::HashMap;

/// Adds the block of a tensor to the problem.
///
/// A matrix stays in the file. Entries that share their ports (kernel places of a convolution, places that a flatten
/// merges) are summed once. Whatever else is copied, with one number for every entry.
pub(super) fn add(
    builder: &mut ProblemBuilder,
    one: &WeightUse,
    tensor: &Tensor,
    files: &Files,
    regularizer: &Regularizer,
) -> Result<()> {
    let name = &tensor.name;
    let (heads, head_of) = distinct(builder, &one.heads);
    let (tails, tail_of) = distinct(builder, &one.tails);
    let exact: Option<Vec<Power>> = match regularizer {
        Regularizer::Powers(terms) if terms.iter().all(|t| t.is_exact()) => Some(terms.clone()),
        _ => None,
    };
    if let Some(terms) = exact.filter(|_| heads.len().saturating_mul(tails.len()) < tensor.len()) {
        let places = Places { head_of: &head_of, tail_of: &tail_of, rows: heads.len(), columns: tails.len() };
        let sums: Result<Option<Vec<_>>> = terms.iter().map(|t| sums(one, tensor, files, &places, *t)).collect();
        if let Some(sums) = sums? {
            if one.reciprocal {
                // a reciprocal is rounded before it is summed
                builder.rounded(4.0);
            }
            let roundings = 2 * places.most(one);
            for (sums, term) in sums.into_iter().zip(terms) {
                builder.summed(name, heads.clone(), tails.clone(), (sums, roundings), term)?;
            }
            tensor.release(files);
            return Ok(());
        }
    }
    let ports = |distinct: &[Port], of: &[u32]| of.iter().map(|&i| distinct[i as usize]).collect::<Vec<Port>>();
    let (heads, tails) = (ports(&heads, &head_of), ports(&tails, &tail_of));
    if let Some(stored) = stored(one, tensor, files) {
        return builder.stored(name, heads, tails, stored, regularizer);
    }
    let weights = copied(one, tensor, files)?;
    if one.reciprocal {
        // a reciprocal is rounded before its power is taken
        let Regularizer::Powers(terms) = regularizer else { unreachable!("models are balanced under powers") };
        builder.rounded(terms.iter().fold(1.0, |m: f64, t| m.max(2.0 * t.exponent)));
    }
    builder.block(name, heads, tails, weights, regularizer)
}

/// The distinct ports, and which of them every port is.
fn distinct(builder: &mut ProblemBuilder, ports: &Ports) -> (Vec<Port>, Vec<u32>) {
    let (mut list, mut known) = (vec![], HashMap::new());
    let of = ports.forms.iter().map(|form| {
        let port = builder.port(form);
        *known.entry(port).or_insert_with(|| {
            list.push(port);
            list.len() as u32 - 1
        })
    });
    let of = of.collect();
    (list, of)
}

/// The weight of an entry: what is stored, or its reciprocal.
pub(super) fn weight(one: &WeightUse, stored: f64) -> f64 {
    if one.reciprocal { stored.recip() } else { stored }
}

/// The tensor in the file, and whether it is stored column by column; none where its order or type is another one.
fn stored(one: &WeightUse, tensor: &Tensor, files: &Files) -> Option<(Stored, bool)> {
    let float = tensor.element.float()?;
    let [range] = &tensor.places[..] else { return None };
    if tensor.is_varint() || one.reciprocal || one.heads.forms.len() * one.tails.forms.len() != tensor.len() {
        return None;
    }
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
    Some((Stored::new(files.shared(tensor.file), range.clone(), float), by_columns))
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

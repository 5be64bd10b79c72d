//! The costs of one stored tensor: where its entries lie between ports decides how they join the problem.

use super::files::Files;
use super::scales::{Ports, WeightUse};
use super::tensor::Tensor;
use crate::error::{Error, ErrorKind, Result};
use crate::numeric::Double;
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
        let sums = terms.iter().map(|t| sums(one, tensor, files, (&head_of, &tail_of), tails.len(), heads.len(), *t));
        let sums: Result<Option<Vec<Vec<Double>>>> = sums.collect();
        if let Some(sums) = sums? {
            if one.reciprocal {
                // a reciprocal is rounded before it is summed
                builder.rounded(4.0);
            }
            let roundings = 2 * most_in_one_place(one, (&head_of, &tail_of));
            for (sums, term) in sums.into_iter().zip(terms) {
                builder.summed(name, heads.clone(), tails.clone(), (sums, roundings), term)?;
            }
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

/// A bound on how many entries lie in one place: the entries of a pair of forms, times the forms that share ports.
fn most_in_one_place(one: &WeightUse, (head_of, tail_of): (&[u32], &[u32])) -> usize {
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
    each * most(head_of) * most(tail_of)
}

/// The weight of an entry: what is stored, or its reciprocal.
fn weight(one: &WeightUse, stored: f64) -> f64 {
    if one.reciprocal { stored.recip() } else { stored }
}

/// Sums of `|w|^p` over the entries of every place; none where one is beyond the range in which sums are safe.
fn sums(
    one: &WeightUse,
    tensor: &Tensor,
    files: &Files,
    (head_of, tail_of): (&[u32], &[u32]),
    columns: usize,
    rows: usize,
    power: Power,
) -> Result<Option<Vec<Double>>> {
    if let Some(sums) = quick_sums(one, tensor, files, (head_of, tail_of), columns, rows, power) {
        return Ok(Some(sums));
    }
    let mut sums = vec![Double::default(); rows * columns];
    let (mut faulty, mut safe) = (None, true);
    one.visit(|element, head, tail| {
        let stored = tensor.number(files, element);
        let size = weight(one, stored).abs();
        if !size.is_finite() {
            faulty.get_or_insert((element, stored));
        }
        safe &= size == 0.0 || (SAFE.recip()..SAFE).contains(&size);
        let cost = if power.exponent == 2.0 { Double::product(size, size) } else { Double::from(size) };
        let sum = &mut sums[head_of[head] as usize * columns + tail_of[tail] as usize];
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
    (head_of, tail_of): (&[u32], &[u32]),
    columns: usize,
    rows: usize,
    power: Power,
) -> Option<Vec<Double>> {
    let (axes, numbers) = (one.stored_axes()?, tensor.single_precision(files).filter(|_| !one.reciprocal)?);
    let [length, head_step, tail_step] = axes.last().copied().unwrap_or([1, 0, 0]);
    let mut sums = vec![Double::default(); rows * columns];
    let (square, mut largest) = (power.exponent == 2.0, 0.0f64);
    // a run whose entries all lie in one place
    let alike = (head_step == 0 || rows == 1) && (tail_step == 0 || columns == 1);
    WeightUse::visit_runs(&axes, |element, head, tail| {
        let run = &numbers[element..element + length];
        let size = |number: [u8; 4]| f64::from(f32::from_le_bytes(number)).abs();
        // squares of single precision are exact
        let cost = |size: f64| if square { size * size } else { size };
        if alike {
            let mut lanes = [Double::default(); 8];
            let (eights, rest) = run.as_chunks::<8>();
            for eight in eights {
                (0..8).for_each(|i| lanes[i] = lanes[i].plus(cost(size(eight[i]))));
            }
            let rest = rest.iter().fold(Double::default(), |sum, &number| sum.plus(cost(size(number))));
            let run = lanes.into_iter().fold(rest, |sum, lane| sum + lane);
            // the sum is not finite when one of its terms is not
            largest = if run.to_f64() > largest || run.to_f64().is_nan() { run.to_f64() } else { largest };
            let sum = &mut sums[head_of[head] as usize * columns + tail_of[tail] as usize];
            *sum = *sum + run;
            return;
        }
        for (k, &number) in run.iter().enumerate() {
            let cost = cost(size(number));
            largest = if cost > largest || cost.is_nan() { cost } else { largest };
            let (row, column) = (head_of[head + k * head_step], tail_of[tail + k * tail_step]);
            let sum = &mut sums[row as usize * columns + column as usize];
            *sum = sum.plus(cost);
        }
    });
    // single precision is never too small for sums of squares in double precision
    (largest < SAFE * SAFE).then_some(sums)
}

/// Weights whose squares, and sums of them, are well inside the range of `f64`: 2^200.
const SAFE: f64 = f64::from_bits((1023 + 200) << 52);

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

fn not_finite(tensor: &Tensor, (element, stored): (usize, f64)) -> Error {
    let problem = format!("element {element} is {stored}");
    Error::new(ErrorKind::Network, tensor.place(), problem, "give the model finite weights")
}

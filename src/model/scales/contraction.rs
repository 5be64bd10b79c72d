//! Matrix products of two activations: attention.

use super::Ruling;
use super::inference::{Inference, shapes_differ};
use super::linear::broadcast_shape;
use super::mixed::{Mixture, settle};
use super::size::Size;
use super::value::{Activation, Scales, Value};
use crate::error::Result;
use crate::manifold::Form;
use crate::model::graph::Node;

/// Mixtures with more combinations of heads and contracted indices than this become sums over axes.
const MAX_COMBINATIONS: usize = 1 << 20;

/// An axis of the product, counted from the last, or that of the contracted index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Axis {
    Kept(usize),
    Contracted,
}

/// Where the axes of an operand are in the product; rows come from the left, columns from the right.
fn axis_of(contracted: usize) -> impl Fn(usize) -> Axis {
    move |axis| if axis == contracted { Axis::Contracted } else { Axis::Kept(axis) }
}

/// The log-scales of both operands add up to the same for every contracted index; the product has this sum, with the
/// log-scales of the rows on the left and the columns on the right.
pub(super) fn contract(it: &mut Inference<'_>, node: &Node, a: Activation, b: Activation) -> Result<Ruling> {
    if a.constant || b.constant {
        return Ruling::freeze(format!("{}: its constant operand is not a stored tensor", node.op));
    }
    let (Some(left), Some(right)) = (a.shape.clone(), b.shape.clone()) else {
        return Ruling::freeze(format!("{}: the rank of an operand is not known", node.op));
    };
    if left.is_empty() || right.is_empty() {
        return Err(shapes_differ(node));
    }
    // vectors are a single row or column
    let (row, column) = (left.len() == 1, right.len() == 1);
    let b = if column { turned(b, &right) } else { b };
    let (inner_a, inner_b) = (a.size(0), b.size(1));
    if inner_a.known().zip(inner_b.known()).is_some_and(|(a, b)| a != b) {
        return Err(shapes_differ(node));
    }
    let batch = |shape: &[Size]| shape[..shape.len().saturating_sub(2)].to_vec();
    let clash =
        |axis: usize| a.size(axis).known().zip(b.size(axis).known()).is_some_and(|(a, b)| a != b && a != 1 && b != 1);
    if (2..left.len().max(right.len())).any(clash) {
        return Err(shapes_differ(node));
    }
    let mut shape = broadcast_shape(&batch(&left), &batch(&right));
    shape.extend((!row).then(|| a.size(1)));
    shape.extend((!column).then(|| b.size(0)));
    let kept = a.scales.clone().without(0).plus(&b.scales.clone().without(1)).ok_or_else(|| shapes_differ(node))?;
    let (sum, a, b) = sums(it, node, a, b)?;
    let (mut scales, mut mixture) = (kept, None);
    match &sum.axes[..] {
        [] => scales = scales.shifted(&sum.forms[0]),
        &[(axis, _)] => scales = scales.added(axis, &sum.forms).ok_or_else(|| shapes_differ(node))?,
        axes => mixture = Mixture::along(axes, sum.forms.clone()),
    }
    // a vector leaves no axis behind; what its single element carries, all have
    let gone = |axis: usize| axis == 0 && column || axis == 1 && row;
    let rest = |axis: usize| (!gone(axis)).then(|| axis - (0..axis).filter(|&a| gone(a)).count());
    let all = scales.axes().filter(|(axis, _)| gone(*axis)).fold(Form::zero(), |sum, (_, f)| sum.plus(1.0, &f[0]));
    if row || column {
        scales = scales.renamed(rest).shifted(&all);
    }
    let mixture = match mixture {
        Some(m) => Some(m.renamed(rest).ok_or_else(|| shapes_differ(node))?),
        None => None,
    };
    let output = Activation { mixture, ..it.activation(scales, Some(shape)) };
    pass_signals(it, &output, &sum, [&a, &b]);
    Ruling::one(Value::Activation(Activation { nonnegative: a.nonnegative && b.nonnegative, ..output }))
}

/// A vector as one column.
fn turned(b: Activation, shape: &[Size]) -> Activation {
    Activation { scales: b.scales.renamed(|_| Some(1)), shape: Some(vec![shape[0], Size::Known(1)]), ..b }
}

/// What both operands add to the product at every contracted index, for all combinations of the indices on which that
/// depends.
struct Sum {
    axes: Vec<(usize, usize)>,
    /// One for each combination, the last axis fastest.
    forms: Vec<Form>,
    /// For each combination the log-scales of both operands at all contracted indices.
    parts: Vec<[Vec<Form>; 2]>,
}

/// The sums, and the operands as they enter them.
fn sums(it: &mut Inference<'_>, node: &Node, a: Activation, b: Activation) -> Result<(Sum, Activation, Activation)> {
    let places = [axis_of(0), axis_of(1)];
    let mut sizes: Vec<(Axis, usize)> = vec![];
    let contracted = [a.scales.axis(0), b.scales.axis(1)].map(|f| f.map_or(1, <[Form]>::len));
    sizes.extend(contracted.into_iter().filter(|&n| n > 1).map(|n| (Axis::Contracted, n)));
    for (x, place) in [&a, &b].into_iter().zip(&places) {
        sizes.extend(x.mixture.iter().flat_map(Mixture::axes).map(|(axis, n)| (place(axis), n)));
    }
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.windows(2).any(|w| w[0].0 == w[1].0) {
        return Err(shapes_differ(node));
    }
    let combinations = sizes.iter().try_fold(1usize, |all, s| all.checked_mul(s.1)).filter(|&n| n <= MAX_COMBINATIONS);
    if combinations.is_none() && (a.mixture.is_some() || b.mixture.is_some()) {
        let (a, b) = (settle(it, a), settle(it, b));
        return sums(it, node, a, b);
    }
    let inner = sizes.iter().find(|s| s.0 == Axis::Contracted).map_or(1, |s| s.1);
    let own = [a.scales.expanded(0, inner), b.scales.expanded(1, inner)];
    let [Some(own_a), Some(own_b)] = own else { return Err(shapes_differ(node)) };
    let axes: Vec<(usize, usize)> = sizes
        .iter()
        .filter_map(|&(axis, n)| match axis {
            Axis::Kept(axis) => Some((axis, n)),
            Axis::Contracted => None,
        })
        .collect();
    let count = axes.iter().map(|a| a.1).product();
    let mut sum = Sum { axes, forms: vec![], parts: vec![] };
    for combination in 0..count {
        let index = index_of(&sum.axes, combination);
        let part = |x: &Activation, own: &[Form], place: &dyn Fn(usize) -> Axis| -> Vec<Form> {
            let Some(mixture) = &x.mixture else { return own.to_vec() };
            let at = |k: usize| {
                mixture.at(|axis| match place(axis) {
                    Axis::Contracted => k,
                    Axis::Kept(axis) => index.iter().find(|i| i.0 == axis).map_or(0, |i| i.1),
                })
            };
            own.iter().enumerate().map(|(k, form)| form.plus(1.0, at(k))).collect()
        };
        let parts = [part(&a, &own_a, &places[0]), part(&b, &own_b, &places[1])];
        let total: Vec<Form> = parts[0].iter().zip(&parts[1]).map(|(a, b)| a.plus(1.0, b)).collect();
        it.uniform(&total);
        sum.forms.push(total[0].clone());
        sum.parts.push(parts);
    }
    Ok((sum, a, b))
}

/// The index on each axis, for the number of a combination.
fn index_of(axes: &[(usize, usize)], mut combination: usize) -> Vec<(usize, usize)> {
    let mut index = vec![];
    for &(axis, size) in axes.iter().rev() {
        index.push((axis, combination % size));
        combination /= size;
    }
    index
}

/// Every element of the product has a signal from all contracted elements.
fn pass_signals(it: &mut Inference<'_>, output: &Activation, sum: &Sum, factors: [&Activation; 2]) {
    let ground = Form::zero();
    let whole = (&ground, output.hub);
    let forms: Vec<Form> = output.scales.forms().chain(sum.forms.iter()).filter(|f| !f.is_zero()).cloned().collect();
    for factor in factors {
        let own = factor.scales.forms().chain(factor.mixture.iter().flat_map(Mixture::forms));
        for form in own.chain([&ground]) {
            it.connect((form, factor.hub), whole);
        }
        if carries_none(factor) {
            for to in &forms {
                it.connect((&ground, factor.hub), (to, output.hub));
            }
        }
    }
    let kept: Vec<&Form> = output.scales.forms().filter(|f| !f.is_zero()).collect();
    for (form, parts) in sum.forms.iter().zip(&sum.parts) {
        let middle = it.hub();
        for (part, factor) in parts.iter().zip(factors) {
            for from in part.iter().filter(|f| !f.is_zero()) {
                it.connect((from, factor.hub), (&ground, middle));
            }
        }
        for to in kept.iter().copied().chain([form]) {
            it.connect((&ground, middle), (to, output.hub));
        }
    }
}

fn carries_none(x: &Activation) -> bool {
    x.scales == Scales::zero() && x.mixture.is_none()
}

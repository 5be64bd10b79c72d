//! Operators that only arrange elements: every element keeps its scale.

use super::inference::{Inference, shapes_differ};
use super::integers::{Number, Numbers};
use super::mixed::{Mixture, settle};
use super::regroup::mix;
use super::size::{Size, Sizes, Volume};
use super::value::{Activation, Value, View};
use super::{Rule, Ruling};
use crate::error::Result;
use crate::manifold::Form;
use crate::model::graph::Node;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("Flatten", flatten),
    ("Reshape", reshape),
    ("Squeeze", squeeze),
    ("Unsqueeze", unsqueeze),
    ("Transpose", transpose),
];

fn missing(node: &Node) -> Result<Ruling> {
    Ruling::freeze(format!("{}: its input is missing", node.op))
}

fn flatten(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(value) = it.input(node, 0) else { return missing(node) };
    let Some(shape) = shape_of(&value) else {
        return Ruling::freeze("Flatten: the rank of its input is not known");
    };
    // the place behind the last axis is one, too, but negative places count from the last axis
    let axis = match node.int("axis", 1) {
        axis if usize::try_from(axis) == Ok(shape.len()) => Some(shape.len()),
        axis => position(axis, shape.len()),
    };
    let Some(axis) = axis else { return Err(shapes_differ(node)) };
    let product = |sizes: &[Size]| Volume::of(sizes.iter().copied()).map_or(Size::Open, |v| v.size());
    let target = vec![product(&shape[..axis]), product(&shape[axis..])];
    arrange(it, node, value, target)
}

fn reshape(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(value) = it.input(node, 0) else { return missing(node) };
    let wanted = if node.inputs.len() > 1 { it.numbers_of(node, 1) } else { node.ints("shape").map(Numbers::list) };
    let Some(wanted) = wanted else {
        return Ruling::freeze("Reshape: the shape is known only when the model runs");
    };
    let source = shape_of(&value);
    let target = target_shape(source.as_ref(), &wanted.elements, node.int("allowzero", 0) != 0);
    if source.is_none() && matches!(&value, Value::Activation(a) if !a.scales.is_zero() || a.mixture.is_some()) {
        return Ruling::freeze("Reshape: the rank of its input is not known");
    }
    arrange(it, node, value, target)
}

/// The shape that `wanted` stands for: 0 copies a size, -1 takes what is left.
fn target_shape(source: Option<&Sizes>, wanted: &[Number], keeps_zero: bool) -> Sizes {
    let size = |i: usize| source.and_then(|s| s.get(i).copied()).unwrap_or(Size::Open);
    let one = |(i, n): (usize, &Number)| match *n {
        Number::Known(0) if !keeps_zero => size(i),
        n => n.into(),
    };
    let mut target: Sizes = wanted.iter().enumerate().map(one).collect();
    let Some((open, source)) = wanted.iter().position(|n| *n == Number::Known(-1)).zip(source) else { return target };
    // sizes that are copied cancel, known or not
    let copied = |i: usize| wanted.get(i) == Some(&Number::Known(0)) && !keeps_zero;
    let volume = |sizes: &Sizes| {
        Volume::of(sizes.iter().enumerate().filter(|(i, _)| !copied(*i) && *i != open).map(|(_, s)| *s))
    };
    let total = volume(source).and_then(|v| if copied(open) { Some(v) } else { v.times(size_or_one(source, open)) });
    let left = total.zip(volume(&target)).and_then(|(total, rest)| total.over(&rest));
    target[open] = left.map_or(Size::Open, |v| v.size());
    target
}

fn size_or_one(sizes: &Sizes, axis: usize) -> Size {
    sizes.get(axis).copied().unwrap_or(Size::Known(1))
}

/// The value in another shape.
pub(super) fn arrange(it: &mut Inference<'_>, node: &Node, value: Value, target: Sizes) -> Result<Ruling> {
    match value {
        Value::Stored(view) => {
            let dims: Option<Vec<usize>> = target.iter().map(|s| s.known()).collect();
            let arranged = dims.and_then(|dims| view.reshaped(&dims));
            Ruling::one(arranged.map_or_else(|| detached(it, node, &view), Value::Stored))
        }
        Value::Activation(a) => {
            let source = a.shape.clone().unwrap_or_default();
            let followed = mix(&a.scales, a.mixture.as_ref(), &source, &target);
            let (a, followed) = match followed {
                None if a.mixture.is_some() => {
                    let a = settle(it, a);
                    let followed = mix(&a.scales, None, &source, &target);
                    (a, followed)
                }
                followed => (a, followed),
            };
            match followed {
                Some((scales, mixture)) => {
                    Ruling::one(Value::Activation(Activation { scales, mixture, shape: Some(target), ..a }))
                }
                None => Ruling::freeze(format!("{}: it joins or splits channels in a way that is not known", node.op)),
            }
        }
    }
}

/// A stored tensor whose elements are rearranged in a way that is not followed.
fn detached(it: &mut Inference<'_>, node: &Node, view: &View) -> Value {
    it.fix(view, &node.name);
    it.constant(None)
}

/// The axes of a node: an attribute in older operator sets, an input in newer ones.
pub(super) fn axes(it: &Inference<'_>, node: &Node) -> Option<Vec<i64>> {
    if node.input(1).is_some() { it.integers(node, 1) } else { node.ints("axes").map(<[i64]>::to_vec) }
}

fn squeeze(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(value) = it.input(node, 0) else { return missing(node) };
    let Some(shape) = shape_of(&value) else {
        return Ruling::freeze("Squeeze: the rank of its input is not known");
    };
    let gone: Vec<usize> = match axes(it, node) {
        Some(axes) => axes.iter().filter_map(|&a| position(a, shape.len())).collect(),
        None if node.input(1).is_none() && shape.iter().all(|s| s.known().is_some()) => {
            (0..shape.len()).filter(|&i| shape[i] == Size::Known(1)).collect()
        }
        None => return Ruling::freeze("Squeeze: the axes are known only when the model runs"),
    };
    let kept: Vec<usize> = (0..shape.len()).filter(|i| !gone.contains(i)).collect();
    rearrange(node, value, &kept.into_iter().map(Some).collect::<Vec<_>>())
}

fn unsqueeze(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(value) = it.input(node, 0) else { return missing(node) };
    let (Some(shape), Some(axes)) = (shape_of(&value), axes(it, node)) else {
        return Ruling::freeze("Unsqueeze: the axes or the rank of its input are not known");
    };
    let rank = shape.len() + axes.len();
    let new: Vec<usize> = axes.iter().filter_map(|&a| position(a, rank)).collect();
    let mut old = 0..shape.len();
    let order: Vec<Option<usize>> = (0..rank).map(|i| if new.contains(&i) { None } else { old.next() }).collect();
    rearrange(node, value, &order)
}

fn transpose(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(value) = it.input(node, 0) else { return missing(node) };
    let Some(shape) = shape_of(&value) else {
        return Ruling::freeze("Transpose: the rank of its input is not known");
    };
    let order: Vec<Option<usize>> = match node.ints("perm") {
        Some(perm) => perm.iter().map(|&a| position(a, shape.len())).collect(),
        None => (0..shape.len()).rev().map(Some).collect(),
    };
    let mut used: Vec<usize> = order.iter().copied().flatten().collect();
    used.sort_unstable();
    if used != (0..shape.len()).collect::<Vec<_>>() {
        return Err(shapes_differ(node));
    }
    rearrange(node, value, &order)
}

/// Axis `i` of the result is axis `order[i]` of the value, or a new axis of one element; axes left out have one element.
pub(super) fn rearrange(node: &Node, value: Value, order: &[Option<usize>]) -> Result<Ruling> {
    let place = |axis: usize| order.iter().position(|&o| o == Some(axis));
    match value {
        Value::Stored(view) => {
            let left_out = (0..view.dims.len()).filter(|&i| place(i).is_none());
            if left_out.clone().any(|i| view.dims[i] != 1) {
                return Err(shapes_differ(node));
            }
            let pick = |of: &[usize], new| order.iter().map(|o| o.map_or(new, |i| of[i])).collect();
            let (dims, strides) = (pick(&view.dims, 1), pick(&view.strides, 0));
            Ruling::one(Value::Stored(View { tensor: view.tensor, dims, strides }))
        }
        Value::Activation(a) => {
            let shape = a.shape.clone().unwrap_or_default();
            let rank = shape.len();
            let mut gone = Form::zero();
            for (axis, forms) in a.scales.axes() {
                if axis >= rank || place(rank - 1 - axis).is_none() && forms.len() > 1 {
                    return Err(shapes_differ(node));
                }
                if place(rank - 1 - axis).is_none() {
                    gone = gone.plus(1.0, &forms[0]);
                }
            }
            let mut scales = a.scales.renamed(|axis| place(rank - 1 - axis).map(|i| order.len() - 1 - i));
            if !gone.is_zero() {
                scales = scales.shifted(&gone);
            }
            let renamed =
                |m: &Mixture| m.renamed(|axis| place(rank.checked_sub(axis + 1)?).map(|i| order.len() - 1 - i));
            let mixture = match &a.mixture {
                Some(m) => Some(renamed(m).ok_or_else(|| shapes_differ(node))?),
                None => None,
            };
            let shape = order.iter().map(|o| o.map_or(Size::Known(1), |i| shape[i])).collect();
            Ruling::one(Value::Activation(Activation { scales, mixture, shape: Some(shape), ..a }))
        }
    }
}

/// The shape of a value, as far as it is known.
pub(super) fn shape_of(value: &Value) -> Option<Sizes> {
    match value {
        Value::Stored(view) => Some(view.dims.iter().map(|&n| Size::Known(n)).collect()),
        Value::Activation(a) => a.shape.clone(),
    }
}

/// A possibly negative axis as an index below `rank`.
pub(super) fn position(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    usize::try_from(if axis < 0 { axis + rank } else { axis }).ok().filter(|&a| (a as i64) < rank)
}

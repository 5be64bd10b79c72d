//! Operators that put tensors together along an axis, or take parts of one.

use super::inference::{CONSTANT, Inference, shapes_differ};
use super::integers::range;
use super::mixed::settle;
use super::shape::{arrange, position, rearrange, shape_of};
use super::size::{Size, Sizes};
use super::value::{Activation, Scales, Value};
use super::zeros::{all_zero, is_zero};
use super::{Rule, Ruling};
use crate::error::Result;
use crate::manifold::Form;
use crate::model::graph::Node;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] = &[("Concat", concat), ("Split", split), ("Slice", slice), ("Gather", gather)];

/// An activation and its shape; the reason to freeze where either is missing.
pub(super) fn shaped(it: &Inference<'_>, node: &Node) -> std::result::Result<(Activation, Sizes), String> {
    match it.input(node, 0) {
        Some(Value::Activation(x)) => match x.shape.clone() {
            Some(shape) => Ok((x, shape)),
            None => Err(format!("{}: the rank of its input is not known", node.op)),
        },
        Some(Value::Stored(_)) => Err(format!("{}: elements of a constant are not scaled", node.op)),
        None => Err(format!("{}: its input is missing", node.op)),
    }
}

/// One operand of a concatenation: its log-scales along the axis, and those on other axes less the first of each; none for
/// zeros, which take any.
struct Part {
    along: Option<Vec<Form>>,
    others: Option<Scales>,
}

/// More channels than this are not put together.
const MAX_JOINED: usize = 1 << 24;

fn concat(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let inputs: Option<Vec<Value>> = (0..node.inputs.len()).map(|i| it.input(node, i)).collect();
    let shapes: Option<Vec<Sizes>> = inputs.iter().flatten().map(shape_of).collect();
    let (Some(inputs), Some(shapes)) = (inputs, shapes.filter(|s| !s.is_empty())) else {
        return Ruling::freeze("Concat: the rank of an input is not known");
    };
    let rank = shapes[0].len();
    let axis = position(node.int("axis", 1), rank);
    let Some(axis) = axis.filter(|_| shapes.iter().all(|s| s.len() == rank)) else { return Err(shapes_differ(node)) };
    let from_end = rank - 1 - axis;
    let sizes: Option<Vec<usize>> = shapes.iter().map(|s| s[axis].known()).collect();
    let mut parts = vec![];
    for (i, (input, shape)) in inputs.iter().zip(&shapes).enumerate() {
        let zero = match input {
            Value::Stored(view) => all_zero(it, view.tensor),
            Value::Activation(a) => a.constant && node.input(i).is_some_and(|name| is_zero(it, name)),
        };
        parts.push(part(it, node, input, zero, (from_end, shape[axis]))?);
    }
    let others = match_others(it, node, &parts)?;
    let along: Option<Vec<Form>> = match &sizes {
        Some(_) => parts.iter().map(|p| p.along.clone()).collect::<Option<Vec<_>>>().map(|p| p.concat()),
        None => tie_all(it, &inputs, from_end, &parts),
    };
    let Some(along) = along else {
        return Ruling::freeze("Concat: it joins channels of a number that is known only when the model runs");
    };
    let mut shape = shapes[0].clone();
    for other in &shapes[1..] {
        let known = |(a, b): (&Size, &Size)| if a.known().is_some() { *a } else { *b };
        shape = shape.iter().zip(other).map(known).collect();
    }
    shape[axis] = sizes.map_or(Size::Open, |s| Size::Known(s.iter().sum()));
    let scales = if along.is_empty() { others } else { others.with(from_end, along) };
    let nonnegative = inputs.iter().all(|v| matches!(v, Value::Activation(a) if a.nonnegative));
    let output = it.activation(scales, Some(shape));
    for input in &inputs {
        let hub = match input {
            Value::Activation(a) => a.hub,
            Value::Stored(_) => CONSTANT,
        };
        it.connect((&Form::zero(), hub), (&Form::zero(), output.hub));
    }
    Ruling::one(Value::Activation(Activation { nonnegative, ..output }))
}

fn part(it: &mut Inference<'_>, node: &Node, input: &Value, zero: bool, (axis, size): (usize, Size)) -> Result<Part> {
    if let Value::Stored(view) = input {
        it.fix(view, &node.name);
    }
    if zero && let Some(count) = size.known().filter(|&n| n <= MAX_JOINED) {
        // zeros take any scale
        return Ok(Part { along: Some(it.channels(node, count).to_vec()), others: None });
    }
    let activation = match input {
        Value::Activation(a) => a,
        Value::Stored(view) => {
            return Ok(Part { along: Some(vec![Form::zero(); view.size(axis)]), others: Some(Scales::zero()) });
        }
    };
    let mut others = Scales::zero();
    let mut shift = Form::zero();
    for (other, forms) in activation.scales.axes().filter(|(a, _)| *a != axis) {
        shift = shift.plus(1.0, &forms[0]);
        others = others.with(other, forms.iter().map(|f| f.plus(-1.0, &forms[0])).collect::<Vec<Form>>());
    }
    let others = Some(others);
    let Some(size) = size.known().filter(|&n| n <= MAX_JOINED) else { return Ok(Part { along: None, others }) };
    let along = activation.scales.expanded(axis, size).ok_or_else(|| shapes_differ(node))?;
    let along = along.iter().map(|f| f.plus(1.0, &shift)).collect();
    Ok(Part { along: Some(along), others })
}

/// The log-scales on other axes than the joined one agree.
fn match_others(it: &mut Inference<'_>, node: &Node, parts: &[Part]) -> Result<Scales> {
    let others = || parts.iter().filter_map(|p| p.others.as_ref());
    let widest = others().max_by_key(|scales| scales.forms().count()).cloned().unwrap_or_default();
    for scales in others() {
        it.equal(&widest, scales, node)?;
    }
    Ok(widest)
}

/// One log-scale for all elements of all parts, where none varies along the joined axis.
fn tie_all(it: &mut Inference<'_>, inputs: &[Value], axis: usize, parts: &[Part]) -> Option<Vec<Form>> {
    let mut firsts = vec![];
    for (input, part) in inputs.iter().zip(parts) {
        match input {
            Value::Activation(a) if a.scales.varies(axis) => return None,
            Value::Activation(a) => firsts.push(a.scales.first()),
            Value::Stored(_) => firsts.extend(part.along.iter().flatten().cloned()),
        }
    }
    it.uniform(&firsts);
    Some(firsts.into_iter().take(1).collect())
}

fn split(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (x, shape) = match shaped(it, node) {
        Ok(found) => found,
        Err(reason) => return Ruling::freeze(reason),
    };
    let Some(axis) = position(node.int("axis", 0), shape.len()) else { return Err(shapes_differ(node)) };
    let count = node.outputs.len();
    let given = if node.input(1).is_some() { it.integers(node, 1) } else { node.ints("split").map(<[i64]>::to_vec) };
    let sizes: Option<Vec<usize>> = match (given, shape[axis].known()) {
        (Some(given), _) => given.iter().map(|&n| usize::try_from(n).ok()).collect(),
        (None, Some(size)) if node.input(1).is_none() && count > 0 => {
            let each = size.div_ceil(count);
            Some((0..count).map(|k| each.min(size.saturating_sub(k * each))).collect())
        }
        _ => None,
    };
    let from_end = shape.len() - 1 - axis;
    let resized = |scales: Scales, size: Size| {
        let mut shape = shape.clone();
        shape[axis] = size;
        Value::Activation(Activation { scales, shape: Some(shape), ..x.clone() })
    };
    if !carried(&x, from_end) {
        let size = |k: usize| Size::of(sizes.as_ref().and_then(|s| s.get(k).copied()));
        return Ok(Ruling::Outputs((0..count).map(|k| resized(x.scales.clone(), size(k))).collect()));
    }
    let Some(sizes) = sizes else {
        return Ruling::freeze("Split: the sizes of the parts are known only when the model runs");
    };
    let total = sizes.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
    if total != length(&x, from_end) {
        return Err(shapes_differ(node));
    }
    let mut at = 0;
    let mut outputs = vec![];
    for size in sizes.into_iter().take(count) {
        let indices: Vec<usize> = (at..at + size).collect();
        at += size;
        outputs.push(Value::Activation(pick(&x, &shape, axis, &indices).ok_or_else(|| shapes_differ(node))?));
    }
    Ok(Ruling::Outputs(outputs))
}

/// Whether the elements along an axis may have different log-scales.
fn carried(x: &Activation, axis: usize) -> bool {
    length(x, axis).is_some()
}

/// The number of elements along an axis on which log-scales depend.
fn length(x: &Activation, axis: usize) -> Option<usize> {
    let own = x.scales.axis(axis).filter(|_| x.scales.varies(axis)).map(<[Form]>::len);
    own.or_else(|| x.mixture.as_ref()?.size(axis))
}

/// The tensor with the elements of one axis picked by index; `None` where an index is out of range.
pub(super) fn pick(x: &Activation, shape: &Sizes, axis: usize, indices: &[usize]) -> Option<Activation> {
    let from_end = shape.len() - 1 - axis;
    let mut scales = x.scales.clone();
    if scales.varies(from_end) {
        let forms = scales.axis(from_end)?.to_vec();
        let picked: Option<Vec<Form>> = indices.iter().map(|&i| forms.get(i).cloned()).collect();
        scales = scales.without(from_end);
        let picked = picked?;
        scales = if picked.is_empty() { scales } else { scales.with(from_end, picked) };
    }
    let mut mixture = None;
    if let Some((sum, left)) = match &x.mixture {
        Some(m) => Some(m.picked(from_end, indices)?),
        None => None,
    } {
        (scales, mixture) = (scales.plus(&sum)?, left);
    }
    let mut shape = shape.clone();
    shape[axis] = Size::Known(indices.len());
    Some(Activation { scales, mixture, shape: Some(shape), ..x.clone() })
}

fn slice(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (mut x, mut shape) = match shaped(it, node) {
        Ok(found) => found,
        Err(reason) => return Ruling::freeze(reason),
    };
    let list = |index: usize, name: &str| {
        if node.input(index).is_some() { it.integers(node, index) } else { node.ints(name).map(<[i64]>::to_vec) }
    };
    let (starts, ends, steps) = (list(1, "starts"), list(2, "ends"), list(4, ""));
    let given = node.input(3).is_some() || node.ints("axes").is_some();
    let axes: Option<Vec<usize>> = match (list(3, "axes"), given) {
        (Some(axes), _) => axes.iter().map(|&a| position(a, shape.len())).collect(),
        (None, false) => starts.as_ref().map(|s| (0..s.len().min(shape.len())).collect()),
        (None, true) => None,
    };
    let late = "Slice: its bounds are known only when the model runs";
    let Some(axes) = axes else { return Ruling::freeze(late) };
    for (k, axis) in axes.into_iter().enumerate() {
        let at = |list: &Option<Vec<i64>>| list.as_ref().and_then(|l| l.get(k).copied());
        let step = if node.input(4).is_some() { at(&steps) } else { Some(1) };
        let bounds = at(&starts).zip(at(&ends)).zip(step);
        let from_end = shape.len() - 1 - axis;
        let indices = bounds.zip(shape[axis].known()).and_then(|(((s, e), step), size)| range(s, e, step, size));
        match indices {
            Some(indices) => {
                x = pick(&x, &shape, axis, &indices).ok_or_else(|| shapes_differ(node))?;
                shape = x.shape.clone().unwrap_or(shape);
            }
            None if carried(&x, from_end) => return Ruling::freeze(late),
            None => {
                shape[axis] = Size::Open;
                x.shape = Some(shape.clone());
            }
        }
    }
    Ruling::one(Value::Activation(x))
}

fn gather(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (x, shape) = match shaped(it, node) {
        Ok(found) => found,
        Err(reason) => return Ruling::freeze(reason),
    };
    let Some(axis) = position(node.int("axis", 0), shape.len()) else { return Err(shapes_differ(node)) };
    let from_end = shape.len() - 1 - axis;
    let Some(form) = it.input(node, 1).as_ref().and_then(shape_of).or_else(|| {
        let numbers = it.numbers_of(node, 1)?;
        Some(if numbers.scalar { vec![] } else { vec![Size::Known(numbers.elements.len())] })
    }) else {
        return Ruling::freeze("Gather: the rank of its indices is not known");
    };
    let known = it.integers(node, 1).or_else(|| match it.input(node, 1) {
        Some(Value::Stored(view)) => it.graph.tensors[view.tensor].integers(it.bytes),
        _ => None,
    });
    let picked = match (known, length(&x, from_end)) {
        (Some(indices), Some(size)) => {
            let indices: Option<Vec<usize>> = indices.iter().map(|&i| position(i, size)).collect();
            indices.and_then(|indices| pick(&x, &shape, axis, &indices)).ok_or_else(|| shapes_differ(node))?
        }
        // indices that the model computes may pick any element
        _ => {
            let x = if x.mixture.as_ref().is_some_and(|m| m.size(from_end).is_some()) { settle(it, x) } else { x };
            Activation { scales: it.tied(&x.scales, x.hub, from_end), ..x }
        }
    };
    if form.is_empty() {
        let mut single = shape.clone();
        single[axis] = Size::Known(1);
        let kept: Vec<Option<usize>> = (0..shape.len()).filter(|&i| i != axis).map(Some).collect();
        return rearrange(node, Value::Activation(Activation { shape: Some(single), ..picked }), &kept);
    }
    let count = super::size::Volume::of(form.iter().copied()).map_or(Size::Open, |v| v.size());
    let mut flat = shape.clone();
    flat[axis] = count;
    let target: Sizes = [&shape[..axis], &form, &shape[axis + 1..]].concat();
    if form.len() == 1 {
        return Ruling::one(Value::Activation(Activation { shape: Some(target), ..picked }));
    }
    arrange(it, node, Value::Activation(Activation { shape: Some(flat), ..picked }), target)
}

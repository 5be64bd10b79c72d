//! Weights: matrix products with a constant, biases, diagonal weights.

use super::contraction::contract;
use super::elementwise::add_activations;
use super::inference::{CONSTANT, Inference, shapes_differ};
use super::product::product;
use super::shape::{rearrange, shape_of};
use super::size::{Size, Sizes};
use super::uses::{Ports, Role, WeightUse};
use super::value::{Activation, Scales, Value, View};
use super::{Rule, Ruling};
use crate::error::Result;
use crate::lowered::Frozen;
use crate::model::graph::Node;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] =
    &[("MatMul", matmul), ("Gemm", gemm), ("Add", add), ("Sub", add), ("Mul", scale), ("Div", scale)];

fn matmul(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    match (it.input(node, 0), it.input(node, 1)) {
        (Some(a), Some(b)) => multiply(it, node, a, b),
        _ => Ruling::freeze("MatMul: an operand is missing"),
    }
}

/// The matrix product of two values, at most one of them stored.
fn multiply(it: &mut Inference<'_>, node: &Node, a: Value, b: Value) -> Result<Ruling> {
    let (x, view, right) = match (a, b) {
        (Value::Activation(x), Value::Stored(view)) => (x, view, true),
        (Value::Stored(view), Value::Activation(x)) => (x, view, false),
        (Value::Activation(a), Value::Activation(b)) => return contract(it, node, a, b),
        (Value::Stored(_), Value::Stored(_)) => {
            return Ruling::freeze(format!("{}: a product of constants is not followed", node.op));
        }
    };
    if let Some(reason) = it.unfit(&view) {
        return Ruling::freeze(format!("{}: {reason}", node.op));
    }
    if view.dims.is_empty() {
        return Err(shapes_differ(node));
    }
    // axis of the activation that is summed over, counted from the last
    let summed = match (right, &x.shape) {
        (true, _) => 0,
        (false, Some(shape)) => usize::from(shape.len() > 1),
        (false, None) => {
            declare_frozen(it, node, &view);
            return Ruling::freeze(format!("{}: the rank of the second operand is not known", node.op));
        }
    };
    let (vector, w_in, w_out) = (view.dims.len() == 1, usize::from(right), usize::from(!right));
    let (w_in, w_out) = if vector { (0, None) } else { (w_in, Some(w_out)) };
    if x.size(summed).known().is_some_and(|size| size != view.size(w_in)) {
        return Err(shapes_differ(node));
    }
    let tails = x.scales.expanded(summed, view.size(w_in)).ok_or_else(|| shapes_differ(node))?;
    let heads = it.channels(node, w_out.map_or(1, |axis| view.size(axis)));
    let others = x.scales.clone().without(summed);
    let scales = if vector {
        others.renamed(|a| Some(if a > summed { a - 1 } else { a })).shifted(&heads[0])
    } else {
        others.with(summed, heads.clone())
    };
    let output = it.activation(scales, product_shape(&x, &view, right));
    let heads = w_out.map_or_else(|| Scales::along(0, heads.clone()), |axis| Scales::along(axis, heads.clone()));
    let weights = Weights { heads: &heads, tails: &Scales::along(w_in, tails), role: Role::Weight, reciprocal: false };
    declare(it, node, &view, weights, output.hub, x.hub);
    Ruling::one(Value::Activation(output))
}

/// Shape of the product of an activation with a constant on its right or left.
fn product_shape(x: &Activation, view: &View, right: bool) -> Option<Sizes> {
    let x = x.shape.as_ref()?;
    let w: Sizes = view.dims.iter().map(|&n| Size::Known(n)).collect();
    let (a, b) = if right { (x, &w) } else { (&w, x) };
    let (a_batch, a_rows) = a.split_at(a.len().saturating_sub(2));
    let (b_batch, b_columns) = b.split_at(b.len().saturating_sub(2));
    let mut shape = broadcast_shape(a_batch, b_batch);
    if a_rows.len() == 2 {
        shape.push(a_rows[0]);
    }
    if b_columns.len() == 2 {
        shape.push(b_columns[1]);
    }
    Some(shape)
}

/// Shape of broadcast operands.
pub(super) fn broadcast_shape(a: &[Size], b: &[Size]) -> Sizes {
    let rank = a.len().max(b.len());
    let at = |s: &[Size], i: usize| (i + s.len()).checked_sub(rank).map_or(Size::Known(1), |i| s[i]);
    let one = |i| match (at(a, i), at(b, i)) {
        (Size::Known(1), other) | (other, Size::Known(1)) => other,
        (known @ Size::Known(_), _) | (_, known @ Size::Known(_)) => known,
        (first, second) if first.agrees(second) => first,
        _ => Size::Open,
    };
    (0..rank).map(one).collect()
}

struct Weights<'s> {
    heads: &'s Scales,
    tails: &'s Scales,
    role: Role,
    reciprocal: bool,
}

fn declare(it: &mut Inference<'_>, node: &Node, view: &View, weights: Weights<'_>, head_hub: u32, tail_hub: u32) {
    let heads = Ports::new(view, weights.heads, head_hub);
    let tails = Ports::new(view, weights.tails, tail_hub);
    let (role, reciprocal) = (weights.role, weights.reciprocal);
    it.weigh(WeightUse { node: node.name.clone(), role, view: view.clone(), heads, tails, reciprocal });
}

/// The weights of a node that freezes: they keep their value and their cost.
pub(super) fn declare_frozen(it: &mut Inference<'_>, node: &Node, view: &View) {
    let zero = Scales::zero();
    let weights = Weights { heads: &zero, tails: &zero, role: Role::Weight, reciprocal: false };
    declare(it, node, view, weights, CONSTANT, CONSTANT);
}

fn gemm(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (Some(a), Some(b)) = (matrix(it, node, 0, "transA")?, matrix(it, node, 1, "transB")?) else {
        return Ruling::freeze("Gemm: an operand is missing");
    };
    // the axis on which the product has the channels of a stored operand
    let size = |value: &Value, axis: usize| shape_of(value).and_then(|s| s.get(axis).copied());
    let (stored, channels) = match (&a, &b) {
        (Value::Stored(view), _) => (Some(view.clone()), size(&a, 0)),
        (_, Value::Stored(view)) => (Some(view.clone()), size(&b, 1)),
        _ => (None, None),
    };
    let c = it.input(node, 2);
    let refusal = match (&stored, &c) {
        (Some(view), _) if it.unfit(view).is_some() => None,
        (_, Some(Value::Stored(bias))) => it.unfit(bias),
        (_, Some(Value::Activation(c))) if c.constant => {
            Some("it adds a constant that is not a stored tensor".to_owned())
        }
        _ => None,
    };
    if let Some(reason) = refusal {
        if let Some(view) = stored {
            declare_frozen(it, node, &view);
        }
        return Ruling::freeze(format!("Gemm: {reason}"));
    }
    let product = multiply(it, node, a, b)?;
    let Ruling::Outputs(values) = &product else { return Ok(product) };
    match (&values[..], c) {
        ([Value::Activation(output)], Some(Value::Stored(bias))) => {
            if let Some(reason) = scalar(it, channels == Some(Size::Known(1)), &bias) {
                // what it is added to keeps its scale; what comes before does not have to
                it.frozen.push(Frozen { node: node.name.clone(), reason: format!("Gemm: {reason}") });
                it.ground(&Value::Activation(output.clone()), &node.name);
            }
            shift(it, node, output, &bias)?;
            Ruling::one(Value::Activation(Activation { nonnegative: false, ..output.clone() }))
        }
        ([Value::Activation(output)], Some(Value::Activation(c))) => add_activations(it, node, &[output.clone(), c]),
        _ => Ok(product),
    }
}

/// An operand of a Gemm, transposed where an attribute says so.
fn matrix(it: &Inference<'_>, node: &Node, index: usize, flag: &str) -> Result<Option<Value>> {
    let value = match it.input(node, index) {
        Some(Value::Activation(a)) if a.shape.is_none() => {
            Some(Value::Activation(Activation { shape: Some(vec![Size::Open; 2]), ..a }))
        }
        value => value,
    };
    let Some(value) = value else { return Ok(None) };
    if shape_of(&value).is_some_and(|shape| shape.len() != 2) {
        return Err(shapes_differ(node));
    }
    if node.int(flag, 0) == 0 {
        return Ok(Some(value));
    }
    match rearrange(node, value, &[Some(1), Some(0)])? {
        Ruling::Outputs(mut values) => Ok(values.pop()),
        Ruling::Freeze(_) => Ok(None),
    }
}

/// Before operator set 7 an attribute said how shapes are aligned.
fn aligns_otherwise(node: &Node) -> bool {
    ["axis", "broadcast"].iter().any(|a| node.attributes.contains_key(*a))
}

fn add(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    if aligns_otherwise(node) {
        return Ruling::freeze(format!("{}: broadcasting of operator sets before 7 is not followed", node.op));
    }
    let (x, view) = match (it.input(node, 0), it.input(node, 1)) {
        (Some(Value::Activation(x)), Some(Value::Stored(view)))
        | (Some(Value::Stored(view)), Some(Value::Activation(x))) => (x, view),
        (Some(Value::Activation(a)), Some(Value::Activation(b))) => return add_activations(it, node, &[a, b]),
        _ => return Ruling::freeze(format!("{}: an operand is missing", node.op)),
    };
    if let Some(reason) = it.unfit(&view) {
        return Ruling::freeze(format!("{}: {reason}", node.op));
    }
    if it.numbers(&view).iter().any(|n| n.is_infinite()) {
        return Ruling::freeze(format!("{}: the constant has infinite numbers", node.op));
    }
    if let Some(reason) = scalar(it, is_one_channel(&x), &view) {
        return Ruling::freeze(format!("{}: {reason}", node.op));
    }
    shift(it, node, &x, &view)?;
    let shape = with_constant(&x, &view);
    Ruling::one(Value::Activation(Activation { shape, nonnegative: false, ..x }))
}

fn with_constant(x: &Activation, view: &View) -> Option<Sizes> {
    let dims: Sizes = view.dims.iter().map(|&n| Size::Known(n)).collect();
    x.shape.as_ref().map(|shape| broadcast_shape(shape, &dims))
}

/// Why adding a constant freezes: it is one number, other than zero, for several channels.
fn scalar(it: &Inference<'_>, one_channel: bool, view: &View) -> Option<String> {
    let is_scalar = view.len() == 1 && (view.dims.is_empty() || !one_channel);
    (is_scalar && it.numbers(view) != [0.0]).then(|| "a scalar other than zero is added".to_owned())
}

/// A bias is added to `x`; a scalar zero changes nothing.
fn shift(it: &mut Inference<'_>, node: &Node, x: &Activation, view: &View) -> Result<()> {
    if view.len() == 1 && (view.dims.is_empty() || !is_one_channel(x)) {
        it.fix(view, &node.name);
        return Ok(());
    }
    let any = it.numbers(view).iter().any(|&n| n != 0.0);
    let mut heads = Scales::zero();
    for (axis, forms) in x.scales.axes() {
        let size = view.size(axis);
        if forms.len() > 1 && size > 1 && forms.len() != size {
            return Err(shapes_differ(node));
        }
        if size > 1 {
            heads = heads.with(axis, forms.to_vec());
            continue;
        }
        // each entry meets all channels of this axis
        if any {
            it.uniform(forms);
        }
        heads = heads.shifted(&forms[0]);
    }
    let weights = Weights { heads: &heads, tails: &Scales::zero(), role: Role::Bias, reciprocal: false };
    declare(it, node, view, weights, x.hub, CONSTANT);
    Ok(())
}

/// Whether a tensor has one channel.
fn is_one_channel(x: &Activation) -> bool {
    if x.scales.is_zero() {
        return x.shape.as_ref().and_then(|s| s.last().copied()) == Some(Size::Known(1));
    }
    x.scales.axes().all(|(_, forms)| forms.len() == 1)
}

fn scale(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    if aligns_otherwise(node) {
        return Ruling::freeze(format!("{}: broadcasting of operator sets before 7 is not followed", node.op));
    }
    let divides = node.op == "Div";
    let (x, view) = match (it.input(node, 0), it.input(node, 1)) {
        (Some(Value::Activation(x)), Some(Value::Stored(view))) => (x, view),
        (Some(Value::Stored(view)), Some(Value::Activation(x))) if !divides => (x, view),
        (Some(Value::Stored(_)), _) => return Ruling::freeze("Div: a constant is divided by an activation"),
        (Some(Value::Activation(a)), Some(Value::Activation(b))) => return product(it, node, &a, &b),
        _ => return Ruling::freeze(format!("{}: an operand is missing", node.op)),
    };
    if let Some(reason) = it.unfit(&view) {
        return Ruling::freeze(format!("{}: {reason}", node.op));
    }
    if divides && it.numbers(&view).contains(&0.0) {
        return Ruling::freeze("Div: the constant has zeros");
    }
    let shape = with_constant(&x, &view);
    let axis = match view.wide_axes()[..] {
        [] => {
            it.fix(&view, &node.name);
            return Ruling::one(Value::Activation(Activation { shape, nonnegative: false, ..x }));
        }
        [axis] => axis,
        _ => return Ruling::freeze(format!("{}: the constant varies along several axes", node.op)),
    };
    let tails = x.scales.expanded(axis, view.size(axis)).ok_or_else(|| shapes_differ(node))?;
    let heads = it.channels(node, view.size(axis));
    let output = it.activation(x.scales.clone().with(axis, heads.clone()), shape);
    let (heads, tails) = (Scales::along(axis, heads), Scales::along(axis, tails));
    let weights = Weights { heads: &heads, tails: &tails, role: Role::Weight, reciprocal: divides };
    declare(it, node, &view, weights, output.hub, x.hub);
    Ruling::one(Value::Activation(output))
}

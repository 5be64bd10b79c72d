//! Powers, and reductions over axes.

use super::inference::Inference;
use super::shape::{position, rearrange};
use super::size::Size;
use super::value::{Activation, Value};
use super::{Rule, Ruling};
use crate::error::Result;
use crate::model::graph::Node;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("Sqrt", sqrt),
    ("Pow", pow),
    ("ReduceMean", reduce),
    ("ReduceSum", reduce),
    ("ReduceMax", reduce),
    ("ReduceMin", reduce),
    ("ReduceSumSquare", reduce),
    ("ReduceL2", reduce),
];

fn sqrt(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(Value::Activation(x)) = it.input(node, 0) else {
        return Ruling::freeze("Sqrt: its input is missing");
    };
    // where it is negative the result is no number, before and after scaling
    Ruling::one(Value::Activation(Activation { scales: x.scales.times(0.5), nonnegative: true, ..x }))
}

fn pow(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(Value::Activation(x)) = it.input(node, 0) else {
        return Ruling::freeze("Pow: the exponent is an activation");
    };
    let known = it.integers(node, 1).map(|list| list.iter().map(|&n| n as f64).collect());
    let Some(exponent) = known.or_else(|| it.reals(node, 1)) else {
        return Ruling::freeze("Pow: the exponent is not a stored tensor");
    };
    let [exponent] = exponent[..] else {
        return Ruling::freeze("Pow: the exponent is not one number");
    };
    if !(exponent > 0.0 && exponent.is_finite()) {
        return Ruling::freeze("Pow: the exponent is not positive");
    }
    if exponent.fract() != 0.0 && !x.nonnegative {
        return Ruling::freeze("Pow: the exponent is no whole number, and its base may be negative");
    }
    let nonnegative = x.nonnegative || exponent % 2.0 == 0.0;
    Ruling::one(Value::Activation(Activation { scales: x.scales.times(exponent), nonnegative, ..x }))
}

fn reduce(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some((x, shape)) = it.input(node, 0).and_then(|v| match v {
        Value::Activation(x) => x.shape.clone().map(|shape| (x, shape)),
        Value::Stored(_) => None,
    }) else {
        return Ruling::freeze(format!("{}: the rank of its input is not known", node.op));
    };
    let given = node.input(1).is_some();
    let axes = if given { it.integers(node, 1) } else { node.ints("axes").map(<[i64]>::to_vec) };
    if given && axes.is_none() {
        return Ruling::freeze(format!("{}: the axes are known only when the model runs", node.op));
    }
    let axes: Vec<usize> = axes.unwrap_or_default().iter().filter_map(|&a| position(a, shape.len())).collect();
    let all = axes.is_empty() && node.int("noop_with_empty_axes", 0) == 0;
    let reduced = |axis: usize| all || axes.contains(&axis);
    let mut scales = x.scales.clone();
    for axis in (0..shape.len()).filter(|&a| reduced(a)) {
        scales = it.tied(&scales, x.hub, shape.len() - 1 - axis);
    }
    let squares = ["ReduceSumSquare", "ReduceL2"].contains(&node.op.as_str());
    let scales = if node.op == "ReduceSumSquare" { scales.times(2.0) } else { scales };
    let new = shape.iter().enumerate().map(|(i, &s)| if reduced(i) { Size::Known(1) } else { s }).collect();
    let result = Activation { scales, shape: Some(new), nonnegative: x.nonnegative || squares, ..x };
    if node.int("keepdims", 1) != 0 {
        return Ruling::one(Value::Activation(result));
    }
    let kept: Vec<Option<usize>> = (0..shape.len()).filter(|&a| !reduced(a)).map(Some).collect();
    rearrange(node, Value::Activation(result), &kept)
}

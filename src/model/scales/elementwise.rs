//! Functions of single elements: homogeneous activations, and sums of activations.

use super::inference::{Inference, shapes_differ};
use super::linear::broadcast_shape;
use super::size::Sizes;
use super::value::{Activation, Scales, Value};
use super::{Rule, Ruling};
use crate::error::Result;
use crate::manifold::Form;
use crate::model::element::ElementType;
use crate::model::graph::Node;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("Relu", keep),
    ("LeakyRelu", keep),
    ("Neg", keep),
    ("Abs", keep),
    ("Identity", identity),
    ("Clip", clip),
    ("Max", sum),
    ("Min", sum),
    ("PRelu", prelu),
    ("Dropout", dropout),
    ("Cast", cast),
    ("Sum", sum),
];

/// The output is the input as far as scales go.
fn identity(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    match it.input(node, 0) {
        Some(value) => Ruling::one(value),
        None => Ruling::freeze(format!("{}: its input is missing", node.op)),
    }
}

/// A function of single elements that is positively homogeneous.
fn keep(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(Value::Activation(x)) = it.input(node, 0) else { return identity(it, node) };
    let nonnegative = match node.op.as_str() {
        "Relu" | "Abs" => true,
        "LeakyRelu" => x.nonnegative,
        _ => false,
    };
    Ruling::one(Value::Activation(Activation { nonnegative, ..x }))
}

/// A bound beyond every number of single precision is none.
const INFINITE: f64 = f32::MAX as f64;

fn clip(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let bound = |it: &mut Inference<'_>, name: &str, index: usize, absent: f64| match node.input(index) {
        None => Some(node.float(name).unwrap_or(absent)),
        Some(_) => it.reals(node, index).and_then(|b| <[f64; 1]>::try_from(b).ok()).map(|[b]| b),
    };
    let (low, high) = (bound(it, "min", 1, f64::NEG_INFINITY), bound(it, "max", 2, f64::INFINITY));
    let (Some(Value::Activation(x)), Some(low), Some(high)) = (it.input(node, 0), low, high) else {
        return Ruling::freeze("Clip: its bounds are not stored numbers");
    };
    if !(low == 0.0 || low <= -INFINITE) || !(high == 0.0 || high >= INFINITE) {
        return Ruling::freeze("Clip: the function bends at fixed values");
    }
    let nonnegative = x.nonnegative || low == 0.0;
    Ruling::one(Value::Activation(Activation { nonnegative, ..x }))
}

fn prelu(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (Some(Value::Activation(x)), Some(Value::Stored(slope))) = (it.input(node, 0), it.input(node, 1)) else {
        return Ruling::freeze("PRelu: only constant slopes are followed");
    };
    it.fix(&slope, &node.name);
    Ruling::one(Value::Activation(Activation { nonnegative: false, ..x }))
}

fn dropout(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    if node.input(2).is_some() && it.integers(node, 2) != Some(vec![0]) {
        return Ruling::freeze("Dropout: it is not known to be off");
    }
    identity(it, node)
}

fn cast(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    // integers are never scaled, so that a cast to real numbers keeps every scale
    if ElementType::from_code(node.int("to", 0)).is_float() {
        return identity(it, node);
    }
    Ruling::freeze("Cast: the result does not hold real numbers")
}

fn sum(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let mut terms = vec![];
    for i in 0..node.inputs.len() {
        match it.input(node, i) {
            Some(Value::Activation(a)) => terms.push(a),
            _ => return Ruling::freeze(format!("{}: a constant operand is not followed", node.op)),
        }
    }
    if let [one] = &terms[..] {
        return Ruling::one(Value::Activation(one.clone()));
    }
    add_activations(it, node, &terms)
}

/// The sum of activations: all terms and the result share one scale, channel by channel.
pub(super) fn add_activations(it: &mut Inference<'_>, node: &Node, terms: &[Activation]) -> Result<Ruling> {
    let Some(first) = terms.first() else {
        return Ruling::freeze(format!("{}: it has no inputs", node.op));
    };
    if terms.iter().any(|t| t.constant) {
        return Ruling::freeze(format!("{}: an operand is a constant that is not a stored tensor", node.op));
    }
    let mut shape = first.shape.clone();
    let nonnegative = node.op != "Sub" && terms.iter().all(|t| t.nonnegative);
    for term in &terms[1..] {
        shape = shape.zip(term.shape.as_ref()).map(|(a, b)| broadcast_shape(&a, b));
        it.equal(&first.scales, &term.scales, node)?;
    }
    let mut axes: Vec<usize> = terms.iter().flat_map(|t| t.scales.axes().map(|(axis, _)| axis)).collect();
    axes.sort_unstable();
    axes.dedup();
    let scales = match axes[..] {
        [] => Scales::zero(),
        [axis] => shared(it, node, terms, axis)?,
        _ => return several(it, terms, shape, nonnegative),
    };
    let output = it.activation(scales, shape);
    for term in terms {
        it.connect((&Form::zero(), term.hub), (&Form::zero(), output.hub));
    }
    Ruling::one(Value::Activation(Activation { nonnegative, ..output }))
}

/// New channels along one axis, tied to those of all terms.
fn shared(it: &mut Inference<'_>, node: &Node, terms: &[Activation], axis: usize) -> Result<Scales> {
    let size = terms.iter().filter_map(|t| t.scales.axis(axis)).map(<[Form]>::len).max().unwrap_or(1);
    let forms = it.channels(node, size);
    let scales = Scales::along(axis, forms.clone());
    for term in terms {
        it.equal(&scales, &term.scales, node)?;
        let from = term.scales.expanded(axis, size).ok_or_else(|| shapes_differ(node))?;
        for (from, to) in from.iter().zip(forms.iter()) {
            it.connect((from, term.hub), (to, term.hub));
        }
    }
    Ok(scales)
}

/// Terms that carry scales on several axes: the first one stands for all.
fn several(it: &mut Inference<'_>, terms: &[Activation], shape: Option<Sizes>, nonnegative: bool) -> Result<Ruling> {
    let most = terms.iter().max_by_key(|t| t.scales.forms().count()).unwrap_or(&terms[0]).clone();
    let forms: Vec<Form> = most.scales.forms().cloned().collect();
    for term in terms {
        it.connect((&Form::zero(), term.hub), (&Form::zero(), most.hub));
        for to in &forms {
            it.connect((&Form::zero(), term.hub), (to, most.hub));
        }
    }
    Ruling::one(Value::Activation(Activation { shape, nonnegative, ..most }))
}

//! Functions of single elements: homogeneous activations, and sums of activations.

use super::inference::{Inference, shapes_differ};
use super::linear::broadcast_shape;
use super::value::{Activation, Scales, Value};
use super::{Rule, Ruling};
use crate::error::Result;
use crate::manifold::Form;
use crate::model::graph::Node;
use crate::model::tensor::ElementType;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("Relu", keep),
    ("LeakyRelu", keep),
    ("Neg", keep),
    ("Abs", keep),
    ("Identity", keep),
    ("PRelu", prelu),
    ("Dropout", dropout),
    ("Cast", cast),
    ("Sum", sum),
];

/// The output is the input as far as scales go.
fn keep(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    match it.input(node, 0) {
        Some(value) => Ruling::one(value),
        None => Ruling::freeze(format!("{}: its input is missing", node.op)),
    }
}

fn prelu(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (Some(x @ Value::Activation(_)), Some(Value::Stored(slope))) = (it.input(node, 0), it.input(node, 1)) else {
        return Ruling::freeze("PRelu: only constant slopes are followed");
    };
    it.fix(&slope, &node.name);
    Ruling::one(x)
}

fn dropout(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    if node.input(2).is_some() {
        if it.integers(node, 2) != Some(vec![0]) {
            return Ruling::freeze("Dropout: it is not known to be off");
        }
    }
    keep(it, node)
}

fn cast(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    // integers are never scaled, so that a cast to real numbers keeps every scale
    if ElementType::from_code(node.int("to", 0)).is_float() {
        return keep(it, node);
    }
    Ruling::freeze("Cast: the result does not hold real numbers")
}

fn sum(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let mut terms = vec![];
    for i in 0..node.inputs.len() {
        match it.input(node, i) {
            Some(Value::Activation(a)) => terms.push(a),
            _ => return Ruling::freeze("Sum: a constant operand is not followed"),
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
        return Ruling::freeze(format!("{}: it adds a constant that is not a stored tensor", node.op));
    }
    let mut shape = first.shape.clone();
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
        _ => return several(it, terms, shape),
    };
    let output = it.activation(scales, shape);
    for term in terms {
        it.connect((&Form::zero(), term.hub), (&Form::zero(), output.hub));
    }
    Ruling::one(Value::Activation(output))
}

/// New channels along one axis, tied to those of all terms.
fn shared(it: &mut Inference<'_>, node: &Node, terms: &[Activation], axis: usize) -> Result<Scales> {
    let size = terms.iter().filter_map(|t| t.scales.axis(axis)).map(<[Form]>::len).max().unwrap_or(1);
    let forms = it.channels(node, size);
    let scales = Scales::along(axis, forms.clone());
    for term in terms {
        it.equal(&scales, &term.scales, node)?;
        let from = term.scales.expanded(axis, size).ok_or_else(|| shapes_differ(node))?;
        for (from, to) in from.iter().zip(&forms) {
            it.connect((from, term.hub), (to, term.hub));
        }
    }
    Ok(scales)
}

/// Terms that carry scales on several axes: the first one stands for all.
fn several(it: &mut Inference<'_>, terms: &[Activation], shape: Option<crate::model::graph::Shape>) -> Result<Ruling> {
    let most = terms.iter().max_by_key(|t| t.scales.forms().count()).unwrap_or(&terms[0]).clone();
    let forms: Vec<Form> = most.scales.forms().cloned().collect();
    for term in terms {
        it.connect((&Form::zero(), term.hub), (&Form::zero(), most.hub));
        for to in &forms {
            it.connect((&Form::zero(), term.hub), (to, most.hub));
        }
    }
    Ruling::one(Value::Activation(Activation { shape, ..most }))
}

//! Products and ratios of two activations: gates and normalizations.

use super::Ruling;
use super::inference::{Inference, shapes_differ};
use super::linear::broadcast_shape;
use super::value::{Activation, Value};
use crate::error::Result;
use crate::manifold::Form;
use crate::model::graph::Node;

/// The log-scale of a product is the sum of those of its factors, that of a ratio their difference.
pub(super) fn product(it: &mut Inference<'_>, node: &Node, a: &Activation, b: &Activation) -> Result<Ruling> {
    if a.constant || b.constant {
        return Ruling::freeze(format!("{}: its constant operand is not a stored tensor", node.op));
    }
    let scales = if node.op == "Div" { a.scales.minus(&b.scales) } else { a.scales.plus(&b.scales) };
    let scales = scales.ok_or_else(|| shapes_differ(node))?;
    let shape = a.shape.as_ref().zip(b.shape.as_ref()).map(|(a, b)| broadcast_shape(a, b));
    let output = it.activation(scales, shape);
    // a signal in either factor is one in the product, whatever names its elements
    let whole = (&Form::zero(), output.hub);
    for factor in [a, b] {
        it.connect((&Form::zero(), factor.hub), whole);
        for form in factor.scales.forms() {
            it.connect((form, factor.hub), whole);
        }
    }
    let elements: Vec<Form> = output.scales.forms().cloned().collect();
    for form in &elements {
        for factor in [a, b] {
            it.connect((&Form::zero(), factor.hub), (form, output.hub));
        }
    }
    Ruling::one(Value::Activation(Activation { nonnegative: a.nonnegative && b.nonnegative, ..output }))
}

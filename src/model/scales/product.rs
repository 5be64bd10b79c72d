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
    for factor in [a, b] {
        for (from, to) in passages(factor, &output) {
            it.connect((&from, factor.hub), (&to, output.hub));
        }
    }
    Ruling::one(Value::Activation(Activation { nonnegative: a.nonnegative && b.nonnegative, ..output }))
}

/// Pairs of log-scales of a factor and of the product of which the second does not mention all of the first.
fn passages(factor: &Activation, product: &Activation) -> Vec<(Form, Form)> {
    let mentions = |form: &Form, variable: u32| form.terms().iter().any(|t| t.0 == variable);
    let mut pairs = vec![];
    for (axis, forms) in product.scales.axes() {
        let own = factor.scales.expanded(axis, forms.len());
        for (from, to) in own.iter().flat_map(|own| own.iter()).zip(forms.iter()) {
            if from.is_zero() || from.terms().iter().any(|t| !mentions(to, t.0)) {
                pairs.push((from.clone(), to.clone()));
            }
        }
    }
    pairs
}

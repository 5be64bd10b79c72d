//! Batch normalization with stored statistics: a diagonal weight and a bias.

use super::inference::{CONSTANT, Inference, shapes_differ};
use super::size::Size;
use super::uses::{Ports, Role, WeightUse};
use super::value::{Scales, Value, View};
use super::{Rule, Ruling};
use crate::error::Result;
use crate::manifold::{Form, Forms};
use crate::model::graph::Node;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] = &[("BatchNormalization", batch)];

/// The operator set since which an attribute says that the statistics are those of the batch.
const SAYS_TRAINING: i64 = 14;
/// The operator set before which an attribute said that they are not.
const SAYS_TEST: i64 = 7;

fn batch(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let version = it.graph.opsets.get("").copied().unwrap_or(SAYS_TRAINING);
    let more_outputs = node.outputs.iter().skip(1).any(|o| !o.is_empty());
    let training = node.int("training_mode", 0) != 0
        || version < SAYS_TRAINING && more_outputs
        || version < SAYS_TEST && node.int("is_test", 0) == 0;
    if training {
        return Ruling::freeze("BatchNormalization: it uses the statistics of the batch (training mode)");
    }
    if node.int("spatial", 1) == 0 {
        return Ruling::freeze("BatchNormalization: statistics for every place are not followed");
    }
    let Some(Value::Activation(x)) = it.input(node, 0) else {
        return Ruling::freeze("BatchNormalization: its input is missing");
    };
    let Some(rank) = x.shape.as_ref().map(Vec::len).filter(|&r| r >= 2) else {
        return Ruling::freeze("BatchNormalization: the rank of its input is not known");
    };
    let mut views = vec![];
    for i in 1..5 {
        let Some(Value::Stored(view)) = it.input(node, i) else {
            return Ruling::freeze("BatchNormalization: a parameter is not a stored tensor");
        };
        if let Some(reason) = it.unfit(&view) {
            return Ruling::freeze(format!("BatchNormalization: {reason}"));
        }
        views.push(view);
    }
    let [gamma, beta, mean, variance] = &views[..] else { return Err(shapes_differ(node)) };
    let axis = rank - 2;
    let count = gamma.len();
    let fits = views.iter().all(|v| v.dims == [count]) && x.size(axis).known().is_none_or(|n| n == count);
    if !fits {
        return Err(shapes_differ(node));
    }
    let tails = it.channel_scales(&x, axis, count, node)?;
    // without a cost gamma would let every layer before it shrink for nothing
    let fixed = it.choice.batchnorm_fixed;
    let heads = if fixed { tails.clone() } else { it.channels(node, count) };
    let mut shape = x.shape.clone();
    if let Some(size) = shape.as_mut().and_then(|shape| shape.get_mut(1)) {
        *size = Size::Known(count);
    }
    let output = it.activation(Scales::along(axis, heads.clone()), shape);
    let ports = |forms: &Forms, hub: u32| Ports { forms: forms.clone(), strides: vec![1], hub };
    let constant = || Ports { forms: [Form::zero()].into(), strides: vec![0], hub: CONSTANT };
    let mut weigh = |role: Role, view: &View, heads: Ports, tails: Ports| {
        let (node, view) = (node.name.clone(), view.clone());
        it.weigh(WeightUse { node, role, view, heads, tails, reciprocal: false });
    };
    let role = if fixed { Role::Statistic } else { Role::Weight };
    weigh(role, gamma, ports(&heads, output.hub), ports(&tails, x.hub));
    weigh(Role::Bias, beta, ports(&heads, output.hub), constant());
    // the mean is subtracted from the input, as a bias of cost zero would be
    weigh(Role::Statistic, mean, ports(&tails, x.hub), constant());
    it.fix(variance, &node.name);
    Ruling::one(Value::Activation(output))
}

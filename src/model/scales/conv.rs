//! Convolutions with stored weights.

use super::inference::{CONSTANT, Inference, shapes_differ};
use super::linear::declare_frozen;
use super::size::Size;
use super::uses::{Ports, Role, WeightUse};
use super::value::{Activation, Scales, Value, View};
use super::window::{check, convolved, transposed};
use super::{Rule, Ruling};
use crate::error::Result;
use crate::manifold::{Form, Forms};
use crate::model::graph::Node;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] = &[("Conv", conv), ("ConvTranspose", conv)];

fn conv(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (Some(Value::Activation(x)), Some(Value::Stored(view))) = (it.input(node, 0), it.input(node, 1)) else {
        return Ruling::freeze(format!("{}: its weights are not a stored tensor", node.op));
    };
    if let Some(reason) = it.unfit(&view) {
        return Ruling::freeze(format!("{}: {reason}", node.op));
    }
    let bias = match it.input(node, 2) {
        None => None,
        Some(Value::Stored(bias)) => match it.unfit(&bias) {
            None => Some(bias),
            Some(reason) => {
                declare_frozen(it, node, &view);
                return Ruling::freeze(format!("{}: {reason}", node.op));
            }
        },
        Some(Value::Activation(_)) => {
            declare_frozen(it, node, &view);
            return Ruling::freeze(format!("{}: its bias is not a stored tensor", node.op));
        }
    };
    let layout = Layout::of(node, &view)?;
    check(node, &view.dims[2..])?;
    if x.shape.as_ref().is_some_and(|s| s.len() != view.dims.len()) {
        return Err(shapes_differ(node));
    }
    // the channels come before the spatial axes
    let axis = view.dims.len() - 2;
    if x.size(axis).known().is_some_and(|n| n != layout.inputs) {
        return Err(shapes_differ(node));
    }
    let tails = it.channel_scales(&x, axis, layout.inputs, node)?;
    let heads = it.channels(node, layout.outputs);
    let shape = x.shape.as_ref().map_or_else(|| vec![Size::Open; view.dims.len()], Clone::clone);
    let kernel = &view.dims[2..];
    let spatial = match node.op.as_str() {
        "Conv" => convolved(node, kernel, &shape[2..]),
        _ => transposed(node, kernel, &shape[2..]),
    };
    let shape = [shape[0], Size::Known(layout.outputs)].into_iter().chain(spatial).collect();
    let output = it.activation(Scales::along(axis, heads.clone()), Some(shape));
    if let Some(bias) = bias {
        add_bias(it, node, &bias, &output, &heads)?;
    }
    layout.declare(it, node, &view, (heads, output.hub), (tails, x.hub));
    Ruling::one(Value::Activation(output))
}

fn add_bias(it: &mut Inference<'_>, node: &Node, bias: &View, output: &Activation, forms: &Forms) -> Result<()> {
    if bias.dims != [forms.len()] {
        return Err(shapes_differ(node));
    }
    let heads = Ports { forms: forms.clone(), strides: vec![1], hub: output.hub };
    let tails = Ports { forms: [Form::zero()].into(), strides: vec![0], hub: CONSTANT };
    let (node, view) = (node.name.clone(), bias.clone());
    it.weigh(WeightUse { node, role: Role::Bias, view, heads, tails, reciprocal: false });
    Ok(())
}

/// How the first two axes of the weights and their groups make channels.
#[derive(Clone, Copy)]
struct Layout {
    groups: usize,
    inputs: usize,
    outputs: usize,
    transposed: bool,
}

impl Layout {
    fn of(node: &Node, view: &View) -> Result<Self> {
        let transposed = node.op == "ConvTranspose";
        let groups = usize::try_from(node.int("group", 1)).ok().filter(|&g| g > 0);
        let (Some(groups), [first, second, ..]) = (groups, &view.dims[..]) else { return Err(shapes_differ(node)) };
        let (whole, part) = (*first, second.checked_mul(groups));
        let Some(part) = part.filter(|_| whole % groups == 0 && view.len() > 0) else {
            return Err(shapes_differ(node));
        };
        let (inputs, outputs) = if transposed { (whole, part) } else { (part, whole) };
        Ok(Self { groups, inputs, outputs, transposed })
    }

    /// Declares the weights: the first axis is seen as groups and channels of a group.
    fn declare(
        self,
        it: &mut Inference<'_>,
        node: &Node,
        view: &View,
        (heads, head_hub): (Forms, u32),
        (tails, tail_hub): (Forms, u32),
    ) {
        let inner = view.dims[0] / self.groups;
        let mut dims = vec![self.groups, inner];
        dims.extend(&view.dims[1..]);
        let mut strides = vec![view.strides[0] * inner];
        strides.extend(&view.strides);
        let rank = dims.len();
        let strides_of = |per_group: usize, axis: usize| {
            let mut strides = vec![0; rank];
            (strides[0], strides[axis]) = (per_group, 1);
            strides
        };
        let (first, second) = (strides_of(inner, 1), strides_of(view.dims[1], 2));
        let (to, from) = if self.transposed { (second, first) } else { (first, second) };
        let heads = Ports { forms: heads, strides: to, hub: head_hub };
        let tails = Ports { forms: tails, strides: from, hub: tail_hub };
        let (node, view) = (node.name.clone(), View { tensor: view.tensor, dims, strides });
        it.weigh(WeightUse { node, role: Role::Weight, view, heads, tails, reciprocal: false });
    }
}

//! Recurrent layers: one log-scale per unit of the state, the same at all times.

use super::inference::{CONSTANT, Inference, shapes_differ};
use super::linear::declare_frozen;
use super::mixed::Mixture;
use super::size::Size;
use super::uses::{Ports, Role, WeightUse};
use super::value::{Activation, Scales, Value, View};
use super::zeros::is_zero;
use super::{Rule, Ruling};
use crate::error::Result;
use crate::lowered::Frozen;
use crate::manifold::{Form, Forms};
use crate::model::graph::Node;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] = &[("RNN", recurrent), ("GRU", recurrent), ("LSTM", recurrent)];

/// How the operators differ.
struct Kind {
    /// Blocks of rows in the weights; in those with a rule the last one computes the state.
    blocks: usize,
    /// Activation functions of one direction; the last one makes the candidate for the state.
    functions: usize,
    /// Whether a state behind a rectifier can be scaled.
    scales: bool,
}

impl Kind {
    fn of(node: &Node) -> Self {
        match node.op.as_str() {
            "RNN" => Self { blocks: 1, functions: 1, scales: true },
            "GRU" => Self { blocks: 3, functions: 2, scales: true },
            _ => Self { blocks: 4, functions: 3, scales: false },
        }
    }

    /// Why the state of a direction is not scaled; `None` where it is.
    fn refusal(&self, node: &Node, direction: usize) -> Option<String> {
        if !self.scales {
            return Some("the functions of its gates and its state are not positively homogeneous".to_owned());
        }
        if node.attributes.contains_key("clip") {
            return Some("it clips at fixed values".to_owned());
        }
        let at = (direction + 1) * self.functions - 1;
        let function = node.texts("activations").and_then(|names| names.get(at)).map_or("Tanh", String::as_str);
        let rectifies = function.eq_ignore_ascii_case("Relu");
        (!rectifies).then(|| format!("the candidate for its state passes through {function}"))
    }
}

/// The stored tensors of a layer, and their sizes.
struct Layer {
    weights: View,
    recurrence: View,
    bias: Option<View>,
    directions: usize,
    blocks: usize,
    hidden: usize,
    inputs: usize,
}

impl Layer {
    /// `None` where a parameter is not stored, or not as numbers that can be rewritten.
    fn of(it: &Inference<'_>, node: &Node, blocks: usize) -> Result<Option<Self>> {
        let view = |i: usize| match it.input(node, i) {
            Some(Value::Stored(view)) if it.unfit(&view).is_none() => Some(view),
            _ => None,
        };
        let (Some(weights), Some(recurrence)) = (view(1), view(2)) else { return Ok(None) };
        let bias = view(3);
        if node.input(3).is_some() && bias.is_none() {
            return Ok(None);
        }
        let (&[directions, rows, inputs], &[.., hidden]) = (&weights.dims[..], &recurrence.dims[..]) else {
            return Err(shapes_differ(node));
        };
        let expected = if node.text("direction") == "bidirectional" { 2 } else { 1 };
        let stated = usize::try_from(node.int("hidden_size", i64::try_from(hidden).unwrap_or(i64::MAX)));
        let fits = directions == expected
            && hidden.checked_mul(blocks) == Some(rows)
            && recurrence.dims == [directions, rows, hidden]
            && bias
                .as_ref()
                .is_none_or(|b| Some(b.dims[..].to_vec()) == rows.checked_mul(2).map(|r| vec![directions, r]))
            && stated == Ok(hidden)
            && weights.len() > 0
            && recurrence.len() > 0;
        if !fits {
            return Err(shapes_differ(node));
        }
        Ok(Some(Self { weights, recurrence, bias, directions, blocks, hidden, inputs }))
    }

    /// Log-scales of the rows of each direction: `times` copies of the gates, at zero, before the candidates.
    fn rows(&self, state: &[Form], times: usize) -> Forms {
        let mut rows = vec![];
        for own in state.chunks(self.hidden) {
            for _ in 0..times {
                rows.extend((0..(self.blocks - 1) * self.hidden).map(|_| Form::zero()));
                rows.extend_from_slice(own);
            }
        }
        rows.into()
    }

    /// Declares the weights; `hub` stands for the gates and for states that are not scaled.
    fn declare(&self, it: &mut Inference<'_>, node: &Node, state: &[Form], tails: (Forms, u32), hub: u32) {
        let rows = self.blocks * self.hidden;
        let mut weigh = |role: Role, view: &View, heads: Ports, tails: Ports| {
            let (node, view) = (node.name.clone(), view.clone());
            it.weigh(WeightUse { node, role, view, heads, tails, reciprocal: false });
        };
        let heads = Ports { forms: self.rows(state, 1), strides: vec![rows, 1, 0], hub };
        let inputs = Ports { forms: tails.0, strides: vec![0, 0, 1], hub: tails.1 };
        let own = Ports { forms: state.into(), strides: vec![self.hidden, 0, 1], hub };
        weigh(Role::Weight, &self.weights, heads.clone(), inputs);
        weigh(Role::Weight, &self.recurrence, heads, own);
        if let Some(bias) = &self.bias {
            let heads = Ports { forms: self.rows(state, 2), strides: vec![2 * rows, 1], hub };
            weigh(Role::Bias, bias, heads, nothing(2));
        }
    }

    /// An output: the state with `before` axes in front of those of direction, batch and unit.
    fn output(&self, it: &mut Inference<'_>, state: &[Form], mut before: Vec<Size>, batch: Size, hub: u32) -> Value {
        before.extend([Size::Known(self.directions), batch, Size::Known(self.hidden)]);
        let single = self.directions == 1;
        let scales = if single { Scales::along(0, state.to_vec()) } else { Scales::zero() };
        let output = it.activation(scales, Some(before));
        it.flow.edges.push((hub, output.hub));
        let scaled = state.iter().any(|f| !f.is_zero());
        let mixture = if single || !scaled { None } else { Mixture::over(state.to_vec(), 2, 0, self.hidden) };
        for form in state.iter().filter(|_| mixture.is_some()) {
            it.connect((form, output.hub), (&Form::zero(), output.hub));
        }
        Value::Activation(Activation { mixture, ..output })
    }
}

/// The ports of the constant 1, for a tensor with so many axes.
fn nothing(axes: usize) -> Ports {
    Ports { forms: [Form::zero()].into(), strides: vec![0; axes], hub: CONSTANT }
}

fn recurrent(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(Value::Activation(x)) = it.input(node, 0) else {
        return Ruling::freeze(format!("{}: its input is not an activation", node.op));
    };
    let kind = Kind::of(node);
    let layer = Layer::of(it, node, kind.blocks)?;
    if let (0, Some(layer)) = (node.int("layout", 0), &layer) {
        return follow(it, node, &x, layer, &kind);
    }
    for i in 1..4 {
        match it.input(node, i) {
            Some(Value::Stored(view)) if it.unfit(&view).is_none() => declare_frozen(it, node, &view),
            _ => {}
        }
    }
    let reason = if layer.is_some() { "its batch axis comes first" } else { "a parameter is not a stored tensor" };
    Ruling::freeze(format!("{}: {reason}", node.op))
}

fn follow(it: &mut Inference<'_>, node: &Node, x: &Activation, layer: &Layer, kind: &Kind) -> Result<Ruling> {
    if x.shape.as_ref().is_some_and(|s| s.len() != 3) || x.size(0).known().is_some_and(|n| n != layer.inputs) {
        return Err(shapes_differ(node));
    }
    let tails = it.channel_scales(x, 0, layer.inputs, node)?;
    let mut reasons = vec![];
    let refusals: Vec<Option<String>> = (0..layer.directions).map(|d| kind.refusal(node, d)).collect();
    let free = refusals.iter().filter(|r| r.is_none()).count();
    let units = it.channels(node, free * layer.hidden);
    let mut units = units.iter().cloned();
    let mut state = vec![];
    for refusal in refusals {
        match refusal {
            None => state.extend(units.by_ref().take(layer.hidden)),
            Some(reason) => {
                state.extend((0..layer.hidden).map(|_| Form::zero()));
                reasons.push(reason);
            }
        }
    }
    let hub = it.hub();
    it.flow.sources.push(hub);
    if free > 0 {
        // gates act on the state but give it no signal of their own
        it.flow.sinks.push(hub);
    }
    layer.declare(it, node, &state, (tails, x.hub), hub);
    if let Some(initial) = it.input(node, 5) {
        reasons.extend(begin(it, node, layer, &state, hub, &initial)?);
    }
    if !kind.scales {
        memory(it, node);
    }
    reasons.dedup();
    let frozen = reasons.iter().map(|r| Frozen { node: node.name.clone(), reason: format!("{}: {r}", node.op) });
    it.frozen.extend(frozen);
    let (time, batch) = (x.size(2), x.size(1));
    let all = layer.output(it, &state, vec![time], batch, hub);
    let last = layer.output(it, &state, vec![], batch, hub);
    let mut outputs = vec![all, last];
    if !kind.scales {
        outputs.push(layer.output(it, &state, vec![], batch, hub));
    }
    Ok(Ruling::Outputs(outputs))
}

/// The state before the first step has the scales of all others; gives the reason where it has none.
fn begin(
    it: &mut Inference<'_>,
    node: &Node,
    layer: &Layer,
    state: &[Form],
    hub: u32,
    initial: &Value,
) -> Result<Option<String>> {
    let (directions, hidden) = (layer.directions, layer.hidden);
    let x = match initial {
        Value::Activation(x) => x,
        Value::Stored(view) => {
            if view.dims.len() != 3 || view.dims[0] != directions || view.dims[2] != hidden || view.len() == 0 {
                return Err(shapes_differ(node));
            }
            let heads = Ports { forms: state.into(), strides: vec![hidden, 0, 1], hub };
            if it.unfit(view).is_none() {
                let (node, view, tails) = (node.name.clone(), view.clone(), nothing(3));
                it.weigh(WeightUse { node, role: Role::Statistic, view, heads, tails, reciprocal: false });
                return Ok(None);
            }
            state.iter().for_each(|form| it.manifold.require_zero(form));
            return Ok(Some("its initial state is not rewritten".to_owned()));
        }
    };
    if x.constant {
        if node.input(5).is_some_and(|name| is_zero(it, name)) {
            return Ok(None);
        }
        state.iter().for_each(|form| it.connect((&Form::zero(), CONSTANT), (form, hub)));
    }
    let scales = it.tied(&x.scales, x.hub, 1);
    let common = scales.axis(1).map_or_else(Form::zero, |forms| forms[0].clone());
    let outer = scales.expanded(2, directions).ok_or_else(|| shapes_differ(node))?;
    let inner = scales.expanded(0, hidden).ok_or_else(|| shapes_differ(node))?;
    for (i, form) in state.iter().enumerate() {
        let from = common.plus(1.0, &outer[i / hidden]).plus(1.0, &inner[i % hidden]);
        it.manifold.require_equal(&from, form);
        it.connect((&from, x.hub), (form, hub));
    }
    Ok(x.constant.then(|| "its initial state is a constant that is not a stored tensor".to_owned()))
}

/// What only layers with a memory cell have: its initial value, and weights from the cell to the gates.
fn memory(it: &mut Inference<'_>, node: &Node) {
    if let Some(cell) = it.input(node, 6) {
        it.ground(&cell, &node.name);
    }
    match it.input(node, 7) {
        Some(Value::Stored(view)) if it.unfit(&view).is_none() => declare_frozen(it, node, &view),
        Some(other) => it.ground(&other, &node.name),
        None => {}
    }
}

//! The state of inference, and what rules may do to it.

use super::integers::Numbers;
use super::size::{Size, Sizes};
use super::uses::{Ports, Role, WeightUse};
use super::value::{Activation, Scales, Value, View};
use super::{Ruling, arranges, freeze, integers, mixed, rule};
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::Frozen;
use crate::manifold::{Form, ManifoldBuilder};
use crate::model::graph::{Graph, Node, Shape};
use std::collections::HashMap;

/// The signal flow between channels; variables and whole tensors are nodes of one graph.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub nodes: u32,
    /// The flow node of each variable.
    pub of_variable: Vec<u32>,
    pub edges: Vec<(u32, u32)>,
    pub sources: Vec<u32>,
    pub sinks: Vec<u32>,
}

/// The flow node of everything that is constant.
pub(super) const CONSTANT: u32 = 0;

/// Inference in progress.
pub(crate) struct Inference<'a> {
    pub graph: &'a Graph,
    pub bytes: &'a [u8],
    pub(super) manifold: ManifoldBuilder,
    pub(super) values: HashMap<String, Value>,
    pub(super) uses: Vec<WeightUse>,
    pub(super) frozen: Vec<Frozen>,
    /// Name of each variable.
    pub(super) units: Vec<String>,
    /// Variables that each node created.
    pub(super) layers: Vec<(String, Vec<usize>)>,
    pub(super) flow: Flow,
    /// Integer tensors that are known element by element: shapes, axes, indices.
    pub(super) integers: HashMap<String, Numbers>,
    /// Number of symbols for sizes that are known when the model runs.
    symbols: u32,
}

impl<'a> Inference<'a> {
    /// The state before the first node.
    pub(super) fn new(graph: &'a Graph, bytes: &'a [u8]) -> Self {
        let flow = Flow { nodes: 1, sources: vec![CONSTANT], ..Flow::default() };
        let (values, uses, frozen) = (HashMap::new(), vec![], vec![]);
        let manifold = ManifoldBuilder::new();
        let mut it = Self {
            graph,
            bytes,
            manifold,
            values,
            uses,
            frozen,
            units: vec![],
            layers: vec![],
            flow,
            integers: HashMap::new(),
            symbols: 0,
        };
        for (name, &tensor) in &graph.initializers {
            it.values.insert(name.clone(), it.stored(tensor));
        }
        for name in &graph.sparse {
            let value = it.constant(None);
            it.values.insert(name.clone(), value);
        }
        for input in &graph.inputs {
            let shape = input.shape.as_ref().map(|s| it.named_sizes(s));
            let activation = it.activation(Scales::zero(), shape);
            it.flow.sources.push(activation.hub);
            it.values.insert(input.name.clone(), Value::Activation(activation));
        }
        it
    }

    /// Follows all nodes, then the graph outputs.
    pub(super) fn run(&mut self) -> Result<()> {
        let graph = self.graph;
        for node in &graph.nodes {
            self.step(node)?;
        }
        for output in &graph.outputs {
            mixed::settle_named(self, &output.name);
            let value = self.named(&output.name);
            self.ground(&value, &output.name);
            if let Value::Activation(activation) = value {
                self.flow.sinks.push(activation.hub);
            }
        }
        Ok(())
    }

    fn step(&mut self, node: &Node) -> Result<()> {
        if let Some(numbers) = integers::follow(self, node) {
            if let Some(name) = node.outputs.first() {
                self.integers.insert(name.clone(), numbers);
            }
            let value = self.constant(None);
            self.define(node, vec![value]);
            return Ok(());
        }
        mixed::settle_inputs(self, node);
        let inputs: Vec<Value> = (0..node.inputs.len()).filter_map(|i| self.input(node, i)).collect();
        let constant = |v: &Value| match v {
            Value::Stored(_) => true,
            Value::Activation(a) => a.constant,
        };
        let folds = !inputs.is_empty() && inputs.iter().all(constant) && node.captures.is_empty();
        let is_function = self.graph.functions.contains(&(node.domain.clone(), node.op.clone()));
        let ruling = if is_function {
            Ruling::Freeze(format!("{}: functions defined by the file are not followed", node.op))
        } else if folds && !arranges(node) {
            return self.fold(node, &inputs);
        } else if node.op == "Constant" && node.domain.is_empty() {
            Ruling::Outputs(vec![self.constant_node(node)])
        } else {
            rule(node)(self, node)?
        };
        match ruling {
            Ruling::Outputs(values) => self.define(node, values),
            Ruling::Freeze(reason) => self.freeze(node, &inputs, reason),
        }
        Ok(())
    }

    /// A node that computes on constants alone: its result is a constant that is not rewritten.
    fn fold(&mut self, node: &Node, inputs: &[Value]) -> Result<()> {
        let is_number =
            |v: &Value| matches!(v, Value::Stored(view) if self.graph.tensors[view.tensor].element.is_float());
        if inputs.iter().any(is_number) {
            let reason = format!("{}: a result of constants alone is not rewritten", node.op);
            self.frozen.push(Frozen { node: node.name.clone(), reason });
        }
        inputs.iter().for_each(|v| self.ground(v, &node.name));
        let values = (0..node.outputs.len()).map(|_| self.constant(None)).collect();
        self.define(node, values);
        Ok(())
    }

    fn freeze(&mut self, node: &Node, inputs: &[Value], reason: String) {
        self.frozen.push(Frozen { node: node.name.clone(), reason });
        let hub = self.hub();
        // a function like exp makes a signal out of nothing
        self.flow.sources.push(hub);
        let captured: Vec<Value> = node.captures.iter().filter_map(|n| self.values.get(n).cloned()).collect();
        for value in inputs.iter().chain(&captured) {
            self.ground(value, &node.name);
            if let Value::Activation(a) = value {
                self.flow.edges.push((a.hub, hub));
            }
        }
        let first = freeze::shape(node, inputs);
        let nonnegative = freeze::is_nonnegative(node);
        let mut values = vec![];
        for (i, name) in node.outputs.iter().enumerate() {
            let shape = first.clone().filter(|_| i == 0).or_else(|| self.declared(name));
            let result = Activation { scales: Scales::zero(), shape, hub, constant: false, nonnegative, mixture: None };
            values.push(Value::Activation(result));
        }
        self.define(node, values);
    }

    fn define(&mut self, node: &Node, mut values: Vec<Value>) {
        while values.len() < node.outputs.len() {
            let other = self.activation(Scales::zero(), None);
            self.flow.sources.push(other.hub);
            values.push(Value::Activation(other));
        }
        for (name, mut value) in node.outputs.iter().zip(values).filter(|(name, _)| !name.is_empty()) {
            if let Value::Activation(a) = &mut value {
                a.shape = a.shape.take().or_else(|| self.declared(name));
            }
            self.values.insert(name.clone(), value);
        }
    }

    fn declared(&mut self, name: &str) -> Option<Sizes> {
        let graph = self.graph;
        let output = graph.outputs.iter().find(|p| p.name == name);
        let shape = graph.value_info.get(name).or(output).and_then(|p| p.shape.as_ref())?;
        Some(self.named_sizes(shape))
    }

    /// The sizes of a declared shape; those that are not known get symbols of their own.
    fn named_sizes(&mut self, shape: &Shape) -> Sizes {
        shape.iter().map(|d| d.map_or_else(|| self.symbol(), Size::Known)).collect()
    }

    /// A size that is known when the model runs.
    pub fn symbol(&mut self) -> Size {
        self.symbols += 1;
        Size::Symbol(self.symbols)
    }

    fn named(&self, name: &str) -> Value {
        self.values[name].clone()
    }

    /// The value of input `index`, where present.
    pub fn input(&self, node: &Node, index: usize) -> Option<Value> {
        node.input(index).map(|name| self.named(name))
    }

    /// The stored tensor as a value.
    pub fn stored(&self, tensor: usize) -> Value {
        Value::Stored(View::whole(tensor, &self.graph.tensors[tensor].dims))
    }

    /// A new activation of the given scales.
    pub fn activation(&mut self, scales: Scales, shape: Option<Sizes>) -> Activation {
        let hub = self.hub();
        for form in scales.forms() {
            for node in self.flow_nodes(form, hub) {
                if node != hub {
                    self.flow.edges.push((node, hub));
                }
            }
        }
        Activation { scales, shape, hub, constant: false, nonnegative: false, mixture: None }
    }

    /// A constant that is not a stored tensor.
    pub fn constant(&mut self, shape: Option<Sizes>) -> Value {
        let (scales, hub) = (Scales::zero(), CONSTANT);
        Value::Activation(Activation { scales, shape, hub, constant: true, nonnegative: false, mixture: None })
    }

    fn constant_node(&mut self, node: &Node) -> Value {
        match node.constant() {
            Some(tensor) => self.stored(tensor),
            None => self.constant(None),
        }
    }

    /// A new node of the flow graph.
    fn hub(&mut self) -> u32 {
        self.flow.nodes += 1;
        self.flow.nodes - 1
    }

    /// The flow nodes of an element with log-scale `form` in a tensor.
    pub fn flow_nodes(&self, form: &Form, hub: u32) -> Vec<u32> {
        if form.is_zero() {
            return vec![hub];
        }
        form.terms().iter().map(|&(v, _)| self.flow.of_variable[v as usize]).collect()
    }

    /// Lets signals pass from one element to another.
    pub fn connect(&mut self, from: (&Form, u32), to: (&Form, u32)) {
        for a in self.flow_nodes(from.0, from.1) {
            for b in self.flow_nodes(to.0, to.1) {
                self.flow.edges.push((a, b));
            }
        }
    }

    /// `count` new channels of the tensor that the node computes.
    pub fn channels(&mut self, node: &Node, count: usize) -> Vec<Form> {
        let name = node.outputs.first().filter(|o| !o.is_empty()).unwrap_or(&node.name);
        let mut variables = Vec::with_capacity(count);
        for i in 0..count {
            variables.push(self.manifold.variable());
            self.units.push(format!("{name}[{i}]"));
            let flow = self.hub();
            self.flow.of_variable.push(flow);
        }
        let forms = variables.iter().map(|&v| Form::variable(v)).collect();
        self.layers.push((node.name.clone(), variables));
        forms
    }

    /// Makes the log-scales of two broadcast operands equal.
    ///
    /// # Errors
    /// When their shapes do not fit.
    pub fn equal(&mut self, a: &Scales, b: &Scales, node: &Node) -> Result<()> {
        let difference = a.minus(b).ok_or_else(|| shapes_differ(node))?;
        difference.spanning().iter().for_each(|form| self.manifold.require_zero(form));
        Ok(())
    }

    /// Makes all forms on one axis equal.
    pub fn uniform(&mut self, forms: &[Form]) {
        for form in forms.iter().skip(1) {
            self.manifold.require_equal(form, &forms[0]);
        }
    }

    /// Fixes the log-scales of a value to zero; a stored tensor keeps its numbers.
    pub fn ground(&mut self, value: &Value, node: &str) {
        match value {
            Value::Activation(a) => {
                let settled = mixed::settle(self, a.clone());
                settled.scales.spanning().iter().for_each(|form| self.manifold.require_zero(form));
            }
            Value::Stored(view) => self.fix(view, node),
        }
    }

    /// Notes that a node uses a stored tensor as it is.
    pub fn fix(&mut self, view: &View, node: &str) {
        if self.graph.tensors[view.tensor].is_rewritable() {
            let ports = Ports::new(view, &Scales::zero(), CONSTANT);
            let node = node.to_owned();
            let (heads, tails, view) = (ports.clone(), ports, view.clone());
            self.uses.push(WeightUse { node, role: Role::Fixed, view, heads, tails, reciprocal: false });
        }
    }

    /// Notes that a node uses a stored tensor as weights, and lets signals pass through those that are not zero.
    pub fn weigh(&mut self, weights: WeightUse) {
        let (heads, tails) = (weights.heads.forms.len(), weights.tails.forms.len());
        let tensor = &self.graph.tensors[weights.view.tensor];
        if heads.saturating_mul(tails) > tensor.len().saturating_mul(2) {
            let mut pairs = vec![];
            weights.visit(|element, head, tail| {
                if tensor.number(self.bytes, element) != 0.0 {
                    pairs.push((head, tail));
                }
            });
            for (head, tail) in pairs {
                let (from, to) = (&weights.tails.forms[tail], &weights.heads.forms[head]);
                self.connect((from, weights.tails.hub), (to, weights.heads.hub));
            }
            self.uses.push(weights);
            return;
        }
        let mut passes = vec![false; heads * tails];
        weights.visit(|element, head, tail| passes[head * tails + tail] |= tensor.number(self.bytes, element) != 0.0);
        // one node between the tails and all heads that every tail feeds spares heads x tails edges
        let middle = self.hub();
        let ground = Form::zero();
        for form in &weights.tails.forms {
            self.connect((form, weights.tails.hub), (&ground, middle));
        }
        for (row, head) in passes.chunks(tails).zip(&weights.heads.forms) {
            let to = (head, weights.heads.hub);
            if row.iter().all(|&p| p) {
                self.connect((&ground, middle), to);
                continue;
            }
            for (_, tail) in row.iter().zip(&weights.tails.forms).filter(|(p, _)| **p) {
                self.connect((tail, weights.tails.hub), to);
            }
        }
        self.uses.push(weights);
    }

    /// The numbers of a stored tensor, in stored order.
    pub fn numbers(&self, view: &View) -> Vec<f64> {
        self.graph.tensors[view.tensor].decode(self.bytes)
    }

    /// Why a stored tensor cannot hold weights; `None` when it can.
    pub fn unfit(&self, view: &View) -> Option<String> {
        let tensor = &self.graph.tensors[view.tensor];
        if !tensor.element.is_float() {
            return Some(format!("the constant {:?} does not hold real numbers", tensor.name));
        }
        (!tensor.is_rewritable())
            .then(|| format!("the constant {:?} is stored with varying width and is not rewritten", tensor.name))
    }

    /// Why a matrix product of operands that are not stored is not followed.
    pub fn not_stored(&self, node: &Node) -> Result<Ruling> {
        let constant = |i| matches!(self.input(node, i), Some(Value::Activation(a)) if a.constant);
        let reason = if constant(0) || constant(1) {
            "its constant operand is not a stored tensor"
        } else {
            "a product of two activations is not followed"
        };
        Ok(Ruling::Freeze(format!("{}: {reason}", node.op)))
    }

    /// The integers of an input that is known before the model runs.
    pub fn integers(&self, node: &Node, index: usize) -> Option<Vec<i64>> {
        integers::of_input(self, node, index)?.known()
    }

    /// The elements of a shape that an input gives, some of them known only when the model runs.
    pub fn numbers_of(&self, node: &Node, index: usize) -> Option<Numbers> {
        integers::of_input(self, node, index)
    }

    /// The real numbers of a constant input; they are used as they are.
    pub fn reals(&mut self, node: &Node, index: usize) -> Option<Vec<f64>> {
        let Some(Value::Stored(view)) = self.input(node, index) else { return None };
        self.fix(&view, &node.name);
        self.graph.tensors[view.tensor].is_rewritable().then(|| self.numbers(&view))
    }

    /// Makes all log-scales along an axis of a tensor equal.
    pub fn tied(&mut self, scales: &Scales, hub: u32, axis: usize) -> Scales {
        let Some(forms) = scales.axis(axis).map(<[Form]>::to_vec) else { return scales.clone() };
        self.merge(&forms, hub);
        scales.clone().with(axis, forms.into_iter().take(1).collect())
    }

    /// Makes the log-scales of elements of a tensor equal; the first stands for all.
    pub fn merge(&mut self, forms: &[Form], hub: u32) {
        self.uniform(forms);
        for form in forms.iter().skip(1) {
            self.connect((form, hub), (&forms[0], hub));
        }
    }

    /// Makes all log-scales equal that differ in the index of another axis than this one; gives those of this axis.
    ///
    /// # Errors
    /// When the axis carries log-scales of another number of elements.
    pub fn channel_scales(&mut self, x: &Activation, axis: usize, size: usize, node: &Node) -> Result<Vec<Form>> {
        let forms = x.scales.expanded(axis, size).ok_or_else(|| shapes_differ(node))?;
        let mut common = Form::zero();
        let others: Vec<usize> = x.scales.axes().map(|(a, _)| a).filter(|&a| a != axis).collect();
        for other in others {
            let tied = self.tied(&x.scales, x.hub, other);
            common = common.plus(1.0, &tied.axis(other).map_or_else(Form::zero, |f| f[0].clone()));
        }
        Ok(forms.iter().map(|f| f.plus(1.0, &common)).collect())
    }
}

/// The fault of operands whose shapes do not fit each other.
pub(super) fn shapes_differ(node: &Node) -> Error {
    let place = format!("node {:?} ({})", node.name, node.op);
    Error::new(ErrorKind::Network, place, "the shapes of its inputs do not fit", "check the model with another program")
}

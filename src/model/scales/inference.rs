//! The state of inference, and what rules may do to it.

use super::integers::Numbers;
use super::shape::shape_of;
use super::size::{Size, Sizes, Symbol};
use super::uses::{Role, WeightUse};
use super::value::{Activation, Scales, Value, View};
use super::{Choice, Ruling, arranges, freeze, integers, mixed, rule};
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::Frozen;
use crate::manifold::{Form, Forms, ManifoldBuilder};
use crate::model::files::Files;
use crate::model::graph::{Graph, Node, Shape};
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

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

/// Flow nodes of one element: nearly always a single one.
pub(super) type FlowNodes = SmallVec<[u32; 1]>;

/// The flow node of everything that is constant.
pub(super) const CONSTANT: u32 = 0;

/// Inference in progress.
pub(crate) struct Inference<'a> {
    pub graph: &'a Graph,
    pub bytes: &'a Files,
    pub choice: &'a Choice,
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
    symbols: u16,
}

impl<'a> Inference<'a> {
    /// The state before the first node.
    pub(super) fn new(graph: &'a Graph, bytes: &'a Files, choice: &'a Choice) -> Self {
        let flow = Flow { nodes: 1, sources: vec![CONSTANT], ..Flow::default() };
        let (values, uses, frozen) = (HashMap::new(), vec![], vec![]);
        let manifold = ManifoldBuilder::new();
        let mut it = Self {
            graph,
            bytes,
            choice,
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
        for (node, read) in graph.nodes.iter().zip(self.read()) {
            match read {
                true => self.step(node)?,
                // a constant that nothing needs is not worth a word
                false if node.inputs.is_empty() => {}
                false => {
                    let reason = format!("{}: nothing reads its results", node.op);
                    self.frozen.push(Frozen { node: node.name.clone(), reason });
                }
            }
        }
        for output in &graph.outputs {
            mixed::settle_named(self, &output.name);
            let value = self.named(&output.name);
            self.ground(&value, &output.name);
            if let Value::Activation(activation) = value {
                self.explain(&output.name, &activation);
                self.flow.sinks.push(activation.hub);
            }
        }
        Ok(())
    }

    /// Says why channels inside the model keep their scale: they are an output of the graph at the same time.
    fn explain(&mut self, output: &str, activation: &Activation) {
        let nodes = &self.graph.nodes;
        let is = |name: &String| name == output;
        let maker = nodes.iter().find(|node| node.outputs.iter().any(is));
        let inside = nodes.iter().any(|node| node.inputs.iter().any(is));
        if let (Some(node), true, false) = (maker, inside, activation.scales.is_zero()) {
            let reason = format!("{}: its result {output:?} is an output of the graph as well", node.op);
            self.frozen.push(Frozen { node: node.name.clone(), reason });
        }
    }

    /// For every node, whether an output of the graph depends on it.
    fn read(&self) -> Vec<bool> {
        let mut names: HashSet<&str> = self.graph.outputs.iter().map(|o| o.name.as_str()).collect();
        let mut read: Vec<bool> = self
            .graph
            .nodes
            .iter()
            .rev()
            .map(|node| {
                let is_read = node.outputs.iter().any(|name| names.contains(name.as_str()));
                if is_read {
                    names.extend(node.inputs.iter().chain(&node.captures).map(String::as_str));
                }
                is_read
            })
            .collect();
        read.reverse();
        read
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
            let known = self.uses.len();
            let ruling = rule(node)(self, node)?;
            self.choose(node, known, &inputs, &ruling);
            ruling
        };
        match ruling {
            Ruling::Outputs(values) => self.define(node, values),
            Ruling::Freeze(reason) => self.freeze(node, &inputs, reason),
        }
        Ok(())
    }

    /// Leaves a node alone whose weights (the uses from `known` on) the user wants kept: its scales are zero.
    fn choose(&mut self, node: &Node, known: usize, inputs: &[Value], ruling: &Ruling) {
        let Ruling::Outputs(outputs) = ruling else { return };
        let weighs = self.uses[known..].iter().any(|u| matches!(u.role, Role::Weight | Role::Bias));
        if !weighs {
            return;
        }
        if let Some(reason) = self.choice.refusal(&node.name) {
            self.frozen.push(Frozen { node: node.name.clone(), reason });
            inputs.iter().chain(outputs).for_each(|v| self.ground(v, &node.name));
        }
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
        let shape = match node.op.as_str() {
            "ConstantOfShape" => self.numbers_of(node, 0).map(|n| n.elements.iter().map(|&n| n.into()).collect()),
            "Cast" => inputs.first().and_then(shape_of),
            _ => None,
        };
        let values = (0..node.outputs.len()).map(|_| self.constant(shape.clone())).collect();
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
        match self.symbols.checked_add(1) {
            Some(next) => {
                self.symbols = next;
                Size::Symbol(Symbol::new(next))
            }
            None => Size::Open,
        }
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
    pub(super) fn hub(&mut self) -> u32 {
        self.flow.nodes += 1;
        self.flow.nodes - 1
    }

    /// The flow nodes of an element with log-scale `form` in a tensor.
    pub fn flow_nodes(&self, form: &Form, hub: u32) -> FlowNodes {
        if form.is_zero() {
            return SmallVec::from_buf([hub]);
        }
        form.terms().iter().map(|&(v, _)| self.flow.of_variable[v as usize]).collect()
    }

    /// Lets signals pass from one element to another.
    pub fn connect(&mut self, from: (&Form, u32), to: (&Form, u32)) {
        // nearly all forms are a single log-scale or none
        let single = |(form, hub): (&Form, u32)| match form.terms() {
            [] => Some(hub),
            &[(v, _)] => Some(self.flow.of_variable[v as usize]),
            _ => None,
        };
        if let Some(edge) = single(from).zip(single(to)) {
            self.flow.edges.push(edge);
            return;
        }
        for a in self.flow_nodes(from.0, from.1) {
            for b in self.flow_nodes(to.0, to.1) {
                self.flow.edges.push((a, b));
            }
        }
    }

    /// `count` new channels of the tensor that the node computes.
    pub fn channels(&mut self, node: &Node, count: usize) -> Forms {
        let name = node.outputs.first().filter(|o| !o.is_empty()).unwrap_or(&node.name);
        let mut variables = Vec::with_capacity(count);
        for i in 0..count {
            variables.push(self.manifold.variable());
            // with its memory asked for once: some models have a hundred thousand channels
            let mut unit = String::with_capacity(name.len() + 12);
            unit.push_str(name);
            write!(unit, "[{i}]").expect("strings take everything");
            self.units.push(unit);
            let flow = self.hub();
            self.flow.of_variable.push(flow);
        }
        let forms = variables.iter().map(|&v| Form::variable(v)).collect();
        self.layers.push((node.name.clone(), variables));
        forms
    }
}

/// The fault of operands whose shapes do not fit each other.
pub(super) fn shapes_differ(node: &Node) -> Error {
    let place = format!("node {:?} ({})", node.name, node.op);
    Error::new(ErrorKind::Network, place, "the shapes of its inputs do not fit", "check the model with another program")
}

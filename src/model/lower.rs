//! From an ONNX file to a balancing problem.

use super::amplitudes::{Weighed, add, not_finite};
use super::element::ElementType;
use super::files::Files;
use super::graph::Graph;
use super::scales::{Choice, Inferred, Ports, Role, WeightUse, infer, is_quantized, matches};
use super::tensor::Tensor;
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::{Frozen, Layer, Lowered, NamedForm};
use crate::manifold::Form;
use crate::numeric::Float;
use crate::problem::ProblemBuilder;
use crate::regularizer::Regularizer;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An ONNX file, with the log-scales that its channels may have.
#[derive(Debug)]
pub struct OnnxModel {
    path: PathBuf,
    files: Files,
    graph: Graph,
    inferred: Inferred,
}

/// Tensors of as many elements are read before inference asks for them.
const LOOK_AHEAD: usize = 1 << 14;

impl OnnxModel {
    /// Reads the file at `path` and infers how scales travel through it.
    ///
    /// # Errors
    /// When a file cannot be read, is malformed, contradicts itself, or names files outside of its folder. The error names
    /// the file and the byte, tensor or node.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, &Choice::default())
    }

    /// The same, with some nodes left alone.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and when a pattern matches no node.
    pub fn open_with(path: &Path, choice: &Choice) -> Result<Self> {
        let mut files = Files::open(path)?;
        let mut graph = Graph::parse(files.bytes(0)).map_err(|e| e.in_file(path))?;
        files.attach(&mut graph).map_err(|e| e.in_file(path))?;
        let inferred = std::thread::scope(|scope| {
            // inference asks for the zeros of most tensors: another thread looks for them while it follows the graph. Where
            // there is none, inference looks itself.
            let large = graph.tensors.iter().filter(|tensor| tensor.len() >= LOOK_AHEAD);
            let look = || large.filter_map(|tensor| tensor.stored(&files)).for_each(|stored| _ = stored.extremes());
            let _ = std::thread::Builder::new().spawn_scoped(scope, look);
            infer(&graph, &files, choice).map_err(|e| e.in_file(path))
        })?;
        Ok(Self { path: path.to_path_buf(), files, graph, inferred })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.files.bytes(0)
    }

    /// The file, and those beside it in which it keeps tensors.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The first node that computes with quantized numbers.
    #[must_use]
    pub fn quantized(&self) -> Option<&str> {
        self.graph.nodes.iter().find(|node| is_quantized(node)).map(|node| node.name.as_str())
    }

    /// The types of numbers to which nodes round what they compute.
    pub fn casts(&self) -> impl Iterator<Item = Float> {
        let casts = self.graph.nodes.iter().filter(|node| node.domain.is_empty() && node.op == "Cast");
        casts.filter_map(|node| ElementType::from_code(node.int("to", 0)).float())
    }

    /// Number of free log-scales.
    #[must_use]
    pub fn free(&self) -> usize {
        self.inferred.free
    }

    /// The stored tensors.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor] {
        &self.graph.tensors
    }

    /// Every use of a stored tensor of real numbers. Of several uses of one tensor the first counts: weights come
    /// before biases and fixed uses, and all ask for the same multipliers.
    pub fn uses(&self) -> impl Iterator<Item = &WeightUse> {
        self.inferred.uses.values().flatten()
    }

    /// Every channel that has a log-scale, in the order of the graph.
    #[must_use]
    pub fn units(&self) -> &[NamedForm] {
        &self.inferred.units
    }

    /// Free variables of each node that creates channels, in the order of the graph.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.inferred.layers
    }

    /// What is not scaled, and why.
    #[must_use]
    pub fn frozen(&self) -> &[Frozen] {
        &self.inferred.frozen
    }

    /// Names of the channels that do nothing.
    #[must_use]
    pub fn dead(&self) -> &[String] {
        &self.inferred.dead
    }

    /// The balancing problem of the model. Without `biases_counted`, biases scale along but cost nothing.
    ///
    /// # Errors
    /// When a weight is not finite, or the problem is too large.
    pub fn lower(&self, regularizer: &Regularizer, biases_counted: bool) -> Result<Lowered> {
        self.lower_with(regularizer, biases_counted, &[])
    }

    /// The same with other regularizers for the weights of some nodes: pairs of a pattern over node names and a
    /// regularizer, of which the first that matches counts.
    ///
    /// # Errors
    /// As for [`lower`](Self::lower), and when a pattern matches no node with weights.
    pub fn lower_with(
        &self,
        regularizer: &Regularizer,
        biases_counted: bool,
        others: &[(String, Regularizer)],
    ) -> Result<Lowered> {
        self.build(regularizer, biases_counted, others, true).map_err(|e| e.in_file(&self.path))
    }

    /// The same problem with every weight apart: those that share both ends are not summed. It takes more memory and time.
    ///
    /// # Errors
    /// As for [`lower_with`](Self::lower_with).
    pub fn lower_apart(
        &self,
        regularizer: &Regularizer,
        biases_counted: bool,
        others: &[(String, Regularizer)],
    ) -> Result<Lowered> {
        self.build(regularizer, biases_counted, others, false).map_err(|e| e.in_file(&self.path))
    }

    fn build(
        &self,
        regularizer: &Regularizer,
        biases_counted: bool,
        others: &[(String, Regularizer)],
        summed: bool,
    ) -> Result<Lowered> {
        let idle = |p: &&(String, Regularizer)| !self.counted(biases_counted).any(|u| matches(&p.0, &u.node));
        if let Some((pattern, _)) = others.iter().find(idle) {
            let problem = format!("the pattern {pattern:?} matches no node with weights");
            return Err(Error::new(ErrorKind::Parameter, "--norm-for", problem, "`synbal inspect` shows the nodes"));
        }
        let weighed = |one| {
            let tensor = &self.graph.tensors[WeightUse::tensor(one)];
            let own = others.iter().find(|(pattern, _)| matches(pattern, &one.node)).map_or(regularizer, |o| &o.1);
            Weighed { one, tensor, regularizer: own, summed }
        };
        let all: Vec<Weighed> = self.counted(biases_counted).map(weighed).collect();
        let count = all.iter().map(|one| one.tensor.len() as u64).sum();
        // what has a cost is looked at where it is summed
        let free_of_cost = self.leading().filter(|one| !has_cost(one, biases_counted));
        free_of_cost.map(|one| &self.graph.tensors[one.tensor()]).try_for_each(|tensor| self.finite(tensor))?;
        let mut builder = ProblemBuilder::new(self.inferred.free);
        add(&mut builder, &all, &self.files)?;
        Ok(Lowered {
            problem: builder.build(),
            units: Arc::clone(&self.inferred.units),
            layers: self.inferred.layers.clone(),
            frozen: self.inferred.frozen.clone(),
            dead: self.inferred.dead.clone(),
            weights: count,
        })
    }

    /// Refuses a tensor with a number that is not finite.
    fn finite(&self, tensor: &Tensor) -> Result<()> {
        let number = |element: usize| (element, tensor.number(&self.files, element));
        match (0..tensor.len()).map(number).find(|(_, number)| !number.is_finite()) {
            Some(fault) => Err(not_finite(tensor, fault)),
            None => Ok(()),
        }
    }

    /// The first use of every tensor whose entries have a cost.
    fn counted(&self, biases_counted: bool) -> impl Iterator<Item = &WeightUse> {
        self.leading().filter(move |one| has_cost(one, biases_counted))
    }

    /// The first use of every tensor that is used as weights.
    pub(super) fn leading(&self) -> impl Iterator<Item = &WeightUse> {
        self.inferred.uses.values().filter_map(|list| list.first()).filter(|u| u.role != Role::Fixed)
    }

    /// Why the limit along `direction` would change the function; `None` where it keeps it.
    ///
    /// In the limit the weights whose log-multiplier falls along the direction become zero. That keeps the function if no
    /// signal passes through them to an output, and nothing that costs nothing grows.
    ///
    /// # Errors
    /// When the direction has another number of entries than there are free variables.
    pub fn limit_refusal(&self, direction: &[f64]) -> Result<Option<String>> {
        if direction.len() != self.inferred.free {
            let problem = format!("{} entries for {} free log-scales", direction.len(), self.inferred.free);
            let error = Error::new(ErrorKind::Parameter, "direction", problem, "use a direction of this model");
            return Err(error.in_file(&self.path));
        }
        for one in self.leading() {
            if let Some(reason) = self.refusal_at(one, direction) {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    fn refusal_at(&self, one: &WeightUse, direction: &[f64]) -> Option<String> {
        let tensor = &self.graph.tensors[one.tensor()];
        let along = |ports: &Ports| ports.forms.iter().map(|f| f.at(direction)).collect::<Vec<f64>>();
        let (heads, tails) = (along(&one.heads), along(&one.tails));
        let [head_flow, tail_flow] = &self.inferred.flow_ports[&one.tensor()];
        let live = &self.inferred.liveness;
        let mut reason = None;
        one.visit(|element, head, tail| {
            if reason.is_some() || heads[head] == tails[tail] || tensor.number(&self.files, element) == 0.0 {
                return;
            }
            let fed = tail_flow[tail].iter().any(|&n| live.fed[n as usize]);
            let seen = head_flow[head].iter().any(|&n| live.seen[n as usize]);
            if heads[head] > tails[tail] {
                reason = Some(format!("element {element} of {:?} would grow without bound", tensor.name));
            } else if fed && seen {
                let text = "would become zero, and a signal passes through it to an output";
                reason = Some(format!("element {element} of {:?} {text}", tensor.name));
            }
        });
        reason
    }

    /// The form whose value is the log-multiplier of an entry between two ports, before any reciprocal.
    pub(super) fn ports(one: &WeightUse, head: usize, tail: usize) -> (&Form, &Form) {
        (&one.heads.forms[head], &one.tails.forms[tail])
    }
}

/// Whether the entries of a tensor that is used like this have a cost.
fn has_cost(one: &WeightUse, biases_counted: bool) -> bool {
    match one.role {
        Role::Weight => true,
        Role::Bias => biases_counted,
        Role::Statistic | Role::Fixed => false,
    }
}

//! From collected log-scales to free variables: ties, shared tensors and frozen channels are eliminated.

use super::choice::{Choice, tied};
use super::inference::{Flow, FlowNodes, Inference};
use super::uses::{Role, WeightUse};
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::{Frozen, Layer, NamedForm};
use crate::manifold::{Form, Forms, Manifold, ManifoldBuilder};
use crate::model::files::Files;
use crate::model::graph::Graph;
use crate::reach::{FlowGraph, Liveness};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The result of inference, in free variables.
#[derive(Debug)]
pub(crate) struct Inferred {
    /// Number of free variables.
    pub free: usize,
    /// Uses of stored tensors, by tensor; weights come first, then biases.
    pub uses: BTreeMap<usize, Vec<WeightUse>>,
    /// Every channel that has a scale.
    pub units: Arc<Vec<NamedForm>>,
    /// Free variables of each node.
    pub layers: Vec<Layer>,
    /// What is not scaled, and why.
    pub frozen: Vec<Frozen>,
    /// Names of channels that do nothing.
    pub dead: Vec<String>,
    /// Which nodes of the signal flow carry a signal.
    pub liveness: Liveness,
    /// Flow nodes of the ports of each use, in the order of `uses`: heads, then tails.
    pub flow_ports: BTreeMap<usize, [Vec<FlowNodes>; 2]>,
}

/// Infers the log-scales of all tensors of a graph.
///
/// # Errors
/// When shapes contradict each other, or the constraints have no exact solution.
pub(crate) fn infer(graph: &Graph, bytes: &Files, choice: &Choice) -> Result<Inferred> {
    let names: Vec<&str> = graph.nodes.iter().map(|n| n.name.as_str()).collect();
    if let Some(pattern) = choice.unused(&names).next() {
        let problem = format!("the pattern {pattern:?} matches no node");
        return Err(Error::new(ErrorKind::Parameter, "--freeze, --only", problem, "`synbal inspect` shows the nodes"));
    }
    let mut inference = Inference::new(graph, bytes, choice);
    inference.run()?;
    let mut uses: BTreeMap<usize, Vec<WeightUse>> = BTreeMap::new();
    for one in std::mem::take(&mut inference.uses) {
        uses.entry(one.tensor()).or_default().push(one);
    }
    for (&tensor, list) in &mut uses {
        list.sort_by_key(|u| u.role);
        let stored = &graph.tensors[tensor];
        if list[0].role != Role::Fixed {
            agree(&mut inference.manifold, list, |element| stored.number(bytes, element) != 0.0);
        }
    }
    tie(&mut inference, choice)?;
    let flow_ports = uses.iter().map(|(&t, list)| (t, flow_ports(&inference, &list[0]))).collect();
    let Inference { manifold, units, layers, mut frozen, flow, .. } = inference;
    let of_variable = flow.of_variable.clone();
    let (manifold, liveness) = rayon::join(|| manifold.build(), || liveness(flow));
    let manifold = manifold?;
    let dead = units.iter().zip(&of_variable).filter(|(_, n)| liveness.is_dead(**n as usize));
    let dead = dead.map(|(name, _)| name.clone()).collect();
    // lists that several ports share stay shared
    let mut expressed: HashMap<*const Form, (Forms, Forms)> = HashMap::new();
    let free_before: Vec<bool> = uses.values().map(|list| !list[0].is_fixed()).collect();
    for ports in uses.values_mut().flatten().flat_map(|one| [&mut one.heads, &mut one.tails]) {
        let express = || (ports.forms.clone(), ports.forms.iter().map(|f| manifold.express(f)).collect());
        let (_, forms) = expressed.entry(ports.forms.as_ptr()).or_insert_with(express);
        ports.forms = forms.clone();
    }
    for (list, _) in uses.values().zip(free_before).filter(|(list, free)| *free && list[0].is_fixed()) {
        frozen.extend(shared_away(graph, list));
    }
    let named = |(name, form): (String, &Form)| NamedForm { name: name.into(), form: form.clone() };
    let units = Arc::new(units.into_iter().zip(manifold.forms()).map(named).collect());
    let layers = free_layers(layers, &manifold);
    Ok(Inferred { free: manifold.free(), uses, units, layers, frozen, dead, liveness, flow_ports })
}

/// Why the weights of a node keep their scale: for another node uses them, too; none where no other does.
fn shared_away(graph: &Graph, uses: &[WeightUse]) -> Option<Frozen> {
    let [first, other, ..] = uses else { return None };
    let tensor = &graph.tensors[first.tensor()].name;
    let reason = match graph.outputs.iter().any(|output| output.name == other.node) {
        true => format!("its weights {tensor:?} are an output of the graph as well"),
        false => format!("{:?} uses its weights {tensor:?} as well, and both together leave no freedom", other.node),
    };
    Some(Frozen { node: first.node.clone(), reason })
}

/// Ties what the user wants tied, of the channels that may have a scale.
fn tie(inference: &mut Inference<'_>, choice: &Choice) -> Result<()> {
    if choice.ties.is_empty() && !choice.tie_layers {
        return Ok(());
    }
    let Inference { manifold, units, layers, .. } = inference;
    let free: Vec<usize> = (0..units.len()).filter(|&v| !manifold.is_frozen(v)).collect();
    let names: Vec<&str> = free.iter().map(|&v| units[v].as_str()).collect();
    let mut groups = tied(&choice.ties, &names)?;
    groups.iter_mut().flatten().for_each(|k| *k = free[*k]);
    let is_free: HashSet<usize> = free.into_iter().collect();
    let layers = layers.iter().filter(|_| choice.tie_layers);
    groups.extend(layers.map(|(_, variables)| variables.iter().copied().filter(|v| is_free.contains(v)).collect()));
    groups.iter().flat_map(|group| group.windows(2)).for_each(|pair| manifold.tie(pair[0], pair[1]));
    Ok(())
}

fn liveness(flow: Flow) -> Liveness {
    let Flow { nodes, edges, sources, sinks, .. } = flow;
    FlowGraph { nodes: nodes as usize, edges, sources, sinks }.liveness()
}

fn flow_ports(inference: &Inference<'_>, one: &WeightUse) -> [Vec<FlowNodes>; 2] {
    [&one.heads, &one.tails].map(|ports| ports.forms.iter().map(|f| inference.flow_nodes(f, ports.hub)).collect())
}

/// Requires that all uses of a tensor ask for the same multiplier of every entry that is not zero.
///
/// The constraint of an entry equates something at its heads with something at its tails. Once heads and tails are
/// connected by constraints, further ones follow: a spanning forest is enough.
fn agree(manifold: &mut ManifoldBuilder, uses: &[WeightUse], counts: impl Fn(usize) -> bool) {
    let Some((first, others)) = uses.split_first() else { return };
    let mut ports: HashMap<usize, (usize, usize)> = HashMap::new();
    if !others.is_empty() {
        first.visit(|element, head, tail| {
            ports.insert(element, (head, tail));
        });
    }
    for other in others {
        let mut forest = Forest::default();
        let mut required = vec![];
        other.visit(|element, head, tail| {
            let (first_head, first_tail) = ports[&element];
            if counts(element) && forest.join((first_head, head), (first_tail, tail)) {
                required.push((first_head, first_tail, head, tail));
            }
        });
        for (first_head, first_tail, head, tail) in required {
            let a = multiplier(first, first_head, first_tail);
            let b = multiplier(other, head, tail);
            manifold.require_equal(&a, &b);
        }
    }
}

fn multiplier(one: &WeightUse, head: usize, tail: usize) -> Form {
    let form = one.heads.forms[head].plus(-1.0, &one.tails.forms[tail]);
    if one.reciprocal { Form::zero().plus(-1.0, &form) } else { form }
}

/// A forest over pairs of heads and pairs of tails.
#[derive(Default)]
struct Forest {
    index: HashMap<(bool, (usize, usize)), usize>,
    parent: Vec<usize>,
}

impl Forest {
    /// Connects the two; false when they were connected before.
    fn join(&mut self, heads: (usize, usize), tails: (usize, usize)) -> bool {
        let (a, b) = (self.root((true, heads)), self.root((false, tails)));
        self.parent[a] = b;
        a != b
    }

    fn root(&mut self, key: (bool, (usize, usize))) -> usize {
        let next = self.parent.len();
        let mut node = *self.index.entry(key).or_insert(next);
        if node == next {
            self.parent.push(next);
        }
        while self.parent[node] != node {
            self.parent[node] = self.parent[self.parent[node]];
            node = self.parent[node];
        }
        node
    }
}

/// Each free variable belongs to the first node that created it.
fn free_layers(layers: Vec<(String, Vec<usize>)>, manifold: &Manifold) -> Vec<Layer> {
    let mut seen = vec![false; manifold.free()];
    let mut result = vec![];
    for (name, collected) in layers {
        let terms = collected.iter().flat_map(|&v: &usize| manifold.forms()[v].terms());
        let variables: Vec<u32> =
            terms.map(|t| t.0).filter(|&v| !std::mem::replace(&mut seen[v as usize], true)).collect();
        result.push(Layer { name, units: collected.iter().map(|&v| v as u32).collect(), variables });
    }
    result
}

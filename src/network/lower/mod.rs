//! From a network to its balancing problem.

mod blocks;

use super::scales::Scales;
use super::{Network, Unit};
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::{Layer, Lowered, NamedForm};
use crate::manifold::Form;
use crate::problem::ProblemBuilder;
use crate::regularizer::Regularizer;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether biases, the connections from constants, have a cost. They are scaled either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Biases {
    /// They cost what every other weight costs.
    #[default]
    Counted,
    /// They cost nothing.
    Free,
}

impl Network {
    /// The convex problem of balancing the network, and the names that go with it.
    ///
    /// Every parameter costs once, however many connections share it. A layer is the set of hidden units at one depth:
    /// the longest path from a unit without incoming connections, or the fewest connections from an input or constant when the network
    /// has cycles. A free variable belongs to the first layer that mentions it. Without inputs and outputs the
    /// problem is the classical balancing of a matrix: every unit is scaled, and none is dead for want of a signal.
    ///
    /// Complexity: O(units + connections), and an exact elimination of the constraints from shared weights.
    ///
    /// # Errors
    /// When the constraints from shared weights have coefficients that no `f64` holds, or the problem is too large.
    pub fn lower(&self, regularizer: &Regularizer, biases: Biases) -> Result<Lowered> {
        let free = |parameter: usize| biases == Biases::Free && self.topology().biases[parameter];
        self.lower_with(std::slice::from_ref(regularizer), |parameter| (!free(parameter)).then_some(0))
    }

    /// As [`lower`](Self::lower), with a cost of its own for every weight: `which` gives for every parameter one of the
    /// regularizers, by its index, or none where the weight costs nothing.
    ///
    /// So norms and coefficients may differ by weight, unit or layer.
    ///
    /// ```
    /// use synbal::network::{Activation, Role, build};
    /// use synbal::regularizer::{Power, Regularizer};
    ///
    /// // what leads to an output costs three times its magnitude, everything else its square
    /// let network = build::layered(&build::Layered::new(&[3, 5, 2], Activation::Relu), 1)?;
    /// let costs = [Regularizer::lp(2.0)?, Regularizer::powers(&[Power { exponent: 1.0, coefficient: 3.0 }])?];
    /// let mut which = vec![0; network.parameters().len()];
    /// for (_, head, parameter) in network.connections().iter() {
    ///     which[parameter] = usize::from(network.units()[head].role == Role::Output);
    /// }
    /// let problem = network.lower_with(&costs, |parameter| Some(which[parameter]))?.problem;
    /// assert_eq!(problem.exponents().len(), 2);
    /// # Ok::<(), synbal::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`lower`](Self::lower); when an index is too large.
    pub fn lower_with(&self, costs: &[Regularizer], which: impl Fn(usize) -> Option<usize>) -> Result<Lowered> {
        let scales = self.scales()?;
        let depth = self.depths();
        let mut builder = ProblemBuilder::new(scales.manifold.free());
        let weights = self.add_blocks(&mut builder, &scales, &depth, costs, which)?;
        let live = self.liveness();
        let dead = self.of_role(super::Role::Hidden).filter(|&i| live.is_dead(i));
        let named = |(unit, form): (&Unit, &Form)| NamedForm { name: unit.name.clone(), form: form.clone() };
        Ok(Lowered {
            problem: builder.build(),
            units: Arc::new(self.units.iter().zip(&scales.heads).map(named).collect()),
            layers: self.layers(&scales, &depth),
            frozen: self.frozen(&scales),
            dead: dead.map(|i| self.units[i].name.to_string()).collect(),
            weights,
        })
    }

    /// As [`lower`](Self::lower), with a cost for the weights that lead to each unit: `of_unit` gives for every unit one of the
    /// regularizers, by its index.
    ///
    /// # Errors
    /// As for [`lower`](Self::lower); when units of different costs share a weight.
    ///
    /// # Panics
    /// When `of_unit` has not one entry for each unit.
    pub fn lower_by_unit(&self, costs: &[Regularizer], of_unit: &[usize], biases: Biases) -> Result<Lowered> {
        assert_eq!(of_unit.len(), self.units.len(), "one cost for each unit");
        let free = |parameter: usize| biases == Biases::Free && self.topology().biases[parameter];
        let mut which = vec![None; self.parameters.len()];
        for (k, (_, head, parameter)) in self.connections.iter().enumerate().filter(|(_, c)| !free(c.2)) {
            if which[parameter].is_some_and(|other| other != of_unit[head]) {
                let problem = "its weight is shared with a unit whose weights cost otherwise";
                let remedy = "give all units that share a weight the same cost";
                return Err(Error::new(ErrorKind::Parameter, self.connection_name(k), problem, remedy));
            }
            which[parameter] = Some(of_unit[head]);
        }
        self.lower_with(costs, |parameter| which[parameter])
    }

    fn layers(&self, scales: &Scales, depth: &[u32]) -> Vec<Layer> {
        let mut placed = vec![false; scales.manifold.free()];
        let mut layers = vec![];
        for units in self.hidden_by(depth) {
            let mut variables = BTreeSet::new();
            for &i in &units {
                for &(v, _) in scales.heads[i as usize].terms() {
                    if !std::mem::replace(&mut placed[v as usize], true) {
                        variables.insert(v);
                    }
                }
            }
            let (name, variables) = (format!("layer {}", depth[units[0] as usize]), variables.into_iter().collect());
            layers.push(Layer { name, units, variables });
        }
        layers
    }

    /// The hidden units by layers: by the longest path that leads to them, in recurrent networks by the shortest.
    #[must_use]
    pub fn hidden_layers(&self) -> Vec<Vec<u32>> {
        self.hidden_by(&self.depths())
    }

    fn hidden_by(&self, depth: &[u32]) -> Vec<Vec<u32>> {
        let mut hidden: Vec<u32> = self.of_role(super::Role::Hidden).map(|i| i as u32).collect();
        hidden.sort_by_key(|&i| depth[i as usize]);
        hidden.chunk_by(|&a, &b| depth[a as usize] == depth[b as usize]).map(<[u32]>::to_vec).collect()
    }

    /// The depth of each unit; inputs and constants have depth 0.
    pub(super) fn depths(&self) -> Vec<u32> {
        match self.topological_order() {
            Ok(order) => self.longest_paths(&order),
            Err(_) => self.fewest_connections(),
        }
    }

    fn longest_paths(&self, order: &[u32]) -> Vec<u32> {
        let mut depth = vec![0u32; self.units.len()];
        for &tail in order {
            for &k in self.topology().outgoing.of_key(tail as usize) {
                let head = self.connections.heads[k as usize] as usize;
                depth[head] = depth[head].max(depth[tail as usize] + 1);
            }
        }
        depth
    }

    fn fewest_connections(&self) -> Vec<u32> {
        use super::Role;
        let n = self.units.len();
        let is = |role: Role| move |&i: &u32| self.units[i as usize].role == role;
        let mut queue: Vec<u32> = (0..n as u32).filter(is(Role::Input)).collect();
        // biases reach every layer at once: constants count only where there are no inputs
        if queue.is_empty() {
            queue = (0..n as u32).filter(is(Role::Constant)).collect();
        }
        let mut depth = vec![u32::MAX; n];
        queue.iter().for_each(|&i| depth[i as usize] = 0);
        let mut next = 0;
        while next < queue.len() {
            let tail = queue[next] as usize;
            next += 1;
            for &k in self.topology().outgoing.of_key(tail) {
                let head = self.connections.heads[k as usize];
                if depth[head as usize] == u32::MAX {
                    depth[head as usize] = depth[tail] + 1;
                    queue.push(head);
                }
            }
        }
        // what nothing reaches comes first
        for (i, d) in depth.iter_mut().enumerate().filter(|(_, d)| **d == u32::MAX) {
            *d = u32::from(matches!(self.units[i].role, Role::Hidden | Role::Output));
        }
        depth
    }
}

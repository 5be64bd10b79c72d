//! Grouping the weights of a network into blocks: dense where two layers are completely connected.

use super::Biases;
use crate::error::Result;
use crate::network::scales::Scales;
use crate::network::{Network, Role, topology};
use crate::problem::{Port, ProblemBuilder, Weights};
use crate::regularizer::Regularizer;
use std::collections::{BTreeMap, HashMap};

/// Connections between layers that do not follow each other get a block of their own from this number on; below it
/// they share one, for a random graph has almost as many pairs of layers as connections.
const OWN_BLOCK: u32 = 4096;

/// Which block a connection belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Layers(u32, u32),
    Rest,
    Bias,
}

impl Group {
    fn name(self) -> String {
        match self {
            Self::Layers(tail, head) => format!("layer {tail} to layer {head}"),
            Self::Rest => "other connections".into(),
            Self::Bias => "biases".into(),
        }
    }
}

impl Network {
    /// Adds every weight that has a cost, each once; returns their number.
    pub(super) fn add_blocks(
        &self,
        builder: &mut ProblemBuilder,
        scales: &Scales,
        depth: &[u32],
        regularizer: &Regularizer,
        biases: Biases,
    ) -> Result<u64> {
        let is_bias = |k: u32| self.units[self.connections.tails[k as usize] as usize].role == Role::Constant;
        let pair = |k: u32| {
            let (tail, head) = (self.connections.tails[k as usize], self.connections.heads[k as usize]);
            (depth[tail as usize], depth[head as usize])
        };
        let mut sizes: HashMap<(u32, u32), u32> = HashMap::new();
        for &k in scales.first.iter().filter(|&&k| !is_bias(k)) {
            *sizes.entry(pair(k)).or_default() += 1;
        }
        let group = |k: u32| {
            let (tail, head) = pair(k);
            if is_bias(k) {
                Group::Bias
            } else if tail + 1 == head || sizes[&(tail, head)] >= OWN_BLOCK {
                Group::Layers(tail, head)
            } else {
                Group::Rest
            }
        };
        let mut groups: BTreeMap<Group, Vec<u32>> = BTreeMap::new();
        for &k in &scales.first {
            groups.entry(group(k)).or_default().push(k);
        }
        if biases == Biases::Free {
            groups.remove(&Group::Bias);
        }
        let uses = topology::uses(self);
        let mut number = 0;
        for (group, connections) in groups {
            number += connections.len() as u64;
            let own = |&k: &u32| uses[self.connections.parameters[k as usize] as usize] == 1;
            let dense = if connections.iter().all(own) { self.complete(&connections) } else { None };
            let (heads, tails, weights) = match dense {
                Some((heads, tails, weights)) => {
                    let heads = heads.iter().map(|&i| builder.port(&scales.heads[i as usize])).collect();
                    let tails = tails.iter().map(|&i| builder.port(&scales.tails[i as usize])).collect();
                    (heads, tails, Weights::Dense(weights))
                }
                None => self.sparse(builder, scales, &connections),
            };
            builder.block(&group.name(), heads, tails, weights, regularizer)?;
        }
        Ok(number)
    }

    /// The units and the row-major matrix of connections that join each of some heads to each of some tails.
    fn complete(&self, connections: &[u32]) -> Option<(Vec<u32>, Vec<u32>, Vec<f64>)> {
        let heads = Places::of(connections.iter().map(|&k| self.connections.heads[k as usize]));
        let tails = Places::of(connections.iter().map(|&k| self.connections.tails[k as usize]));
        // no two connections have the same tail and head: as many as there are places fill all places
        if heads.units.len().checked_mul(tails.units.len()) != Some(connections.len()) {
            return None;
        }
        let mut weights = vec![0.0; connections.len()];
        for &k in connections {
            let row = heads.place[&self.connections.heads[k as usize]] as usize;
            let column = tails.place[&self.connections.tails[k as usize]] as usize;
            weights[row * tails.units.len() + column] = self.weight(k);
        }
        Some((heads.units, tails.units, weights))
    }

    fn sparse(
        &self,
        builder: &mut ProblemBuilder,
        scales: &Scales,
        connections: &[u32],
    ) -> (Vec<Port>, Vec<Port>, Weights) {
        // units of one group have one port: the positions of a channel become one row
        let (mut heads, mut tails) = (Ports::default(), Ports::default());
        let entries = connections
            .iter()
            .map(|&k| {
                let (tail, head) = (self.connections.tails[k as usize], self.connections.heads[k as usize]);
                let row = heads.place(head, || builder.port(&scales.heads[head as usize]));
                let column = tails.place(tail, || builder.port(&scales.tails[tail as usize]));
                (row, column, self.weight(k))
            })
            .collect();
        (heads.ports, tails.ports, Weights::Sparse(entries))
    }

    fn weight(&self, k: u32) -> f64 {
        self.parameters[self.connections.parameters[k as usize] as usize]
    }
}

/// Distinct units in the order of their first occurrence.
struct Places {
    units: Vec<u32>,
    place: HashMap<u32, u32>,
}

impl Places {
    fn of(units: impl Iterator<Item = u32>) -> Self {
        let mut places = Self { units: vec![], place: HashMap::new() };
        for unit in units {
            places.place.entry(unit).or_insert_with(|| {
                places.units.push(unit);
                places.units.len() as u32 - 1
            });
        }
        places
    }
}

/// Distinct ports in the order of their first occurrence.
#[derive(Default)]
struct Ports {
    ports: Vec<Port>,
    of_port: HashMap<Port, u32>,
    of_unit: HashMap<u32, u32>,
}

impl Ports {
    fn place(&mut self, unit: u32, port: impl FnOnce() -> Port) -> u32 {
        let Self { ports, of_port, of_unit } = self;
        *of_unit.entry(unit).or_insert_with(|| {
            let port = port();
            *of_port.entry(port).or_insert_with(|| {
                ports.push(port);
                ports.len() as u32 - 1
            })
        })
    }
}

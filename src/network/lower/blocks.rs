//! Grouping the weights of a network into blocks: dense where two layers are completely connected.

use crate::error::{Error, ErrorKind, Result};
use crate::network::Network;
use crate::network::scales::Scales;
use crate::problem::{Port, ProblemBuilder, Weights};
use crate::regularizer::Regularizer;
use std::collections::{BTreeMap, HashMap};

/// Connections between layers that do not follow each other get a block of their own from this number on; below it
/// they share one, for a random graph has almost as many pairs of layers as connections.
const OWN_BLOCK: u32 = 4096;
/// Where more pairs of layers than this are connected, pairs of few connections share that block as well: a long chain of
/// units is one sparse block.
const MANY_PAIRS: usize = 1024;
const FEW: u32 = 64;

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
        costs: &[Regularizer],
        which: impl Fn(usize) -> Option<usize>,
    ) -> Result<u64> {
        let topology = self.topology();
        let parameter = |k: u32| self.connections.parameters[k as usize] as usize;
        let is_bias = |k: u32| topology.biases[parameter(k)];
        let pair = |k: u32| {
            let (tail, head) = (self.connections.tails[k as usize], self.connections.heads[k as usize]);
            (depth[tail as usize], depth[head as usize])
        };
        let mut sizes: HashMap<(u32, u32), u32> = HashMap::new();
        for &k in scales.first.iter().filter(|&&k| !is_bias(k)) {
            *sizes.entry(pair(k)).or_default() += 1;
        }
        let least = if sizes.len() > MANY_PAIRS { FEW } else { 1 };
        let group = |k: u32| {
            let (tail, head) = pair(k);
            if is_bias(k) {
                Group::Bias
            } else if sizes[&(tail, head)] >= if tail + 1 == head { least } else { OWN_BLOCK } {
                Group::Layers(tail, head)
            } else {
                Group::Rest
            }
        };
        let mut groups: BTreeMap<(Group, usize), Vec<u32>> = BTreeMap::new();
        for &k in &scales.first {
            let Some(cost) = which(parameter(k)) else { continue };
            if cost >= costs.len() {
                let problem = format!("it has the cost number {cost} of {}", costs.len());
                let place = format!("parameter {}", parameter(k));
                return Err(Error::new(ErrorKind::Parameter, place, problem, "number the costs from 0 on"));
            }
            groups.entry((group(k), cost)).or_default().push(k);
        }
        let mut numbering = [Numbering::of(self.units.len()), Numbering::of(self.units.len())];
        let mut number = 0;
        for ((group, cost), connections) in groups {
            number += connections.len() as u64;
            let own = |&k: &u32| topology.uses[parameter(k)] == 1;
            let dense = if connections.iter().all(own) { self.complete(&connections, &mut numbering) } else { None };
            let (heads, tails, weights) = match dense {
                Some((heads, tails, weights)) => {
                    let heads = heads.iter().map(|&i| builder.port(&scales.heads[i as usize])).collect();
                    let tails = tails.iter().map(|&i| builder.port(&scales.tails[i as usize])).collect();
                    (heads, tails, Weights::Dense(weights))
                }
                None => self.sparse(builder, scales, &connections, &mut numbering),
            };
            builder.block(&group.name(), heads, tails, weights, &costs[cost])?;
        }
        Ok(number)
    }

    /// The units and the row-major matrix of connections that join each of some heads to each of some tails.
    fn complete(&self, connections: &[u32], numbering: &mut [Numbering; 2]) -> Option<Complete> {
        let [rows, columns] = numbering;
        let heads = rows.number(connections.iter().map(|&k| self.connections.heads[k as usize]));
        let tails = columns.number(connections.iter().map(|&k| self.connections.tails[k as usize]));
        // no two connections have the same tail and head: as many as there are places fill all places
        let complete = heads.len().checked_mul(tails.len()) == Some(connections.len());
        let mut weights = vec![0.0; if complete { connections.len() } else { 0 }];
        for &k in connections.iter().filter(|_| complete) {
            let row = rows.place[self.connections.heads[k as usize] as usize] as usize;
            let column = columns.place[self.connections.tails[k as usize] as usize] as usize;
            weights[row * tails.len() + column] = self.weight(k);
        }
        rows.forget(&heads);
        columns.forget(&tails);
        complete.then_some((heads, tails, weights))
    }

    fn sparse(
        &self,
        builder: &mut ProblemBuilder,
        scales: &Scales,
        connections: &[u32],
        numbering: &mut [Numbering; 2],
    ) -> (Vec<Port>, Vec<Port>, Weights) {
        let [rows, columns] = numbering;
        let heads = rows.number(connections.iter().map(|&k| self.connections.heads[k as usize]));
        let tails = columns.number(connections.iter().map(|&k| self.connections.tails[k as usize]));
        // units of one group have one port: the positions of a channel become one row
        let (head_ports, row_of) = builder.distinct(heads.iter().map(|&i| &scales.heads[i as usize]));
        let (tail_ports, column_of) = builder.distinct(tails.iter().map(|&i| &scales.tails[i as usize]));
        let entry = |&k: &u32| {
            let row = rows.place[self.connections.heads[k as usize] as usize];
            let column = columns.place[self.connections.tails[k as usize] as usize];
            (row_of[row as usize], column_of[column as usize], self.weight(k))
        };
        let entries = connections.iter().map(entry).collect();
        rows.forget(&heads);
        columns.forget(&tails);
        (head_ports, tail_ports, Weights::Sparse(entries))
    }

    fn weight(&self, k: u32) -> f64 {
        self.parameters[self.connections.parameters[k as usize] as usize]
    }
}

/// Heads, tails and the row-major matrix between them.
type Complete = (Vec<u32>, Vec<u32>, Vec<f64>);

/// Numbers some of the units in the order of their first occurrence.
struct Numbering {
    /// The number of each unit; the largest u32 for units without.
    place: Vec<u32>,
}

impl Numbering {
    fn of(units: usize) -> Self {
        Self { place: vec![u32::MAX; units] }
    }

    fn number(&mut self, units: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut numbered = vec![];
        for unit in units {
            if self.place[unit as usize] == u32::MAX {
                self.place[unit as usize] = numbered.len() as u32;
                numbered.push(unit);
            }
        }
        numbered
    }

    fn forget(&mut self, numbered: &[u32]) {
        numbered.iter().for_each(|&unit| self.place[unit as usize] = u32::MAX);
    }
}

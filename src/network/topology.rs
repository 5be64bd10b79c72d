//! Indices from units and parameters to connections.

use super::{Network, Role};
use std::collections::HashMap;

/// For each key, the items that have it, in increasing order.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    start: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Item `i` has the `i`-th key; all keys are below `size`. Complexity: O(size + items).
    pub(super) fn of(size: usize, keys: impl Iterator<Item = u32> + Clone) -> Self {
        let mut start = vec![0u32; size + 1];
        for key in keys.clone() {
            start[key as usize + 1] += 1;
        }
        for i in 0..size {
            start[i + 1] += start[i];
        }
        let mut cursor = start.clone();
        let mut items = vec![0u32; start[size] as usize];
        for (i, key) in keys.enumerate() {
            items[cursor[key as usize] as usize] = i as u32;
            cursor[key as usize] += 1;
        }
        Self { start, items }
    }

    pub(super) fn of_key(&self, key: usize) -> &[u32] {
        &self.items[self.start[key] as usize..self.start[key + 1] as usize]
    }
}

/// What can be looked up about a unit or a parameter without a search.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    /// Connections into each unit.
    pub(super) incoming: Lists,
    /// Connections out of each unit.
    pub(super) outgoing: Lists,
    /// Number of connections that share each parameter.
    pub(super) uses: Vec<u32>,
    /// Whether each parameter is a bias.
    pub(super) biases: Vec<bool>,
    /// Units of each group.
    pub(super) groups: HashMap<u32, Vec<u32>>,
}

impl Topology {
    pub(super) fn of(network: &Network) -> Self {
        let n = network.units.len();
        let mut groups: HashMap<u32, Vec<u32>> = HashMap::new();
        for (i, unit) in network.units.iter().enumerate() {
            if let Some(group) = unit.group {
                groups.entry(group).or_default().push(i as u32);
            }
        }
        Self {
            incoming: Lists::of(n, network.connections.heads.iter().copied()),
            outgoing: Lists::of(n, network.connections.tails.iter().copied()),
            uses: uses(network),
            biases: biases(network),
            groups,
        }
    }
}

/// Number of connections that share each parameter.
pub(super) fn uses(network: &Network) -> Vec<u32> {
    let mut uses = vec![0u32; network.parameters.len()];
    for &parameter in &network.connections.parameters {
        uses[parameter as usize] += 1;
    }
    uses
}

/// Whether each parameter is a bias: all connections that share it start in constants.
fn biases(network: &Network) -> Vec<bool> {
    let mut biases = vec![true; network.parameters.len()];
    for (tail, _, parameter) in network.connections.iter() {
        biases[parameter] &= network.units[tail].role == Role::Constant;
    }
    biases
}

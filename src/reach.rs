//! Floor 0: which units carry a signal from a source to a sink.

#![forbid(unsafe_code)]

/// A directed graph over units with the places where signals start and where they are seen.
///
/// Sources are inputs, constants and units with a non-zero initial state; sinks are outputs. Edges are the non-zero
/// connections `(tail, head)` and everything else that passes a signal on.
#[derive(Clone, Debug, Default)]
pub struct FlowGraph {
    /// Number of units.
    pub nodes: usize,
    /// Edges `(tail, head)`.
    pub edges: Vec<(u32, u32)>,
    /// Units in which signals start.
    pub sources: Vec<u32>,
    /// Units in which signals are seen.
    pub sinks: Vec<u32>,
}

/// For each unit, whether a signal can reach it and whether it can reach an output. Units that lack either are dead.
#[derive(Clone, Debug)]
pub struct Liveness {
    /// Some source reaches the unit.
    pub fed: Vec<bool>,
    /// The unit reaches some sink.
    pub seen: Vec<bool>,
}

impl Liveness {
    /// Whether the unit does nothing: no signal enters it, or nothing of it is seen.
    #[must_use]
    pub fn is_dead(&self, unit: usize) -> bool {
        !(self.fed[unit] && self.seen[unit])
    }

    /// Whether a signal can pass through the connection from `tail` to `head` to an output.
    #[must_use]
    pub fn passes(&self, tail: usize, head: usize) -> bool {
        self.fed[tail] && self.seen[head]
    }
}

impl FlowGraph {
    /// Forward reach from the sources and backward reach from the sinks.
    ///
    /// Complexity: O(nodes + edges).
    ///
    /// # Panics
    /// When an edge, source or sink is out of range.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        let forward = |e: &(u32, u32)| *e;
        let backward = |e: &(u32, u32)| (e.1, e.0);
        let (fed, seen) = rayon::join(
            || reach(self.nodes, self.edges.iter().map(forward), &self.sources),
            || reach(self.nodes, self.edges.iter().map(backward), &self.sinks),
        );
        Liveness { fed, seen }
    }
}

fn reach(nodes: usize, edges: impl Iterator<Item = (u32, u32)> + Clone, roots: &[u32]) -> Vec<bool> {
    let mut start = vec![0usize; nodes + 1];
    for (from, _) in edges.clone() {
        start[from as usize + 1] += 1;
    }
    for i in 0..nodes {
        start[i + 1] += start[i];
    }
    let mut cursor = start.clone();
    let mut next = vec![0u32; start[nodes]];
    for (from, to) in edges {
        next[cursor[from as usize]] = to;
        cursor[from as usize] += 1;
    }
    let mut found = vec![false; nodes];
    let mut stack = Vec::new();
    for &root in roots {
        if !std::mem::replace(&mut found[root as usize], true) {
            stack.push(root);
        }
    }
    while let Some(unit) = stack.pop() {
        for &to in &next[start[unit as usize]..start[unit as usize + 1]] {
            if !std::mem::replace(&mut found[to as usize], true) {
                stack.push(to);
            }
        }
    }
    found
}

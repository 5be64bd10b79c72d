//! The constraints of the manifold for degree 1: sums that vanish along walks and cycles.
//!
//! A log-multiplier `L = x_head - x_tail` telescopes: its sum along a walk from visible to visible unit, and around a
//! directed cycle, is zero, and so is its signed sum around any undirected cycle of the grounded graph. The latter always
//! describe the manifold; the former do where every unit lies on an input-output path.

use nalgebra::DMatrix;
use std::collections::VecDeque;

/// A directed graph of connections between units, all visible units merged into the node `units`: the ground.
#[derive(Clone, Debug)]
pub struct Grounded {
    /// Number of units, which is also the index of the ground.
    pub units: usize,
    /// Connections `(tail, head)`.
    pub connections: Vec<(usize, usize)>,
}

impl Grounded {
    /// One row for every connection that lies on a walk from visible to visible unit: a shortest path to its tail, the
    /// connection, a shortest path from its head; and for the others, where a directed cycle goes through them, a closed
    /// walk through them and one node for each strongly connected part. Entries count how often the walk uses each connection. Shape: walks x connections.
    ///
    /// (One representative path through every unit does not suffice: with x1, x2 -> h -> y1, y2 three constraints are
    /// needed, and two paths cover all units.)
    #[must_use]
    pub fn walk_constraints(&self) -> DMatrix<f64> {
        let from_ground = self.tree(self.units, false);
        let to_ground = self.tree(self.units, true);
        let mut rows: Vec<Vec<usize>> = vec![];
        // trees from and to one node of each part without ground
        let mut roots: Vec<(Vec<_>, Vec<_>)> = vec![];
        for (e, &(tail, head)) in self.connections.iter().enumerate() {
            let mut walk = vec![e];
            if self.path(&from_ground, tail, false, &mut walk) && self.path(&to_ground, head, true, &mut walk) {
                rows.push(walk);
                continue;
            }
            let closes = roots.iter().find_map(|(from, to)| self.closed(from, to, e));
            let closes = closes.or_else(|| {
                roots.push((self.tree(head, false), self.tree(head, true)));
                roots.last().and_then(|(from, to)| self.closed(from, to, e))
            });
            rows.extend(closes);
        }
        let mut matrix = DMatrix::zeros(rows.len(), self.connections.len());
        for (r, walk) in rows.iter().enumerate() {
            walk.iter().for_each(|&e| matrix[(r, e)] += 1.0);
        }
        matrix
    }

    /// A closed walk through a connection and the root of two trees; none where the root is not in its part.
    fn closed(&self, from: &[Option<usize>], to: &[Option<usize>], connection: usize) -> Option<Vec<usize>> {
        let (tail, head) = self.connections[connection];
        let mut walk = vec![connection];
        (self.path(from, tail, false, &mut walk) && self.path(to, head, true, &mut walk)).then_some(walk)
    }

    /// One row for every connection outside a spanning forest: the signed fundamental cycle that it closes. Shape: the
    /// dimension of the cycle space x connections.
    #[must_use]
    pub fn cycle_constraints(&self) -> DMatrix<f64> {
        let mut parent: Vec<Option<(usize, usize)>> = vec![None; self.units + 1];
        let mut depth = vec![usize::MAX; self.units + 1];
        let mut beside: Vec<Vec<(usize, usize)>> = vec![vec![]; self.units + 1];
        for (e, &(tail, head)) in self.connections.iter().enumerate() {
            beside[tail].push((head, e));
            beside[head].push((tail, e));
        }
        let mut in_forest = vec![false; self.connections.len()];
        for root in (0..=self.units).rev() {
            if depth[root] != usize::MAX {
                continue;
            }
            depth[root] = 0;
            let mut queue = VecDeque::from([root]);
            while let Some(v) = queue.pop_front() {
                for &(to, e) in &beside[v] {
                    if depth[to] == usize::MAX {
                        depth[to] = depth[v] + 1;
                        parent[to] = Some((v, e));
                        in_forest[e] = true;
                        queue.push_back(to);
                    }
                }
            }
        }
        let outside: Vec<usize> = (0..self.connections.len()).filter(|&e| !in_forest[e]).collect();
        let mut matrix = DMatrix::zeros(outside.len(), self.connections.len());
        for (r, &e) in outside.iter().enumerate() {
            let (tail, head) = self.connections[e];
            matrix[(r, e)] += 1.0;
            // back from the head to the tail over the forest: against a connection counts -1
            let (mut a, mut b) = (head, tail);
            while a != b {
                let climbs_from_head = depth[a] >= depth[b];
                let node = if climbs_from_head { &mut a } else { &mut b };
                let Some((up, k)) = parent[*node] else { break };
                let points_up = self.connections[k].1 == up;
                matrix[(r, k)] += if points_up == climbs_from_head { 1.0 } else { -1.0 };
                *node = up;
            }
        }
        matrix
    }

    /// For every node the last connection of a shortest path from `root` (or the first of one to it).
    fn tree(&self, root: usize, backwards: bool) -> Vec<Option<usize>> {
        let mut beside: Vec<Vec<(usize, usize)>> = vec![vec![]; self.units + 1];
        for (e, &(tail, head)) in self.connections.iter().enumerate() {
            let (from, to) = if backwards { (head, tail) } else { (tail, head) };
            beside[from].push((to, e));
        }
        let mut hop = vec![None; self.units + 1];
        let mut queue = VecDeque::from([root]);
        while let Some(v) = queue.pop_front() {
            for &(to, e) in &beside[v] {
                if to != root && hop[to].is_none() {
                    hop[to] = Some(e);
                    queue.push_back(to);
                }
            }
        }
        // mark the root as reached without a hop by an impossible connection
        hop[root] = Some(usize::MAX);
        hop
    }

    /// Appends the connections between `node` and the root of the tree; false when there is no path.
    fn path(&self, tree: &[Option<usize>], mut node: usize, backwards: bool, walk: &mut Vec<usize>) -> bool {
        loop {
            match tree[node] {
                None => return false,
                Some(usize::MAX) => return true,
                Some(e) => {
                    walk.push(e);
                    node = if backwards { self.connections[e].1 } else { self.connections[e].0 };
                }
            }
        }
    }
}

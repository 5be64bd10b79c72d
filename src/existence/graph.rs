//! Degree 1: strong components of the grounded graph.
//!
//! Reference: S. R. Kosaraju (1978), as told by Aho, Hopcroft and Ullman, "Data Structures and Algorithms" (1983): nodes in
//! the order in which a depth-first search leaves them, then searches against the direction of the connections.

use super::search::{Fans, Search, Side};
use super::{Circulation, Existence, Trees};
use crate::problem::{Entry, Problem};
use std::collections::VecDeque;

/// A step along a connection, and how many steps lie between its far end and the root.
#[derive(Clone, Copy, Debug)]
pub struct Hop {
    /// The connection.
    pub entry: Entry,
    /// Steps between the node and the root, this one included.
    pub depth: u32,
}

pub(super) fn decide(problem: &Problem) -> Existence {
    let (component, trees) = searched(problem);
    let rest = Circulation::Trees(trees);
    // components are numbered against the direction of the connections: heads never have the larger number
    let ground = i64::from(component[problem.variables()]);
    let direction: Vec<f64> =
        component[..problem.variables()].iter().map(|&c| (i64::from(c) - ground) as f64).collect();
    if joins(problem, &component) { Existence::Escapes { direction, rest } } else { Existence::Attained(rest) }
}

/// The number of the strong component of every node, and trees in all of them.
pub(super) fn searched(problem: &Problem) -> (Vec<u32>, Trees) {
    let out = Fans::new(problem, Side::Tails);
    let into = Fans::new(problem, Side::Heads);
    let component = components(&out, &into);
    let (from_root, to_root) = (trees(&out, &component), trees(&into, &component));
    (component, Trees { from_root, to_root })
}

/// Whether some connection joins two components.
fn joins(problem: &Problem, component: &[u32]) -> bool {
    problem.blocks().iter().any(|block| {
        let of = |port: u32| component[problem.node(port)];
        let mut ports = block.heads.iter().chain(&block.tails);
        let Some(first) = ports.next().map(|&q| of(q)) else { return false };
        if ports.all(|&q| of(q) == first) {
            return false;
        }
        let mut joined = false;
        block.for_each(|r, c, k| joined |= of(block.heads[r]) != of(block.tails[c]) && block.has(k));
        joined
    })
}

/// Number of the strong component of every node; along a connection the number never grows.
fn components(out: &Fans, into: &Fans) -> Vec<u32> {
    const NONE: u32 = u32::MAX;
    let n = out.nodes();
    let mut left = vec![];
    let mut search = Search::new(out);
    for root in 0..n {
        search.depth_first(root, |node| left.push(node));
    }
    let mut component = vec![NONE; n];
    let mut search = Search::new(into);
    let mut found = 0;
    for &root in left.iter().rev() {
        let mut members = 0;
        search.depth_first(root, |node| {
            component[node] = found;
            members += 1;
        });
        found += u32::from(members > 0);
    }
    component.iter().map(|c| found - 1 - c).collect()
}

/// A breadth-first tree in every component, from its first node.
fn trees(fans: &Fans, component: &[u32]) -> Vec<Option<Hop>> {
    let n = fans.nodes();
    let mut hop: Vec<Option<Hop>> = vec![None; n];
    let mut rooted = vec![false; n];
    let mut search = Search::new(fans);
    let mut queue = VecDeque::new();
    for root in 0..n {
        if std::mem::replace(&mut rooted[component[root] as usize], true) {
            continue;
        }
        search.visit(root);
        queue.push_back((root, 0));
        while let Some((node, depth)) = queue.pop_front() {
            let mut place = search.first(node);
            while let Some((to, entry)) = search.next(&mut place, |to| component[to] == component[node]) {
                search.visit(to);
                hop[to] = Some(Hop { entry, depth: depth + 1 });
                queue.push_back((to, depth + 1));
            }
        }
    }
    hop
}

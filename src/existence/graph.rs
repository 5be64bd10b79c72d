//! Degree 1: strong components of the grounded graph.
//!
//! Reference: R. Tarjan, "Depth-first search and linear graph algorithms" (1972), without recursion.

use super::{Circulation, Existence};
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

/// Connections by one of their ends, in compressed rows.
struct Adjacency {
    start: Vec<usize>,
    list: Vec<(u32, Entry)>,
}

pub(super) fn decide(problem: &Problem) -> Existence {
    let out = Adjacency::new(problem, |e| (problem.node(e.tail), problem.node(e.head)));
    let into = Adjacency::new(problem, |e| (problem.node(e.head), problem.node(e.tail)));
    let component = components(&out);
    let from_root = trees(&out, &component);
    let to_root = trees(&into, &component);
    let rest = Circulation::Trees { from_root, to_root };
    // components are numbered against the direction of the connections: heads never have the larger number
    let ground = i64::from(component[problem.variables()]);
    let direction: Vec<f64> =
        component[..problem.variables()].iter().map(|&c| (i64::from(c) - ground) as f64).collect();
    let mut escapes = false;
    problem.for_each_entry(|e| escapes |= component[problem.node(e.head)] != component[problem.node(e.tail)]);
    if escapes { Existence::Escapes { direction, rest } } else { Existence::Attained(rest) }
}

impl Adjacency {
    fn new(problem: &Problem, ends: impl Fn(&Entry) -> (usize, usize)) -> Self {
        let nodes = problem.variables() + 1;
        let mut start = vec![0usize; nodes + 1];
        problem.for_each_entry(|e| start[ends(&e).0 + 1] += 1);
        (0..nodes).for_each(|i| start[i + 1] += start[i]);
        let mut cursor = start.clone();
        let none = Entry { block: 0, index: 0, row: 0, column: 0, head: 0, tail: 0 };
        let mut list = vec![(0, none); start[nodes]];
        problem.for_each_entry(|e| {
            let (from, to) = ends(&e);
            list[cursor[from]] = (to as u32, e);
            cursor[from] += 1;
        });
        Self { start, list }
    }

    fn nodes(&self) -> usize {
        self.start.len() - 1
    }
}

/// Number of the strong component of every node; along a connection the number never grows.
fn components(out: &Adjacency) -> Vec<u32> {
    const NONE: u32 = u32::MAX;
    let n = out.nodes();
    let (mut component, mut index, mut low) = (vec![NONE; n], vec![NONE; n], vec![0; n]);
    let (mut stack, mut path) = (vec![], vec![]);
    let (mut found, mut closed) = (0, 0);
    for root in 0..n {
        if index[root] != NONE {
            continue;
        }
        path.push((root, out.start[root]));
        while let Some((v, at)) = path.pop() {
            if at == out.start[v] {
                index[v] = found;
                low[v] = found;
                found += 1;
                stack.push(v);
            }
            let mut at = at;
            let mut descend = None;
            while at < out.start[v + 1] {
                let to = out.list[at].0 as usize;
                at += 1;
                if index[to] == NONE {
                    descend = Some(to);
                    break;
                }
                if component[to] == NONE {
                    low[v] = low[v].min(index[to]);
                }
            }
            if let Some(to) = descend {
                path.push((v, at));
                path.push((to, out.start[to]));
                continue;
            }
            if low[v] == index[v] {
                while let Some(w) = stack.pop() {
                    component[w] = closed;
                    if w == v {
                        break;
                    }
                }
                closed += 1;
            }
            if let Some(&(parent, _)) = path.last() {
                low[parent] = low[parent].min(low[v]);
            }
        }
    }
    component
}

/// A breadth-first tree in every component, from its first node.
fn trees(adjacency: &Adjacency, component: &[u32]) -> Vec<Option<Hop>> {
    let n = adjacency.nodes();
    let mut hop: Vec<Option<Hop>> = vec![None; n];
    let mut seen = vec![false; n];
    let mut rooted = vec![false; n];
    let mut queue = VecDeque::new();
    for root in 0..n {
        if std::mem::replace(&mut rooted[component[root] as usize], true) {
            continue;
        }
        seen[root] = true;
        queue.push_back((root, 0));
        while let Some((v, depth)) = queue.pop_front() {
            for &(to, entry) in &adjacency.list[adjacency.start[v]..adjacency.start[v + 1]] {
                let to = to as usize;
                if component[to] == component[v] && !std::mem::replace(&mut seen[to], true) {
                    hop[to] = Some(Hop { entry, depth: depth + 1 });
                    queue.push_back((to, depth + 1));
                }
            }
        }
    }
    hop
}

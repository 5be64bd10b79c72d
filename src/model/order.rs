//! Nodes in an order in which each comes after those that it depends on.

use super::graph::{Graph, twice};
use crate::error::{Error, ErrorKind, Result};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// Sorts the nodes; those that are in order already stay where they are.
///
/// Complexity: O((nodes + edges) log nodes).
///
/// # Errors
/// When nodes depend on each other in a circle, a tensor is defined twice, or one is read that nothing defines.
pub(crate) fn sort(graph: &mut Graph) -> Result<()> {
    let mut producer: HashMap<&str, usize> = HashMap::new();
    let mut given: HashSet<&str> = graph.initializers.keys().map(String::as_str).collect();
    given.extend(graph.sparse.iter().map(String::as_str));
    for input in &graph.inputs {
        if !given.insert(&input.name) {
            return Err(twice(&input.name));
        }
    }
    for (i, node) in graph.nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|o| !o.is_empty()) {
            if given.contains(output.as_str()) || producer.insert(output, i).is_some() {
                return Err(twice(output));
            }
        }
    }
    let known = |name: &str| name.is_empty() || given.contains(name) || producer.contains_key(name);
    for node in &graph.nodes {
        if let Some(missing) = node.inputs.iter().find(|name| !known(name)) {
            return Err(undefined(&format!("node {:?}", node.name), missing));
        }
    }
    if let Some(missing) = graph.outputs.iter().find(|p| !known(&p.name)) {
        return Err(undefined("graph output", &missing.name));
    }
    let count = graph.nodes.len();
    let mut waiting = vec![0usize; count];
    let mut users: Vec<Vec<usize>> = vec![vec![]; count];
    for (i, node) in graph.nodes.iter().enumerate() {
        for name in node.inputs.iter().chain(&node.captures) {
            if let Some(&from) = producer.get(name.as_str()) {
                users[from].push(i);
                waiting[i] += 1;
            }
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> = (0..count).filter(|&i| waiting[i] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(Reverse(i)) = ready.pop() {
        order.push(i);
        for &user in &users[i] {
            waiting[user] -= 1;
            if waiting[user] == 0 {
                ready.push(Reverse(user));
            }
        }
    }
    if let Some(stuck) = waiting.iter().position(|&n| n > 0) {
        let place = format!("node {:?}", graph.nodes[stuck].name);
        return Err(Error::new(
            ErrorKind::Format,
            place,
            "nodes depend on each other in a circle",
            "the file is damaged; export the model again",
        ));
    }
    let mut nodes: Vec<Option<_>> = std::mem::take(&mut graph.nodes).into_iter().map(Some).collect();
    graph.nodes = order.into_iter().filter_map(|i| nodes[i].take()).collect();
    Ok(())
}

fn undefined(place: &str, name: &str) -> Error {
    let problem = format!("it reads the tensor {name:?}, which nothing defines");
    Error::new(ErrorKind::Format, place, problem, "the file is damaged; export the model again")
}

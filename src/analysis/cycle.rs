//! The largest geometric mean of weights along a cycle: what no rescaling can bring the largest weight below.
//!
//! A rescaling leaves the product of the weights along every directed cycle of the grounded graph as it is (degree 1, all
//! visible units merged into one node). So some weight of the cycle is at least their geometric mean; linear-programming
//! duality says that the largest such mean is reached. Algorithm of R. M. Karp, "A characterization of the minimum cycle mean
//! in a digraph" (1978).

use crate::error::{Error, ErrorKind, Result};
use crate::problem::Problem;
use crate::solve::heaviest;

/// A cycle of largest geometric mean.
#[derive(Clone, Debug, PartialEq)]
pub struct CycleMean {
    /// The geometric mean of its weights.
    pub mean: f64,
    /// Its nodes, in the direction of the connections, each once; the ground is the number of variables.
    pub nodes: Vec<usize>,
}

/// The cycle of largest geometric mean among the connections that have a variable; none where there is no such cycle.
///
/// Complexity: O(n m) time and 16 n^2 bytes, for n nodes and m connections.
///
/// # Errors
/// When a unit has another degree than 1, a cost is no power, or weights were summed.
pub fn largest_cycle_mean(problem: &Problem) -> Result<Option<CycleMean>> {
    if !problem.is_graph() {
        let problem = "the products along cycles are kept only where every unit has degree 1 and costs are powers";
        let remedy = "use the linear program (minimax) instead";
        return Err(Error::new(ErrorKind::Unsupported, "cycle mean", problem, remedy));
    }
    let edge = |((head, tail), log): ((u32, u32), f64)| (problem.node(tail), problem.node(head), log);
    let edges: Vec<_> = heaviest(problem, false)?.into_iter().map(edge).collect();
    Ok(karp(problem.variables() + 1, &edges))
}

/// The cycle of largest arithmetic mean among `(tail, head, value)`, its mean as an exponential.
fn karp(nodes: usize, edges: &[(usize, usize, f64)]) -> Option<CycleMean> {
    // best[k][v]: the largest sum along walks of k edges that end in v; last[k][v]: the last edge of one
    let mut best = vec![vec![0.0; nodes]];
    let mut last: Vec<Vec<usize>> = vec![vec![]];
    for k in 0..nodes {
        let (mut sums, mut by) = (vec![f64::NEG_INFINITY; nodes], vec![usize::MAX; nodes]);
        for (number, &(tail, head, value)) in edges.iter().enumerate() {
            if best[k][tail] + value > sums[head] {
                sums[head] = best[k][tail] + value;
                by[head] = number;
            }
        }
        best.push(sums);
        last.push(by);
    }
    let mean = |v: usize| {
        let over = |k: usize| (best[nodes][v] - best[k][v]) / (nodes - k) as f64;
        (0..nodes).filter(|&k| best[k][v] > f64::NEG_INFINITY).map(over).fold(f64::INFINITY, f64::min)
    };
    let ends = (0..nodes).filter(|&v| best[nodes][v] > f64::NEG_INFINITY);
    let end = ends.max_by(|&a, &b| mean(a).total_cmp(&mean(b)))?;
    // the walk of as many edges as there are nodes repeats a node; the best cycle along it has the mean
    let mut walk = vec![];
    let mut node = end;
    for k in (1..=nodes).rev() {
        let edge = edges[last[k][node]];
        walk.push(edge);
        node = edge.0;
    }
    walk.reverse();
    let mut found: Option<CycleMean> = None;
    let mut path: Vec<(usize, usize, f64)> = vec![];
    for edge in walk {
        path.push(edge);
        if let Some(from) = path.iter().position(|e| e.0 == edge.1) {
            let cycle = path.split_off(from);
            let mean = (cycle.iter().map(|e| e.2).sum::<f64>() / cycle.len() as f64).exp();
            if found.as_ref().is_none_or(|known| mean > known.mean) {
                found = Some(CycleMean { mean, nodes: cycle.iter().map(|e| e.0).collect() });
            }
        }
    }
    found
}

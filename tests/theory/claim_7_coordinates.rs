//! Claim 7, the manifold itself: its dimension, and what singles its vectors out.

use super::bank::any::{AnyGraph, AnyProblem};
use super::bank::{Edge, Raw, Terms};
use nalgebra::{DMatrix, DVector};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use synbal::manifold::Grounded;
use synbal::problem::Gauge;

fn live(raw: &Raw) -> Vec<&Edge> {
    raw.edges.iter().filter(|e| e.weight != 0.0).collect()
}

/// The map from log-scales to the log-multipliers of the non-zero weights.
fn map(raw: &Raw) -> DMatrix<f64> {
    let edges = live(raw);
    let mut map = DMatrix::zeros(edges.len(), raw.variables);
    for (row, edge) in edges.iter().enumerate() {
        edge.coefficients().into_iter().for_each(|(v, c)| map[(row, v)] = c);
    }
    map
}

/// Tail and head of every connection; all visible units are the last node.
fn ends(raw: &Raw) -> Vec<(usize, usize)> {
    let node = |terms: &Terms| terms.first().map_or(raw.variables, |t| t.0);
    live(raw).iter().map(|e| (node(&e.tail), node(&e.head))).collect()
}

/// What is left of a vector without its part in the space of others, by Gram and Schmidt, twice for the sake of rounding.
fn without(others: impl Iterator<Item = DVector<f64>>, vector: DVector<f64>) -> DVector<f64> {
    let mut basis: Vec<DVector<f64>> = vec![];
    let rest = |basis: &[DVector<f64>], vector: DVector<f64>| {
        basis.iter().chain(basis).fold(vector, |rest, b| &rest - b * b.dot(&rest))
    };
    for other in others {
        let new = rest(&basis, other);
        if new.norm() > 1e-9 {
            basis.push(new.normalize());
        }
    }
    rest(&basis, vector)
}

/// Some numbers for the connections.
fn some(connections: usize, seed: u16) -> DVector<f64> {
    DVector::from_fn(connections, |e, _| 2.0 * (f64::from(seed) + e as f64 * 1.3).sin())
}

/// Some numbers, without the part that violates the constraints.
fn obeying(constraints: &DMatrix<f64>, seed: u16) -> DVector<f64> {
    without(constraints.row_iter().map(|row| row.transpose()), some(constraints.ncols(), seed))
}

/// Log-scales of which `multipliers` come if any do: followed from node to node, the last one being zero.
fn followed(ends: &[(usize, usize)], nodes: usize, multipliers: &DVector<f64>) -> Vec<f64> {
    let mut x: Vec<Option<f64>> = vec![None; nodes];
    for root in (0..nodes).rev() {
        x[root].get_or_insert(0.0);
        for _ in 0..nodes {
            for (&(tail, head), l) in ends.iter().zip(multipliers.iter()) {
                match (x[tail], x[head]) {
                    (Some(t), None) => x[head] = Some(t + l),
                    (None, Some(h)) => x[tail] = Some(h - l),
                    _ => {}
                }
            }
        }
    }
    x.into_iter().map(|x| x.expect("every node was followed")).collect()
}

/// How far the log-multipliers of the followed log-scales are from the given ones.
fn distance(raw: &Raw, multipliers: &DVector<f64>) -> f64 {
    let ends = ends(raw);
    let x = followed(&ends, raw.variables + 1, multipliers);
    ends.iter().zip(multipliers.iter()).map(|(&(tail, head), l)| (x[head] - x[tail] - l).abs()).fold(0.0, f64::max)
}

#[quickcheck]
fn the_dimension_of_the_manifold_is_the_rank_of_the_map_from_log_scales(any: AnyProblem) -> bool {
    let map = map(&any.0);
    let rank = if map.is_empty() { 0 } else { map.rank(1e-9) };
    Gauge::of(&any.0.problem()).unwrap().dimension == rank
}

#[quickcheck]
fn what_sums_to_zero_along_all_undirected_cycles_comes_from_log_scales(any: AnyGraph, seed: u16) {
    let raw = any.0;
    let cycles = Grounded { units: raw.variables, connections: ends(&raw) }.cycle_constraints();
    let off = distance(&raw, &obeying(&cycles, seed));
    assert!(off < 1e-10, "off by {off:e}");
}

#[quickcheck]
fn what_does_not_sum_to_zero_along_some_cycle_comes_from_no_log_scales(any: AnyGraph, seed: u16) -> TestResult {
    let raw = any.0;
    let cycles = Grounded { units: raw.variables, connections: ends(&raw) }.cycle_constraints();
    let arbitrary = some(cycles.ncols(), seed);
    if cycles.nrows() == 0 || (&cycles * &arbitrary).amax() < 1e-3 {
        return TestResult::discard();
    }
    // not of those that follow from connection to connection, and of no others
    let rest = without(map(&raw).column_iter().map(|column| column.into_owned()), arbitrary.clone());
    TestResult::from_bool(distance(&raw, &arbitrary) > 1e-6 && rest.amax() > 1e-6)
}

/// Whether walks lead from the ground to every unit, and from every unit to the ground.
fn every_unit_lies_on_a_path(ends: &[(usize, usize)], ground: usize) -> bool {
    let reached = |backwards: bool| {
        let mut seen = vec![false; ground + 1];
        seen[ground] = true;
        for _ in 0..=ground {
            for &(tail, head) in ends {
                let (from, to) = if backwards { (head, tail) } else { (tail, head) };
                seen[to] |= seen[from];
            }
        }
        seen.into_iter().all(|seen| seen)
    };
    reached(false) && reached(true)
}

#[quickcheck]
fn where_every_unit_lies_on_a_path_sums_along_directed_walks_are_enough(any: AnyGraph, seed: u16) -> TestResult {
    let (raw, ends) = (&any.0, ends(&any.0));
    if !every_unit_lies_on_a_path(&ends, raw.variables) {
        return TestResult::discard();
    }
    let walks = Grounded { units: raw.variables, connections: ends }.walk_constraints();
    let off = distance(raw, &obeying(&walks, seed));
    assert!(off < 1e-10, "off by {off:e}");
    TestResult::passed()
}

#[test]
fn where_a_unit_leads_nowhere_sums_along_directed_walks_are_not_enough() {
    // the input feeds 0 and 1, both feed 2, and 2 leads nowhere: no walk returns, one undirected cycle does
    let edges = [(None, Some(0), 1.0), (None, Some(1), 1.0), (Some(0), Some(2), 1.0), (Some(1), Some(2), 1.0)];
    let raw = Raw::graph(3, 2.0, &edges);
    let walks = Grounded { units: 3, connections: ends(&raw) }.walk_constraints();
    let impostor = DVector::from_vec(vec![1.0, 0.0, 0.0, 0.0]);
    assert!(walks.nrows() == 0 && distance(&raw, &impostor) == 1.0);
}

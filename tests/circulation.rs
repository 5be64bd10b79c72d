//! The circulation of largest geometric mean: the dual of the least possible largest weight, for units of any degrees.

mod bank;
#[cfg(feature = "cli")]
mod cli_support;

use approx::assert_relative_eq;
use bank::any::{AnyGraph, AnyProblem};
use bank::{Edge, Raw};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use synbal::analysis::{CirculationMean, largest_circulation_mean, largest_cycle_mean};
use synbal::existence::existence;
use synbal::manifold::Form;
use synbal::numeric::Double;
use synbal::problem::{Port, Problem, ProblemBuilder};
use synbal::regularizer::Power;
use synbal::solve::{largest_moving, minimax};

fn circulation(problem: &Problem) -> CirculationMean {
    largest_circulation_mean(problem).unwrap().expect("the minimum is attained, so there is a circulation")
}

/// The part of a problem whose minimum is attained; none where no weight of it has a variable.
fn attained(raw: Raw) -> Option<Raw> {
    let rest = match existence(&raw.problem()).direction() {
        Some(direction) => raw.without_falling(direction),
        None => raw,
    };
    rest.edges.iter().any(|e| e.weight != 0.0 && !e.coefficients().is_empty()).then_some(rest)
}

#[quickcheck]
fn the_largest_circulation_mean_is_the_least_possible_largest_weight(any: AnyProblem) -> TestResult {
    let Some(raw) = attained(any.0) else { return TestResult::discard() };
    let problem = raw.problem();
    let (dual, primal) = (circulation(&problem), minimax(&problem).unwrap());
    assert_relative_eq!(dual.mean, primal.bound, max_relative = 1e-6);
    assert_relative_eq!(dual.mean, primal.largest, max_relative = 1e-6);
    TestResult::passed()
}

/// The same with gating: every third connection leads to the product of two units.
fn gated(mut raw: Raw, seed: u16) -> Raw {
    for (k, edge) in raw.edges.iter_mut().enumerate().filter(|(k, _)| k % 3 == seed as usize % 3) {
        edge.head.push(((seed as usize + k) % raw.variables, 1.0));
    }
    raw
}

#[quickcheck]
fn where_units_are_multiplied_it_is_the_least_possible_largest_weight_as_well(
    any: AnyProblem,
    seed: u16,
) -> TestResult {
    let Some(raw) = attained(gated(any.0, seed)) else { return TestResult::discard() };
    let problem = raw.problem();
    let (dual, primal) = (circulation(&problem), minimax(&problem).unwrap());
    assert_relative_eq!(dual.mean, primal.bound, max_relative = 1e-6);
    assert!(dual.residual < 1e-12, "{:e}", dual.residual);
    TestResult::passed()
}

#[quickcheck]
fn a_circulation_is_conserved_at_every_log_scale_and_its_shares_have_the_mean(any: AnyProblem) -> TestResult {
    let Some(raw) = attained(any.0) else { return TestResult::discard() };
    let problem = raw.problem();
    let dual = circulation(&problem);
    let total: f64 = dual.shares.iter().map(|s| s.1).sum();
    assert_relative_eq!(total, 1.0, max_relative = 1e-14);
    assert!(dual.shares.iter().all(|s| s.1 > 0.0) && dual.shares.windows(2).all(|s| s[0].1 >= s[1].1), "{dual:?}");
    // from the connection list alone
    let (mut left, mut mean) = (vec![0.0; raw.variables], 0.0);
    for &((head, tail), share) in &dual.shares {
        let form = problem.ports()[head as usize].plus(-1.0, &problem.ports()[tail as usize]);
        let joins = |e: &&Edge| bank::form(&e.head).plus(-1.0, &bank::form(&e.tail)) == form;
        let heaviest = raw.edges.iter().filter(joins).max_by(|a, b| a.weight.abs().total_cmp(&b.weight.abs()));
        let heaviest = heaviest.expect("a share belongs to a connection");
        heaviest.coefficients().iter().for_each(|&(v, c)| left[v] += share * c);
        mean += share * heaviest.weight.abs().ln();
    }
    let residual = left.iter().fold(0.0, |m: f64, l| m.max(l.abs()));
    assert!(residual < 1e-12, "{residual:e}");
    assert!((residual - dual.residual).abs() < 1e-15, "{residual:e} {:e}", dual.residual);
    assert_relative_eq!(mean.exp(), dual.mean, max_relative = 1e-12);
    TestResult::passed()
}

#[quickcheck]
fn no_scaling_brings_the_largest_weight_below_the_mean_of_a_circulation(any: AnyProblem, seed: u16) {
    // connections that escape belong to no circulation, and do not disturb the others
    let problem = any.0.problem();
    let Some(dual) = largest_circulation_mean(&problem).unwrap() else { return };
    for size in [0.1, 1.0, 10.0] {
        let x: Vec<f64> = (0..any.0.variables).map(|v| size * (f64::from(seed) + 1.7 * v as f64).sin()).collect();
        let slack = dual.residual * x.iter().map(|x| x.abs()).sum::<f64>();
        let largest = largest_moving(&problem, &x).unwrap();
        assert!(largest.ln() >= dual.mean.ln() - slack - 1e-12, "{largest:e} {:e}", dual.mean);
    }
}

#[quickcheck]
fn for_degree_1_it_is_the_largest_cycle_mean(any: AnyGraph) {
    let problem = any.0.problem();
    let cycle = largest_cycle_mean(&problem).unwrap();
    let dual = largest_circulation_mean(&problem).unwrap();
    assert_eq!(cycle.is_some(), dual.is_some(), "{cycle:?} {dual:?}");
    if let Some((cycle, dual)) = cycle.zip(dual) {
        assert_relative_eq!(cycle.mean, dual.mean, max_relative = 1e-10);
    }
}

/// x -> h -> y with weights a and b, where the unit h has the degree c.
fn chain(a: f64, b: f64, c: f64) -> Raw {
    let edge = |head, tail, weight| Edge { head, tail, weight, p: 2.0, alpha: 1.0 };
    Raw { variables: 1, edges: vec![edge(vec![(0, 1.0)], vec![], a), edge(vec![], vec![(0, c)], b)] }
}

#[test]
fn a_unit_of_degree_2_takes_two_thirds_on_its_incoming_weight() {
    // multipliers exp(x) and exp(-2 x): shares g and 1 - g with g = 2 (1 - g)
    let (a, b): (f64, f64) = (5.0, 0.3);
    let problem = chain(a, -b, 2.0).problem();
    let dual = circulation(&problem);
    assert_relative_eq!(dual.mean, a.powf(2.0 / 3.0) * b.powf(1.0 / 3.0), max_relative = 1e-14);
    let shares: Vec<f64> = dual.shares.iter().map(|s| s.1).collect();
    assert_eq!(shares.len(), 2);
    assert_relative_eq!(shares[0], 2.0 / 3.0, max_relative = 1e-14);
    assert_relative_eq!(shares[1], 1.0 / 3.0, max_relative = 1e-14);
    let (head, tail) = dual.shares[0].0;
    let [head, tail] = [head, tail].map(|port| problem.ports()[port as usize].clone());
    assert_eq!((head, tail), (Form::variable(0), Form::zero()));
    assert!(dual.residual < 1e-15, "{:e}", dual.residual);
}

#[quickcheck]
fn above_the_size_of_the_simplex_method_the_program_of_interior_points_agrees(seed: u16) {
    // 21 units of degrees 1, 2 and 1/2 between 12 inputs and 12 outputs: more pairs of ports than the simplex method takes
    let number = |k: usize| (f64::from(seed) + 1.3 * k as f64).sin();
    let degree = |v: usize| [1.0, 2.0, 0.5][v % 3];
    let units = 21;
    let mut edges = vec![];
    let mut add = |head: Option<usize>, tail: Option<usize>| {
        let head = head.map_or(vec![], |v| vec![(v, 1.0)]);
        let tail = tail.map_or(vec![], |v| vec![(v, degree(v))]);
        edges.push(Edge { head, tail, weight: number(edges.len()).exp(), p: 2.0, alpha: 1.0 });
    };
    for v in 0..units {
        add(Some(v), None);
        add(None, Some(v));
        (0..units).filter(|&u| u != v).for_each(|u| add(Some(v), Some(u)));
    }
    let raw = Raw { variables: units, edges };
    let problem = raw.problem();
    let (dual, primal) = (circulation(&problem), minimax(&problem).unwrap());
    assert_relative_eq!(dual.mean, primal.bound, max_relative = 1e-6);
    assert!(dual.residual < 1e-12, "{:e}", dual.residual);
}

#[test]
fn where_all_weights_can_fall_there_is_no_circulation() {
    assert_eq!(largest_circulation_mean(&Raw::graph(1, 2.0, &[(None, Some(0), 1.0)]).problem()).unwrap(), None);
    // a unit of degree 3 that feeds itself: its weight falls as its scale grows
    let feeds_itself = Edge { head: vec![(0, 1.0)], tail: vec![(0, 3.0)], weight: 7.0, p: 2.0, alpha: 1.0 };
    let raw = Raw { variables: 1, edges: vec![feeds_itself] };
    assert_eq!(largest_circulation_mean(&raw.problem()).unwrap(), None);
    // a weight between visible units has no variable and is no part of it
    assert_eq!(largest_circulation_mean(&Raw::graph(1, 2.0, &[(None, None, 9.0)]).problem()).unwrap(), None);
}

#[test]
fn sums_of_weights_are_refused() {
    let mut builder = ProblemBuilder::new(1);
    let unit = builder.port(&Form::variable(0));
    let sums = (vec![Double::from(3.0)], 1);
    builder.sums("kernel", vec![unit], vec![Port::GROUND], sums, Power { exponent: 2.0, coefficient: 1.0 }).unwrap();
    let error = largest_circulation_mean(&builder.build()).unwrap_err().to_string();
    assert!(error.contains("summed") && error.contains("lower_apart"), "{error}");
}

#[cfg(feature = "cli")]
#[test]
fn the_norm_inf_names_the_connections_that_bound_the_largest_weight() {
    use cli_support::{Desk, layers};
    use serde_json::json;
    let square = json!({"bipu": {"exponent": 2, "negative": -0.5, "positive": 1.5}});
    let desk = Desk::new();
    // 8^(2/3) 1^(1/3) = 4
    desk.put("chain.json", layers(1, &[(square.clone(), json!([[8]]), None), (json!("linear"), json!([[1]]), None)]));
    let report = desk.json("balance chain.json --norm inf", 0);
    assert!((report["cost_after"].as_f64().unwrap() - 4.0).abs() < 1e-8, "{report}");
    let notes = report["notes"].to_string();
    let expected = "no scaling has a smaller largest weight: 4.000000000000e0 is the geometric mean with the shares \
                    0.667 outside -> layer 1.0, 0.333 layer 1.0 -> outside";
    assert!(notes.contains(expected), "{notes}");
    // ten units in a row: the shares halve from one to the next
    let mut deep = vec![(square, json!([[1]]), None); 10];
    deep.push((json!("linear"), json!([[1]]), None));
    desk.put("deep.json", layers(1, &deep));
    let notes = desk.json("balance deep.json --norm inf", 0)["notes"].to_string();
    assert!(notes.contains(", 0.250 layer 1.0 -> layer 2.0, ") && notes.contains(" and 6 more"), "{notes}");
}

//! Graphs in which a step moves costs only to the neighbours: chains and grids, where sweeps take for ever.

mod bank;

use bank::{Edge, Raw};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::ops::ControlFlow;
use synbal::balance::{Balanced, balance};
use synbal::numeric::Double;
use synbal::solve::{Method, Settings, Status};

fn edge(head: Option<usize>, tail: Option<usize>, weight: f64) -> Edge {
    let form = |unit: Option<usize>| unit.map(|v| (v, 1.0)).into_iter().collect();
    Edge { head: form(head), tail: form(tail), weight, p: 2.0, alpha: 1.0 }
}

/// A weight whose logarithm is between -`spread` and `spread`.
fn weight(random: &mut StdRng, spread: f64) -> f64 {
    random.random_range(-spread..spread).exp()
}

/// A chain of units between the ground and the ground.
fn chain(units: usize, mut weight: impl FnMut() -> f64) -> Raw {
    let unit = |k: usize| (k < units).then_some(k);
    let mut edges = vec![edge(unit(0), None, weight())];
    edges.extend((0..units).map(|k| edge(unit(k + 1), Some(k), weight())));
    Raw { variables: units, edges }
}

/// A square of units: signals enter at the top, go down and to the right, and leave at the bottom.
fn grid(side: usize, random: &mut StdRng) -> Raw {
    let at = |row: usize, column: usize| Some(row * side + column);
    let mut edges = vec![];
    for column in 0..side {
        edges.push(edge(at(0, column), None, weight(random, 2.0)));
        edges.push(edge(None, at(side - 1, column), weight(random, 2.0)));
        edges.extend((1..side).map(|row| edge(at(row, column), at(row - 1, column), weight(random, 2.0))));
    }
    for row in 0..side {
        edges.extend((1..side).map(|column| edge(at(row, column), at(row, column - 1), weight(random, 2.0))));
    }
    Raw { variables: side * side, edges }
}

/// Balances, and checks what every answer promises.
fn balanced(raw: &Raw, method: Method) -> Balanced {
    let problem = raw.problem();
    let settings = Settings { method, ..Settings::default() };
    let balanced = balance(&problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    bank::check::solution(raw, &balanced.solution, &settings);
    assert_eq!(balanced.solution.status, Status::Converged);
    let width = balanced.enclosure.as_ref().expect("chains and grids have enclosures").width;
    assert!(width < 1e-11, "{width}");
    // what the report says of the start is about the start, wherever the solver begins
    let start = problem.point(&vec![0.0; problem.variables()]);
    assert_eq!(balanced.cost_before, start.flows().cost.to_f64());
    assert_eq!(balanced.residual_before, start.flows().residual());
    balanced
}

#[test]
fn all_costs_of_a_chain_become_their_geometric_mean() {
    let mut random = StdRng::seed_from_u64(1);
    let raw = chain(5000, || weight(&mut random, 2.0));
    let mean = raw.edges.iter().map(|e| e.weight.ln()).sum::<f64>() / raw.edges.len() as f64;
    let answer = balanced(&raw, Method::Auto);
    assert_eq!(answer.solution.method, Method::Newton);
    let expected = (2.0 * mean).exp() * raw.edges.len() as f64;
    assert!((answer.solution.cost / expected - 1.0).abs() < 1e-12, "{} {expected}", answer.solution.cost);
    // the log-scale of a unit is what the weights before it lack
    let mut sum = 0.0;
    for (edge, x) in raw.edges.iter().zip(&answer.solution.log_scales) {
        sum += mean - edge.weight.ln();
        assert!((x - sum).abs() < 1e-9 * (1.0 + sum.abs()), "{x} {sum}");
    }
}

#[test]
fn a_chain_is_balanced_where_its_log_scales_are_far_beyond_the_range_of_plain_numbers() {
    let units = 4000;
    let mut k = 0;
    // half of the weights are large and half are small: the unit between them has the log-scale -4000
    let raw = chain(units, || {
        k += 1;
        if k <= units / 2 { std::f64::consts::E.powi(2) } else { std::f64::consts::E.powi(-2) }
    });
    let answer = balanced(&raw, Method::Auto);
    let furthest = answer.solution.log_scales.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    assert!((furthest - 4000.0).abs() < 2.0, "{furthest}");
    assert!(answer.solution.scales.exponents().iter().any(|e| *e < -5000));
}

#[test]
fn one_factor_for_several_steps_leads_to_the_optimum_of_a_factor_for_each() {
    let raw = grid(200, &mut StdRng::seed_from_u64(2));
    let several = balanced(&raw, Method::Auto);
    assert_eq!(several.solution.method, Method::Cg);
    assert!(several.solution.passes < 600.0, "{} passes", several.solution.passes);
    let each = balanced(&raw, Method::Newton);
    for (a, b) in several.solution.log_scales.iter().zip(&each.solution.log_scales) {
        assert!((a - b).abs() < 1e-11 * (1.0 + a.abs()), "{a} {b}");
    }
}

#[test]
fn two_words_hold_costs_from_2_to_the_minus_600_to_2_to_the_600() {
    let (u, v) = (Some(0), Some(1));
    let raw = Raw { variables: 2, edges: vec![edge(u, None, 1.0), edge(v, u, 1.5), edge(None, v, 1.0)] };
    let problem = raw.problem();
    let flows = |exponent: i32| problem.folded(&[0, exponent]).precise_flows(&[Double::default(); 2]);
    for exponent in [-295, -240, 0, 240, 295] {
        let flows = flows(exponent).unwrap_or_else(|| panic!("{exponent}"));
        assert_eq!(flows.inflow[1].to_f64(), 2.0 * 2.25 * 2f64.powi(2 * exponent), "{exponent}");
        assert_eq!(flows.outflow[1].to_f64(), 2.0 * 2f64.powi(-2 * exponent), "{exponent}");
    }
    assert!(flows(305).is_none() && flows(-305).is_none());
}

#[test]
fn a_unit_with_costs_of_1e_minus_172_beside_costs_of_one_is_certified_too() {
    // from u to v by way of a, and by way of m: costs fall apart as the squares of the weights do
    let (u, a, m, v) = (Some(0), Some(1), Some(2), Some(3));
    let (large, small) = (2f64.powi(145), 2f64.powi(-140));
    let edges = vec![
        edge(u, None, 1.0),
        edge(a, u, 1.1 * large),
        edge(v, a, 0.9 * large),
        edge(m, u, 1.3 * small),
        edge(v, m, 1.7 * small),
        edge(None, v, 1.0),
    ];
    let raw = Raw { variables: 4, edges };
    let problem = raw.problem();
    let settings = Settings { refined: true, ..Settings::default() };
    let answer = balance(&problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    // no single word proves that much
    let width = answer.enclosure.as_ref().expect("two words enclose the optimum").width;
    assert!(width < 1e-20, "{width}");
    let x = &answer.solution.log_scales;
    let cost = |head: usize, tail: usize, weight: f64| 2.0 * (weight.ln() + x[head] - x[tail]);
    let ratio = cost(2, 0, 1.3 * small) - cost(1, 0, 1.1 * large);
    let expected = -570.0 * std::f64::consts::LN_2 + (1.3f64 * 1.7 / (1.1 * 0.9)).ln();
    assert!((ratio - expected).abs() < 1e-9, "{ratio} {expected}");
}

//! Claim 2: scaling keeps the function, biases included; scalings commute, balancings of connected units do not.

use super::bank::any::AnyGraph;
use super::bank::{Edge, Raw, solve_checked};
use super::support::{AnyNetwork, agree, outputs};
use super::{attained, balanced, local, lowered};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use synbal::lowered::Scaling;
use synbal::network::{Activation, Biases, Network, Role, build};
use synbal::solve::{Schedule, Settings};

#[quickcheck]
fn scaling_a_network_by_its_solution_preserves_its_function(any: AnyNetwork) -> TestResult {
    let network = any.0;
    let balanced = balanced(&lowered(&network, 2.0));
    let limit = match balanced.existence.direction() {
        Some(direction) => network.limit_refusal(direction).unwrap().is_none(),
        None => false,
    };
    let scaled = network.apply(&balanced.scaling(limit)).unwrap();
    assert!(agree(&outputs(&network), &outputs(&scaled)));
    let cost = network.cost(2.0, Biases::Counted);
    assert!(scaled.cost(2.0, Biases::Counted) <= cost * (1.0 + 1e-12) || balanced.escaping_count > 0);
    TestResult::passed()
}

/// Log-scales between -1 and 1.
fn random(variables: usize, seed: u16) -> Vec<f64> {
    (0..variables).map(|v| (f64::from(seed) * 0.7 + v as f64 * 1.9).sin()).collect()
}

#[quickcheck]
fn any_scaling_of_homogeneous_units_keeps_the_function(any: AnyNetwork, seed: u16) -> bool {
    let x = random(lowered(&any.0, 2.0).problem.variables(), seed);
    agree(&outputs(&any.0), &outputs(&any.0.apply(&Scaling::new(x)).unwrap()))
}

#[quickcheck]
fn scalings_commute(any: AnyNetwork, one: u16, other: u16) -> bool {
    let n = lowered(&any.0, 2.0).problem.variables();
    let [x, y] = [one, other].map(|seed| Scaling::new(random(n, seed)));
    let both = |first: &Scaling, second: &Scaling| any.0.apply(first).unwrap().apply(second).unwrap();
    let (a, b) = (both(&x, &y), both(&y, &x));
    a.parameters().iter().zip(b.parameters()).all(|(a, b)| (a - b).abs() <= 1e-13 * a.abs())
}

/// The parameters that are biases.
fn biases(network: &Network) -> Vec<usize> {
    let constant = |tail: usize| network.units()[tail].role == Role::Constant;
    network.connections().iter().filter(|&(tail, _, _)| constant(tail)).map(|(_, _, parameter)| parameter).collect()
}

#[test]
fn biases_are_incoming_weights_and_left_unscaled_they_change_the_function() {
    let random = build::layered(&build::Layered::new(&[3, 6, 2], Activation::Relu), 5).unwrap();
    let mut weights = random.parameters().to_vec();
    biases(&random).into_iter().for_each(|k| weights[k] = 1.0);
    let network = random.with_parameters(weights).unwrap();
    let n = lowered(&network, 2.0).problem.variables();
    let scaled = network.apply(&Scaling::new(vec![1.0; n])).unwrap();
    assert!(agree(&outputs(&network), &outputs(&scaled)));
    let mut forgotten = scaled.parameters().to_vec();
    biases(&network).into_iter().for_each(|k| forgotten[k] = network.parameters()[k]);
    let forgotten = scaled.with_parameters(forgotten).unwrap();
    let (a, b) = (outputs(&network), outputs(&forgotten));
    let size = a.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off > 0.1 * size, "{off} of {size}");
}

#[test]
fn balancings_of_connected_units_do_not_commute_and_those_of_others_do() {
    let after = |raw: &Raw, order: &[usize]| {
        let settings = local(Schedule::Sequence(order.to_vec()), 1);
        let settings = Settings { subset: Some(vec![0, 1]), ..settings };
        solve_checked(raw, &raw.problem(), &settings).log_scales
    };
    let chain = Raw::graph(2, 2.0, &[(None, Some(0), 8.0), (Some(0), Some(1), 2.0), (Some(1), None, 1.0)]);
    let (a, b) = (after(&chain, &[0, 1]), after(&chain, &[1, 0]));
    assert!((a[0] - b[0]).abs() > 0.1 && (a[1] - b[1]).abs() > 0.1, "{a:?} {b:?}");
    let apart =
        Raw::graph(2, 2.0, &[(None, Some(0), 8.0), (Some(0), None, 2.0), (None, Some(1), 3.0), (Some(1), None, 1.0)]);
    assert_eq!(after(&apart, &[0, 1]), after(&apart, &[1, 0]));
}

#[quickcheck]
fn balancings_of_two_units_commute_where_no_connection_joins_them(
    any: AnyGraph,
    one: usize,
    other: usize,
) -> TestResult {
    let raw = attained(&any.0);
    let (a, b) = (one % raw.variables, other % raw.variables);
    let touches = |e: &Edge, v: usize| e.coefficients().iter().any(|t| t.0 == v);
    if a == b || raw.edges.iter().any(|e| e.weight != 0.0 && touches(e, a) && touches(e, b)) {
        return TestResult::discard();
    }
    let after = |order: [usize; 2]| {
        let settings = Settings { subset: Some(vec![a, b]), ..local(Schedule::Sequence(order.to_vec()), 1) };
        solve_checked(&raw, &raw.problem(), &settings).log_scales
    };
    let (first, second) = (after([a, b]), after([b, a]));
    TestResult::from_bool(first.iter().zip(&second).all(|(x, y)| (x - y).abs() <= 1e-12 * (1.0 + x.abs())))
}

//! How the balanced parameters of a network change with its parameters, against balancing again.

mod support;

use approx::assert_relative_eq;
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use std::ops::ControlFlow;
use support::AnyNetwork;
use synbal::analysis::Sensitivity;
use synbal::existence::{Existence, existence};
use synbal::lowered::Scaling;
use synbal::network::{Activation, Biases, Connections, Network, Role, Unit};
use synbal::problem::Gauge;
use synbal::regularizer::{ConvexCost, Power, Regularizer};
use synbal::solve::{Settings, Solution, Status, solve};

/// `ln(1 + w^2)`, which is convex in `ln |w|`, with slopes between 0 and 2.
#[derive(Debug)]
struct Saturating;

impl ConvexCost for Saturating {
    fn at(&self, t: f64) -> [f64; 3] {
        let part = 1.0 / (1.0 + (-2.0 * t).exp());
        [(2.0 * t).exp().ln_1p(), 2.0 * part, 4.0 * part * (1.0 - part)]
    }

    fn slopes(&self) -> Option<[f64; 2]> {
        Some([0.0, 2.0])
    }
}

fn elastic() -> Regularizer {
    let powers = [Power { exponent: 1.0, coefficient: 0.5 }, Power { exponent: 2.0, coefficient: 3.0 }];
    Regularizer::powers(&powers).unwrap()
}

/// Norms, an elastic net, and a cost of one's own; biases counted or free.
fn costs(seed: u16) -> (Regularizer, Biases) {
    let regularizer = match seed % 5 {
        0 => Regularizer::lp(2.0).unwrap(),
        1 => Regularizer::lp(1.0).unwrap(),
        2 => Regularizer::lp(0.5).unwrap(),
        3 => elastic(),
        _ => Regularizer::convex(Saturating).unwrap(),
    };
    (regularizer, if (seed / 5).is_multiple_of(2) { Biases::Counted } else { Biases::Free })
}

/// The optimum; none where nothing moves, the minimum is not attained, or the solver does not reach it.
fn solved(network: &Network, regularizer: &Regularizer, biases: Biases) -> Option<Solution> {
    let problem = network.lower(regularizer, biases).unwrap().problem;
    if problem.variables() == 0 || !matches!(existence(&problem), Existence::Attained(_)) {
        return None;
    }
    let solution = solve(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    (solution.status == Status::Converged).then_some(solution)
}

fn scaling(solution: &Solution) -> Scaling {
    Scaling { scales: solution.scales.clone(), direction: None, bounds: None }
}

/// Some weights become zero, and the network is balanced.
fn balanced(any: &AnyNetwork, seed: u16) -> Option<Network> {
    let (regularizer, biases) = costs(seed);
    let mut weights = any.0.parameters().to_vec();
    if seed.is_multiple_of(3) {
        weights.iter_mut().skip(usize::from(seed) % 7).step_by(7).for_each(|w| *w = 0.0);
    }
    let network = any.0.with_parameters(weights).unwrap();
    let solution = solved(&network, &regularizer, biases)?;
    Some(network.apply(&scaling(&solution)).unwrap())
}

/// The logarithms of all parameters, as changes of those of `network`, when `h change` is added to them and the network is
/// balanced again; with a bound on the error of the solve. Of zero weights the logarithm of their multiplier.
fn balanced_again(
    network: &Network,
    (regularizer, biases): &(Regularizer, Biases),
    change: &[f64],
    h: f64,
) -> Option<(Vec<f64>, f64)> {
    let moved = network.parameters().iter().zip(change).map(|(w, d)| w * (h * d).exp()).collect();
    let answer = solved(&network.with_parameters(moved).unwrap(), regularizer, *biases)?;
    let ones = network.with_parameters(vec![1.0; change.len()]).unwrap();
    let multipliers = ones.apply(&scaling(&answer)).unwrap();
    let logs = change.iter().zip(multipliers.parameters()).map(|(d, m)| h * d + m.ln()).collect();
    Some((logs, answer.error_bound))
}

/// Numbers between -1 and 1.
fn numbers(count: usize, seed: u16) -> Vec<f64> {
    (0..count).map(|k| (f64::from(seed) + 1.7 * k as f64).sin()).collect()
}

/// Compares the derivative along a direction with a central difference.
fn agrees(network: &Network, costs: &(Regularizer, Biases), change: &[f64]) -> bool {
    let h = 1e-4;
    let forward = Sensitivity::of_network(network, &costs.0, costs.1).unwrap().forward(change);
    let ends = [h, -h].map(|h| balanced_again(network, costs, change, h));
    let [Some((plus, above)), Some((minus, below))] = ends else { return false };
    // a sixth of the third derivative times h^2, and the errors of two solves and of logarithms over 2 h
    let tolerance = 10.0 * h * h + (above + below + 1e-15) / (2.0 * h);
    for (k, predicted) in forward.iter().enumerate() {
        let observed = (plus[k] - minus[k]) / (2.0 * h);
        assert!((observed - predicted).abs() <= tolerance, "parameter {k}: {observed} {predicted}");
    }
    true
}

#[quickcheck]
fn balanced_parameters_change_as_balancing_again_says(any: AnyNetwork, seed: u16) -> TestResult {
    let Some(network) = balanced(&any, seed) else { return TestResult::discard() };
    let change = numbers(network.parameters().len(), seed);
    if !agrees(&network, &costs(seed), &change) {
        return TestResult::discard();
    }
    // and of a single parameter
    let single = usize::from(seed) % change.len();
    let mut change = vec![0.0; change.len()];
    change[single] = 1.0;
    TestResult::from_bool(agrees(&network, &costs(seed), &change))
}

#[quickcheck]
fn backward_is_the_transpose_of_forward(any: AnyNetwork, seed: u16) -> TestResult {
    let Some(network) = balanced(&any, seed) else { return TestResult::discard() };
    let (regularizer, biases) = costs(seed);
    let sensitivity = Sensitivity::of_network(&network, &regularizer, biases).unwrap();
    let count = network.parameters().len();
    let (change, gradient) = (numbers(count, seed), numbers(count, seed.wrapping_add(31)));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (there, back) = (dot(&gradient, &sensitivity.forward(&change)), dot(&sensitivity.backward(&gradient), &change));
    assert!((there - back).abs() <= 1e-10 * (1.0 + there.abs()), "{there} {back}");
    TestResult::passed()
}

#[quickcheck]
fn rescalings_are_forgotten(any: AnyNetwork, seed: u16) -> TestResult {
    let Some(network) = balanced(&any, seed) else { return TestResult::discard() };
    let (regularizer, biases) = costs(seed);
    let problem = network.lower(&regularizer, biases).unwrap().problem;
    // log-scales that change no weight with a cost are no part of the optimum
    let mut x = numbers(problem.variables(), seed);
    Gauge::of(&problem).unwrap().apply(&mut x);
    let rescaling: Vec<f64> = network.log_multipliers().unwrap().iter().map(|form| form.at(&x)).collect();
    let after = Sensitivity::of_network(&network, &regularizer, biases).unwrap().forward(&rescaling);
    assert!(after.iter().all(|d| d.abs() < 1e-10), "{after:?}");
    TestResult::passed()
}

#[quickcheck]
fn log_multipliers_are_those_by_which_a_scaling_is_applied(any: AnyNetwork, seed: u16) {
    let ones = any.0.with_parameters(vec![1.0; any.0.parameters().len()]).unwrap();
    let variables = ones.lower(&Regularizer::lp(2.0).unwrap(), Biases::Counted).unwrap().problem.variables();
    let x = numbers(variables, seed);
    let scaled = ones.apply(&Scaling::new(x.clone())).unwrap();
    let forms = ones.log_multipliers().unwrap();
    assert_eq!(forms.len(), scaled.parameters().len());
    for (form, weight) in forms.iter().zip(scaled.parameters()) {
        assert!((form.at(&x) - weight.ln()).abs() < 1e-12, "{form:?} {weight}");
    }
}

#[quickcheck]
fn a_bias_is_a_parameter_that_only_constants_use(any: AnyNetwork) {
    let network = any.0;
    for parameter in 0..network.parameters().len() {
        let mut tails = network.connections().iter().filter(|c| c.2 == parameter).map(|c| c.0);
        let expected = tails.all(|tail| network.units()[tail].role == Role::Constant);
        assert_eq!(network.is_bias(parameter), expected, "parameter {parameter}");
    }
}

#[quickcheck]
fn the_curvature_of_a_cost_is_its_second_difference(seed: u16, exponent: u8) {
    // h^2 / 12 of the fourth derivative, and rounding over h^2
    let h = 1e-3f64;
    let weight = numbers(1, seed)[0];
    let p = 0.5 + f64::from(exponent % 6) / 2.0;
    let power = |p: f64, a: f64, w: f64| a * w.abs().powf(p);
    let elastic_net = |w: f64| power(1.0, 0.5, w) + power(2.0, 3.0, w);
    let saturating = |w: f64| Saturating.at(w.abs().ln())[0];
    let lp = Regularizer::lp(p).unwrap();
    let own = Regularizer::convex(Saturating).unwrap();
    let close = |found: f64, cost: &dyn Fn(f64) -> f64| {
        let difference = (cost(weight * h.exp()) + cost(weight * (-h).exp()) - 2.0 * cost(weight)) / (h * h);
        assert!((found - difference).abs() < 1e-5 * (cost(weight) + 1e-4), "{found} {difference} {weight}");
    };
    close(lp.curvature(weight), &|w| power(p, 1.0, w));
    close(elastic().curvature(weight), &elastic_net);
    close(own.curvature(weight), &saturating);
    assert_eq!([&lp, &elastic(), &own].map(|cost| cost.curvature(0.0)), [0.0; 3]);
}

/// x -> h -> y, with a bias of h.
fn unit(weights: [f64; 3]) -> Network {
    let units = vec![
        Unit::input("x"),
        Unit::constant("one"),
        Unit::hidden("h", Activation::Relu),
        Unit::output("y", Activation::Linear),
    ];
    let connections = Connections { tails: vec![0, 1, 2], heads: vec![2, 2, 3], parameters: vec![0, 1, 2] };
    Network::new(units, weights.to_vec(), connections).unwrap()
}

#[test]
fn a_free_bias_follows_the_scale_of_its_unit_and_has_no_say_in_it() {
    // both weights become the root of their product, and the scale of h is the root of their quotient
    let l2 = Regularizer::lp(2.0).unwrap();
    let sensitivity = Sensitivity::of_network(&unit([3.0, 0.7, 3.0]), &l2, Biases::Free).unwrap();
    for (change, expected) in
        [([1.0, 0.0, 0.0], [0.5, -0.5, 0.5]), ([0.0, 0.0, 1.0], [0.5, 0.5, 0.5]), ([0.0, 1.0, 0.0], [0.0, 1.0, 0.0])]
    {
        let after = sensitivity.forward(&change);
        after.iter().zip(expected).for_each(|(a, e)| assert_relative_eq!(*a, e, epsilon = 1e-14));
    }
    // counted it costs what the others do: 4 + 5 enter, 9 leave
    let sensitivity = Sensitivity::of_network(&unit([2.0, 5f64.sqrt(), 3.0]), &l2, Biases::Counted).unwrap();
    let after = sensitivity.forward(&[0.0, 1.0, 0.0]);
    let step = 5.0 / 18.0;
    after.iter().zip([-step, 1.0 - step, step]).for_each(|(a, e)| assert_relative_eq!(*a, e, epsilon = 1e-14));
}

#[test]
fn free_biases_of_a_ring_without_ground_move_in_its_gauge() {
    // g -> h -> g: both weights become the root of their product, and the log-scales have mean zero
    let units = vec![
        Unit::constant("one"),
        Unit::hidden("g", Activation::Relu),
        Unit::hidden("h", Activation::Relu),
        Unit::output("y", Activation::Linear),
    ];
    let connections =
        Connections { tails: vec![1, 2, 0, 0, 0], heads: vec![2, 1, 1, 2, 3], parameters: vec![0, 1, 2, 3, 4] };
    let ring = Network::new(units, vec![2.0, -2.0, 0.3, 7.0, 1.0], connections).unwrap();
    let costs = (Regularizer::lp(2.0).unwrap(), Biases::Free);
    let after = Sensitivity::of_network(&ring, &costs.0, costs.1).unwrap().forward(&[1.0, 0.0, 0.0, 0.0, 0.0]);
    after.iter().zip([0.5, 0.5, 0.25, -0.25, 0.0]).for_each(|(a, e)| assert_relative_eq!(*a, e, epsilon = 1e-14));
    assert!(agrees(&ring, &costs, &numbers(5, 3)));
}

#[test]
fn weights_beyond_the_range_of_curvatures_are_refused() {
    let l2 = Regularizer::lp(2.0).unwrap();
    let error = Sensitivity::of_network(&unit([1e200, 0.0, 1e200]), &l2, Biases::Counted).unwrap_err().to_string();
    assert!(error.contains("positive definite") && error.contains("too large"), "{error}");
}

//! Networks balanced from end to end: lowered, solved, and taken back.

mod support;

use approx::assert_relative_eq;
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use std::ops::ControlFlow;
use support::{AnyNetwork, agree, outputs};
use synbal::balance::{Balanced, balance};
use synbal::lowered::Lowered;
use synbal::network::build::{Layered, layered, random_dag, recurrent};
use synbal::network::{Activation, Biases, FeedForward, Network, Role, json};
use synbal::regularizer::Regularizer;
use synbal::solve::{Settings, Status};

const RELU: Activation = Activation::Relu;

fn run(network: &Network, p: f64, biases: Biases) -> (Lowered, Balanced) {
    let lowered = network.lower(&Regularizer::lp(p).unwrap(), biases).unwrap();
    let settings = Settings::default();
    let balanced = balance(&lowered.problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    (lowered, balanced)
}

/// Local balancing, unit after unit, until nothing moves.
fn by_hand(network: &Network, p: f64, biases: Biases) -> Network {
    let mut network = network.clone();
    let hidden: Vec<usize> = network.of_role(Role::Hidden).collect();
    let free: Vec<usize> = hidden.into_iter().filter(|&i| network.clone().scale(i, 2.0).is_ok()).collect();
    for _ in 0..5000 {
        let mut largest = 0.0f64;
        for &i in &free {
            let lambda = network.balance_unit(i, p, biases).unwrap().unwrap();
            largest = largest.max(lambda.ln().abs());
        }
        if largest < 1e-14 {
            break;
        }
    }
    network
}

fn same_as_by_hand(network: &Network, p: f64, biases: Biases) {
    let (_, balanced) = run(network, p, biases);
    let exact = network.apply(&balanced.scaling(false)).unwrap();
    let slow = by_hand(network, p, biases);
    for (a, b) in exact.parameters().iter().zip(slow.parameters()) {
        assert_relative_eq!(a, b, max_relative = 1e-9);
    }
    assert!(agree(&outputs(network), &outputs(&exact)));
    assert_relative_eq!(exact.cost(p, biases), balanced.solution.cost, max_relative = 1e-11);
}

#[test]
fn the_solver_and_local_balancing_reach_the_same_weights() {
    for biases in [Biases::Counted, Biases::Free] {
        for p in [1.0, 2.0] {
            same_as_by_hand(&layered(&Layered::new(&[4, 5, 3, 2], RELU), 1).unwrap(), p, biases);
            same_as_by_hand(&random_dag(3, 8, 2, 0.5, RELU, 2).unwrap(), p, biases);
            same_as_by_hand(&recurrent(2, 5, 2, &[RELU], 3).unwrap(), p, biases);
        }
    }
}

#[test]
fn the_solver_and_local_balancing_agree_on_powers_and_self_connections() {
    let square = Activation::Bipu { exponent: 2.0, negative: -1.0, positive: 1.0 };
    let root = Activation::Bipu { exponent: 0.5, negative: -1.0, positive: 1.0 };
    let mut shape = Layered::new(&[3, 4, 4, 2], RELU);
    shape.activations = vec![square, RELU, root, Activation::Tanh];
    same_as_by_hand(&layered(&shape, 4).unwrap(), 2.0, Biases::Counted);
    same_as_by_hand(&recurrent(2, 4, 1, &[RELU, root, square], 5).unwrap(), 2.0, Biases::Counted);
}

#[quickcheck]
fn balancing_any_network_preserves_its_function_and_lowers_its_cost(any: AnyNetwork) -> TestResult {
    let (lowered, balanced) = run(&any.0, 2.0, Biases::Counted);
    let attained = balanced.existence.direction().is_none();
    if !attained {
        return TestResult::discard();
    }
    let answer = any.0.apply(&balanced.scaling(false)).unwrap();
    let (before, after) = (any.0.cost(2.0, Biases::Counted), answer.cost(2.0, Biases::Counted));
    TestResult::from_bool(
        balanced.solution.status == Status::Converged
            && agree(&outputs(&any.0), &outputs(&answer))
            && after <= before * (1.0 + 1e-12)
            && approx::relative_eq!(after, balanced.solution.cost, max_relative = 1e-10)
            && lowered.weights as usize == any.0.parameters().len(),
    )
}

#[test]
fn the_balanced_demo_network_answers_the_same() {
    let file = json::parse(include_bytes!("../src/demo/digits.json")).unwrap();
    let (lowered, balanced) = run(file.network(), 2.0, Biases::Counted);
    let limit = balanced.existence.direction().is_some();
    if let Some(direction) = balanced.existence.direction() {
        assert_eq!(file.network().limit_refusal(direction).unwrap(), None, "{:?}", lowered.dead);
    }
    let answer = file.network().apply(&balanced.scaling(limit)).unwrap();
    assert!(answer.cost(2.0, Biases::Counted) < file.network().cost(2.0, Biases::Counted));
    let test: serde_json::Value = serde_json::from_str(include_str!("../src/demo/digits_test.json")).unwrap();
    let networks = [file.network(), &answer].map(|n| FeedForward::new(n).unwrap());
    for image in test["images"].as_array().unwrap() {
        let image: Vec<f64> = image.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() / 16.0).collect();
        let [a, b] = [&networks[0], &networks[1]].map(|n| n.evaluate(&image).unwrap());
        assert!(agree(&a, &b));
    }
}

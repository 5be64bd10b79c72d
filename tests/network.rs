//! Networks: what is accepted, what they compute, and the two operations of the theory.

mod support;

use approx::{assert_abs_diff_eq, assert_relative_eq};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use support::{AnyNetwork, agree, outputs};
use synbal::error::Result;
use synbal::network::build::{Convolution, Layered, convolutional, layered, recurrent, shared_depth, tied_autoencoder};
use synbal::network::{Activation, Biases, Connections, FeedForward, Network, Role, Unit};

const RELU: Activation = Activation::Relu;
const SQUARE: Activation = Activation::Bipu { exponent: 2.0, negative: -1.0, positive: 1.0 };

fn edges(list: &[(u32, u32)]) -> Connections {
    let mut connections = Connections::new();
    list.iter().enumerate().for_each(|(k, &(tail, head))| connections.push(tail, head, k as u32));
    connections
}

/// x -> h -> y with incoming weight `a` and outgoing weight `b`, and optionally a self-connection.
fn one_unit(activation: Activation, a: f64, b: f64, own: Option<f64>) -> Network {
    let units = vec![Unit::input("x"), Unit::hidden("h", activation), Unit::output("y", Activation::Linear)];
    let mut list = vec![(0, 1), (1, 2)];
    list.extend(own.map(|_| (1, 1)));
    Network::new(units, [a, b].into_iter().chain(own).collect(), edges(&list)).unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert!(!error.place.is_empty() && !error.problem.is_empty() && !error.remedy.is_empty());
    error.to_string()
}

#[test]
fn a_homogeneous_activation_keeps_its_promise() {
    let kinds = [
        Activation::Linear,
        RELU,
        Activation::LeakyRelu { slope: 0.2 },
        Activation::Prelu { slope: -3.0 },
        Activation::Bilu { negative: 2.0, positive: -1.0 },
        Activation::Bipu { exponent: 1.5, negative: 2.0, positive: -1.0 },
    ];
    for f in kinds {
        let c = f.degree().unwrap();
        for z in [-2.0, -0.3, 0.0, 0.7, 5.0] {
            for lambda in [0.1, 3.0f64] {
                assert_relative_eq!(f.apply(lambda * z), lambda.powf(c) * f.apply(z), max_relative = 1e-14);
            }
        }
    }
}

#[test]
fn an_activation_without_degree_is_not_homogeneous() {
    let kinds = [
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Silu,
        Activation::Softplus,
        Activation::Elu { alpha: 0.5 },
        Activation::Relu6,
    ];
    for f in kinds {
        assert_eq!(f.degree(), None);
        let ratio = |lambda: f64, z: f64| (f.apply(lambda * z) / f.apply(z)).abs().ln() / lambda.ln();
        let spread = [(2.0, 5.0), (2.0, -0.5), (9.0, 5.0), (9.0, -3.0)].map(|(l, z)| ratio(l, z));
        assert!(spread.iter().any(|r| (r - spread[0]).abs() > 1e-3 || r.is_nan()), "{f:?} {spread:?}");
    }
}

#[test]
fn activations_pass_on_what_is_not_a_number() {
    assert!(RELU.apply(f64::NAN).is_nan());
    assert!(Activation::Relu6.apply(f64::NAN).is_nan());
}

#[test]
fn a_network_is_refused_with_the_place_and_the_remedy() {
    let units = || vec![Unit::input("x"), Unit::hidden("h", RELU), Unit::output("y", RELU), Unit::constant("one")];
    let network = |list: &[(u32, u32)], weights: &[f64]| Network::new(units(), weights.to_vec(), edges(list));
    assert!(refusal(network(&[(0, 1), (1, 2)], &[1.0, f64::NAN])).contains("parameter 1"));
    assert!(refusal(network(&[(0, 1), (1, 2)], &[1.0, f64::INFINITY])).contains("parameter 1"));
    assert!(refusal(network(&[(0, 1), (1, 4)], &[1.0, 1.0])).contains("connection 1"));
    assert!(refusal(network(&[(0, 1), (9, 2)], &[1.0, 1.0])).contains("connection 1"));
    assert!(refusal(network(&[(0, 1)], &[])).contains("connection 0"));
    assert!(refusal(network(&[(0, 1)], &[1.0, 2.0])).contains("parameter 1"));
    assert!(refusal(network(&[(1, 0)], &[1.0])).contains("an input"));
    assert!(refusal(network(&[(1, 3)], &[1.0])).contains("a constant"));
    assert!(refusal(network(&[(0, 1), (1, 2), (0, 1)], &[1.0; 3])).contains("connection 2 (x -> h)"));
    assert!(refusal(Network::new(vec![], vec![], edges(&[]))).contains("no units"));
    let ragged = Connections { tails: vec![0], heads: vec![], parameters: vec![0] };
    assert!(refusal(Network::new(units(), vec![1.0], ragged)).contains("1 tails, 0 heads"));
    for (unit, word) in [
        (Unit::input("x"), "same name"),
        (Unit::input(""), "empty"),
        (Unit { state: f64::NAN, ..Unit::hidden("g", RELU) }, "state"),
        (Unit { state: 1.0, ..Unit::input("g") }, "state"),
        (Unit::hidden("g", Activation::Bipu { exponent: 0.0, negative: 1.0, positive: 1.0 }), "exponent"),
        (Unit::hidden("g", Activation::LeakyRelu { slope: f64::NAN }), "slope"),
    ] {
        let units = units().into_iter().chain([unit]).collect();
        let text = refusal(Network::new(units, vec![], edges(&[])));
        assert!(text.contains("unit 4") && text.contains(word), "{text}");
    }
}

#[test]
fn a_network_without_hidden_units_or_with_zero_weights_is_valid() {
    let units = vec![Unit::input("x"), Unit::output("y", Activation::Linear)];
    let network = Network::new(units, vec![0.0], edges(&[(0, 1)])).unwrap();
    assert_eq!(network.parameters(), [0.0]);
    assert_eq!(FeedForward::new(&network).unwrap().evaluate(&[3.0]).unwrap(), [0.0]);
}

#[test]
fn feed_forward_evaluation_is_what_the_formula_says() {
    let units =
        vec![Unit::output("y", Activation::Linear), Unit::hidden("h", RELU), Unit::input("x"), Unit::constant("one")];
    let list = edges(&[(2, 1), (3, 1), (1, 0), (2, 0)]);
    let network = Network::new(units, vec![2.0, -1.0, 3.0, 0.5], list).unwrap();
    let forward = FeedForward::new(&network).unwrap();
    assert_eq!(forward.evaluate(&[2.0]).unwrap(), [3.0 * 3.0 + 1.0]);
    assert_eq!(forward.evaluate(&[-2.0]).unwrap(), [-1.0]);
    assert!(refusal(forward.evaluate(&[])).contains("0 values for 1 inputs"));
}

#[test]
fn a_unit_on_a_cycle_is_named_when_a_recurrent_network_is_evaluated_as_feed_forward() {
    let units = ["a", "b", "c", "d"].map(|n| Unit::hidden(n, RELU)).to_vec();
    // d only follows the cycle of b and c
    let network = Network::new(units, vec![1.0; 4], edges(&[(0, 1), (1, 2), (2, 1), (2, 3)])).unwrap();
    let text = refusal(FeedForward::new(&network));
    assert!(text.contains("unit b") || text.contains("unit c"), "{text}");
    assert!(refusal(FeedForward::new(&one_unit(RELU, 1.0, 1.0, Some(1.0)))).contains("unit h"));
}

#[test]
fn recurrent_evaluation_is_synchronous_and_starts_from_the_states() {
    let mut h = Unit::hidden("h", Activation::Linear);
    h.state = 10.0;
    let units = vec![Unit::input("x"), h, Unit::output("y", Activation::Linear)];
    let network = Network::new(units, vec![1.0, 0.5, 2.0], edges(&[(0, 1), (1, 1), (1, 2)])).unwrap();
    let answer = network.evaluate_recurrent(&[vec![1.0], vec![0.0], vec![4.0]]).unwrap();
    // h: 10, 1 + 5 = 6, 3, ...
    assert_eq!(answer, [[20.0], [12.0], [6.0]]);
}

#[quickcheck]
fn scaling_any_unit_preserves_the_function_or_is_refused(any: AnyNetwork, choice: usize, factor: u8) -> bool {
    let mut network = any.0;
    let before = outputs(&network);
    let unit = choice % network.units().len();
    let lambda = 0.2 + f64::from(factor) / 40.0;
    let untouched = network.clone();
    match network.scale(unit, lambda) {
        Ok(()) => agree(&before, &outputs(&network)),
        Err(error) => {
            let same = network.parameters() == untouched.parameters() && network.units() == untouched.units();
            same && !error.remedy.is_empty()
        }
    }
}

#[quickcheck]
fn every_homogeneous_hidden_unit_without_shared_weights_can_be_scaled(seed: u64) -> bool {
    let mut shape = Layered::new(&[3, 4, 4, 2], RELU);
    shape.activations = vec![RELU, SQUARE, Activation::Tanh];
    let mut network = layered(&shape, seed).unwrap();
    (0..network.units().len()).all(|i| {
        let unit = &network.units()[i];
        let free = unit.role == Role::Hidden && unit.activation.degree().is_some();
        network.scale(i, 1.7).is_ok() == free
    })
}

#[quickcheck]
fn scalings_by_powers_of_two_commute_bit_for_bit(any: AnyNetwork, a: usize, b: usize, i: i8, j: i8) -> TestResult {
    let n = any.0.units().len();
    let (a, b) = (a % n, b % n);
    let (la, lb) = (2f64.powi(i32::from(i) / 8 * 2), 2f64.powi(i32::from(j) / 8 * 2));
    let (mut one, mut other) = (any.0.clone(), any.0);
    if one.scale(a, la).is_err() || one.scale(b, lb).is_err() {
        return TestResult::discard();
    }
    other.scale(b, lb).unwrap();
    other.scale(a, la).unwrap();
    TestResult::from_bool(one.parameters() == other.parameters() && one.units() == other.units())
}

#[quickcheck]
fn scaling_back_by_a_power_of_two_restores_every_bit(any: AnyNetwork, a: usize, i: i8) -> TestResult {
    let a = a % any.0.units().len();
    let lambda = 2f64.powi(i32::from(i) / 8 * 2);
    let mut network = any.0.clone();
    if network.scale(a, lambda).is_err() {
        return TestResult::discard();
    }
    network.scale(a, 1.0 / lambda).unwrap();
    TestResult::from_bool(network.parameters() == any.0.parameters() && network.units() == any.0.units())
}

#[test]
fn balancings_of_connected_units_do_not_commute() {
    let network = layered(&Layered::new(&[2, 2, 2, 1], RELU), 5).unwrap();
    let hidden: Vec<usize> = network.of_role(Role::Hidden).collect();
    let run = |order: [usize; 2]| {
        let mut network = network.clone();
        for i in order {
            network.balance_unit(i, 2.0, Biases::Counted).unwrap();
        }
        network.parameters().to_vec()
    };
    assert_ne!(run([hidden[0], hidden[2]]), run([hidden[2], hidden[0]]));
}

#[quickcheck]
fn balancing_a_bilu_unit_lowers_the_cost_by_the_square_of_the_difference_of_roots(seed: u64, pick: usize) -> bool {
    let mut network = layered(&Layered::new(&[3, 5, 4, 2], Activation::LeakyRelu { slope: 0.2 }), seed).unwrap();
    let hidden: Vec<usize> = network.of_role(Role::Hidden).collect();
    let unit = hidden[pick % hidden.len()];
    let sum = |network: &Network, incoming: bool| -> f64 {
        let mine = network.connections().iter().filter(|&(t, h, _)| if incoming { h == unit } else { t == unit });
        mine.map(|(_, _, p)| network.parameters()[p].powi(2)).sum()
    };
    let (a, b) = (sum(&network, true), sum(&network, false));
    let before = network.cost(2.0, Biases::Counted);
    let lambda = network.balance_unit(unit, 2.0, Biases::Counted).unwrap().unwrap();
    let fall = before - network.cost(2.0, Biases::Counted);
    let (a1, b1) = (sum(&network, true), sum(&network, false));
    approx::relative_eq!(lambda, (b / a).powf(0.25), max_relative = 1e-12)
        && approx::abs_diff_eq!(fall, (a.sqrt() - b.sqrt()).powi(2), epsilon = 1e-11 * before)
        && approx::relative_eq!(a1, b1, max_relative = 1e-12)
}

#[test]
fn a_bipu_unit_is_balanced_when_inflow_is_c_times_outflow() {
    let mut network = one_unit(SQUARE, 16.0, 3.0, None);
    let lambda = network.balance_unit(1, 2.0, Biases::Counted).unwrap().unwrap();
    assert_relative_eq!(lambda, (2.0 * 9.0 / 256.0f64).powf(1.0 / 6.0), max_relative = 1e-14);
    let [a, b] = [0, 1].map(|k| network.parameters()[k].powi(2));
    assert_relative_eq!(a, 2.0 * b, max_relative = 1e-13);
    let (a, b, c) = (256.0f64, 9.0f64, 2.0f64);
    let least = (1.0 + c) * c.powf(-c / (1.0 + c)) * a.powf(c / (1.0 + c)) * b.powf(1.0 / (1.0 + c));
    assert_relative_eq!(network.cost(2.0, Biases::Counted), least, max_relative = 1e-13);
}

#[test]
fn a_self_connection_of_degree_one_takes_no_part() {
    let mut network = one_unit(RELU, 4.0, 1.0, Some(100.0));
    assert_relative_eq!(network.balance_unit(1, 2.0, Biases::Counted).unwrap().unwrap(), 0.5, max_relative = 1e-14);
    assert_eq!(network.parameters()[2], 100.0);
}

#[quickcheck]
fn a_self_connection_of_another_degree_solves_the_scalar_equation(a: u16, b: u16, s: u16, which: bool) -> bool {
    let c = if which { 2.0 } else { 0.5 };
    let activation = Activation::Bipu { exponent: c, negative: 1.0, positive: 1.0 };
    let weight = |v: u16| ((f64::from(v) - 32768.0) / 300.0).exp2();
    let mut network = one_unit(activation, weight(a), weight(b), Some(weight(s)));
    network.balance_unit(1, 2.0, Biases::Counted).unwrap().unwrap();
    let [a, b, s] = [0, 1, 2].map(|k| network.parameters()[k].powi(2));
    approx::abs_diff_eq!(a + (1.0 - c) * s - c * b, 0.0, epsilon = 1e-10 * (a + b + s))
}

#[test]
fn a_unit_with_one_side_empty_has_no_best_scale() {
    assert_eq!(one_unit(RELU, 0.0, 1.0, None).balance_unit(1, 2.0, Biases::Counted).unwrap(), None);
    assert_eq!(one_unit(RELU, 1.0, 0.0, None).balance_unit(1, 2.0, Biases::Counted).unwrap(), None);
    assert_eq!(one_unit(RELU, 0.0, 0.0, None).balance_unit(1, 2.0, Biases::Counted).unwrap(), Some(1.0));
}

#[test]
fn extreme_weights_neither_overflow_nor_underflow_in_the_closed_form() {
    let mut network = one_unit(RELU, 1e-200, 1e200, None);
    network.balance_unit(1, 40.0, Biases::Counted).unwrap();
    assert_relative_eq!(network.parameters()[0], 1.0, max_relative = 1e-12);
    assert_relative_eq!(network.parameters()[1], 1.0, max_relative = 1e-12);
}

#[test]
fn free_biases_are_scaled_but_do_not_count() {
    let units = vec![Unit::input("x"), Unit::hidden("h", RELU), Unit::output("y", RELU), Unit::constant("one")];
    let mut network = Network::new(units, vec![4.0, 1.0, 7.0], edges(&[(0, 1), (1, 2), (3, 1)])).unwrap();
    assert_eq!(network.cost(1.0, Biases::Free), 5.0);
    network.balance_unit(1, 2.0, Biases::Free).unwrap();
    for (weight, wanted) in network.parameters().iter().zip([2.0, 2.0, 3.5]) {
        assert_relative_eq!(*weight, wanted, max_relative = 1e-14);
    }
}

#[test]
fn the_scale_of_a_state_is_that_of_the_output() {
    let mut network = one_unit(SQUARE, 1.0, 1.0, Some(1.0));
    let mut units = network.units().to_vec();
    units[1].state = 3.0;
    network = Network::new(units, network.parameters().to_vec(), network.connections().clone()).unwrap();
    network.scale(1, 2.0).unwrap();
    assert_eq!(network.parameters(), [2.0, 0.25, 0.5]);
    assert_eq!(network.units()[1].state, 12.0);
}

#[test]
fn visible_frozen_and_tied_units_are_refused() {
    let mut network = one_unit(Activation::Tanh, 1.0, 1.0, None);
    assert!(refusal(network.scale(0, 2.0)).contains("an input"));
    assert!(refusal(network.scale(1, 2.0)).contains("tanh is not positively homogeneous"));
    assert!(refusal(network.scale(2, 2.0)).contains("an output"));
    assert!(refusal(network.scale(3, 2.0)).contains("there are 3 units"));
    let mut network = one_unit(RELU, 1.0, 1.0, None);
    for lambda in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refusal(network.scale(1, lambda)).contains("not a finite number above 0"));
    }
    assert!(refusal(network.balance_unit(1, 0.0, Biases::Counted)).contains("exponent p"));
    let mut units = network.units().to_vec();
    units[1].frozen = true;
    let mut frozen = Network::new(units, vec![1.0, 1.0], network.connections().clone()).unwrap();
    assert!(refusal(frozen.scale(1, 2.0)).contains("frozen by the user"));
    let mut tied = tied_autoencoder(&[3, 2], RELU, 1).unwrap();
    assert!(refusal(tied.scale(3, 2.0)).contains("shared"));
    let mut deep = shared_depth(2, 2, 3, 1, RELU, 1).unwrap();
    assert!(refusal(deep.scale(2, 2.0)).contains("shared"));
}

#[test]
fn a_weight_that_overflows_is_named_and_nothing_changes() {
    let mut network = one_unit(RELU, 1e300, 1e-300, None);
    assert!(refusal(network.scale(1, 1e20)).contains("parameter 0"));
    let mut network = one_unit(RELU, 1.0, 1e-300, None);
    assert!(refusal(network.scale(1, 1e100)).contains("parameter 1"));
    assert_eq!(network.parameters(), [1.0, 1e-300]);
}

#[test]
fn a_channel_of_a_convolution_is_scaled_as_a_whole() {
    let shape =
        Convolution { size: [1, 8], channels: vec![2, 3, 2], kernel: [1, 3], activations: vec![RELU], outputs: 2 };
    let mut network = convolutional(&shape, 3).unwrap();
    let (before, old) = (outputs(&network), network.parameters().to_vec());
    let unit = network.of_role(Role::Hidden).next().unwrap();
    network.scale(unit, 3.0).unwrap();
    assert!(agree(&before, &outputs(&network)));
    let moved = network.parameters().iter().zip(&old).filter(|(a, b)| a != b).count();
    // its kernel for 2 channels, its bias, and its part in the kernels of the 2 channels behind
    assert_eq!(moved, 2 * 3 + 1 + 2 * 3);
}

#[test]
fn builders_give_the_same_network_for_the_same_seed() {
    let shape = Layered::new(&[3, 4, 2], RELU);
    let weights = |seed| layered(&shape, seed).unwrap().parameters().to_vec();
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
    assert_eq!(weights(1).len(), 3 * 4 + 4 + 4 * 2 + 2);
}

#[test]
fn builders_refuse_empty_shapes() {
    refusal(layered(&Layered::new(&[3], RELU), 1));
    refusal(layered(&Layered::new(&[3, 0, 2], RELU), 1));
    refusal(recurrent(1, 0, 1, &[RELU], 1));
    refusal(recurrent(1, 1, 1, &[], 1));
    refusal(tied_autoencoder(&[2], RELU, 1));
    refusal(shared_depth(1, 1, 0, 1, RELU, 1));
    let shape =
        Convolution { size: [1, 4], channels: vec![1, 1, 1], kernel: [1, 3], activations: vec![RELU], outputs: 1 };
    refusal(convolutional(&shape, 1));
}

#[test]
fn a_million_connections_are_checked_and_evaluated_quickly() {
    let network = layered(&Layered::new(&[1000, 1000, 10], RELU), 1).unwrap();
    let answer = FeedForward::new(&network).unwrap().evaluate(&vec![1.0; 1000]).unwrap();
    assert_eq!(answer.len(), 10);
    assert_abs_diff_eq!(network.cost(2.0, Biases::Free) / 2020.0, 1.0, epsilon = 0.05);
}

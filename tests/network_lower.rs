//! Lowering a network to its balancing problem. These tests build problems: they need the core.

mod support;

use quickcheck_macros::quickcheck;
use std::ops::ControlFlow;
use support::{AnyNetwork, agree, outputs};
use synbal::balance::balance;
use synbal::lowered::{Lowered, Scaling};
use synbal::network::build::{Convolution, Layered, convolutional, layered, recurrent, tied_autoencoder};
use synbal::network::mtx::{self, Visible};
use synbal::network::{Activation, Biases, Connections, Network, Role, Unit};
use synbal::regularizer::{Power, Regularizer};
use synbal::solve::{Settings, Status};

const RELU: Activation = Activation::Relu;

fn lower(network: &Network) -> Lowered {
    network.lower(&Regularizer::lp(2.0).unwrap(), Biases::Counted).unwrap()
}

fn reason(lowered: &Lowered, unit: &str) -> String {
    lowered.frozen.iter().find(|f| f.node == unit).unwrap().reason.clone()
}

#[test]
fn a_layered_network_has_one_variable_for_each_hidden_unit() {
    let network = layered(&Layered::new(&[3, 4, 5, 2], RELU), 1).unwrap();
    let lowered = lower(&network);
    let sizes: Vec<usize> = lowered.layers.iter().map(|l| l.variables.len()).collect();
    assert_eq!(sizes, [4, 5]);
    assert_eq!(lowered.weights as usize, network.parameters().len());
    assert!(lowered.frozen.is_empty() && lowered.dead.is_empty());
    for (unit, named) in network.units().iter().zip(lowered.units.iter()) {
        assert_eq!(unit.name, named.name);
        assert_eq!(named.form.is_zero(), unit.role != Role::Hidden);
    }
}

#[test]
fn free_biases_have_no_cost() {
    let network = layered(&Layered::new(&[3, 4, 2], RELU), 1).unwrap();
    let lowered = network.lower(&Regularizer::lp(1.0).unwrap(), Biases::Free).unwrap();
    assert_eq!(lowered.weights, 3 * 4 + 4 * 2);
}

#[test]
fn a_shared_weight_costs_once_and_a_channel_has_one_variable() {
    let shape =
        Convolution { size: [5, 5], channels: vec![1, 3, 2], kernel: [2, 2], activations: vec![RELU], outputs: 2 };
    let network = convolutional(&shape, 1).unwrap();
    let lowered = lower(&network);
    assert_eq!(lowered.weights as usize, network.parameters().len());
    let sizes: Vec<usize> = lowered.layers.iter().map(|l| l.variables.len()).collect();
    assert_eq!(sizes, [3, 2]);
}

#[test]
fn units_that_are_left_alone_are_listed_with_the_reason() {
    let hidden = |name: &str, f| Unit::hidden(name, f);
    let units = vec![
        Unit::input("x"),
        hidden("t", Activation::Tanh),
        Unit { frozen: true, ..hidden("f", RELU) },
        hidden("free", RELU),
        Unit { frozen: true, ..hidden("g0", RELU) }.in_group(7),
        hidden("g1", RELU).in_group(7),
        Unit::output("y", RELU),
    ];
    let mut connections = Connections::new();
    for i in 1..6u32 {
        connections.push(0, i, 2 * i - 2);
        connections.push(i, 6, 2 * i - 1);
    }
    let lowered = lower(&Network::new(units, vec![1.0; 10], connections).unwrap());
    assert_eq!(lowered.frozen.len(), 4);
    assert_eq!(reason(&lowered, "t"), "tanh is not positively homogeneous");
    assert_eq!(reason(&lowered, "f"), "frozen by the user");
    assert!(reason(&lowered, "g1").contains("in one group with g0"));
    let tied = lower(&tied_autoencoder(&[3, 2], RELU, 1).unwrap());
    assert!(reason(&tied, "encoder1.0").contains("shared weights"));
}

#[test]
fn units_without_a_signal_are_dead() {
    let units = vec![Unit::input("x"), Unit::hidden("a", RELU), Unit::hidden("b", RELU), Unit::output("y", RELU)];
    let mut connections = Connections::new();
    [(0, 1), (1, 3), (0, 2), (2, 3)].iter().enumerate().for_each(|(k, &(t, h))| connections.push(t, h, k as u32));
    let lowered = lower(&Network::new(units, vec![1.0, 1.0, 1.0, 0.0], connections).unwrap());
    assert_eq!(lowered.dead, ["b"]);
}

#[test]
fn a_matrix_without_inputs_and_outputs_is_balanced_as_a_matrix() {
    let text = "%%MatrixMarket matrix coordinate real general\n3 3 4\n2 1 1\n3 2 5\n1 3 2\n1 1 9\n";
    let lowered = lower(&mtx::parse(text.as_bytes(), &Visible::default()).unwrap());
    assert!(lowered.dead.is_empty() && lowered.frozen.is_empty());
    assert_eq!(lowered.layers.iter().map(|l| l.variables.len()).sum::<usize>(), 3);
}

#[test]
fn the_layers_of_a_recurrent_network_follow_the_distance_from_the_inputs() {
    let lowered = lower(&recurrent(2, 5, 1, &[RELU], 1).unwrap());
    assert_eq!(lowered.layers.len(), 1);
    assert_eq!(lowered.layers[0].variables.len(), 5);
}

#[quickcheck]
fn every_network_lowers_and_its_log_scales_preserve_the_function(any: AnyNetwork, seed: u16) -> bool {
    let lowered = lower(&any.0);
    let mut variables: Vec<u32> = lowered.layers.iter().flat_map(|l| l.variables.clone()).collect();
    variables.sort_unstable();
    let every_one_once = variables.iter().enumerate().all(|(k, &v)| k == v as usize);
    let x = variables.iter().map(|&v| (f64::from(v * 31 + u32::from(seed))).sin() / 2.0).collect();
    let scaled = any.0.apply(&Scaling::new(x)).unwrap();
    every_one_once && lowered.weights as usize == any.0.parameters().len() && agree(&outputs(&any.0), &outputs(&scaled))
}

#[quickcheck]
fn with_a_cost_for_every_weight_the_slopes_into_and_out_of_every_unit_agree(seed: u64, kinds: Vec<u8>) {
    let network = layered(&Layered::new(&[3, 5, 4, 2], Activation::Relu), seed).unwrap();
    let powers = [(1.0, 3.0), (2.0, 1.0), (1.5, 0.25)];
    let costs: Vec<Regularizer> = powers
        .iter()
        .map(|&(exponent, coefficient)| Regularizer::powers(&[Power { exponent, coefficient }]).unwrap())
        .collect();
    // every weight its own; every thirteenth costs nothing, never all of a unit
    let kind = |parameter: usize| {
        let k = usize::from(kinds.get(parameter % kinds.len().max(1)).copied().unwrap_or(1)) + parameter;
        (parameter % 13 != 12).then_some(k % 3)
    };
    let lowered = network.lower_with(&costs, kind).unwrap();
    let settings = Settings::default();
    let balanced = balance(&lowered.problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(balanced.solution.status, Status::Converged);
    let after = network.apply(&balanced.scaling(false)).unwrap();
    let slope = |parameter: usize| {
        kind(parameter)
            .map_or(0.0, |k| powers[k].1 * powers[k].0 * after.parameters()[parameter].abs().powf(powers[k].0))
    };
    for unit in network.of_role(Role::Hidden) {
        let [mut enters, mut leaves] = [0.0; 2];
        for (tail, head, parameter) in network.connections().iter() {
            enters += if head == unit { slope(parameter) } else { 0.0 };
            leaves += if tail == unit { slope(parameter) } else { 0.0 };
        }
        assert!((enters - leaves).abs() <= 1e-11 * (enters + leaves), "{enters} {leaves}");
    }
}

#[test]
fn a_cost_that_is_not_there_is_named() {
    let network = layered(&Layered::new(&[2, 2, 1], Activation::Relu), 1).unwrap();
    let error = network.lower_with(&[Regularizer::lp(2.0).unwrap()], |parameter| Some(parameter / 3)).unwrap_err();
    assert!(error.to_string().contains("parameter 3"), "{error}");
}

//! Taking log-scales back into a network, and the limit in which some weights are zero.

mod support;

use quickcheck_macros::quickcheck;
use support::{AnyNetwork, agree, outputs};
use synbal::lowered::Scaling;
use synbal::network::build::{Convolution, Layered, convolutional, layered, shared_depth, tied_autoencoder};
use synbal::network::{Activation, Connections, Network, Unit};

const RELU: Activation = Activation::Relu;

fn finite(log_scales: Vec<f64>) -> Scaling {
    Scaling::new(log_scales)
}

/// The number of free log-scales: the one length that is accepted.
fn free(network: &Network) -> usize {
    (0..).find(|&n| network.apply(&finite(vec![0.0; n])).is_ok()).unwrap()
}

fn network(units: Vec<Unit>, list: &[(u32, u32, f64)]) -> Network {
    let mut connections = Connections::new();
    list.iter().enumerate().for_each(|(k, &(tail, head, _))| connections.push(tail, head, k as u32));
    Network::new(units, list.iter().map(|e| e.2).collect(), connections).unwrap()
}

#[quickcheck]
fn any_log_scales_preserve_the_function_of_any_network(any: AnyNetwork, seed: u16) -> bool {
    let n = free(&any.0);
    let x = (0..n).map(|k| ((k * 31 + usize::from(seed)) as f64).sin() / 2.0).collect();
    agree(&outputs(&any.0), &outputs(&any.0.apply(&finite(x)).unwrap()))
}

#[quickcheck]
fn log_scales_of_zero_change_no_bit(any: AnyNetwork) -> bool {
    let same = any.0.apply(&finite(vec![0.0; free(&any.0)])).unwrap();
    same.parameters() == any.0.parameters() && same.units() == any.0.units()
}

#[test]
fn shared_weights_leave_fewer_log_scales() {
    assert_eq!(free(&layered(&Layered::new(&[3, 4, 5, 2], RELU), 1).unwrap()), 9);
    // one for each channel, whatever the number of positions
    let shape =
        Convolution { size: [5, 5], channels: vec![1, 3, 2], kernel: [2, 2], activations: vec![RELU], outputs: 2 };
    assert_eq!(free(&convolutional(&shape, 1).unwrap()), 5);
    // the decoder undoes the encoder, and the innermost layer stays
    assert_eq!(free(&tied_autoencoder(&[4, 3], RELU, 1).unwrap()), 0);
    assert_eq!(free(&tied_autoencoder(&[6, 4, 3], RELU, 1).unwrap()), 4);
    // x(l+1) - x(l) is the same at every depth for every pair of units: one for each unit and one for the growth of all
    assert_eq!(free(&shared_depth(2, 3, 4, 2, RELU, 1).unwrap()), 4);
    assert_eq!(free(&shared_depth(2, 3, 1, 2, RELU, 1).unwrap()), 6);
}

#[test]
fn scales_of_the_wrong_number_or_not_finite_are_refused() {
    let network = layered(&Layered::new(&[1, 2, 1], RELU), 1).unwrap();
    assert!(network.apply(&finite(vec![0.0])).unwrap_err().to_string().contains("1 values for 2 free"));
    assert!(network.apply(&finite(vec![0.0, f64::NAN])).is_err());
    assert!(network.limit_refusal(&[0.0]).is_err());
    let limit = Scaling::new(vec![0.0; 2]).along(vec![f64::INFINITY, 0.0]);
    assert!(network.apply(&limit).is_err());
}

#[test]
fn a_weight_that_overflows_or_vanishes_is_named() {
    let units = vec![Unit::input("x"), Unit::hidden("h", RELU), Unit::output("y", RELU)];
    let network = network(units, &[(0, 1, 1.0), (1, 2, 1.0)]);
    let error = |x: f64| network.apply(&finite(vec![x])).unwrap_err().to_string();
    assert!(error(720.0).contains("connection 0 (x -> h)") && error(720.0).contains("above the largest"));
    assert!(error(-720.0).contains("connection 1 (h -> y)"));
    assert!(error(746.0).contains("(x -> h)"));
}

#[test]
fn large_log_scales_meet_small_weights_without_overflow() {
    let units = vec![Unit::input("x"), Unit::hidden("h", RELU), Unit::output("y", RELU)];
    let network = network(units, &[(0, 1, 1e-300), (1, 2, 1e300)]);
    let answer = network.apply(&finite(vec![750.0])).unwrap();
    approx::assert_relative_eq!(answer.parameters()[0].ln(), 750.0 - 300.0 * 10f64.ln(), max_relative = 1e-12);
    approx::assert_relative_eq!(answer.parameters()[1].ln(), 300.0 * 10f64.ln() - 750.0, max_relative = 1e-12);
}

/// x -> a -> y, and b that is fed by `b_from` and leads to `b_to`; a is variable 0, b variable 1.
fn with_dead_end(list: &[(u32, u32, f64)]) -> Network {
    let hidden = ["a", "b"].map(|n| Unit::hidden(n, RELU));
    let [a, b] = hidden;
    let units = vec![Unit::input("x"), a, b, Unit::output("y", Activation::Linear)];
    network(units, &[&[(0, 1, 2.0), (1, 3, 3.0)], list].concat())
}

#[test]
fn the_limit_that_cuts_off_a_dead_end_is_allowed_and_preserves_the_function() {
    // a -> b leads nowhere: b may go to zero
    let network = with_dead_end(&[(1, 2, 5.0)]);
    let direction = vec![0.0, -1.0];
    assert_eq!(network.limit_refusal(&direction).unwrap(), None);
    let limit = network.apply(&Scaling::new(vec![0.0; 2]).along(direction)).unwrap();
    assert_eq!(limit.parameters(), [2.0, 3.0, 0.0]);
    assert!(agree(&outputs(&network), &outputs(&limit)));
}

#[test]
fn the_limit_of_a_unit_that_nothing_feeds_is_allowed() {
    let network = with_dead_end(&[(2, 1, 5.0)]);
    let direction = vec![0.0, 1.0];
    assert_eq!(network.limit_refusal(&direction).unwrap(), None);
    let limit = network.apply(&Scaling::new(vec![0.5, 0.0]).along(direction)).unwrap();
    assert_eq!(limit.parameters()[2], 0.0);
    assert!(agree(&outputs(&network), &outputs(&limit)));
}

#[test]
fn the_limit_that_cuts_a_signal_is_refused_with_the_connection() {
    let network = with_dead_end(&[(1, 2, 5.0), (2, 3, 0.0)]);
    assert_eq!(network.limit_refusal(&[0.0, -1.0]).unwrap(), None);
    let network = with_dead_end(&[(1, 2, 5.0), (2, 3, 1.0)]);
    let reason = network.limit_refusal(&[0.0, -1.0]).unwrap().unwrap();
    assert!(reason.contains("connection 2 (a -> b)"), "{reason}");
}

#[test]
fn a_state_a_constant_or_an_activation_that_speaks_at_zero_counts_as_a_signal() {
    let base = |b: Unit, extra: Vec<Unit>, list: &[(u32, u32, f64)]| {
        let mut units = vec![Unit::input("x"), Unit::hidden("a", RELU), b, Unit::output("y", RELU)];
        units.extend(extra);
        network(units, &[&[(0, 1, 2.0), (1, 3, 3.0)], list].concat())
    };
    // nothing feeds b, but it has a state
    let state = base(Unit { state: 1.0, ..Unit::hidden("b", RELU) }, vec![], &[(2, 1, 5.0)]);
    assert!(state.limit_refusal(&[0.0, 1.0]).unwrap().unwrap().contains("b -> a"));
    let constant = base(Unit::hidden("b", RELU), vec![Unit::constant("one")], &[(2, 1, 5.0), (4, 2, 1.0)]);
    assert!(constant.limit_refusal(&[0.0, 1.0]).unwrap().unwrap().contains("b -> a"));
    // a sigmoid answers 0 with 1/2: the connection to a carries a signal
    let sigmoid = base(Unit::hidden("b", Activation::Sigmoid), vec![], &[(2, 1, 5.0)]);
    assert!(sigmoid.limit_refusal(&[-1.0]).unwrap().is_some());
    let tanh = base(Unit::hidden("b", Activation::Tanh), vec![Unit::hidden("c", RELU)], &[(2, 4, 5.0)]);
    assert_eq!(tanh.limit_refusal(&[0.0, -1.0]).unwrap(), None);
}

#[test]
fn without_inputs_and_outputs_every_escaping_connection_matters() {
    let units = ["a", "b"].map(|n| Unit::hidden(n, Activation::Linear)).to_vec();
    let network = network(units, &[(0, 1, 1.0)]);
    assert!(network.limit_refusal(&[0.0, -1.0]).unwrap().is_some());
}

#[test]
fn the_state_of_a_unit_that_vanishes_in_the_limit_is_zero() {
    let b = Unit { state: 4.0, ..Unit::hidden("b", RELU) };
    let units = vec![Unit::input("x"), Unit::hidden("a", RELU), b, Unit::output("y", RELU)];
    let network = network(units, &[(0, 1, 1.0), (1, 3, 1.0), (1, 2, 1.0)]);
    let limit = network.apply(&Scaling::new(vec![0.0; 2]).along(vec![0.0, -1.0])).unwrap();
    assert_eq!(limit.units()[2].state, 0.0);
}

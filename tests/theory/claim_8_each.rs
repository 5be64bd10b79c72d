//! Claim 8, one architecture at a time: the function is kept, and exactly the homogeneous hidden units are balanced.

use super::support::{KINDS, agree, outputs};
use super::{balanced, lowered};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use std::collections::BTreeSet;
use synbal::network::build::{Convolution, Layered, convolutional, layered, random_dag, recurrent};
use synbal::network::{Activation, Network, Role};
use synbal::solve::Status;

const RELU: Activation = Activation::Relu;

/// The units that have one scale: each by itself, or its group.
fn together(network: &Network, unit: usize) -> BTreeSet<usize> {
    let units = network.units();
    let tied = (0..units.len()).filter(|&i| units[unit].group.is_some() && units[i].group == units[unit].group);
    tied.chain([unit]).collect()
}

/// `(in - c out) / (in + c out)` for the squares of the weights that enter and leave a unit or its group, each weight once.
fn imbalance(network: &Network, unit: usize) -> f64 {
    let (ours, degree) = (together(network, unit), network.units()[unit].activation.degree().unwrap_or(1.0));
    let (mut enter, mut leave) = (BTreeSet::new(), BTreeSet::new());
    for (tail, head, weight) in network.connections().iter() {
        if ours.contains(&head) {
            enter.insert(weight);
        }
        if ours.contains(&tail) {
            leave.insert(weight);
        }
    }
    let squares = |weights: BTreeSet<usize>| weights.into_iter().map(|k| network.parameters()[k].powi(2)).sum::<f64>();
    let (enter, leave) = (squares(enter), degree * squares(leave));
    (enter - leave) / (enter + leave)
}

/// Whether balancing keeps the function, balances the homogeneous hidden units, and leaves the others as unbalanced as random
/// weights are; discards networks of which weights escape or are not known well enough.
fn is_kept_and_balanced(network: &Network) -> TestResult {
    let answer = balanced(&lowered(network, 2.0));
    if answer.existence.direction().is_some() || answer.solution.status != Status::Converged {
        return TestResult::discard();
    }
    let after = network.apply(&answer.scaling(false)).unwrap();
    assert!(agree(&outputs(network), &outputs(&after)));
    for unit in network.of_role(Role::Hidden) {
        let (free, off) = (network.units()[unit].why_frozen().is_none(), imbalance(&after, unit).abs());
        assert!(if free { off < 1e-10 } else { off > 1e-9 }, "{:?}: {off:e}", network.units()[unit]);
        assert!(imbalance(network, unit).abs() > 1e-9, "random weights are not balanced");
    }
    TestResult::passed()
}

fn widths(sizes: [u8; 4]) -> Vec<usize> {
    sizes.map(|n| 1 + usize::from(n) % 5).to_vec()
}

#[quickcheck]
fn a_layered_network(sizes: [u8; 4], seed: u64) -> TestResult {
    is_kept_and_balanced(&layered(&Layered::new(&widths(sizes), RELU), seed).unwrap())
}

#[quickcheck]
fn a_network_that_is_not_layered_for_connections_skip_layers(sizes: [u8; 4], seed: u64) -> TestResult {
    let shape = Layered { skips: true, ..Layered::new(&widths(sizes), RELU) };
    is_kept_and_balanced(&layered(&shape, seed).unwrap())
}

#[quickcheck]
fn a_partly_connected_network(hidden: u8, density: u8, seed: u64) -> TestResult {
    let density = f64::from(density) / 255.0;
    is_kept_and_balanced(&random_dag(2, 2 + usize::from(hidden % 10), 2, density, RELU, seed).unwrap())
}

#[quickcheck]
fn a_recurrent_network(sizes: [u8; 3], seed: u64) -> TestResult {
    let [inputs, hidden, outputs] = sizes.map(|n| 1 + usize::from(n) % 5);
    is_kept_and_balanced(&recurrent(inputs, hidden, outputs, &[RELU], seed).unwrap())
}

#[quickcheck]
fn a_convolutional_network_channel_by_channel(channels: [u8; 3], seed: u64) -> TestResult {
    let channels = channels.map(|n| 1 + usize::from(n) % 3).to_vec();
    let shape = Convolution { size: [4, 5], channels, kernel: [2, 2], activations: vec![RELU], outputs: 2 };
    is_kept_and_balanced(&convolutional(&shape, seed).unwrap())
}

#[quickcheck]
fn a_network_of_mixed_activations(sizes: [u8; 4], kinds: [u8; 4], seed: u64) -> TestResult {
    let activations = kinds.map(|k| KINDS[usize::from(k) % KINDS.len()]).to_vec();
    is_kept_and_balanced(&layered(&Layered { activations, ..Layered::new(&widths(sizes), RELU) }, seed).unwrap())
}

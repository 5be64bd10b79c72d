//! Claim 6, for the layers of a network: one layer after the other, or with one scale for each layer.

use super::bank::price::{Price, Priced};
use super::bank::ways::schedules;
use super::support::{AnyNetwork, agree, outputs};
use super::tied_layers::TiedLayers;
use super::{balanced, local, lowered};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use synbal::lowered::{Lowered, Scaling};
use synbal::network::Network;
use synbal::solve::{Schedule, Solution, Status};

/// Squares balanced locally in one order.
fn by(network: &Network, lowered: &Lowered, schedule: Schedule) -> Solution {
    let squares = Priced::of(network, lowered, |_| Price::power(2.0));
    squares.solve_checked(&lowered.problem, &local(schedule, 3000))
}

fn layers(lowered: &Lowered) -> Vec<Vec<usize>> {
    lowered.layers.iter().map(|l| l.variables.iter().map(|&v| v as usize).collect()).collect()
}

/// The log-multipliers of all connections that have a cost.
fn log_multipliers(lowered: &Lowered, x: &[f64]) -> Vec<f64> {
    let mut list = vec![];
    lowered.problem.for_each_entry(|entry| list.push(lowered.problem.form(&entry).at(x)));
    list
}

#[quickcheck]
fn layer_by_layer_forwards_or_backwards_a_network_reaches_its_balanced_weights(any: AnyNetwork) -> TestResult {
    let lowered = lowered(&any.0, 2.0);
    let exact = balanced(&lowered);
    if exact.existence.direction().is_some() || exact.solution.status != Status::Converged {
        return TestResult::discard();
    }
    let expected = log_multipliers(&lowered, &exact.solution.log_scales);
    for schedule in [Schedule::Forward(layers(&lowered)), Schedule::Backward(layers(&lowered))] {
        let answer = by(&any.0, &lowered, schedule);
        let bound = (exact.solution.error_bound + answer.error_bound).ln_1p();
        for (a, b) in expected.iter().zip(log_multipliers(&lowered, &answer.log_scales)) {
            assert!((a - b).abs() <= bound, "{a} {b}, bounds allow {bound:e}");
        }
    }
    TestResult::passed()
}

#[quickcheck]
fn with_one_scale_for_each_layer_every_order_reaches_the_geometric_mean(widths: Vec<u8>, seed: u64) {
    let widths: Vec<usize> = [2, 3, 4].into_iter().chain(widths.iter().take(3).map(|w| 1 + *w as usize % 5)).collect();
    let tied = TiedLayers::new(&widths, seed);
    let lowered = lowered(&tied.network, 2.0);
    for schedule in schedules(lowered.problem.variables()) {
        let log_scales = by(&tied.network, &lowered, schedule).log_scales;
        let after = tied.network.apply(&Scaling::new(log_scales)).unwrap();
        assert!(agree(&outputs(&tied.network), &outputs(&after)));
        tied.assert_mean(&after, 2.0);
    }
}

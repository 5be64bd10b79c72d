//! Claim 5: training on the error alone does not balance; gradient flow conserves the deficit of every unit.

use quickcheck_macros::quickcheck;

use super::perceptron::{Perceptron, SIZES, data};

#[quickcheck]
fn the_gradient_of_the_error_is_balanced_at_every_homogeneous_unit(seed: u16) -> bool {
    let (net, data) = (Perceptron::random(seed), data(seed));
    let (_, gradient) = net.gradient(&data);
    (0..SIZES.1).all(|unit| {
        let enters: f64 = net.first[unit].iter().zip(&gradient.first[unit]).map(|(w, g)| w * g).sum();
        let leaves: f64 = net.second.iter().zip(&gradient.second).map(|(w, g)| w[unit] * g[unit]).sum();
        (enters - leaves).abs() < 1e-12 * (1.0 + enters.abs())
    })
}

#[quickcheck]
fn one_step_changes_the_deficit_by_the_square_of_the_rate_times_that_of_the_gradient(seed: u16, rate: u8) -> bool {
    let (mut net, data) = (Perceptron::random(seed), data(seed));
    let eta = f64::from(rate) / 1000.0;
    let (before, (_, gradient)) = (net.deficits(), net.gradient(&data));
    net.step(&gradient, eta, 0.0);
    let change = gradient.deficits();
    let all = before.iter().zip(net.deficits()).zip(change);
    all.into_iter().all(|((a, b), g)| (b - a - eta * eta * g).abs() < 1e-12 * (1.0 + a.abs() + b.abs()))
}

#[test]
fn gradient_flow_conserves_the_deficit_and_large_steps_leave_balance() {
    let data = data(2);
    let train = |rate: f64, steps: usize| {
        let mut net = Perceptron::random(2);
        net.balance();
        let start = net.gradient(&data).0;
        for _ in 0..steps {
            let (_, gradient) = net.gradient(&data);
            net.step(&gradient, rate, 0.0);
        }
        assert!(net.gradient(&data).0 < 0.5 * start, "it learns");
        net.deficits().iter().map(|d| d.abs()).fold(0.0, f64::max)
    };
    // the same time of learning, in small steps and in large ones
    let (flow, large) = (train(1e-4, 20_000), train(0.1, 20));
    assert!(flow < 2e-3 && large > 30.0 * flow, "{flow:e} {large:e}");
}

#[test]
fn training_on_the_error_alone_learns_and_does_not_balance() {
    let mut errors = [0.0; 2];
    for seed in 0..12 {
        let (mut net, data) = (Perceptron::random(seed), data(seed));
        errors[0] += net.gradient(&data).0;
        let deficit = net.deficit();
        for _ in 0..4000 {
            let (_, gradient) = net.gradient(&data);
            net.step(&gradient, 0.01, 0.0);
        }
        // with a cost of 0.05 this time leaves less than a thousandth of the deficit
        errors[1] += net.gradient(&data).0;
        assert!(net.deficit() > 0.5 * deficit, "seed {seed}: {deficit:e} -> {:e}", net.deficit());
    }
    assert!(errors[1] < 0.5 * errors[0], "it learns: {errors:?}");
}

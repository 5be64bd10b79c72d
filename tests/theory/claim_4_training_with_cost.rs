//! Claim 4: where error plus cost is least every unit is balanced, and training on both approaches balance.

use super::perceptron::{Perceptron, SIZES, data};

#[test]
fn at_a_minimum_of_error_plus_cost_every_unit_is_balanced() {
    let mut minima = 0;
    for seed in 0..6 {
        let (mut net, data) = (Perceptron::random(seed), data(seed));
        let start = net.deficit();
        for _ in 0..60_000 {
            let (_, gradient) = net.gradient(&data);
            net.step(&gradient, 0.02, 0.05);
        }
        let (_, gradient) = net.gradient(&data);
        let slope = |w: f64, g: f64| (g + 0.1 * w).abs();
        let pairs = net.first.iter().flatten().zip(gradient.first.iter().flatten());
        let steepest = pairs.map(|(&w, &g)| slope(w, g)).fold(0.0, f64::max);
        // a minimum in a kink of the activation has no gradient
        if steepest > 1e-9 {
            continue;
        }
        minima += 1;
        for unit in 0..SIZES.1 {
            let [enters, leaves] = net.squares(unit);
            assert!((enters - leaves).abs() < 1e-7 * (enters + leaves).max(1e-3), "unit {unit}: {enters} {leaves}");
        }
        assert!(start > 1e-2, "the start was not balanced");
    }
    assert!(minima >= 3, "{minima} of 6 runs ended where the cost is smooth");
}

#[test]
fn the_deficit_shrinks_by_the_rate_of_the_cost_alone_under_gradient_flow() {
    let (beta, rate, steps) = (0.05, 1e-4, 20_000);
    let (mut net, data) = (Perceptron::random(3), data(3));
    let before = net.deficits();
    for _ in 0..steps {
        let (_, gradient) = net.gradient(&data);
        net.step(&gradient, rate, beta);
    }
    let expected = (-4.0 * beta * rate * f64::from(steps)).exp();
    for (a, b) in before.iter().zip(net.deficits()) {
        assert!((b - a * expected).abs() < 5e-3 * a.abs().max(0.1), "{a} -> {b}, expected a share of {expected}");
    }
}

/// Trains on the error plus the cost; the sum of both and the deficit, once every hundred steps.
fn course(seed: u16, beta: f64, steps: usize) -> Vec<[f64; 2]> {
    let (mut net, data) = (Perceptron::random(seed), data(seed));
    let mut course = vec![];
    for step in 0..=steps {
        let (error, gradient) = net.gradient(&data);
        if step % 100 == 0 {
            let cost: f64 = (0..SIZES.1).flat_map(|unit| net.squares(unit)).sum();
            course.push([error + beta * cost, net.deficit()]);
        }
        net.step(&gradient, 0.01, beta);
    }
    course
}

#[test]
fn training_on_error_plus_cost_approaches_balance_from_every_start() {
    for seed in 0..12 {
        let course = course(seed, 0.05, 4000);
        let (first, last) = (course[0][1], course[40][1]);
        // gradient flow leaves a share exp(-8 beta t) of the squares
        assert!(last < 1e-3 * first, "seed {seed}: {first:e} -> {last:e}");
    }
}

#[test]
fn the_deficit_tracks_the_progress_of_learning() {
    for seed in 0..12 {
        // what is learned and the deficit fall together, from one look to the next
        for pair in course(seed, 0.05, 2000).windows(2) {
            assert!(pair[1][0] < pair[0][0] && pair[1][1] < pair[0][1], "seed {seed}: {pair:?}");
        }
    }
}

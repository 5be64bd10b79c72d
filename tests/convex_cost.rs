//! Sums of powers, a norm of its own for each block, and a user's own convex cost.

use std::ops::ControlFlow;
use std::sync::Arc;
use synbal::balance::balance;
use synbal::manifold::Form;
use synbal::problem::{Port, Problem, ProblemBuilder, Weights};
use synbal::regularizer::{ConvexCost, Power, Regularizer};
use synbal::solve::{Method, Schedule, Settings};

const INTO: [f64; 6] = [0.3, -2.0, 1.5, 4.0, -0.7, 1.1];
const BETWEEN: [f64; 4] = [0.9, -0.4, 3.0, 0.2];
const OUT: [f64; 4] = [-1.0, 0.6, 0.05, 2.5];

fn network(regularizers: [&Regularizer; 3]) -> Problem {
    let mut builder = ProblemBuilder::new(4);
    let units: Vec<Port> = (0..4).map(|v| builder.port(&Form::variable(v))).collect();
    let (first, second) = (units[..2].to_vec(), units[2..].to_vec());
    let ground = |n| vec![Port::GROUND; n];
    builder.block("in", first.clone(), ground(3), Weights::Dense(INTO.to_vec()), regularizers[0]).unwrap();
    builder.block("mid", second.clone(), first, Weights::Dense(BETWEEN.to_vec()), regularizers[1]).unwrap();
    builder.block("out", ground(2), second, Weights::Dense(OUT.to_vec()), regularizers[2]).unwrap();
    builder.build()
}

fn optimum(problem: &Problem, method: Method) -> Vec<f64> {
    let settings = Settings { method, ..Settings::default() };
    let solution = balance(problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap().solution;
    assert!(solution.residual <= 1e-12, "{method:?} {:?} residual {:.1e}", solution.status, solution.residual);
    solution.log_scales
}

fn assert_close(a: &[f64], b: &[f64]) {
    a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-10, "{a} against {b}"));
}

/// `|w| + 3 w^2` as a function of `ln |w|`.
#[derive(Debug)]
struct Elastic;

impl ConvexCost for Elastic {
    fn at(&self, t: f64) -> [f64; 3] {
        let (one, two) = (t.exp(), 3.0 * (2.0 * t).exp());
        [one + two, one + 2.0 * two, one + 4.0 * two]
    }
}

#[test]
fn elastic_net_as_powers_and_as_a_users_own_cost_have_the_same_optimum() {
    let powers = [Power { exponent: 1.0, coefficient: 1.0 }, Power { exponent: 2.0, coefficient: 3.0 }];
    let powers = Regularizer::powers(&powers).unwrap();
    let own = Regularizer::Convex(Arc::new(Elastic));
    let (by_powers, by_own) = (network([&powers; 3]), network([&own; 3]));
    let exact = optimum(&by_powers, Method::Newton);
    for (method, _) in Method::ALL {
        assert_close(&optimum(&by_powers, method), &exact);
        assert_close(&optimum(&by_own, method), &exact);
    }
    // mixing both kinds in one problem changes nothing
    assert_close(&optimum(&network([&powers, &own, &powers]), Method::Newton), &exact);
}

#[test]
fn at_the_optimum_of_mixed_norms_the_slopes_into_and_out_of_every_unit_are_equal() {
    let norms = [1.0, 2.0, 3.0].map(|p| Regularizer::lp(p).unwrap());
    let problem = network([&norms[0], &norms[1], &norms[2]]);
    let x = optimum(&problem, Method::Newton);
    let slope = |p: f64, w: f64, l: f64| p * (w.abs() * l.exp()).powf(p);
    for unit in 0..2 {
        let into: f64 = (0..3).map(|j| slope(1.0, INTO[3 * unit + j], x[unit])).sum();
        let out: f64 = (0..2).map(|i| slope(2.0, BETWEEN[2 * i + unit], x[2 + i] - x[unit])).sum();
        assert!((into - out).abs() < 1e-11 * (into + out));
        let into: f64 = (0..2).map(|j| slope(2.0, BETWEEN[2 * unit + j], x[2 + unit] - x[j])).sum();
        let out: f64 = (0..2).map(|i| slope(3.0, OUT[2 * i + unit], -x[2 + unit])).sum();
        assert!((into - out).abs() < 1e-11 * (into + out));
    }
    for schedule in [Schedule::Uniform, Schedule::Greedy, Schedule::Poisson] {
        let settings = Settings { method: Method::Local, schedule, ..Settings::default() };
        let local = balance(&problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_close(&local.solution.log_scales, &x);
    }
}

//! Sums of powers, a norm of its own for each block, and a user's own convex cost.

use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::existence::{existence, verify};
use synbal::manifold::Form;
use synbal::problem::{Port, Problem, ProblemBuilder, Weights};
use synbal::regularizer::{ConvexCost, Power, Regularizer};
use synbal::solve::{Method, Schedule, Settings, Status};

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
    assert_eq!(solution.status, Status::Converged, "{method:?}, error bound {:.1e}", solution.error_bound);
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
    let own = Regularizer::convex(Elastic).unwrap();
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

/// A function of `ln |w|` with its first and second derivative, and the range of its slopes where that is known.
struct Own(fn(f64) -> [f64; 3], Option<[f64; 2]>);

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a cost of one's own")
    }
}

impl ConvexCost for Own {
    fn at(&self, t: f64) -> [f64; 3] {
        self.0(t)
    }

    fn slopes(&self) -> Option<[f64; 2]> {
        self.1
    }
}

/// `ln(1 + w^2)`: its slope stays below 2.
fn bounded(t: f64) -> [f64; 3] {
    let share = 1.0 / (1.0 + (-2.0 * t).exp());
    [(2.0 * t).max(0.0) + (-(2.0 * t).abs()).exp().ln_1p(), 2.0 * share, 4.0 * share * (1.0 - share)]
}

#[test]
fn a_cost_of_bounded_slope_is_balanced_by_all_methods() {
    let problem = network([&Regularizer::convex(Own(bounded, None)).unwrap(); 3]);
    let exact = optimum(&problem, Method::Newton);
    for (method, _) in Method::ALL {
        assert_close(&optimum(&problem, method), &exact);
    }
    // by hand: the slopes 2 w^2 / (1 + w^2) into and out of the first unit agree
    let slope = |w: f64, l: f64| bounded(w.abs().ln() + l)[1];
    let enters: f64 = INTO[..3].iter().map(|&w| slope(w, exact[0])).sum();
    let leaves = slope(BETWEEN[0], exact[2] - exact[0]) + slope(BETWEEN[2], exact[3] - exact[0]);
    assert!((enters - leaves).abs() < 1e-11 * enters, "{enters} {leaves}");
}

/// One unit with an incoming weight 2 under one cost and an outgoing weight 3 under another.
fn unit(into: &Regularizer, out: &Regularizer) -> Problem {
    let mut builder = ProblemBuilder::new(1);
    let unit = builder.port(&Form::variable(0));
    builder.block("in", vec![unit], vec![Port::GROUND], Weights::Dense(vec![2.0]), into).unwrap();
    builder.block("out", vec![Port::GROUND], vec![unit], Weights::Dense(vec![3.0]), out).unwrap();
    builder.build()
}

#[test]
fn with_a_negative_logarithm_a_minimum_exists_only_where_slopes_can_meet() {
    let squares = Regularizer::lp(2.0).unwrap();
    // w^2 - ln w has slopes from -1 to infinity, w^2 from 0: they meet
    let both =
        Regularizer::convex(Own(|t| [(2.0 * t).exp() - t, 2.0 * (2.0 * t).exp() - 1.0, 4.0 * (2.0 * t).exp()], None));
    let problem = unit(&both.unwrap(), &squares);
    let x = optimum(&problem, Method::Newton)[0];
    let (enters, leaves) = (2.0 * 4.0 * (2.0 * x).exp() - 1.0, 2.0 * 9.0 * (-2.0 * x).exp());
    assert!((enters - leaves).abs() < 1e-11 * leaves, "{enters} {leaves}");
    // -ln w alone has the slope -1, squares have more than 0: the cost falls for ever
    let falling = Regularizer::convex(Own(|t| [-t, -1.0, 0.0], None)).unwrap();
    let problem = unit(&squares, &falling);
    let settings = Settings { max_iterations: 200, ..Settings::default() };
    let answer = balance(&problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(answer.existence.name(), "undecided");
    assert_ne!(answer.solution.status, Status::Converged, "{:?}", answer.solution);
}

/// `ln(1 + w^2) - b ln |w|`: slopes from -b to 2 - b.
fn pulled<const HALVES: i32>(t: f64) -> [f64; 3] {
    // written so that nothing cancels for large weights
    let (b, share, top) =
        (f64::from(HALVES) / 2.0, 1.0 / (1.0 + (2.0 * t.abs()).exp()), if t >= 0.0 { 2.0 } else { 0.0 });
    let slope = (top - b) - 2.0 * share * t.signum();
    [(top - b) * t + (-(2.0 * t).abs()).exp().ln_1p(), slope, 4.0 * share * (1.0 - share)]
}

#[test]
fn slopes_that_meet_have_a_minimum_and_slopes_that_do_not_have_none() {
    let squares = Regularizer::lp(2.0).unwrap();
    // w^2 has slopes above 0: those of the other side, up to 2 - b, meet them where b is below 2
    let pulled = |cost: fn(f64) -> [f64; 3], b: f64| Regularizer::convex(Own(cost, Some([-b, 2.0 - b]))).unwrap();
    for (cost, meets) in [
        (pulled(self::pulled::<1>, 0.5), true),
        (pulled(self::pulled::<3>, 1.5), true),
        (pulled(self::pulled::<4>, 2.0), false),
        (pulled(self::pulled::<5>, 2.5), false),
        (pulled(self::pulled::<8>, 4.0), false),
    ] {
        let problem = unit(&squares, &cost);
        let found = existence(&problem);
        assert_eq!(found.name(), if meets { "attained" } else { "falls for ever" });
        assert!(verify(&problem, &found));
        for (method, name) in Method::ALL {
            let settings = Settings { method, max_iterations: 2000, ..Settings::default() };
            let answer = balance(&problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap().solution;
            assert_eq!(answer.status == Status::Converged, meets, "{name}: {answer:?}");
        }
    }
}

#[test]
fn costs_that_fall_at_first_are_balanced_by_all_methods_from_far_on_either_side() {
    // w^2 - ln |w| is least at 1/sqrt 2; costs may be negative
    let cost =
        Own(|t| [(2.0 * t).exp() - t, 2.0 * (2.0 * t).exp() - 1.0, 4.0 * (2.0 * t).exp()], Some([-1.0, f64::INFINITY]));
    let cost = Regularizer::convex(cost).unwrap();
    for (into, out) in [(0.01, 0.02), (0.01, 5.0), (40.0, 3.0), (0.6, 0.6)] {
        let mut builder = ProblemBuilder::new(2);
        let units: Vec<Port> = (0..2).map(|v| builder.port(&Form::variable(v))).collect();
        let mut add =
            |head, tail, w| builder.block("w", vec![head], vec![tail], Weights::Dense(vec![w]), &cost).unwrap();
        add(units[0], Port::GROUND, into);
        add(units[1], units[0], 0.5);
        add(Port::GROUND, units[1], out);
        let problem = builder.build();
        let found = existence(&problem);
        assert!(found.name() == "attained" && verify(&problem, &found));
        // by symmetry: the product of three weights is kept, and their logarithms are equal
        let mean: f64 = (f64::ln(into) + f64::ln(0.5) + f64::ln(out)) / 3.0;
        for (method, _) in Method::ALL {
            let x = optimum(&problem, method);
            assert_close(&[x[0], x[1]], &[mean - f64::ln(into), f64::ln(out) - mean]);
        }
    }
}

#[test]
fn what_is_not_convex_or_contradicts_itself_is_refused() {
    // 1 - exp(-w^2) saturates
    let saturating = Own(
        |t| {
            let (u, e) = ((2.0 * t).exp(), (-(2.0 * t).exp()).exp());
            [1.0 - e, 2.0 * u * e, 4.0 * u * e * (1.0 - u)]
        },
        None,
    );
    for (cost, words) in [
        (saturating, "not convex"),
        (Own(|t| [t.exp(), 2.0 * t.exp(), t.exp()], None), "contradicts"),
        (Own(|t| [t.exp(), t.exp(), -t.exp()], None), "not convex"),
        (Own(|t| [1.0 / (t - 1.0), 1.0, f64::NAN], None), "are"),
        (Own(bounded, Some([0.0, 1.5])), "outside of its range"),
    ] {
        let error = Regularizer::convex(cost).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("magnitude"), "{words}: {error}");
    }
}

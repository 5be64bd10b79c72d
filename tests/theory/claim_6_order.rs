//! Claim 6: stochastic balancing converges to one set of balanced weights, whatever the order.

use super::bank::any::{AnyGraph, AnyProblem};
use super::bank::check::Flows;
use super::bank::ways::schedules;
use super::bank::{self, Edge, Raw, optimum, solve_checked};
use super::{attained, from, local, lowered};
use quickcheck_macros::quickcheck;
use std::ops::ControlFlow;
use synbal::network::Activation;
use synbal::network::build::{Layered, layered};
use synbal::solve::{Method, Schedule, Settings, Solution, Status, solve};

/// Two solutions give every weight the same value, within their error bounds.
fn assert_same(raw: &Raw, a: &Solution, b: &Solution) {
    let bound = (a.error_bound + b.error_bound).ln_1p();
    for e in raw.edges.iter().filter(|e| e.weight != 0.0) {
        let off = (e.log_multiplier(&a.log_scales) - e.log_multiplier(&b.log_scales)).abs();
        assert!(off <= bound, "off by {off:e}, bounds allow {bound:e}: {a:?} {b:?}");
    }
}

#[quickcheck]
fn local_balancing_never_raises_the_cost(any: AnyProblem) {
    let raw = attained(&any.0);
    // all units as one layer: those that a connection joins take turns
    let at_once = Schedule::Parallel(vec![(0..raw.variables).collect()]);
    for schedule in [Schedule::Uniform, Schedule::Cyclic, Schedule::Greedy, Schedule::Poisson, at_once] {
        for theta in [1.0, 0.5] {
            let settings = Settings { relaxation: theta, ..local(schedule.clone(), 30) };
            let solution = solve_checked(&raw, &raw.problem(), &settings);
            let rounding = Flows::of(&raw, &solution.log_scales).rounding;
            for pair in solution.trace.windows(2) {
                assert!(pair[1].cost <= pair[0].cost * (1.0 + 2.0 * rounding), "{schedule:?}: {pair:?}");
            }
        }
    }
}

#[quickcheck]
fn the_optimum_does_not_depend_on_a_rescaling_of_the_start(any: AnyProblem, seed: u16) {
    let raw = attained(&any.0);
    let shift: Vec<f64> = (0..raw.variables).map(|v| 3.0 * (f64::from(seed) + v as f64 * 1.7).sin()).collect();
    let scale = |e: &Edge| Edge { weight: e.weight * e.log_multiplier(&shift).exp(), ..e.clone() };
    let scaled = Raw { variables: raw.variables, edges: raw.edges.iter().map(scale).collect() };
    let limit = Settings { max_iterations: 500, ..Settings::default() };
    let (a, b) = (solve_checked(&raw, &raw.problem(), &limit), solve_checked(&scaled, &scaled.problem(), &limit));
    // the scaled weights are themselves rounded: by that much the two problems differ
    let rounding = 8.0 * f64::EPSILON;
    for (e, f) in raw.edges.iter().zip(&scaled.edges).filter(|(e, _)| e.weight != 0.0) {
        let logs = [(e, &a), (f, &b)].map(|(e, s)| e.weight.abs().ln() + e.log_multiplier(&s.log_scales));
        let allowed = (a.error_bound + b.error_bound).ln_1p() + rounding * (1.0 + e.weight.abs().ln().abs() + 20.0);
        assert!((logs[0] - logs[1]).abs() <= allowed, "{logs:?}, bounds {:e} {:e}", a.error_bound, b.error_bound);
    }
}

#[quickcheck]
fn relaxed_steps_reach_the_same_optimum(any: AnyGraph, theta: u8) {
    let raw = attained(&any.0);
    // over-relaxation is proved for degree 1 and one exponent
    let p = raw.edges.first().map_or(2.0, |e| e.p);
    let one = Raw { edges: raw.edges.iter().map(|e| Edge { p, ..e.clone() }).collect(), ..raw };
    let theta = 0.31 + 1.38 * f64::from(theta) / 255.0;
    let exact = solve_checked(&one, &one.problem(), &Settings { max_iterations: 500, ..Settings::default() });
    let settings = Settings { relaxation: theta, ..local(Schedule::Cyclic, 600) };
    let relaxed = solve_checked(&one, &one.problem(), &settings);
    assert_same(&one, &exact, &relaxed);
    assert!(relaxed.cost <= relaxed.trace[0].cost * (1.0 + 1e-12));
}

#[test]
fn relaxed_steps_converge_on_problems_that_are_not_hard() {
    for known in
        bank::known::closed_forms().iter().filter(|k| k.raw.edges.iter().all(|e| e.tail.iter().all(|t| t.1 == 1.0)))
    {
        for theta in [0.3, 0.7, 1.3, 1.7] {
            let settings = Settings { relaxation: theta, ..local(Schedule::Cyclic, 5000) };
            let solution = solve_checked(&known.raw, &known.raw.problem(), &settings);
            assert_eq!(solution.status, Status::Converged, "{}, theta {theta}", known.name);
            approx::assert_relative_eq!(solution.cost, known.cost, max_relative = 1e-13);
        }
    }
}

#[test]
fn an_over_relaxed_step_of_a_unit_of_degree_three_may_raise_the_cost() {
    // 3 e^8 e^(2 x) + e^(-6 x) is least at x = -1; the step from 0 with theta = 1.9 goes to -1.9
    let edge = |head: &[(usize, f64)], tail: &[(usize, f64)], weight: f64| {
        let (head, tail) = (head.to_vec(), tail.to_vec());
        Edge { head, tail, weight, p: 2.0, alpha: 1.0 }
    };
    let into = (3f64 * 8f64.exp()).sqrt();
    let raw = Raw { variables: 1, edges: vec![edge(&[(0, 1.0)], &[], into), edge(&[], &[(0, 3.0)], 1.0)] };
    let costs = |theta: f64| -> Vec<f64> {
        let settings = Settings { relaxation: theta, ..local(Schedule::Cyclic, 1) };
        solve_checked(&raw, &raw.problem(), &settings).trace.iter().map(|step| step.cost).collect()
    };
    let (start, over) = (costs(1.9)[0], 3.0 * 4.2f64.exp() + 11.4f64.exp());
    assert!(over > 10.0 * start, "{over} {start}");
    approx::assert_relative_eq!(costs(1.9)[1], over, max_relative = 1e-9);
    approx::assert_relative_eq!(costs(1.0)[1], 4.0 * 6f64.exp(), max_relative = 1e-9);
}

#[test]
fn over_relaxed_steps_of_units_of_degree_three_may_diverge() {
    // a ring of three units, each with an input and an output
    let (large, small) = (4f64.exp(), (-4f64).exp());
    let edge = |head: Option<usize>, tail: Option<usize>, weight: f64| Edge {
        head: head.map_or(vec![], |v| vec![(v, 1.0)]),
        tail: tail.map_or(vec![], |v| vec![(v, 3.0)]),
        weight,
        p: 1.0,
        alpha: 1.0,
    };
    let unit =
        |v: usize| [edge(Some(v), None, large), edge(None, Some(v), small), edge(Some((v + 1) % 3), Some(v), small)];
    let raw = Raw { variables: 3, edges: (0..3).flat_map(unit).collect() };
    let after = |theta: f64, sweeps: usize| {
        let settings = Settings { relaxation: theta, ..local(Schedule::Cyclic, sweeps) };
        solve_checked(&raw, &raw.problem(), &settings)
    };
    let [start, some, more] = [0, 10, 20].map(|sweeps| after(1.9, sweeps).cost);
    assert!(some > 10.0 * start && more > 1e6 * some, "{start} {some} {more}");
    // with steps that are not longer than exact ones they converge
    let exact = optimum(&raw);
    for theta in [0.5, 1.0] {
        let solution = after(theta, 5000);
        assert_eq!(solution.status, Status::Converged);
        assert_same(&raw, &exact, &solution);
    }
}

#[quickcheck]
fn a_subset_is_balanced_and_everything_else_stays(any: AnyProblem, mask: u8, seed: u8) {
    let raw = attained(&any.0);
    let subset: Vec<usize> = (0..raw.variables).filter(|v| mask >> v & 1 == 1).collect();
    let start: Vec<f64> = (0..raw.variables).map(|v| (f64::from(seed) + v as f64).sin()).collect();
    for (method, _) in Method::ALL {
        let settings = Settings { method, subset: Some(subset.clone()), max_iterations: 400, ..Settings::default() };
        let solution = from(&raw, settings, &start);
        for v in (0..raw.variables).filter(|v| !subset.contains(v)) {
            assert_eq!(solution.log_scales[v].to_bits(), start[v].to_bits(), "{method:?} moved variable {v}");
        }
    }
}

#[test]
fn one_unit_of_a_ring_without_ground_is_balanced_alone() {
    let edges: Vec<_> = (0..3).map(|v| (Some(v), Some((v + 1) % 3), [1.0, 16.0, 3.0][v])).collect();
    let ring = Raw::graph(3, 2.0, &edges);
    for v in 0..3 {
        for (method, name) in Method::ALL {
            let settings = Settings { method, subset: Some(vec![v]), ..Settings::default() };
            let solution = solve_checked(&ring, &ring.problem(), &settings);
            assert_eq!(solution.status, Status::Converged, "{name}");
            let [enters, leaves] = [(v + 2) % 3, v].map(|k| [1.0f64, 16.0, 3.0][k]);
            let expected = (leaves / enters).ln() / 2.0;
            assert!((solution.log_scales[v] - expected).abs() < 1e-12, "{name}: {:?}", solution.log_scales);
        }
    }
}

#[quickcheck]
fn every_order_leads_to_the_same_balanced_weights(any: AnyGraph, seed: u64) {
    let raw = attained(&any.0);
    let exact = solve_checked(&raw, &raw.problem(), &Settings { max_iterations: 500, ..Settings::default() });
    let n = raw.variables;
    let given: Vec<usize> = (0..2 * n).map(|k| (k * 5 + seed as usize % 7) % n).chain(0..n).collect();
    let schedules = [
        Schedule::Uniform,
        Schedule::Permutation,
        Schedule::Cyclic,
        Schedule::Greedy,
        Schedule::Poisson,
        Schedule::Parallel(vec![(0..n).collect()]),
        Schedule::Forward(vec![(0..n).collect()]),
        Schedule::Backward(vec![(0..n / 2).collect(), (n / 2..n).collect()]),
        Schedule::Sequence(given),
    ];
    for schedule in schedules {
        let settings = Settings { seed, ..local(schedule.clone(), 3000) };
        assert_same(&raw, &exact, &solve_checked(&raw, &raw.problem(), &settings));
    }
}

#[quickcheck]
fn from_every_start_the_same_weights_are_reached(any: AnyProblem, seed: u16) {
    let raw = attained(&any.0);
    let exact = solve_checked(&raw, &raw.problem(), &Settings { max_iterations: 500, ..Settings::default() });
    let start: Vec<f64> = (0..raw.variables).map(|v| 8.0 * (f64::from(seed) + v as f64 * 2.3).sin()).collect();
    let local = |schedule| Settings { method: Method::Local, schedule, max_iterations: 1000, ..Settings::default() };
    let newton = Settings { max_iterations: 500, ..Settings::default() };
    for settings in [newton, local(Schedule::Uniform), local(Schedule::Cyclic)] {
        let answer = from(&raw, settings, &start);
        assert_same(&raw, &exact, &answer);
    }
}

#[quickcheck]
fn whatever_the_order_a_subset_is_balanced_to_the_same_weights(any: AnyGraph, mask: u8, seed: u64) {
    let raw = attained(&any.0);
    let subset: Vec<usize> = (0..raw.variables).filter(|v| mask >> v & 1 == 1).collect();
    let on_subset = |settings| {
        let settings = Settings { subset: Some(subset.clone()), seed, ..settings };
        solve_checked(&raw, &raw.problem(), &settings)
    };
    let exact = on_subset(Settings { max_iterations: 500, ..Settings::default() });
    for schedule in schedules(raw.variables) {
        assert_same(&raw, &exact, &on_subset(local(schedule, 1000)));
    }
}

#[test]
fn steps_that_lower_the_cost_do_not_suffice() {
    // A = 16, B = 1 and steps shortened by 1 / (k + 1)^2: the cost falls strictly, to 10; the least cost is 8
    let raw = Raw::graph(1, 2.0, &[(None, Some(0), 4.0), (Some(0), None, 1.0)]);
    let (mut x, mut cost) = (vec![0.0], 17.0);
    for k in 1..4000 {
        let theta = 1.0 / f64::from(k + 1).powi(2);
        let settings = Settings { relaxation: theta, start: Some(x), tolerance: 1e-300, ..local(Schedule::Cyclic, 1) };
        let solution = solve_checked(&raw, &raw.problem(), &settings);
        assert!(solution.cost < cost, "step {k}");
        (x, cost) = (solution.log_scales, solution.cost);
    }
    assert!((cost - 10.0).abs() < 1e-2, "{cost}");
    assert!((optimum(&raw).cost - 8.0).abs() < 1e-12);
}

#[quickcheck]
fn balancing_the_units_of_a_layer_at_once_is_balancing_them_one_after_the_other(seed: u64, sweeps: u8) -> bool {
    let shape = Layered { skips: true, ..Layered::new(&[5, 40, 30, 40, 3], Activation::Relu) };
    let network = layered(&shape, seed).unwrap();
    let lowered = lowered(&network, 2.0);
    let layers = || lowered.layers.iter().map(|l| l.variables.iter().map(|&v| v as usize).collect()).collect();
    let after = |schedule: Schedule| {
        let settings = local(schedule, 1 + usize::from(sweeps) % 40);
        let solution = solve(&lowered.problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        solution.log_scales.iter().map(|x| x.to_bits()).collect::<Vec<u64>>()
    };
    after(Schedule::Forward(layers())) == after(Schedule::Parallel(layers()))
}

#[test]
fn steps_of_joined_units_at_once_would_raise_the_cost_and_are_not_taken() {
    // a ring of two units without ground: both would go half way past each other, for ever
    let ring = Raw::graph(2, 2.0, &[(Some(0), Some(1), 8.0), (Some(1), Some(0), 1.0)]);
    let settings = local(Schedule::Parallel(vec![vec![0, 1]]), 5);
    let solution = solve_checked(&ring, &ring.problem(), &settings);
    assert_eq!(solution.status, Status::Converged);
    approx::assert_relative_eq!(solution.cost, 16.0, max_relative = 1e-14);
}

//! What the theory of balancing says, on problems at random.

mod bank;
mod support;

use bank::any::{AnyGraph, AnyProblem};
use bank::check::{Flows, ln_cost};
use bank::{Edge, Raw, optimum, solve_checked};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use std::ops::ControlFlow;
use support::{AnyNetwork, agree, outputs};
use synbal::balance::balance;
use synbal::existence::{Existence, existence};
use synbal::network::Biases;
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Schedule, Settings, Solution, Status, solve};

fn local(schedule: Schedule, sweeps: usize) -> Settings {
    Settings { method: Method::Local, schedule, max_iterations: sweeps, ..Settings::default() }
}

/// The part of a problem whose minimum is attained.
fn attained(raw: &Raw) -> Raw {
    match existence(&raw.problem()).direction() {
        Some(direction) => raw.without_falling(direction),
        None => raw.clone(),
    }
}

/// The solution from a start; the problem is the same one throughout.
fn from(raw: &Raw, settings: Settings, start: &[f64]) -> Solution {
    solve_checked(raw, &raw.problem(), &Settings { start: Some(start.to_vec()), ..settings })
}

#[quickcheck]
fn a_local_step_lowers_the_cost_by_the_square_of_the_difference_of_the_roots(
    any: AnyGraph,
    which: usize,
) -> TestResult {
    let raw = attained(&any.0);
    let (v, before) = (which % raw.variables, Flows::of(&raw, &vec![0.0; raw.variables]));
    if before.ln_in[v] == f64::NEG_INFINITY || raw.edges.iter().any(|e| e.p != raw.edges[0].p) {
        return TestResult::discard();
    }
    let settings = Settings { subset: Some(vec![v]), ..local(Schedule::Sequence(vec![v]), 1) };
    let solution = solve_checked(&raw, &raw.problem(), &settings);
    let after = Flows::of(&raw, &solution.log_scales);
    // costs relative to the larger of A and B, which is what the step can change
    let top = before.ln_in[v].max(before.ln_out[v]);
    let relative = |ln: f64| (ln - top).exp();
    let (a, b) = (relative(before.ln_in[v]), relative(before.ln_out[v]));
    let p = raw.edges[0].p;
    let around = |flows: &Flows| relative(flows.ln_in[v]) + relative(flows.ln_out[v]);
    let fall = around(&before) - around(&after);
    let predicted = (a.sqrt() - b.sqrt()).powi(2);
    let off = (fall - predicted).abs();
    let others = (0..raw.variables).all(|u| u == v || solution.log_scales[u] == 0.0);
    assert!(others && p > 0.0, "only the unit itself moves: {:?}", solution.log_scales);
    assert!(off <= 4.0 * before.rounding, "fell by {fall:e}, predicted {predicted:e}");
    TestResult::passed()
}

#[quickcheck]
fn local_balancing_never_raises_the_cost(any: AnyProblem) {
    let raw = attained(&any.0);
    for schedule in [Schedule::Uniform, Schedule::Cyclic, Schedule::Greedy, Schedule::Poisson] {
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
    let bound = (exact.error_bound + relaxed.error_bound).ln_1p();
    for e in one.edges.iter().filter(|e| e.weight != 0.0) {
        let off = (e.log_multiplier(&exact.log_scales) - e.log_multiplier(&relaxed.log_scales)).abs();
        assert!(off <= bound, "theta {theta}: off by {off:e}, bounds allow {bound:e}");
    }
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
fn scaling_a_network_by_its_solution_preserves_its_function(any: AnyNetwork) -> TestResult {
    let network = any.0;
    let lowered = network.lower(&Regularizer::lp(2.0).unwrap(), Biases::Counted).unwrap();
    let settings = Settings { max_iterations: 300, ..Settings::default() };
    let balanced = balance(&lowered.problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    let limit = match balanced.existence.direction() {
        Some(direction) => network.limit_refusal(direction).unwrap().is_none(),
        None => false,
    };
    let scaled = network.apply(&balanced.scaling(limit)).unwrap();
    assert!(agree(&outputs(&network), &outputs(&scaled)));
    let cost = network.cost(2.0, Biases::Counted);
    assert!(scaled.cost(2.0, Biases::Counted) <= cost * (1.0 + 1e-12) || balanced.escaping_count > 0);
    TestResult::passed()
}

#[test]
fn an_iteration_limit_and_a_cancelled_solve_say_so() {
    let raw = bank::known::instances().swap_remove(2).raw;
    let problem = raw.problem();
    let schedules = [Schedule::Cyclic, Schedule::Greedy, Schedule::Poisson];
    let locals = schedules.into_iter().map(|s| local(s, 1));
    let others = Method::ALL.into_iter().filter(|m| m.0 != Method::Local);
    let others = others.map(|(method, _)| Settings { method, max_iterations: 1, ..Settings::default() });
    for settings in locals.chain(others) {
        for limit in [0, 1, 2, 3] {
            let settings = Settings { max_iterations: limit, ..settings.clone() };
            let solution = solve_checked(&raw, &problem, &settings);
            assert_eq!((solution.status, solution.iterations), (Status::IterationLimit, limit), "{settings:?}");
        }
        let mut calls = 0;
        let stop = |_: &_| {
            calls += 1;
            if calls == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let patient = Settings { max_iterations: 50, ..settings };
        let solution = solve(&problem, &patient, &mut { stop }).unwrap();
        assert_eq!(solution.status, Status::Cancelled, "{patient:?}");
        assert_eq!((calls, solution.trace.len()), (2, 2));
    }
}

#[test]
fn local_balancing_stops_at_its_limit_also_where_it_checks_rarely() {
    let raw = bank::known::instances().swap_remove(2).raw;
    for limit in [39, 50, 77] {
        let settings = Settings { tolerance: 1e-300, ..local(Schedule::Cyclic, limit) };
        let solution = solve_checked(&raw, &raw.problem(), &settings);
        assert!(solution.iterations <= limit, "{} sweeps, {limit} allowed", solution.iterations);
    }
}

#[test]
fn weights_that_are_scaled_by_powers_of_two_lead_to_the_same_local_step_to_the_last_bits() {
    // lambda = 2^k multiplies what enters and divides what leaves: the balanced weights are the same numbers
    for p in [1.0, 2.0] {
        let weights = [0.3, 1.7, 5.1];
        let balanced = |k: i32| {
            let s = 2f64.powi(k);
            let edges =
                [(None, Some(0), weights[0] * s), (None, Some(0), weights[1] * s), (Some(0), None, weights[2] / s)];
            let raw = Raw::graph(1, p, &edges);
            let solution = optimum(&raw);
            let new = |e: &Edge| e.weight * e.log_multiplier(&solution.log_scales).exp();
            raw.edges.iter().map(new).collect::<Vec<f64>>()
        };
        let plain = balanced(0);
        for k in [-40, -7, -1, 1, 3, 60] {
            for (a, b) in plain.iter().zip(balanced(k)) {
                // exp(x) of a log-scale x is off by |x| ulps: x is about k ln 2
                let ulps = (a.to_bits() as i64 - b.to_bits() as i64).abs();
                assert!(ulps <= 2 + i64::from(k.abs()), "p {p}, 2^{k}: {a:e} and {b:e} are {ulps} ulps apart");
            }
        }
    }
}

#[quickcheck]
fn a_minimum_is_no_higher_than_any_other_point(any: AnyProblem, seed: u16) -> TestResult {
    let raw = attained(&any.0);
    if !matches!(existence(&raw.problem()), Existence::Attained(_)) {
        return TestResult::discard();
    }
    let solution = solve_checked(&raw, &raw.problem(), &Settings { max_iterations: 300, ..Settings::default() });
    let total = |x: &[f64]| raw.edges.iter().filter(|e| e.weight != 0.0).map(|e| ln_cost(e, x).exp()).sum::<f64>();
    let least = total(&solution.log_scales);
    for size in [1e-3, 0.1, 2.0] {
        let near = |(v, x): (usize, &f64)| x + size * (f64::from(seed) * 0.37 + v as f64 * 2.3).sin();
        let other: Vec<f64> = solution.log_scales.iter().enumerate().map(near).collect();
        assert!(least <= total(&other) * (1.0 + 1e-12), "{solution:?}");
    }
    TestResult::passed()
}

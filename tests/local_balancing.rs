//! Local balancing as a solver: limits, cancellation, powers of two.

mod bank;

use bank::{Edge, Raw, optimum, solve_checked};
use std::ops::ControlFlow;
use synbal::solve::{Method, Schedule, Settings, Status, solve};

fn local(schedule: Schedule, sweeps: usize) -> Settings {
    Settings { method: Method::Local, schedule, max_iterations: sweeps, ..Settings::default() }
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

//! Scales inside a range, and scales that are powers of two.

mod bank;

use bank::any::AnyGraph;
use bank::check::Flows;
use bank::known::closed_forms;
use bank::{Edge, Raw};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use std::ops::ControlFlow;
use synbal::existence::existence;
use synbal::problem::LogScales;
use synbal::solve::{Settings, Solution, Status, solve, solve_within};

fn within(raw: &Raw, range: f64) -> Solution {
    solve_within(&raw.problem(), range, &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap()
}

/// One variable after the other takes its exact step, cut off at the ends of the range.
fn naive(raw: &Raw, p: f64, range: f64) -> Vec<f64> {
    let mut x = vec![0.0; raw.variables];
    for _ in 0..4000 {
        let mut most = 0.0f64;
        for v in 0..raw.variables {
            let flows = Flows::of(raw, &x);
            let step = (flows.ln_out[v] - flows.ln_in[v]) / (2.0 * p);
            let new = if step.is_finite() { (x[v] + step).clamp(-range, range) } else { x[v] };
            most = most.max((new - x[v]).abs());
            x[v] = new;
        }
        if most < 1e-13 {
            break;
        }
    }
    x
}

#[quickcheck]
fn the_bounded_optimum_is_that_of_clipped_coordinate_descent(any: AnyGraph, range: u8) -> TestResult {
    let p = any.0.edges.first().map_or(2.0, |e| e.p);
    // of moderate size, so that the naive twin converges
    let calm = |e: &Edge| Edge { p, weight: e.weight.signum() * e.weight.abs().powf(0.25), ..e.clone() };
    let raw = Raw { edges: any.0.edges.iter().map(calm).collect(), ..any.0 };
    let raw = match existence(&raw.problem()).direction() {
        Some(direction) => raw.without_falling(direction),
        None => raw,
    };
    let range = 0.1 + f64::from(range) / 100.0;
    let solution = within(&raw, range);
    assert!(solution.log_scales.iter().all(|x| x.abs() <= range));
    assert!(matches!(solution.status, Status::Converged | Status::Imprecise), "{solution:?}");
    let slow = naive(&raw, p, range);
    let (fast, slow) = (raw.problem().cost_at(&solution.log_scales), raw.problem().cost_at(&slow));
    assert!(fast <= slow * (1.0 + 1e-9), "{fast} against {slow} of clipped coordinate descent");
    TestResult::passed()
}

#[test]
fn a_range_that_holds_the_optimum_changes_nothing() {
    for known in closed_forms() {
        let free = solve(&known.raw.problem(), &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap();
        let widest = free.log_scales.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        assert_eq!(within(&known.raw, widest + 1.0).log_scales, free.log_scales, "{}", known.name);
    }
}

#[test]
fn a_range_that_is_none_is_refused() {
    for range in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let raw = &closed_forms()[0].raw;
        let answer = solve_within(&raw.problem(), range, &Settings::default(), &mut |_| ControlFlow::Continue(()));
        assert!(answer.unwrap_err().to_string().contains("scale range"));
    }
}

#[test]
fn powers_of_two_next_to_a_scaling_keep_all_multipliers_whole() {
    for known in closed_forms() {
        let problem = known.raw.problem();
        let x: Vec<f64> = (0..problem.variables()).map(|v| 2.7 * (1.0 + v as f64).sin()).collect();
        let near = problem.nearest_powers(&LogScales::new(x.clone()));
        for form in problem.ports() {
            assert_eq!(near.at(form).log, 0.0, "{}", known.name);
        }
        for (new, old) in near.total().iter().zip(&x) {
            assert!((new - old).abs() <= 0.5 * std::f64::consts::LN_2 + 1e-12, "{}: {new} for {old}", known.name);
        }
    }
}

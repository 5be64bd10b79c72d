//! Every solver reaches the same weights, on every structure.

mod bank;

use bank::any::AnyProblem;
use bank::known::{closed_forms, instances};
use bank::ways::{Tally, ways};
use bank::{Raw, solve_checked};
use quickcheck::{Gen, QuickCheck, TestResult};
use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::problem::Problem;
use synbal::solve::{Settings, Status};

/// The part whose minimum is attained, as `balance` finds it.
fn attained(raw: &Raw) -> (Raw, Problem) {
    let problem = raw.problem();
    let balanced = balance(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    match balanced.existence.direction() {
        Some(direction) => (raw.without_falling(direction), problem.without_falling(direction)),
        None => (raw.clone(), problem),
    }
}

#[test]
fn all_methods_and_schedules_reach_the_same_weights_within_their_error_bounds() {
    static TALLY: Tally = Tally::new();
    fn agree(any: AnyProblem) -> TestResult {
        let (raw, problem) = attained(&any.0);
        TALLY.compare(&raw, |settings| solve_checked(&raw, &problem, settings))
    }
    QuickCheck::new().rng(Gen::new(20)).tests(120).quickcheck(agree as fn(AnyProblem) -> TestResult);
    TALLY.report();
}

#[test]
fn every_problem_with_a_closed_form_is_solved_by_every_method_and_schedule() {
    for known in closed_forms() {
        let problem = known.raw.problem();
        for mut settings in ways(known.raw.variables) {
            settings.max_iterations = 10_000;
            let solution = solve_checked(&known.raw, &problem, &settings);
            let place = format!("{}, {:?}, {:?}", known.name, settings.method, settings.schedule);
            approx::assert_relative_eq!(solution.cost, known.cost, max_relative = 1e-13);
            for (v, x) in known.x.iter().flatten().enumerate() {
                let off = (solution.log_scales[v] - x).abs();
                assert!(off <= 1e-11 && off <= solution.error_bound + 1e-14, "{place}: off by {off:e}, {solution:?}");
            }
        }
    }
}

#[test]
fn optimal_costs_agree_with_another_program_to_its_last_digits() {
    for known in instances() {
        // the check accepts weights that are not determined; the cost must be right all the same
        let solution = solve_checked(&known.raw, &known.raw.problem(), &Settings::default());
        assert!(matches!(solution.status, Status::Converged | Status::Imprecise), "{solution:?}");
        let off = (solution.cost / known.cost - 1.0).abs();
        assert!(off <= 1e-13, "{}: {} instead of {}", known.name, solution.cost, known.cost);
    }
}

#[test]
fn error_bounds_cover_the_true_error_of_every_weight() {
    let mut loosest = 0.0f64;
    for known in instances() {
        let (problem, x) = (known.raw.problem(), known.x.unwrap());
        for settings in ways(known.raw.variables) {
            for tolerance in [1e-12, 1e-6, 1e-3] {
                let settings = Settings { tolerance, ..settings.clone() };
                let solution = solve_checked(&known.raw, &problem, &settings);
                let log = |e: &bank::Edge| e.log_multiplier(&solution.log_scales) - e.log_multiplier(&x);
                let off = known.raw.edges.iter().map(|e| log(e).abs().exp_m1()).fold(0.0, f64::max);
                let bound = solution.error_bound;
                assert!(off <= bound, "{}, {:?}: off {off:e}, bound {bound:e}", known.name, settings);
                if off > 1e-12 && bound.is_finite() {
                    loosest = loosest.max(bound / off);
                }
            }
        }
    }
    println!("largest ratio of error bound and error, errors above 1e-12: {loosest:.0}");
}

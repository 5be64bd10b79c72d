//! Bad parameters are refused: every error names the place and the remedy.

use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::error::{Error, ErrorKind};
use synbal::manifold::Form;
use synbal::problem::{Port, Problem, ProblemBuilder, Weights};
use synbal::regularizer::{Power, Regularizer};
use synbal::solve::{Schedule, Settings, solve};

fn helps(error: &Error, kind: ErrorKind, place: &str) {
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.place.contains(place), "{error} does not name {place}");
    assert!(!error.problem.is_empty() && !error.remedy.is_empty(), "{error}");
}

fn problem() -> Problem {
    let mut builder = ProblemBuilder::new(2);
    let units: Vec<Port> = (0..2).map(|v| builder.port(&Form::variable(v))).collect();
    let l2 = Regularizer::lp(2.0).unwrap();
    builder.block("in", units.clone(), vec![Port::GROUND], Weights::Dense(vec![1.0, 2.0]), &l2).unwrap();
    builder.block("out", vec![Port::GROUND], units, Weights::Dense(vec![3.0, 4.0]), &l2).unwrap();
    builder.build()
}

#[test]
fn exponents_and_coefficients_that_are_not_positive_are_refused() {
    for p in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        helps(&Regularizer::lp(p).unwrap_err(), ErrorKind::Parameter, "exponent");
        let term = Power { exponent: 1.0, coefficient: p };
        helps(&Regularizer::powers(&[term]).unwrap_err(), ErrorKind::Parameter, "coefficient");
    }
    helps(&Regularizer::powers(&[]).unwrap_err(), ErrorKind::Parameter, "regularizer");
}

#[test]
fn weights_that_are_not_finite_and_shapes_that_disagree_are_refused() {
    let refused = |rows: usize, columns: usize, weights: Weights| {
        let mut builder = ProblemBuilder::new(1);
        let unit = builder.port(&Form::variable(0));
        let (heads, tails) = (vec![unit; rows], vec![Port::GROUND; columns]);
        let cost = Regularizer::lp(2.0).unwrap();
        helps(&builder.block("fc1", heads, tails, weights, &cost).unwrap_err(), ErrorKind::Network, "fc1");
    };
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        refused(1, 2, Weights::Dense(vec![1.0, bad]));
        refused(1, 2, Weights::Sparse(vec![(0, 1, bad)]));
        refused(2, 2, Weights::Diagonal(vec![bad, 1.0]));
    }
    refused(2, 2, Weights::Dense(vec![1.0; 3]));
    refused(2, 2, Weights::Dense(vec![1.0; 5]));
    refused(2, 2, Weights::Sparse(vec![(2, 0, 1.0)]));
    refused(2, 2, Weights::Sparse(vec![(0, 2, 1.0)]));
    refused(2, 3, Weights::Diagonal(vec![1.0; 2]));
    refused(2, 2, Weights::Diagonal(vec![1.0; 3]));
}

#[test]
fn settings_out_of_range_are_refused_by_solve_and_by_balance() {
    let problem = problem();
    let base = Settings::default;
    let mut bad: Vec<(Settings, &str)> = vec![];
    for t in [0.0, -1e-9, 1.0, 2.0, f64::NAN, f64::INFINITY] {
        bad.push((Settings { tolerance: t, ..base() }, "tolerance"));
    }
    for t in [0.0, -1.0, f64::NAN] {
        bad.push((Settings { weight_tolerance: t, ..base() }, "tolerance"));
    }
    for theta in [0.0, 2.0, -1.0, f64::NAN] {
        bad.push((Settings { relaxation: theta, ..base() }, "relaxation"));
    }
    for start in [vec![], vec![0.0], vec![0.0; 3], vec![0.0, f64::NAN], vec![f64::INFINITY, 0.0]] {
        bad.push((Settings { start: Some(start), ..base() }, "start"));
    }
    bad.push((Settings { subset: Some(vec![0, 2]), ..base() }, "subset"));
    for layers in [vec![vec![0], vec![2]], vec![vec![usize::MAX]]] {
        bad.push((Settings { schedule: Schedule::Forward(layers.clone()), ..base() }, "sequence"));
        bad.push((Settings { schedule: Schedule::Backward(layers), ..base() }, "sequence"));
    }
    bad.push((Settings { schedule: Schedule::Sequence(vec![5]), ..base() }, "sequence"));
    for (settings, place) in bad {
        let go_on = &mut |_: &_| ControlFlow::Continue(());
        helps(&solve(&problem, &settings, go_on).unwrap_err(), ErrorKind::Parameter, place);
        helps(&balance(&problem, &settings, go_on).unwrap_err(), ErrorKind::Parameter, place);
    }
}

#[test]
#[should_panic(expected = "variable 2")]
fn a_form_outside_the_problem_is_a_bug_of_the_caller() {
    ProblemBuilder::new(2).port(&Form::variable(2));
}

#[test]
fn exponents_whose_costs_leave_every_range_are_refused_with_the_range() {
    for p in [1e300, 1.1e6, 1e-7, f64::INFINITY, f64::NAN, -2.0, 0.0] {
        let error = synbal::regularizer::Regularizer::lp(p).unwrap_err();
        assert!(error.place.contains("exponent") && !error.remedy.is_empty(), "{p}: {error}");
    }
    assert!(synbal::regularizer::Regularizer::lp(1e6).is_ok());
}

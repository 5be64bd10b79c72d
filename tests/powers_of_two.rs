//! The optimum does not depend on powers of two in the start: bit for bit.

mod bank;
mod support;

use bank::any::AnyProblem;
use bank::{Edge, Raw};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use support::AnyNetwork;
use synbal::balance::balance;
use synbal::existence::existence;
use synbal::lowered::Scaling;
use synbal::network::{Biases, Network};
use synbal::problem::LogScales;
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Settings, Status, solve};

/// Even numbers between -12 and 12: whole powers of two also behind units of degree 1/2.
fn even(seed: u64, count: usize) -> Vec<i32> {
    (0..count as u64)
        .map(|k| ((seed.wrapping_add(k).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % 13) as i32 * 2 - 12)
        .collect()
}

/// The edges of a problem multiplied by powers of two.
fn moved(raw: &Raw, exponents: &[i32]) -> Raw {
    let log: Vec<f64> = exponents.iter().map(|&e| e.into()).collect();
    let scale = |e: &Edge| Edge { weight: e.weight * e.log_multiplier(&log).exp2(), ..e.clone() };
    Raw { variables: raw.variables, edges: raw.edges.iter().map(scale).collect() }
}

/// The optimal weights; none where double precision does not determine them.
fn weights(raw: &Raw, method: Method) -> Option<Vec<u64>> {
    let settings = Settings { method, max_iterations: 500, ..Settings::default() };
    let solution = solve(&raw.problem(), &settings, &mut |_| ControlFlow::Continue(())).expect("settings in range");
    let scaling = Scaling { scales: solution.scales.clone(), direction: None, bounds: None };
    let form = |terms: &[(usize, f64)]| synbal::manifold::Form::from_terms(terms.iter().map(|&(v, c)| (v as u32, c)));
    let new = |e: &Edge| scaling.multiplier(&form(&e.head), &form(&e.tail)).times(e.weight).to_bits();
    let exact = solution.status == Status::Converged && solution.canonical;
    exact.then(|| raw.edges.iter().map(new).collect())
}

fn attained(raw: Raw) -> Raw {
    match existence(&raw.problem()).direction() {
        Some(direction) => raw.without_falling(direction),
        None => raw,
    }
}

static COMPARED: AtomicU32 = AtomicU32::new(0);
static SKIPPED: AtomicU32 = AtomicU32::new(0);

fn optimum_keeps_every_bit(any: AnyProblem, seed: u64) -> TestResult {
    let raw = attained(any.0);
    let other = moved(&raw, &even(seed, raw.variables));
    for method in [Method::Newton, Method::Cg] {
        let (Some(a), Some(b)) = (weights(&raw, method), weights(&other, method)) else {
            SKIPPED.fetch_add(1, Relaxed);
            return TestResult::discard();
        };
        if a != b {
            return TestResult::error(format!("{method:?}: {a:?} {b:?}"));
        }
    }
    COMPARED.fetch_add(1, Relaxed);
    TestResult::passed()
}

#[test]
fn the_optimum_of_any_problem_does_not_depend_on_powers_of_two_in_the_start() {
    quickcheck::quickcheck(optimum_keeps_every_bit as fn(AnyProblem, u64) -> TestResult);
    let (compared, skipped) = (COMPARED.load(Relaxed), SKIPPED.load(Relaxed));
    println!("{compared} problems compared, {skipped} left out: rounding keeps their residuals above the tolerance");
    assert!(compared >= 4 * skipped, "{skipped} left out, {compared} compared");
}

#[test]
fn parts_without_ground_and_with_units_of_degree_one_half_keep_whole_powers() {
    let edge =
        |head, tail, c, weight| Edge { head: vec![(head, 1.0)], tail: vec![(tail, c)], weight, p: 1.0, alpha: 1.0 };
    let edges = vec![edge(1, 0, 1.0, 1.0), edge(0, 1, 1.0, -4.5e-4), edge(0, 0, 0.5, 11310.3)];
    let raw = attained(Raw { variables: 2, edges });
    for method in [Method::Newton, Method::Cg] {
        assert_eq!(weights(&raw, method), weights(&moved(&raw, &[6, -4]), method));
    }
}

fn balanced(network: &Network, p: f64) -> Option<Network> {
    let lowered = network.lower(&Regularizer::lp(p).unwrap(), Biases::Counted).unwrap();
    let balanced = balance(&lowered.problem, &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    let exact = balanced.solution.status == Status::Converged && balanced.solution.error_bound < 1e-11;
    exact.then(|| network.apply(&balanced.scaling(false)).unwrap())
}

#[quickcheck]
fn balanced_networks_do_not_depend_on_powers_of_two_in_the_start(any: AnyNetwork, seed: u64) -> TestResult {
    let network = any.0;
    let free = network.lower(&Regularizer::lp(2.0).unwrap(), Biases::Counted).unwrap().problem.variables();
    // tied and mixed degrees may need multiples of more than two
    let steps: Vec<i32> = even(seed, free).into_iter().map(|e| 2 * e).collect();
    let Ok(other) =
        network.apply(&Scaling { scales: LogScales::split(steps, vec![0.0; free]), direction: None, bounds: None })
    else {
        return TestResult::discard();
    };
    for p in [0.5, 1.0, 1.5, 2.0, 3.0] {
        let (Some(a), Some(b)) = (balanced(&network, p), balanced(&other, p)) else { return TestResult::discard() };
        let bits = |n: &Network| n.parameters().iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&a), bits(&b), "p = {p}");
        let states = |n: &Network| n.units().iter().map(|u| u.state.to_bits()).collect::<Vec<_>>();
        assert_eq!(states(&a), states(&b), "p = {p}");
    }
    TestResult::passed()
}

//! Claim 7: the reason is a strictly convex cost on a linear manifold that the architecture gives.

use super::attained;
use super::bank::any::{AnyGraph, AnyProblem};
use super::bank::check::ln_cost;
use super::bank::{self, Edge, Raw, solve_checked};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use synbal::existence::{Existence, existence};
use synbal::solve::{Settings, Status};

#[quickcheck]
fn a_minimum_is_no_higher_than_any_other_point(any: AnyProblem, seed: u16) -> TestResult {
    let raw = attained(&any.0);
    if !matches!(existence(&raw.problem()), Existence::Attained(_)) {
        return TestResult::discard();
    }
    let solution = solve_checked(&raw, &raw.problem(), &Settings { max_iterations: 300, ..Settings::default() });
    // no minimum where the iterations did not suffice
    if !matches!(solution.status, Status::Converged | Status::Imprecise) {
        return TestResult::discard();
    }
    let total = |x: &[f64]| raw.edges.iter().filter(|e| e.weight != 0.0).map(|e| ln_cost(e, x).exp()).sum::<f64>();
    let least = total(&solution.log_scales);
    for size in [1e-3, 0.1, 2.0] {
        let near = |(v, x): (usize, &f64)| x + size * (f64::from(seed) * 0.37 + v as f64 * 2.3).sin();
        let other: Vec<f64> = solution.log_scales.iter().enumerate().map(near).collect();
        assert!(least <= total(&other) * (1.0 + 1e-12), "{solution:?}");
    }
    TestResult::passed()
}

#[quickcheck]
fn between_two_points_of_the_manifold_the_cost_lies_strictly_below_their_mean(any: AnyGraph, seed: u16) -> TestResult {
    let raw = any.0;
    let point = |s: f64| (0..raw.variables).map(|v| (f64::from(seed) * s + v as f64 * 1.7).sin()).collect::<Vec<f64>>();
    let (x, y) = (point(0.3), point(0.7));
    let middle: Vec<f64> = x.iter().zip(&y).map(|(a, b)| (a + b) / 2.0).collect();
    let edges = || raw.edges.iter().filter(|e| e.weight != 0.0);
    let apart = edges().map(|e| (e.log_multiplier(&x) - e.log_multiplier(&y)).abs()).fold(0.0, f64::max);
    if apart < 1e-3 {
        return TestResult::discard();
    }
    // weight by weight, for their costs differ by many decades
    let strict = edges().any(|e| {
        let cost = |x: &[f64]| ln_cost(e, x);
        let (a, b, m) = (cost(&x), cost(&y), cost(&middle));
        let mean = a.max(b) + ((-(a - b).abs()).exp() / 2.0 + 0.5).ln();
        assert!(m <= mean + 1e-12 * (1.0 + m.abs()), "{e:?}");
        m < mean - 1e-9
    });
    TestResult::from_bool(strict)
}

#[quickcheck]
fn log_multipliers_sum_to_zero_along_paths_from_inputs_to_outputs_and_along_cycles(any: AnyGraph, seed: u16) -> bool {
    let raw = any.0;
    let x: Vec<f64> = (0..raw.variables).map(|v| (f64::from(seed) + v as f64 * 2.9).sin()).collect();
    let node = |terms: &bank::Terms| terms.first().map_or(raw.variables, |t| t.0);
    // follow connections from the ground until a node repeats: a path back to the ground, or a cycle
    let mut walk = vec![(raw.variables, 0.0)];
    for step in 0..2 * raw.variables + 2 {
        let (at, sum) = walk[walk.len() - 1];
        let next: Vec<&Edge> = raw.edges.iter().filter(|e| node(&e.tail) == at).collect();
        let Some(edge) = next.get((step + seed as usize) % next.len().max(1)) else { return true };
        let (head, sum) = (node(&edge.head), sum + edge.log_multiplier(&x));
        if let Some((_, before)) = walk.iter().find(|(seen, _)| *seen == head) {
            return (sum - before).abs() < 1e-12;
        }
        walk.push((head, sum));
    }
    true
}

#[test]
fn one_path_through_every_unit_is_not_enough() {
    // x1, x2 -> h -> y1, y2: two paths cover all units, the manifold is a line in four dimensions
    let raw =
        Raw::graph(1, 2.0, &[(None, Some(0), 1.0), (None, Some(0), 1.0), (Some(0), None, 1.0), (Some(0), None, 1.0)]);
    let multipliers = |x: f64| raw.edges.iter().map(|e| e.log_multiplier(&[x])).collect::<Vec<f64>>();
    let two_paths = |l: &[f64]| l[0] + l[2] == 0.0 && l[1] + l[3] == 0.0;
    assert!(two_paths(&multipliers(0.7)));
    // satisfies both, and is no rescaling
    let impostor = [1.0, 2.0, -1.0, -2.0];
    assert!(two_paths(&impostor));
    // every rescaling multiplies both incoming weights alike, for any scale: the impostor does not
    let alike = |l: &[f64]| l[0] == l[1];
    assert!((-20..20).all(|k| alike(&multipliers(0.37 * f64::from(k)))) && !alike(&impostor));
    let problem = raw.problem();
    assert_eq!(synbal::problem::Gauge::of(&problem).unwrap().dimension, 1);
}

//! Independent witnesses: exponential cones, plain coordinate descent, and evaluation connection by connection.

mod bank;

use bank::check::{Flows, ln_cost};
use bank::known::{closed_forms, instances};
use bank::{Edge, Raw, form, optimum};
use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use quickcheck_macros::quickcheck;
use synbal::numeric::Wide;
use synbal::problem::{Port, Problem, ProblemBuilder, Weights};
use synbal::regularizer::Regularizer;

/// Minimizes `sum of u_e` subject to `exp(ln cost_e(x)) <= u_e`; returns the optimum and the log-scales.
fn by_cones(raw: &Raw) -> (f64, Vec<f64>) {
    let (n, m) = (raw.variables, raw.edges.len());
    let (mut rows, mut columns, mut values) = (vec![], vec![], vec![]);
    let mut b = vec![0.0; 3 * m];
    let zero = vec![0.0; n];
    for (e, edge) in raw.edges.iter().enumerate() {
        for (v, c) in edge.coefficients() {
            rows.push(3 * e);
            columns.push(v);
            values.push(-edge.p * c);
        }
        b[3 * e] = ln_cost(edge, &zero);
        b[3 * e + 1] = 1.0;
        rows.push(3 * e + 2);
        columns.push(n + e);
        values.push(-1.0);
    }
    let a = CscMatrix::new_from_triplets(3 * m, n + m, rows, columns, values);
    let quadratic = CscMatrix::zeros((n + m, n + m));
    let mut linear = vec![0.0; n + m];
    linear[n..].fill(1.0);
    let cones: Vec<_> = (0..m).map(|_| SupportedConeT::ExponentialConeT()).collect();
    let mut settings = DefaultSettingsBuilder::default();
    settings.verbose(false).tol_gap_abs(1e-10).tol_gap_rel(1e-10).tol_feas(1e-10);
    let mut solver = DefaultSolver::new(&quadratic, &linear, &a, &b, &cones, settings.build().unwrap()).unwrap();
    solver.solve();
    let solved = matches!(solver.solution.status, SolverStatus::Solved | SolverStatus::AlmostSolved);
    assert!(solved, "{:?}", solver.solution.status);
    (solver.solution.obj_val, solver.solution.x[..n].to_vec())
}

/// Problems that an interior-point method and plain descent can handle.
fn tame() -> Vec<(String, Raw)> {
    let easy = |raw: &Raw| raw.edges.iter().all(|e| e.weight != 0.0 && e.p <= 3.0);
    let range = |raw: &Raw| raw.edges.iter().fold(0.0f64, |m, e| m.max((e.p * e.weight.abs().ln()).abs()));
    let all = closed_forms().into_iter().chain(instances()).map(|k| (k.name, k.raw));
    all.filter(|(_, raw)| easy(raw) && range(raw) < 10.0).collect()
}

#[test]
fn exponential_cones_find_the_same_minimum() {
    let problems = tame();
    assert!(problems.len() >= 20);
    for (name, raw) in problems {
        let (cost, x) = by_cones(&raw);
        let solution = optimum(&raw);
        let off = (cost / solution.cost - 1.0).abs();
        assert!(off <= 1e-8, "{name}: {cost} and {}", solution.cost);
        for e in &raw.edges {
            // near the minimum the cost is quadratic: a relative 1e-8 leaves 1e-4 of the log-scales
            let off = (e.log_multiplier(&x) - e.log_multiplier(&solution.log_scales)).abs();
            assert!(off <= 1e-3, "{name}: a weight is off by {off:e}");
        }
    }
}

/// Coordinate descent; every coordinate by bisection on the sign of the derivative, one exponential a connection.
fn by_descent(raw: &Raw) -> Vec<f64> {
    let mut x = vec![0.0; raw.variables];
    for _ in 0..4000 {
        for v in 0..raw.variables {
            let slopes: Vec<(f64, f64)> = raw
                .edges
                .iter()
                .filter_map(|e| {
                    let (_, c) = e.coefficients().into_iter().find(|t| t.0 == v)?;
                    Some((e.p * c, e.p * c * ln_cost(e, &x).exp()))
                })
                .collect();
            let slope = |t: f64| slopes.iter().map(|(rate, s)| s * (rate * t).exp()).sum::<f64>();
            let (mut low, mut high) = (-40.0, 40.0);
            while high - low > 1e-15 {
                let middle = 0.5 * (low + high);
                if middle <= low || middle >= high {
                    break;
                }
                if slope(middle) > 0.0 { high = middle } else { low = middle }
            }
            x[v] += 0.5 * (low + high);
        }
        if Flows::of(raw, &x).residual() < 1e-12 {
            break;
        }
    }
    x
}

#[test]
fn plain_coordinate_descent_finds_the_same_weights() {
    for (name, raw) in tame() {
        let (x, solution) = (by_descent(&raw), optimum(&raw));
        for e in &raw.edges {
            let off = (e.log_multiplier(&x) - e.log_multiplier(&solution.log_scales)).abs();
            assert!(off <= 1e-9, "{name}: a weight is off by {off:e}");
        }
    }
}

/// One matrix in three shapes: units 0..rows as heads, the following ones as tails of degree 1 or 3.
fn shapes(rows: usize, columns: usize, p: f64, weights: &[f64]) -> (Raw, Vec<Problem>) {
    let head = |r: usize| vec![(r, 1.0)];
    let tail = |c: usize| vec![(rows + c, if c.is_multiple_of(2) { 1.0 } else { 3.0 })];
    let places: Vec<(usize, usize)> = (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))).collect();
    let edge =
        |(&(r, c), &weight): (&(usize, usize), &f64)| Edge { head: head(r), tail: tail(c), weight, p, alpha: 1.0 };
    let raw = Raw { variables: rows + columns, edges: places.iter().zip(weights).map(edge).collect() };
    let build = |kind: usize| {
        let mut builder = ProblemBuilder::new(rows + columns);
        let heads: Vec<Port> = (0..rows).map(|r| builder.port(&form(&head(r)))).collect();
        let tails: Vec<Port> = (0..columns).map(|c| builder.port(&form(&tail(c)))).collect();
        let entry = |(&(r, c), &w): (&(usize, usize), &f64)| (r as u32, c as u32, w);
        let (heads, tails, weights) = match kind {
            0 => (heads, tails, Weights::Dense(weights.to_vec())),
            1 => (heads, tails, Weights::Sparse(places.iter().zip(weights).map(entry).collect())),
            _ => (
                places.iter().map(|&(r, _)| heads[r]).collect(),
                places.iter().map(|&(_, c)| tails[c]).collect(),
                Weights::Diagonal(weights.to_vec()),
            ),
        };
        builder.block("w", heads, tails, weights, &Regularizer::lp(p).unwrap()).unwrap();
        builder.build()
    };
    (raw, (0..3).map(build).collect())
}

fn close_logs(what: &str, wide: Wide, ln: f64, allowed: f64) {
    let both_zero = wide.is_zero() && ln == f64::NEG_INFINITY;
    let off = (wide.ln() - ln).abs();
    assert!(both_zero || off <= allowed, "{what}: logarithm {} instead of {ln}, off by {off:e}", wide.ln());
}

/// Compares a problem at `x`, and its Hessian along `d`, with sums over connections.
fn matches_naive(raw: &Raw, problem: &Problem, x: &[f64], d: &[f64]) {
    let (point, naive) = (problem.point(x), Flows::of(raw, x));
    let allowed = naive.rounding;
    close_logs("cost", point.flows().cost, naive.ln_cost, allowed);
    let (gradient, product, diagonal) = (point.scaled_gradient(), point.scaled_product(d), point.diagonal());
    for v in 0..raw.variables {
        close_logs("inflow", point.flows().inflow(v), naive.ln_in[v], allowed);
        close_logs("outflow", point.flows().outflow(v), naive.ln_out[v], allowed);
        // everything of this variable relative to its largest connection
        let mut terms: Vec<(f64, f64, f64)> = vec![];
        for e in raw.edges.iter().filter(|e| e.weight != 0.0) {
            if let Some((_, c)) = e.coefficients().into_iter().find(|t| t.0 == v) {
                terms.push((ln_cost(e, x), e.p * c, e.p * e.log_multiplier(d)));
            }
        }
        let top = terms.iter().map(|t| t.0).fold(f64::NEG_INFINITY, f64::max);
        let sum = |f: &dyn Fn(f64, f64) -> f64| terms.iter().map(|t| f(t.1, t.2) * (t.0 - top).exp()).sum::<f64>();
        let curvature = sum(&|rate, _| rate * rate);
        if terms.is_empty() {
            assert!(diagonal[v].is_zero() && gradient[v] == 0.0 && product[v] == 0.0);
            continue;
        }
        close_logs("diagonal", diagonal[v], curvature.ln() + top, 2.0 * allowed);
        let size = sum(&|rate, _| rate.abs()) / curvature;
        let off = (gradient[v] - sum(&|rate, _| rate) / curvature).abs();
        assert!(off <= 2.0 * allowed * size, "gradient of {v} is off by {off:e}");
        let size = d.iter().fold(0.0f64, |m, d| m.max(d.abs())) * 8.0 * sum(&|rate, _| rate.abs().max(rate * rate))
            / curvature;
        let off = (product[v] - sum(&|rate, along| rate * along) / curvature).abs();
        assert!(off <= 2.0 * allowed * size, "product of {v} is off by {off:e}, size {size:e}");
    }
}

fn numbers(count: usize, seed: u64, largest: f64) -> Vec<f64> {
    (0..count).map(|k| largest * ((seed % 1000) as f64 * 0.731 + k as f64 * 12.9898).sin()).collect()
}

#[quickcheck]
fn dense_sparse_and_diagonal_blocks_match_the_naive_sums(rows: u8, columns: u8, seed: u16) {
    let (rows, columns) = (usize::from(rows % 12) + 1, usize::from(columns % 12) + 1);
    let seed = u64::from(seed);
    // the last column: weights over sixty decades and log-scales up to 700 need the wide passes
    for (p, decades, reach) in
        [(2.0, 1.0, 2.0), (0.5, 6.0, 5.0), (3.0, 6.0, 20.0), (2.0, 3.0, 700.0), (40.0, 30.0, 700.0)]
    {
        let mut weights: Vec<f64> = numbers(rows * columns, seed, decades).into_iter().map(|l| 10f64.powf(l)).collect();
        weights[seed as usize % (rows * columns)] = 0.0;
        let (raw, problems) = shapes(rows, columns, p, &weights);
        let (x, d) = (numbers(rows + columns, seed + 1, reach), numbers(rows + columns, seed + 2, 1.0));
        for problem in &problems {
            matches_naive(&raw, problem, &x, &d);
        }
    }
}

#[test]
fn blocks_larger_than_a_panel_and_a_tile_match_the_naive_sums() {
    for (rows, columns) in [(130, 7), (3, 1030), (65, 1025), (1100, 2)] {
        let weights = numbers(rows * columns, 3, 1.0);
        let (raw, problems) = shapes(rows, columns, 2.0, &weights);
        let (x, d) = (numbers(rows + columns, 4, 1.0), numbers(rows + columns, 5, 1.0));
        let close = |a: Wide, b: Wide| (a.ln() - b.ln()).abs() <= 1e-12;
        let first = problems[0].point(&x);
        close_logs("cost", first.flows().cost, Flows::of(&raw, &x).ln_cost, 1e-11);
        for other in &problems[1..] {
            let other = other.point(&x);
            for v in 0..rows + columns {
                assert!(close(
                    first.flows().inflow(v) + first.flows().outflow(v),
                    other.flows().inflow(v) + other.flows().outflow(v)
                ));
            }
            let pairs = first.scaled_product(&d).into_iter().zip(other.scaled_product(&d));
            pairs.for_each(|(a, b)| assert!((a - b).abs() <= 1e-12, "{a} and {b}"));
        }
    }
}

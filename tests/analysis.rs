//! Tools for research, each against an independent witness.

mod bank;

use approx::assert_relative_eq;
use bank::any::AnyGraph;
use bank::{Raw, optimum, solve_checked};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use synbal::analysis::{
    Geodesic, Sensitivity, Spectrum, gradient_flow, largest_cycle_mean, max_balanced, norm_path, small_norms,
};
use synbal::existence::existence;
use synbal::manifold::{Form, Space};
use synbal::problem::Gauge;
use synbal::solve::{Method, Schedule, Settings, minimax};

/// A graph of `units` with a ring through all of them and the ground, and more connections; weights within two decades.
fn ring(units: usize, numbers: &[u8], p: f64) -> Raw {
    let number = |k: usize| f64::from(numbers.get(k % numbers.len().max(1)).copied().unwrap_or(7)) + k as f64;
    let weight = |k: usize| (1.3 * (number(k) * 2.71).sin()).exp() * [1.0, -1.0][k % 2];
    let node = |v: usize| if v == units { None } else { Some(v) };
    let mut edges: Vec<_> = (0..=units).map(|v| (node(v), node((v + 1) % (units + 1)), weight(v))).collect();
    for (k, n) in numbers.iter().enumerate() {
        let (tail, head) = (*n as usize % (units + 1), (*n as usize / 7 + k) % (units + 1));
        if tail != head {
            edges.push((node(tail), node(head), weight(units + 1 + k)));
        }
    }
    Raw::graph(units, p, &edges)
}

fn with_norm(raw: &Raw, p: f64) -> Raw {
    let edges = raw.edges.iter().map(|e| bank::Edge { p, ..e.clone() }).collect();
    Raw { variables: raw.variables, edges }
}

#[quickcheck]
fn the_rate_of_the_spectrum_is_the_rate_of_local_balancing(units: u8, numbers: Vec<u8>) -> TestResult {
    let raw = ring(2 + units as usize % 6, &numbers, 2.0);
    let problem = raw.problem();
    let x = optimum(&raw).log_scales;
    let spectrum = Spectrum::at(&problem, &x).unwrap();
    if !(0.1..0.98).contains(&spectrum.sweep_rate) {
        return TestResult::discard();
    }
    // distances to the optimum over sweeps late enough to be in the limit, early enough to be above rounding
    let distance = |sweeps: usize| {
        let settings = Settings {
            method: Method::Local,
            schedule: Schedule::Cyclic,
            max_iterations: sweeps,
            tolerance: 1e-300,
            ..Settings::default()
        };
        let y = solve_checked(&raw, &problem, &settings).log_scales;
        y.iter().zip(&x).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    let last = ((1e-9f64).ln() / spectrum.sweep_rate.ln()) as usize;
    let first = last / 2;
    let observed = (distance(last) / distance(first)).powf(1.0 / (last - first) as f64);
    assert!((observed.ln() / spectrum.sweep_rate.ln() - 1.0).abs() < 0.1, "{observed} {}", spectrum.sweep_rate);
    TestResult::passed()
}

#[quickcheck]
fn the_hessian_has_as_many_positive_eigenvalues_as_the_manifold_has_dimensions(any: AnyGraph) {
    let raw = match existence(&any.0.problem()).direction() {
        Some(direction) => any.0.without_falling(direction),
        None => any.0,
    };
    // weights of ordinary size, for eigenvalues are computed in plain double precision
    let edges =
        raw.edges.iter().filter(|e| e.weight != 0.0).map(|e| bank::Edge { weight: 1.0, alpha: 1.0, ..e.clone() });
    let raw = Raw { variables: raw.variables, edges: edges.collect() };
    let problem = raw.problem();
    let spectrum = Spectrum::at(&problem, &vec![0.0; raw.variables]).unwrap();
    assert_eq!(spectrum.eigenvalues.len(), Gauge::of(&problem).unwrap().dimension);
    assert!(spectrum.eigenvalues.iter().all(|&v| v > 1e-12), "{spectrum:?}");
    assert!(spectrum.sweep_rate < 1.0, "{spectrum:?}");
}

#[quickcheck]
fn balanced_weights_change_as_implicit_differentiation_says(units: u8, numbers: Vec<u8>, along: u8) {
    let raw = ring(1 + units as usize % 6, &numbers, 2.0);
    let change: Vec<f64> = (0..raw.edges.len()).map(|k| (f64::from(along) + 1.7 * k as f64).sin()).collect();
    let moved = |h: f64| {
        let edges =
            raw.edges.iter().zip(&change).map(|(e, d)| bank::Edge { weight: e.weight * (h * d).exp(), ..e.clone() });
        Raw { variables: raw.variables, edges: edges.collect() }
    };
    let logs = |raw: &Raw| {
        let x = optimum(raw).log_scales;
        raw.edges.iter().map(|e| e.weight.abs().ln() + e.log_multiplier(&x)).collect::<Vec<f64>>()
    };
    let h = 1e-4;
    let (plus, minus) = (logs(&moved(h)), logs(&moved(-h)));
    let problem = raw.problem();
    let sensitivity = Sensitivity::at(&problem, &optimum(&raw).log_scales).unwrap();
    // the order of the problem's entries, by the places of the edges
    let order = order(&raw);
    let forward = sensitivity.forward(&order.iter().map(|&k| change[k]).collect::<Vec<_>>());
    for (&k, predicted) in order.iter().zip(&forward) {
        let observed = (plus[k] - minus[k]) / (2.0 * h);
        assert!((observed - predicted).abs() < 1e-6, "{observed} {predicted}");
    }
    // the transposed map, by its definition
    let gradient: Vec<f64> = (0..order.len()).map(|k| (2.3 * k as f64 + 1.0).cos()).collect();
    let backward = sensitivity.backward(&gradient);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let ordered: Vec<f64> = order.iter().map(|&k| change[k]).collect();
    assert_relative_eq!(dot(&gradient, &forward), dot(&backward, &ordered), epsilon = 1e-9, max_relative = 1e-9);
    // rescalings are forgotten
    let x: Vec<f64> = (0..raw.variables).map(|v| (1.0 + v as f64).sin()).collect();
    let rescaling: Vec<f64> = order.iter().map(|&k| raw.edges[k].log_multiplier(&x)).collect();
    assert!(sensitivity.forward(&rescaling).iter().all(|d| d.abs() < 1e-9));
}

/// The edges in the order of the problem's entries.
fn order(raw: &Raw) -> Vec<usize> {
    let problem = raw.problem();
    let mut left: Vec<usize> = (0..raw.edges.len()).collect();
    let mut order = vec![];
    problem.for_each_entry(|e| {
        let form = problem.form(&e);
        let log = problem.blocks()[e.block].values.get(e.index).ln() / 2.0;
        let same = |&k: &usize| {
            let edge = &raw.edges[k];
            let own = bank::form(&edge.head).plus(-1.0, &bank::form(&edge.tail));
            own == form && (edge.weight.abs().ln() - log).abs() < 1e-12
        };
        let at = left.iter().position(same).expect("every entry is an edge");
        order.push(left.remove(at));
    });
    order
}

#[quickcheck]
fn the_estimate_of_the_smallest_eigenvalue_is_near_and_predicts_local_balancing(units: u8, numbers: Vec<u8>) {
    let raw = ring(3 + units as usize % 12, &numbers, 2.0);
    let solution = optimum(&raw);
    let spectrum = Spectrum::at(&raw.problem(), &solution.log_scales).unwrap();
    let estimate = solution.smallest_eigenvalue.unwrap();
    // a Rayleigh quotient is never below
    let ratio = estimate / spectrum.smallest;
    assert!((0.999..1.4).contains(&ratio), "{estimate} {}", spectrum.smallest);
    let sweeps = solution.sweeps_per_digit().unwrap() * spectrum.sweep_rate.ln() / -10f64.ln();
    assert!((0.6..1.1).contains(&sweeps), "{sweeps}");
}

#[quickcheck]
fn the_largest_cycle_mean_is_the_least_possible_largest_weight(units: u8, numbers: Vec<u8>) {
    let raw = ring(1 + units as usize % 7, &numbers, 2.0);
    let problem = raw.problem();
    let cycle = largest_cycle_mean(&problem).unwrap().expect("the ring is a cycle");
    let program = minimax(&problem).unwrap();
    assert_relative_eq!(cycle.mean, program.bound, max_relative = 1e-8);
    // the cycle is one, and has that mean
    let ground = raw.variables;
    let node = |terms: &bank::Terms| terms.first().map_or(ground, |t| t.0);
    let ends = cycle.nodes.iter().zip(cycle.nodes.iter().cycle().skip(1));
    let logs = ends.map(|(&tail, &head)| {
        let between = raw.edges.iter().filter(|e| (node(&e.tail), node(&e.head)) == (tail, head));
        between.map(|e| e.weight.abs().ln()).fold(f64::NEG_INFINITY, f64::max)
    });
    assert_relative_eq!((logs.sum::<f64>() / cycle.nodes.len() as f64).exp(), cycle.mean, max_relative = 1e-12);
}

/// Max-balanced: across every cut of the grounded graph the largest weight in is the largest weight out.
fn largest_over_cuts(raw: &Raw, x: &[f64]) -> f64 {
    let node = |terms: &bank::Terms| terms.first().map_or(raw.variables, |t| t.0);
    let logs: Vec<_> =
        raw.edges.iter().map(|e| (node(&e.tail), node(&e.head), e.weight.abs().ln() + e.log_multiplier(x))).collect();
    let mut worst = 0.0f64;
    for cut in 1..(1usize << raw.variables) {
        let inside = |v: usize| cut >> v & 1 == 1;
        let most = |from: bool| {
            let crossing = logs.iter().filter(|e| inside(e.0) == from && inside(e.1) != from);
            crossing.map(|e| e.2).fold(f64::NEG_INFINITY, f64::max)
        };
        if most(true) > f64::NEG_INFINITY || most(false) > f64::NEG_INFINITY {
            worst = worst.max((most(true) - most(false)).abs());
        }
    }
    worst
}

#[quickcheck]
fn max_balanced_weights_are_balanced_across_every_cut(units: u8, numbers: Vec<u8>) {
    let raw = ring(1 + units as usize % 6, &numbers[..numbers.len().min(12)], 2.0);
    let answer = max_balanced(&raw.problem()).unwrap();
    let off = largest_over_cuts(&raw, &answer.log_scales);
    assert!(off < 1e-6, "off by {off:e}");
    assert!(answer.levels.windows(2).all(|w| w[1] <= w[0] * (1.0 + 1e-8)), "{:?}", answer.levels);
}

#[test]
fn the_optima_of_large_norms_approach_the_max_balanced_weights() {
    // weights within a tenth: at p = 400 others cost nothing that double precision could see
    let raw = ring(5, &[3, 50, 91, 17, 200, 133, 78], 2.0);
    let mild = |e: &bank::Edge| bank::Edge { weight: e.weight.abs().powf(0.03), ..e.clone() };
    let raw = Raw { variables: raw.variables, edges: raw.edges.iter().map(mild).collect() };
    let limit = max_balanced(&raw.problem()).unwrap().log_scales;
    let off = |p: f64| {
        let x = optimum(&with_norm(&raw, p)).log_scales;
        x.iter().zip(&limit).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    let (a, b, c) = (off(10.0), off(40.0), off(400.0));
    assert!(a > b && b > c && c < 1e-2, "{a:e} {b:e} {c:e}");
}

#[quickcheck]
fn the_expansion_for_small_norms_is_off_by_the_order_of_p(units: u8, numbers: Vec<u8>) {
    let raw = ring(1 + units as usize % 6, &numbers, 1.0);
    let expansion = small_norms(&raw.problem(), &Settings::default()).unwrap();
    let off = |p: f64| {
        let x = optimum(&with_norm(&raw, p)).log_scales;
        x.iter().zip(expansion.at(p)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    let (coarse, fine) = (off(0.02), off(0.01));
    assert!(fine < 0.3 && (coarse.max(fine) < 1e-3 || (1.5..2.6).contains(&(coarse / fine))), "{coarse:e} {fine:e}");
}

/// Every connection with a coefficient of its own.
fn with_coefficients(raw: &Raw) -> Raw {
    let edge = |(k, e): (usize, &bank::Edge)| bank::Edge { alpha: [1.0, 100.0, 0.02][k % 3], ..e.clone() };
    Raw { variables: raw.variables, edges: raw.edges.iter().enumerate().map(edge).collect() }
}

#[quickcheck]
fn coefficients_count_for_small_norms_and_vanish_for_large_ones(units: u8, numbers: Vec<u8>) {
    let raw = ring(1 + units as usize % 5, &numbers[..numbers.len().min(12)], 1.0);
    let own = with_coefficients(&raw);
    let expansion = small_norms(&own.problem(), &Settings::default()).unwrap();
    let off = |p: f64| {
        let x = optimum(&with_norm(&own, p)).log_scales;
        x.iter().zip(expansion.at(p)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    let (coarse, fine) = (off(0.004), off(0.002));
    assert!(fine < 0.3 && (coarse.max(fine) < 1e-3 || (1.5..2.6).contains(&(coarse / fine))), "{coarse:e} {fine:e}");
    let (plain, own) = (raw.problem(), own.problem());
    let mean = |problem| largest_cycle_mean(problem).unwrap().expect("the ring is a cycle").mean;
    assert_relative_eq!(mean(&plain), mean(&own), max_relative = 1e-12);
    assert_relative_eq!(minimax(&plain).unwrap().bound, minimax(&own).unwrap().bound, max_relative = 1e-8);
    let limit = |problem| max_balanced(problem).unwrap().log_scales;
    limit(&plain).iter().zip(&limit(&own)).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{a} {b}"));
}

#[quickcheck]
fn the_geodesic_between_two_rescalings_is_as_long_as_the_weights_are_apart_and_costs_bend_upwards(
    raw: bank::any::AnyProblem,
    seed: u8,
) {
    let raw = &raw.0;
    let number = |k: usize| (f64::from(seed) + 1.7 * k as f64).sin();
    let (from, to): (Vec<f64>, Vec<f64>) = (0..raw.variables).map(|v| (number(v), number(v + 50))).unzip();
    let problem = raw.problem();
    let way = Geodesic::between(&problem, &from, &to);
    let apart: f64 = raw
        .edges
        .iter()
        .filter(|e| e.weight != 0.0)
        .map(|e| (e.log_multiplier(&to) - e.log_multiplier(&from)).powi(2))
        .sum();
    assert_relative_eq!(way.length, apart.sqrt(), max_relative = 1e-12, epsilon = 1e-12);
    for (end, expected) in [(0.0, &from), (1.0, &to)] {
        way.at(end).iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() <= 1e-15, "{a} {b}"));
    }
    let cost = |t: f64| problem.cost_at(&way.at(t));
    let (a, b, middle) = (cost(0.0), cost(1.0), cost(0.5));
    assert!(middle <= 0.5 * (a + b) * (1.0 + 1e-12), "{a} {middle} {b}");
}

#[test]
fn a_path_over_norms_gives_what_single_solves_give() {
    let raw = ring(4, &[3, 50, 91, 17, 200], 2.0);
    let exponents = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
    let path = norm_path(&exponents, &Settings::default(), |p| Ok(with_norm(&raw, p).problem())).unwrap();
    for (p, balanced) in exponents.iter().zip(&path) {
        let alone = optimum(&with_norm(&raw, *p));
        for (a, b) in balanced.solution.log_scales.iter().zip(&alone.log_scales) {
            assert_relative_eq!(*a, *b, epsilon = 1e-11);
        }
    }
}

#[test]
fn what_these_tools_cannot_do_they_refuse() {
    let escaping = Raw::graph(2, 2.0, &[(None, Some(0), 1.0), (Some(0), Some(1), 2.0)]);
    assert!(max_balanced(&escaping.problem()).unwrap_err().to_string().contains("no minimum"));
    assert!(small_norms(&escaping.problem(), &Settings::default()).unwrap_err().to_string().contains("no minimum"));
    assert_eq!(largest_cycle_mean(&escaping.problem()).unwrap(), None);
    let cubic = bank::Edge { head: vec![], tail: vec![(0, 3.0)], weight: 1.0, p: 2.0, alpha: 1.0 };
    let raw = Raw { variables: 1, edges: vec![cubic] };
    assert!(largest_cycle_mean(&raw.problem()).unwrap_err().to_string().contains("degree 1"));
}

#[quickcheck]
fn the_gradient_flow_lowers_the_cost_at_a_rate_between_the_eigenvalues(units: u8, numbers: Vec<u8>) {
    let raw = ring(2 + units as usize % 4, &numbers[..numbers.len().min(8)], 2.0);
    let problem = raw.problem();
    let exact = optimum(&raw);
    let spectrum = Spectrum::at(&problem, &exact.log_scales).unwrap();
    let (slowest, fastest) = (spectrum.eigenvalues[0], *spectrum.eigenvalues.last().unwrap());
    // near the optimum, where the flow is linear
    let start: Vec<f64> = exact.log_scales.iter().enumerate().map(|(v, x)| x + 1e-4 * (1.0 + v as f64).sin()).collect();
    let times = [0.0, 0.5 / slowest, 1.0 / slowest];
    let states = gradient_flow(&problem, &start, &times, 1e-12).unwrap();
    assert_eq!(states[0], start);
    let costs: Vec<f64> = states.iter().map(|x| problem.cost_at(x)).collect();
    assert!(costs.windows(2).all(|c| c[1] <= c[0] * (1.0 + 1e-14)), "{costs:?}");
    let distance = |x: &[f64]| x.iter().zip(&exact.log_scales).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    for (a, b) in [(0, 1), (1, 2)] {
        let rate = (distance(&states[a]) / distance(&states[b])).ln() / (times[b] - times[a]);
        assert!(rate > 0.98 * slowest && rate < 1.02 * fastest, "{rate} of {slowest} to {fastest}");
    }
}

#[test]
fn the_flow_of_one_unit_has_a_closed_form() {
    // x' = -2 (exp(2x) - exp(-2x)), so tanh x falls like exp(-8 t): eight is the curvature
    let problem = Raw::graph(1, 2.0, &[(None, Some(0), 1.0), (Some(0), None, 1.0)]).problem();
    assert_relative_eq!(Spectrum::at(&problem, &[0.0]).unwrap().eigenvalues[0], 8.0, max_relative = 1e-14);
    let times = [0.0, 0.01, 0.1, 0.5, 1.0];
    for (t, x) in times.iter().zip(gradient_flow(&problem, &[1.5], &times, 1e-11).unwrap()) {
        assert_relative_eq!(x[0].tanh(), 1.5f64.tanh() * (-8.0 * t).exp(), epsilon = 1e-8);
    }
}

#[quickcheck]
fn the_flow_with_a_fine_tolerance_is_that_of_many_small_steps(units: u8, numbers: Vec<u8>) {
    let raw = ring(1 + units as usize % 3, &numbers[..numbers.len().min(6)], 2.0);
    let problem = raw.problem();
    let start = vec![0.0; raw.variables];
    let time = 0.05;
    let fine = gradient_flow(&problem, &start, &[time], 1e-10).unwrap().remove(0);
    // Heun's method with steps of a fixed size, as an independent witness
    let slope = |x: &[f64]| {
        let mut down = vec![0.0; x.len()];
        for e in &raw.edges {
            let cost = 2.0 * e.weight.powi(2) * (2.0 * e.log_multiplier(x)).exp();
            e.coefficients().iter().for_each(|&(v, c)| down[v] -= c * cost);
        }
        down
    };
    let (mut x, steps) = (start, 20_000);
    for _ in 0..steps {
        let h = time / f64::from(steps);
        let a = slope(&x);
        let b = slope(&x.iter().zip(&a).map(|(x, s)| x + h * s).collect::<Vec<_>>());
        x.iter_mut().zip(a.iter().zip(&b)).for_each(|(x, (a, b))| *x += h * (a + b) / 2.0);
    }
    let off = x.iter().zip(&fine).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off < 1e-5, "{off:e}");
}

#[test]
fn times_that_fall_and_tolerances_that_nothing_meets_are_refused() {
    let problem = ring(2, &[1], 2.0).problem();
    for times in [&[1.0, 0.5] as &[f64], &[f64::NAN], &[-1.0]] {
        assert!(gradient_flow(&problem, &[0.0; 2], times, 1e-6).unwrap_err().to_string().contains("rising order"));
    }
    for tolerance in [0.0, -1.0, f64::NAN] {
        assert!(gradient_flow(&problem, &[0.0; 2], &[1.0], tolerance).unwrap_err().to_string().contains("above 0"));
    }
}

#[quickcheck]
fn what_a_projection_leaves_is_orthogonal_to_all_rescalings(any: AnyGraph, seed: u16) {
    let raw = any.0;
    let forms: Vec<Form> = raw.edges.iter().map(|e| bank::form(&e.head).plus(-1.0, &bank::form(&e.tail))).collect();
    let space = Space::of(&forms, raw.variables);
    let arbitrary: Vec<f64> = (0..forms.len()).map(|k| (f64::from(seed) + 1.9 * k as f64).sin()).collect();
    let nearest = space.project(&arbitrary);
    let rest: Vec<f64> = arbitrary.iter().zip(&nearest).map(|(a, b)| a - b).collect();
    for v in 0..raw.variables {
        let mut unit = vec![0.0; raw.variables];
        unit[v] = 1.0;
        let along: f64 = forms.iter().zip(&rest).map(|(form, r)| form.at(&unit) * r).sum();
        assert!(along.abs() < 1e-10, "{along:e}");
    }
    let again = space.project(&nearest);
    assert!(again.iter().zip(&nearest).all(|(a, b)| (a - b).abs() < 1e-10));
}

//! Times of all methods on the bank of problems with known answers, and of one read of a dense layer.
//!
//! `cargo bench --bench bank` prints a table; `cargo bench --bench bank -- newton` runs what matches.

#[path = "../tests/bank/mod.rs"]
mod bank;

use bank::Raw;
use bank::known::{closed_forms, instances};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use std::ops::ControlFlow;
use synbal::manifold::Form;
use synbal::problem::{Port, Problem, ProblemBuilder, Weights};
use synbal::regularizer::{ConvexCost, Power, Regularizer};
use synbal::solve::{Method, Settings, solve};

fn main() {
    divan::main();
}

fn problems(raws: impl Iterator<Item = Raw>) -> Vec<Problem> {
    raws.map(|raw| raw.problem()).collect()
}

fn solve_all(problems: &[Problem], name: &str) {
    let method = Method::ALL.iter().find(|(_, n)| *n == name).expect("a method of the list").0;
    let settings = Settings { method, max_iterations: 2000, ..Settings::default() };
    for problem in problems {
        let solution = solve(problem, &settings, &mut |_| ControlFlow::Continue(())).expect("settings in range");
        divan::black_box(solution);
    }
}

const METHODS: [&str; 7] = ["auto", "newton", "cg", "local", "lbfgs", "trust-region", "newton-cg"];

/// All problems with an answer on paper.
#[divan::bench(args = METHODS, sample_count = 10)]
fn closed_form_problems(bencher: Bencher, method: &str) {
    let problems = problems(closed_forms().into_iter().map(|k| k.raw));
    bencher.bench(|| solve_all(&problems, method));
}

/// All seeded instances.
#[divan::bench(args = METHODS, sample_count = 5)]
fn seeded_instances(bencher: Bencher, method: &str) {
    let problems = problems(instances().into_iter().map(|k| k.raw));
    bencher.bench(|| solve_all(&problems, method));
}

/// One evaluation of a dense layer: cost, flows and curvature in one read of the amplitudes.
#[divan::bench(args = [256, 1024, 4096], sample_count = 20)]
fn one_pass(bencher: Bencher, width: usize) {
    let (problem, x) = (dense_layer(width).build(), vec![0.1; 2 * width]);
    bench_pass(bencher, &problem, &x);
}

/// The same beside what only the general case has: another norm, a sum of powers, a user's own cost, a unit of degree 2 and a
/// gated connection. They are few, so a plain layer that pays nothing for them takes the same time.
#[divan::bench(args = [256, 1024, 4096], sample_count = 20)]
fn one_pass_beside_all_other_costs(bencher: Bencher, width: usize) {
    let mut builder = dense_layer(width);
    let norm = |p| Regularizer::lp(p).expect("a norm");
    let elastic = [Power { exponent: 1.0, coefficient: 0.5 }, Power { exponent: 2.0, coefficient: 2.0 }];
    let own = Regularizer::convex(BoundedSlope).expect("a convex cost");
    let costs = [norm(3.0), norm(0.5), Regularizer::powers(&elastic).expect("powers"), own];
    for (v, cost) in costs.iter().enumerate() {
        let gate = builder.port(&Form::from_terms([(v as u32, 1.0), (v as u32 + 1, 1.0)]));
        let steep = builder.port(&Form::term(v, 2.0));
        builder.block("few", vec![gate], vec![steep], Weights::Dense(vec![1.5]), cost).expect("finite weights");
    }
    let (problem, x) = (builder.build(), vec![0.1; 2 * width]);
    bench_pass(bencher, &problem, &x);
}

/// Sweeps of local balancing in one sample.
const SWEEPS: usize = 40;

/// Two layers of units that are completely connected in both directions: one pass.
#[divan::bench(args = [64, 256, 1024], sample_count = 20)]
fn ring_of_layers_pass(bencher: Bencher, width: usize) {
    bench_pass(bencher, &ring_of_layers(width), &vec![0.1; 2 * width]);
}

/// The same: 40 sweeps of local balancing, which look at every connection from both of its ends.
#[divan::bench(args = [64, 256, 1024], sample_count = 5)]
fn ring_of_layers_sweeps(bencher: Bencher, width: usize) {
    bench_sweeps(bencher, &ring_of_layers(width));
}

/// A random graph of so many units with ten connections each: 40 sweeps, on one thread.
#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 5)]
fn random_graph_sweeps(bencher: Bencher, units: usize) {
    let mut builder = ProblemBuilder::new(units);
    let ports: Vec<Port> = (0..units).map(|v| builder.port(&Form::variable(v))).collect();
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let entry = |k: usize, tail: usize| ((k / 10) as u32, tail as u32, 0.5 + (k % 97) as f64);
    let entries = (0..10 * units).map(|k| entry(k, random() % units)).filter(|e| e.0 != e.1).collect();
    let l2 = Regularizer::lp(2.0).expect("a norm");
    builder.block("sparse", ports.clone(), ports, Weights::Sparse(entries), &l2).expect("finite weights");
    bench_sweeps(bencher, &builder.build());
}

fn ring_of_layers(width: usize) -> Problem {
    let mut builder = ProblemBuilder::new(2 * width);
    let layer = |builder: &mut ProblemBuilder, first: usize| -> Vec<Port> {
        (0..width).map(|v| builder.port(&Form::variable(first + v))).collect()
    };
    let (a, b) = (layer(&mut builder, 0), layer(&mut builder, width));
    let l2 = Regularizer::lp(2.0).expect("a norm");
    for (heads, tails, seed) in [(&a, &b, 31), (&b, &a, 97)] {
        let weights = Weights::Dense((0..width * width).map(|k| 0.5 + (k % seed) as f64).collect());
        builder.block("dense", heads.clone(), tails.clone(), weights, &l2).expect("finite weights");
    }
    builder.build()
}

/// Counts connections that are looked at.
fn bench_sweeps(bencher: Bencher, problem: &Problem) {
    // never within the tolerance
    let settings =
        Settings { method: Method::Local, max_iterations: SWEEPS, tolerance: f64::MIN_POSITIVE, ..Settings::default() };
    let sweeps = || divan::black_box(solve(problem, &settings, &mut |_| ControlFlow::Continue(())));
    bencher.counter(ItemsCount::new(2 * SWEEPS * problem.entries())).bench(sweeps);
}

/// `ln(1 + w^2)`.
#[derive(Debug)]
struct BoundedSlope;

impl ConvexCost for BoundedSlope {
    fn at(&self, t: f64) -> [f64; 3] {
        let share = 1.0 / (1.0 + (-2.0 * t).exp());
        [(2.0 * t).max(0.0) + (-(2.0 * t).abs()).exp().ln_1p(), 2.0 * share, 4.0 * share * (1.0 - share)]
    }
}

/// A square layer between two layers of free units, under L2.
fn dense_layer(width: usize) -> ProblemBuilder {
    let mut builder = ProblemBuilder::new(2 * width);
    let mut layer =
        |first: usize| -> Vec<Port> { (0..width).map(|v| builder.port(&Form::variable(first + v))).collect() };
    let (tails, heads) = (layer(0), layer(width));
    let weights = (0..width * width).map(|k| 0.5 + (k % 97) as f64).collect();
    let l2 = Regularizer::lp(2.0).expect("a norm");
    builder.block("dense", heads, tails, Weights::Dense(weights), &l2).expect("finite weights");
    builder
}

fn bench_pass(bencher: Bencher, problem: &Problem, x: &[f64]) {
    bencher
        .counter(BytesCount::of_many::<f64>(problem.entries()))
        .bench(|| divan::black_box(problem.point(x)).flows().cost);
}

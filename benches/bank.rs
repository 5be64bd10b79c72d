//! Times of all methods on the bank of problems with known answers, and of one read of a dense layer.
//!
//! `cargo bench` prints a table; `cargo bench -- newton` runs what matches.

#[path = "../tests/bank/mod.rs"]
mod bank;

use bank::Raw;
use bank::known::{closed_forms, instances};
use divan::{Bencher, counter::BytesCount};
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
    bench_pass(bencher, width, &problem, &x);
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
    bench_pass(bencher, width, &problem, &x);
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

fn bench_pass(bencher: Bencher, width: usize, problem: &Problem, x: &[f64]) {
    bencher
        .counter(BytesCount::of_many::<f64>(width * width))
        .bench(|| divan::black_box(problem.point(x)).flows().cost);
}

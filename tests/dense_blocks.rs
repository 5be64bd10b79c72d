//! Dense blocks: weights that stay in a file cost the same as copied ones, and mean fields find the same optimum.

mod bank;

use quickcheck::{Arbitrary, Gen};
use quickcheck_macros::quickcheck;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::ops::ControlFlow;
use std::sync::Arc;
use synbal::existence::{existence, existence_by_program, verify};
use synbal::manifold::Form;
use synbal::numeric::{Float, Wide};
use synbal::problem::{Port, Problem, ProblemBuilder, Stored, Weights};
use synbal::regularizer::{Power, Regularizer};
use synbal::solve::{Method, Settings, Solution, Status, solve};

/// A matrix as a file may hold it.
#[derive(Clone, Debug)]
struct Matrix {
    rows: usize,
    columns: usize,
    numbers: Vec<f32>,
    float: Float,
    by_columns: bool,
    terms: Vec<Power>,
}

impl Arbitrary for Matrix {
    fn arbitrary(g: &mut Gen) -> Self {
        let (rows, columns) = (1 + usize::arbitrary(g) % 90, 1 + usize::arbitrary(g) % 90);
        let number = |g: &mut Gen| if u8::arbitrary(g) % 8 == 0 { 0.0 } else { f32::from(i16::arbitrary(g)) / 4096.0 };
        let numbers = (0..rows * columns).map(|_| number(g)).collect();
        let float = *g.choose(&[Float::F32, Float::F64, Float::F16, Float::Bf16]).unwrap();
        let one = Power { exponent: 1.0, coefficient: 0.3 };
        let two = Power { exponent: 2.0, coefficient: 1.0 };
        let terms = g.choose(&[vec![one], vec![two], vec![one, two]]).unwrap().clone();
        Self { rows, columns, numbers, float, by_columns: bool::arbitrary(g), terms }
    }
}

impl Matrix {
    fn bytes(&self) -> Vec<u8> {
        let one = |&n: &f32| match self.float {
            Float::F32 => n.to_le_bytes().to_vec(),
            Float::F64 => f64::from(n).to_le_bytes().to_vec(),
            Float::F16 => half::f16::from_f32(n).to_le_bytes().to_vec(),
            Float::Bf16 => half::bf16::from_f32(n).to_le_bytes().to_vec(),
        };
        // something in front, so that numbers are not aligned
        [7].into_iter().chain(self.numbers.iter().flat_map(one)).collect()
    }

    /// The number in a row and a column, rounded to the type.
    fn at(&self, row: usize, column: usize) -> f64 {
        let k = if self.by_columns { column * self.rows + row } else { row * self.columns + column };
        let n = self.numbers[k];
        match self.float {
            Float::F32 | Float::F64 => n.into(),
            Float::F16 => half::f16::from_f32(n).to_f64(),
            Float::Bf16 => half::bf16::from_f32(n).to_f64(),
        }
    }

    /// The problem with one unit for every row and column; a bias for each grounds it.
    fn problem(&self, stored: bool) -> Problem {
        let mut builder = ProblemBuilder::new(self.rows + self.columns);
        let ports = |builder: &mut ProblemBuilder, first: usize, count: usize| -> Vec<Port> {
            (first..first + count).map(|v| builder.port(&Form::variable(v))).collect()
        };
        let heads = ports(&mut builder, 0, self.rows);
        let tails = ports(&mut builder, self.rows, self.columns);
        let regularizer = Regularizer::Powers(self.terms.clone());
        let biases = Weights::Dense(vec![0.5; self.rows + self.columns]);
        let all = [tails.clone(), heads.clone()].concat();
        builder.block("in", all.clone(), vec![Port::GROUND], biases.clone(), &regularizer).unwrap();
        builder.block("out", vec![Port::GROUND], all, biases, &regularizer).unwrap();
        if stored {
            let bytes = self.bytes();
            let range = 1..bytes.len();
            let weights = Stored::new(Arc::new(bytes), range, self.float);
            builder.stored("w", heads, tails, (weights, self.by_columns), &regularizer).unwrap();
        } else {
            let places = (0..self.rows).flat_map(|r| (0..self.columns).map(move |c| (r, c)));
            let dense = places.map(|(r, c)| self.at(r, c)).collect();
            builder.block("w", heads, tails, Weights::Dense(dense), &regularizer).unwrap();
        }
        builder.build()
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-13 * a.abs().max(b.abs())
}

#[quickcheck]
fn stored_weights_cost_the_same_as_copied_ones_also_when_powers_of_two_are_folded(matrix: Matrix) -> bool {
    let (stored, copied) = (matrix.problem(true), matrix.problem(false));
    let x: Vec<f64> = (0..stored.variables()).map(|v| ((v * 37) % 11) as f64 / 8.0 - 0.6).collect();
    let fold: Vec<i32> = (0..x.len()).map(|v| (v as i32 * 29) % 400 - 200).collect();
    let pairs = [(stored.clone(), copied.clone()), (stored.folded(&fold), copied.folded(&fold))];
    pairs.iter().all(|(stored, copied)| {
        let (a, b) = (stored.point(&x), copied.point(&x));
        let (f, g) = (a.flows(), b.flows());
        let same = |a: Wide, b: Wide| if b.is_zero() { a.is_zero() } else { close((a / b).to_f64(), 1.0) };
        let places = |p: &Problem| {
            let mut all = vec![];
            p.for_each_entry(|e| all.push((e.block, e.row, e.column, p.blocks()[e.block].values.get(e.index))));
            all.sort_by_key(|e| (e.0, e.1, e.2));
            all
        };
        close((f.cost / g.cost).to_f64(), 1.0)
            && (0..x.len()).all(|v| same(f.inflow(v), g.inflow(v)) && same(f.outflow(v), g.outflow(v)))
            && places(stored) == places(copied)
            && a.scaled_product(&x).iter().zip(b.scaled_product(&x)).all(|(a, b)| (a - b).abs() <= 1e-12)
    })
}

#[quickcheck]
fn the_optimum_of_stored_weights_is_that_of_copied_ones(matrix: Matrix) -> bool {
    let balance = |problem: &Problem| -> Solution {
        let settings = Settings { method: Method::Cg, ..Settings::default() };
        solve(problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap()
    };
    let (a, b) = (balance(&matrix.problem(true)), balance(&matrix.problem(false)));
    let off = a.log_scales.iter().zip(&b.log_scales).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    // weights are at most two log-scales; bounds are first order, so that the sum has a margin for rounding
    off <= a.error_bound + b.error_bound + 1e-13
}

#[test]
fn a_weight_that_is_not_finite_is_named_by_row_and_column() {
    for (by_columns, place) in [(false, "row 1, column 2"), (true, "row 0, column 2")] {
        let mut numbers = [1f32; 6];
        numbers[if by_columns { 4 } else { 5 }] = f32::INFINITY;
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let stored = Stored::new(Arc::new(bytes), 0..24, Float::F32);
        let mut builder = ProblemBuilder::new(5);
        let ports: Vec<Port> = (0..5).map(|v| builder.port(&Form::variable(v))).collect();
        let l2 = Regularizer::lp(2.0).unwrap();
        let (heads, tails) = (ports[..2].to_vec(), ports[2..].to_vec());
        let error = builder.stored("w", heads, tails, (stored, by_columns), &l2).unwrap_err().to_string();
        assert!(error.contains(place) && error.contains("inf"), "{error}");
    }
}

#[test]
fn a_stored_weight_whose_square_vanishes_still_counts() {
    let weight = 1e-200f64;
    let mut builder = ProblemBuilder::new(1);
    let unit = vec![builder.port(&Form::variable(0))];
    let l2 = Regularizer::lp(2.0).unwrap();
    let stored = |w: f64| (Stored::new(Arc::new(w.to_le_bytes().to_vec()), 0..8, Float::F64), false);
    builder.stored("in", unit.clone(), vec![Port::GROUND], stored(weight), &l2).unwrap();
    builder.stored("out", vec![Port::GROUND], unit, stored(1.0), &l2).unwrap();
    let settings = Settings::default();
    let solution = solve(&builder.build(), &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    // balanced when both weights are the root of their product
    assert!((solution.log_scales[0] + 0.5 * weight.ln()).abs() < 1e-10, "{solution:?}");
}

/// Dense layers with gaps, of which some places are zero.
#[derive(Clone, Debug)]
struct Layers(Vec<(usize, usize, usize, usize, Vec<i8>)>, usize);

impl Arbitrary for Layers {
    fn arbitrary(g: &mut Gen) -> Self {
        let variables = 1 + usize::arbitrary(g) % 12;
        let blocks = 1 + usize::arbitrary(g) % 5;
        let block = |g: &mut Gen| {
            let side = |g: &mut Gen| (usize::arbitrary(g) % (variables + 1), 1 + usize::arbitrary(g) % 4);
            let ((head, rows), (tail, columns)) = (side(g), side(g));
            let zeros = u8::arbitrary(g) % 4;
            let number = |g: &mut Gen| if u8::arbitrary(g) % 4 < zeros { 0 } else { i8::arbitrary(g) };
            (head, rows, tail, columns, (0..rows * columns).map(|_| number(g)).collect())
        };
        Self((0..blocks).map(|_| block(g)).collect(), variables)
    }
}

impl Layers {
    fn problem(&self) -> Problem {
        let mut builder = ProblemBuilder::new(self.1);
        let ports = |builder: &mut ProblemBuilder, first: usize, count: usize| -> Vec<Port> {
            let at = |v: usize| if v < self.1 { Form::variable(v) } else { Form::zero() };
            (first..first + count).map(|v| builder.port(&at(v))).collect()
        };
        for (head, rows, tail, columns, numbers) in &self.0 {
            let (heads, tails) = (ports(&mut builder, *head, *rows), ports(&mut builder, *tail, *columns));
            let weights = Weights::Dense(numbers.iter().map(|&n| f64::from(n)).collect());
            builder.block("w", heads, tails, weights, &Regularizer::lp(2.0).unwrap()).unwrap();
        }
        builder.build()
    }
}

#[quickcheck]
fn existence_of_dense_blocks_with_zeros_agrees_with_linear_programming(layers: Layers) -> bool {
    let problem = layers.problem();
    let (by_graph, by_program) = (existence(&problem), existence_by_program(&problem));
    by_graph.name() == by_program.name() && verify(&problem, &by_graph)
}

/// A layered network with skips: widths, seeds, and scales that put the start far from the optimum.
fn wide(widths: &[usize], skips: &[(usize, usize)], p: f64, spread: f64) -> Problem {
    let variables: usize = widths[1..widths.len() - 1].iter().sum();
    let mut builder = ProblemBuilder::new(variables);
    let mut first = 0;
    let mut layers = vec![];
    for (l, &width) in widths.iter().enumerate() {
        let hidden = l > 0 && l + 1 < widths.len();
        let form = |i: usize| if hidden { Form::variable(first + i) } else { Form::zero() };
        layers.push((0..width).map(|i| builder.port(&form(i))).collect::<Vec<Port>>());
        first += if hidden { width } else { 0 };
    }
    let mut state = 12345u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as f64 / f64::from(1u32 << 31) - 0.5
    };
    let neighbours = (1..widths.len()).map(|l| (l - 1, l));
    for (from, to) in neighbours.chain(skips.iter().copied()) {
        let scales: Vec<f64> = (0..widths[to]).map(|_| (spread * random()).exp()).collect();
        let numbers = scales.iter().flat_map(|s| (0..widths[from]).map(|_| s * random()).collect::<Vec<f64>>());
        let weights = Weights::Dense(numbers.collect());
        let (heads, tails) = (layers[to].clone(), layers[from].clone());
        builder.block("w", heads, tails, weights, &Regularizer::lp(p).unwrap()).unwrap();
    }
    builder.build()
}

#[test]
fn mean_fields_reach_the_optimum_of_newton_in_few_passes_however_deep_the_network() {
    let mut deepest = 0.0;
    for (depth, p, spread) in [(2, 2.0, 4.0), (10, 1.0, 8.0), (40, 2.0, 8.0), (40, 3.0, 2.0)] {
        let widths = [vec![20], vec![48; depth], vec![10]].concat();
        let problem = wide(&widths, &[(0, depth), (1, depth + 1)], p, spread);
        let run = |method| {
            let settings = Settings { method, canonical: Some(false), ..Settings::default() };
            solve(&problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap()
        };
        let (fields, newton) = (run(Method::Cg), run(Method::Newton));
        assert!(fields.residual <= 1e-12, "depth {depth}: {fields:?}");
        let off = fields.log_scales.iter().zip(&newton.log_scales).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off <= fields.error_bound + newton.error_bound, "depth {depth}: off by {off:e}");
        deepest = f64::max(deepest, fields.passes);
    }
    assert!(deepest <= 45.0, "{deepest} passes");
}

/// What mean fields replace is what is there, so that few steps lead there from any start, however far.
/// Every layer has a degree of its own, every block a norm, and some flows are too small by many orders of magnitude.
#[quickcheck]
fn blocks_of_rank_one_and_diagonal_blocks_are_minimized_in_few_steps(seed: u64) {
    const WIDTH: usize = 60;
    let mut random = StdRng::seed_from_u64(seed);
    let degrees: Vec<f64> = (0..4).map(|_| [1.0, 1.0, 2.0, 0.5][random.random_range(0..4)]).collect();
    let norms: Vec<f64> = (0..6).map(|_| [1.0, 2.0][random.random_range(0..2)]).collect();
    let small = [1.0, 1e-8][random.random_range(0..2)];
    let mut numbers = |n: usize| -> Vec<f64> { (0..n).map(|_| random.random_range(-1.5f64..1.5).exp()).collect() };
    let mut builder = ProblemBuilder::new(4 * WIDTH);
    let mut layer = |l: usize, degree: f64| -> Vec<Port> {
        (0..WIDTH).map(|i| builder.port(&Form::term(l * WIDTH + i, degree))).collect()
    };
    let heads: Vec<Vec<Port>> = (0..4).map(|l| layer(l, 1.0)).collect();
    let tails: Vec<Vec<Port>> = (0..4).map(|l| layer(l, degrees[l])).collect();
    let mut add = |number: usize, heads: &[Port], tails: &[Port], weights| {
        let norm = Regularizer::lp(norms[number]).unwrap();
        builder.block("w", heads.to_vec(), tails.to_vec(), weights, &norm).unwrap();
    };
    let ground = vec![Port::GROUND; WIDTH];
    let mut product = |first: f64| {
        let (mut rows, columns) = (numbers(WIDTH), numbers(WIDTH));
        rows[0] *= first;
        Weights::Dense(rows.iter().flat_map(|r| columns.iter().map(move |c| r * c)).collect())
    };
    add(0, &heads[0], &ground, product(small));
    add(1, &heads[2], &tails[1], product(small));
    add(2, &heads[0], &tails[3], product(small));
    add(3, &ground, &tails[3], product(1.0));
    for (number, to, from) in [(4, 1, 0), (5, 3, 2)] {
        add(number, &heads[to], &tails[from], Weights::Diagonal(numbers(WIDTH)));
    }
    let problem = builder.build();
    let settings = Settings { method: Method::Cg, canonical: Some(false), ..Settings::default() };
    let solution = solve(&problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(solution.trace.last().unwrap().residual <= 1e-12 && solution.trace.len() <= 12, "{:?}", solution.trace);
}

/// Networks that rounded copies or single precision do not see: parts that are hardly grounded, weights that are 20 orders of
/// magnitude apart, and a deep narrow one.
#[test]
fn where_rounded_copies_do_not_serve_the_optimum_is_found_all_the_same() {
    let mut random = StdRng::seed_from_u64(7);
    let l2 = Regularizer::lp(2.0).unwrap();
    let variables = |builder: &mut ProblemBuilder, range: std::ops::Range<usize>| -> Vec<Port> {
        range.map(|v| builder.port(&Form::variable(v))).collect()
    };
    // costs in half an order of magnitude of each other, the ties to the ground eight below
    let mut builder = ProblemBuilder::new(128);
    let units = variables(&mut builder, 0..128);
    let mut weights =
        |n: usize, size: f64| -> Vec<f64> { (0..n).map(|_| size * random.random_range(0.7f64..1.4)).collect() };
    builder.block("w", units.clone(), units.clone(), Weights::Dense(weights(128 * 128, 1.0)), &l2).unwrap();
    builder.block("in", units.clone(), vec![Port::GROUND], Weights::Dense(weights(128, 1.7e-4)), &l2).unwrap();
    builder.block("out", vec![Port::GROUND], units, Weights::Dense(weights(128, 1e-4)), &l2).unwrap();
    let hardly_grounded = builder.build();
    let mut builder = ProblemBuilder::new(600);
    let layers: Vec<Vec<Port>> = (0..3).map(|l| variables(&mut builder, 200 * l..200 * (l + 1))).collect();
    let size = |i: usize| if i < 100 { 1.0 } else { 1e-20 };
    for l in 1..3 {
        let own = weights(200 * 200, 1.0);
        let apart = |(k, w): (usize, f64)| if (k / 200 < 100) == (k % 200 < 100) { w * size(k / 200) } else { 0.0 };
        let dense = Weights::Dense(own.into_iter().enumerate().map(apart).collect());
        builder.block("w", layers[l].clone(), layers[l - 1].clone(), dense, &l2).unwrap();
    }
    let ends = |own: Vec<f64>| Weights::Dense(own.into_iter().enumerate().map(|(k, w)| w * size(k)).collect());
    builder.block("in", layers[0].clone(), vec![Port::GROUND], ends(weights(200, 1.0)), &l2).unwrap();
    builder.block("out", vec![Port::GROUND], layers[2].clone(), ends(weights(200, 1.0)), &l2).unwrap();
    let far_apart = builder.build();
    let deep = wide(&[vec![2], vec![2; 3000], vec![2]].concat(), &[], 2.0, 3.0);
    for (name, problem) in [("hardly grounded", hardly_grounded), ("far apart", far_apart), ("deep", deep)] {
        let run = |method| {
            let settings = Settings { method, ..Settings::default() };
            solve(&problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap()
        };
        let (auto, newton) = (run(Method::Auto), run(Method::Newton));
        assert_eq!(auto.method, Method::Cg, "{name}");
        assert_eq!(auto.status, Status::Converged, "{name}: {:?}", auto.trace.last());
        let off = auto.log_scales.iter().zip(&newton.log_scales).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off <= auto.error_bound + newton.error_bound, "{name}: off by {off:e}");
    }
}

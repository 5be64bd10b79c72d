//! Enclosures are proved bounds: they hold the exact optimum, and nobody gets one for a wrong candidate.

mod bank;

use bank::any::{AnyGraph, AnyProblem};
use bank::{Raw, known};
use dashu::rational::RBig;
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use std::f64::consts::LN_2;
use std::ops::ControlFlow;
use synbal::balance::{Balanced, balance};
use synbal::certificate::{Enclosure, enclose, gap, margins, sharpen};
use synbal::manifold::Form;
use synbal::problem::{Gauge, LogScales, MultiplierSpans, Port, Problem, ProblemBuilder, Weights};
use synbal::regularizer::Regularizer;
use synbal::solve::{Correct, Method, Settings, Status, corrections};

/// Bounds of 192 digits around what a method found; why there are none where there are none.
fn sharp(problem: &Problem, method: Method) -> Result<MultiplierSpans, String> {
    let settings = Settings { method, refined: true, ..Settings::default() };
    let answer = balance(problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    answer.exact(problem, false)?;
    let fixed: Vec<bool> = Gauge::of(problem).unwrap().moves().into_iter().map(|moves| !moves).collect();
    let (enclosure, scales) = (answer.enclosure?, &answer.solution.scales);
    let folded = problem.folded(scales.exponents());
    let sharpened = |solve: &mut Correct| sharpen(problem, &enclosure, &fixed, solve);
    corrections(&folded, &settings, scales.rest(), sharpened).map_err(|e| e.to_string())?
}

/// Whether bounds of 192 digits from two methods hold the same multiplier of every connection, and are no wider than 2^-100.
fn sharp_overlap(raw: &Raw) -> TestResult {
    let problem = raw.problem();
    let (Ok(a), Ok(b)) = (sharp(&problem, Method::Newton), sharp(&problem, Method::Cg)) else {
        return TestResult::discard();
    };
    for edge in raw.edges.iter().filter(|e| e.weight != 0.0) {
        let form = bank::form(&edge.head).plus(-1.0, &bank::form(&edge.tail));
        let [a, b] = [&a, &b].map(|spans| spans.at(&form).expect("coefficients are halves"));
        if a.is_below(&b) || b.is_below(&a) || !a.is_narrow(-100) || !b.is_narrow(-100) {
            return TestResult::error(format!("{form:?}: {a:?} {b:?}"));
        }
    }
    TestResult::passed()
}

#[quickcheck]
fn two_methods_have_overlapping_bounds_of_192_digits(AnyProblem(raw): AnyProblem) -> TestResult {
    sharp_overlap(&raw)
}

#[test]
fn known_optima_are_enclosed_in_192_digits() {
    let all: Vec<_> = known::closed_forms().into_iter().chain(known::instances()).collect();
    let done = all.iter().filter(|known| {
        let result = sharp_overlap(&known.raw);
        assert!(!result.is_failure(), "{}: {result:?}", known.name);
        sharp(&known.raw.problem(), Method::Auto).is_ok()
    });
    let done = done.count();
    println!("{done} of {}", all.len());
    assert!(done >= 30, "{done} of {}", all.len());
}

#[test]
fn bounds_of_192_digits_are_refused_where_a_solver_answers_nonsense() {
    let raw = known::closed_forms().remove(0).raw;
    let problem = raw.problem();
    let answer = balanced(&problem, Method::Newton);
    let (enclosure, n) = (answer.enclosure.unwrap(), problem.variables());
    type Answer = fn(usize) -> Option<Vec<f64>>;
    let answers: [Answer; 6] = [
        |_| None,
        |n| Some(vec![f64::NAN; n]),
        |n| Some(vec![f64::INFINITY; n]),
        |n| Some(vec![-1.0; n]),
        |n| Some(vec![0.7; n]),
        |n| Some(vec![1.0; n + 1]),
    ];
    for (k, answer) in answers.into_iter().enumerate() {
        let result = sharpen(&problem, &enclosure, &vec![false; n], &mut |_| answer(n));
        // the fifth is positive, and no correction
        assert!(result.is_err_and(|why| why.contains("192 digits")), "{k}");
    }
}

/// The width that every certificate must reach.
const WIDTH: f64 = 1e-11;

fn balanced(problem: &Problem, method: Method) -> Balanced {
    let settings = Settings { method, ..Settings::default() };
    balance(problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Lower and upper bounds of every log-scale as `f64`, widened by the rounding of this very sum.
fn bounds(enclosure: &Enclosure, v: usize) -> (f64, f64) {
    let total = |rest: f64| f64::from(enclosure.exponents[v]) * LN_2 + rest;
    let (lower, upper) = (total(enclosure.lower[v].to_f64()), total(enclosure.upper[v].to_f64()));
    let rounding = 4.0 * f64::EPSILON * (1.0 + lower.abs());
    (lower - rounding, upper + rounding)
}

#[test]
fn every_known_optimum_lies_in_a_narrow_enclosure() {
    let mut proved = 0;
    for instance in known::closed_forms().into_iter().chain(known::instances()) {
        let problem = instance.raw.problem();
        if !problem.has_comparison() || !problem.is_powers() {
            continue;
        }
        let answer = balanced(&problem, Method::Auto);
        let enclosure = answer.enclosure.unwrap_or_else(|why| panic!("{}: {why}", instance.name));
        assert!(enclosure.width <= WIDTH, "{}: width {:e}", instance.name, enclosure.width);
        let above = answer.solution.cost - instance.cost;
        assert!(above <= enclosure.gap + 1e-13 * instance.cost, "{}: {above:e} above", instance.name);
        proved += 1;
        let Some(x) = instance.x else { continue };
        // a part without ground is enclosed up to its gauge: compare grounded ones
        if !Gauge::of(&problem).unwrap().pins.is_empty() {
            continue;
        }
        for (v, x) in x.iter().enumerate() {
            let (lower, upper) = bounds(&enclosure, v);
            assert!((lower..=upper).contains(x), "{}: {x} outside {lower} to {upper}", instance.name);
        }
    }
    assert!(proved >= 50, "only {proved} were proved");
}

/// Enclosures of two methods hold the same optimum, so they overlap.
fn overlap(raw: &Raw) -> TestResult {
    let problem = raw.problem();
    if !problem.has_comparison() || !Gauge::of(&problem).unwrap().pins.is_empty() {
        return TestResult::discard();
    }
    let (one, other) = (balanced(&problem, Method::Newton), balanced(&problem, Method::Local));
    // where connections escape, what lasts may have no ground: its log-scales are known up to a gauge
    if one.existence.direction().is_some() {
        return TestResult::discard();
    }
    let (Ok(a), Ok(b)) = (&one.enclosure, &other.enclosure) else { return TestResult::discard() };
    for v in 0..problem.variables() {
        let ((a_low, a_high), (b_low, b_high)) = (bounds(a, v), bounds(b, v));
        if a_low > b_high || b_low > a_high {
            return TestResult::error(format!("variable {v}: {a_low} to {a_high}, {b_low} to {b_high}"));
        }
    }
    TestResult::passed()
}

#[quickcheck]
fn two_methods_have_overlapping_enclosures(AnyProblem(raw): AnyProblem) -> TestResult {
    overlap(&raw)
}

/// Rounding may hide the signs, of extreme weights: of graphs whose error bound is small, of fewer than one in a hundred.
#[test]
fn whatever_converges_on_a_graph_is_certified() {
    let mut generator = quickcheck::Gen::new(30);
    let (mut proved, mut refused) = (0, vec![]);
    while proved < 300 {
        let AnyGraph(raw) = quickcheck::Arbitrary::arbitrary(&mut generator);
        let problem = raw.problem();
        let answer = balanced(&problem, Method::Auto);
        let bound = answer.solution.error_bound;
        if answer.solution.status != Status::Converged || problem.variables() == 0 || bound > 1e-9 {
            continue;
        }
        match answer.enclosure {
            Ok(e) => {
                // both ends of a weight, each on both sides, and the guess widened at first by a quarter
                assert!(e.width <= 20.0 * bound + 1e-14, "width {:e}, bound {bound:e}: {raw:?}", e.width);
                proved += 1;
            }
            Err(why) => refused.push((why, raw)),
        }
        assert!(refused.len() <= 3, "{proved} proved, refused {refused:?}");
    }
}

#[test]
fn optima_of_another_program_are_enclosed_without_a_solver_of_ours() {
    let (mut tried, mut widths) = (0, vec![]);
    for known in known::instances() {
        let (problem, x) = (known.raw.problem(), known.x.expect("the other program found log-scales"));
        let fixed: Vec<bool> = Gauge::of(&problem).unwrap().moves().into_iter().map(|moves| !moves).collect();
        let candidate = LogScales::new(x.clone());
        tried += 1;
        let Ok(e) = enclose(&problem, &candidate, &margins(&problem, &candidate, &fixed), &fixed) else { continue };
        widths.push(e.width);
        for (v, x) in x.iter().enumerate() {
            let (low, high) = bounds(&e, v);
            assert!(low <= *x && *x <= high, "{}: {x} outside {low} {high}", known.name);
        }
    }
    widths.sort_by(f64::total_cmp);
    let (proved, median) = (widths.len(), widths[widths.len() / 2]);
    println!(
        "{proved} of {tried} candidates enclosed, half of them to {median:.1e}, the widest to {:.1e}",
        widths[proved - 1]
    );
    // what is badly determined has wide bounds, for a candidate is rounded
    assert!(10 * proved >= 9 * tried && median < 1e-12, "{proved} of {tried}, {widths:?}");
}

#[quickcheck]
fn wherever_a_candidate_is_its_enclosure_holds_the_optimum(AnyGraph(raw): AnyGraph, sweeps: u8) -> TestResult {
    let problem = raw.problem();
    let exact = balanced(&problem, Method::Auto);
    let Ok(narrow) = &exact.enclosure else { return TestResult::discard() };
    let gauge = Gauge::of(&problem).unwrap();
    if exact.existence.direction().is_some() || !gauge.pins.is_empty() {
        return TestResult::discard();
    }
    // some sweeps on the way: near, or not
    let settings = Settings { method: Method::Local, max_iterations: sweeps.into(), ..Settings::default() };
    let near = balance(&problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap().solution.log_scales;
    let fixed: Vec<bool> = gauge.moves().into_iter().map(|moves| !moves).collect();
    let candidate = LogScales::new(near);
    match enclose(&problem, &candidate, &margins(&problem, &candidate, &fixed), &fixed) {
        Err(_) => TestResult::discard(),
        Ok(e) => {
            let overlap = (0..problem.variables()).all(|v| {
                let ((a, b), (c, d)) = (bounds(&e, v), bounds(narrow, v));
                a <= d && c <= b
            });
            TestResult::from_bool(overlap)
        }
    }
}

#[quickcheck]
fn around_a_wrong_candidate_nothing_is_proved_but_what_holds(
    AnyGraph(raw): AnyGraph,
    which: usize,
    up: bool,
) -> TestResult {
    let problem = raw.problem();
    let answer = balanced(&problem, Method::Auto);
    let solution = answer.solution;
    let gauge = Gauge::of(&problem).unwrap();
    let grounded = gauge.pins.is_empty() && answer.existence.direction().is_none();
    if problem.variables() == 0 || !grounded || answer.enclosure.is_err() {
        return TestResult::discard();
    }
    let v = which % problem.variables();
    if !gauge.active[v] {
        return TestResult::discard();
    }
    // off by more than the widest multiple of the margins that is tried: they have to grow, or nothing is proved
    let margins: Vec<f64> = solution.margins.iter().map(|z| z.max(1e-15)).collect();
    let mut x = solution.log_scales.clone();
    let size = 1e-12 + 100.0 * margins[v];
    x[v] += if up { size } else { -size };
    let fixed: Vec<bool> = gauge.active.iter().map(|a| !a).collect();
    let Ok(enclosure) = enclose(&problem, &LogScales::new(x), &margins, &fixed) else { return TestResult::passed() };
    let holds = |u: usize| {
        let (low, high) = bounds(&enclosure, u);
        low - margins[u] <= solution.log_scales[u] && solution.log_scales[u] <= high + margins[u]
    };
    TestResult::from_bool((0..problem.variables()).filter(|&u| gauge.active[u]).all(holds))
}

/// A layered network of dense blocks with weights of both signs, `widths[0]` inputs and the last as many outputs.
fn layered(widths: &[usize], p: f64) -> Problem {
    let variables: usize = widths[1..widths.len() - 1].iter().sum();
    let mut builder = ProblemBuilder::new(variables);
    let (mut first, mut state) = (0, 99u64);
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as f64 / f64::from(1u32 << 31) - 0.5
    };
    let mut tails = vec![Port::GROUND; widths[0]];
    for (l, &width) in widths.iter().enumerate().skip(1) {
        let hidden = l + 1 < widths.len();
        let head = |i: usize| if hidden { Form::variable(first + i) } else { Form::zero() };
        let heads: Vec<Port> = (0..width).map(|i| builder.port(&head(i))).collect();
        first += if hidden { width } else { 0 };
        let weights = (0..width * tails.len()).map(|_| random()).collect();
        builder.block("w", heads.clone(), tails, Weights::Dense(weights), &Regularizer::lp(p).unwrap()).unwrap();
        tails = heads;
    }
    builder.build()
}

#[test]
fn five_hundred_layers_and_a_fan_in_of_25000_are_enclosed_to_eleven_digits() {
    let deep = [vec![8], vec![6; 500], vec![4]].concat();
    for (widths, p, name) in [
        (deep.clone(), 2.0, "500 layers, p = 2"),
        (deep, 1.0, "500 layers, p = 1"),
        (vec![25_000, 6, 25_000], 2.0, "fan-in of 25000"),
    ] {
        let answer = balanced(&layered(&widths, p), Method::Auto);
        let enclosure = answer.enclosure.unwrap_or_else(|why| panic!("{name}: {why}"));
        println!("{name}: width {:.1e}, {:.0} passes", enclosure.width, answer.solution.passes);
        assert!(enclosure.width <= WIDTH, "{name}: {:e}", enclosure.width);
        assert!(enclosure.gap <= 1e-12 * answer.solution.cost, "{name}: gap {:e}", enclosure.gap);
    }
}

#[test]
fn a_line_of_a_million_units_is_enclosed_to_eleven_digits() {
    let units = 1_000_000;
    let mut builder = ProblemBuilder::new(units);
    let mut ports = vec![Port::GROUND];
    ports.extend((0..units).map(|v| builder.port(&Form::variable(v))));
    ports.push(Port::GROUND);
    let entries = (0..=units as u32).map(|i| (i, i, 1.0 + f64::from(i % 7) / 3.0)).collect();
    let (heads, tails) = (ports[1..].to_vec(), ports[..=units].to_vec());
    builder.block("line", heads, tails, Weights::Sparse(entries), &Regularizer::lp(2.0).unwrap()).unwrap();
    let begin = std::time::Instant::now();
    let answer = balanced(&builder.build(), Method::Auto);
    let enclosure = answer.enclosure.unwrap_or_else(|why| panic!("{why}; {:?}", answer.solution.status));
    println!("{units} units: width {:.1e}, {:.1} s", enclosure.width, begin.elapsed().as_secs_f64());
    assert!(enclosure.width <= WIDTH, "{:e}", enclosure.width);
}

#[test]
fn what_cannot_be_enclosed_says_why() {
    let gating = Raw {
        variables: 2,
        edges: vec![
            (vec![(0, 1.0)], vec![], 2.0, 2.0, 1.0).into(),
            (vec![(1, 1.0)], vec![], 3.0, 2.0, 1.0).into(),
            (vec![], vec![(0, 1.0), (1, 1.0)], 1.5, 2.0, 1.0).into(),
        ],
    };
    let answer = balanced(&gating.problem(), Method::Auto);
    let why = answer.enclosure.unwrap_err();
    assert!(why.contains("product of two units' scales"), "{why}");
    // the least of 4 a^2 + 9 b^2 + 2.25 / (a b)^2 is three times the cube root of their product
    let least = 3.0 * 81f64.cbrt();
    assert!(answer.gap.unwrap() < 1e-20 * least);
    assert!((answer.solution.cost - least).abs() < 1e-13 * least);
}

/// Weak duality holds at any candidate, near the optimum or not; the optimum is that of a solver.
#[quickcheck]
fn the_cost_is_never_further_above_the_least_than_the_gap(
    AnyProblem(raw): AnyProblem,
    moves: Vec<i8>,
    size: u8,
) -> TestResult {
    let problem = raw.problem();
    let answer = balanced(&problem, Method::Auto);
    let n = problem.variables();
    let fits = n > 0 && answer.existence.direction().is_none() && answer.solution.status == Status::Converged;
    if !fits || moves.is_empty() || answer.solution.log_scales.iter().any(|x| x.abs() > 60.0) {
        return TestResult::discard();
    }
    let gauge = Gauge::of(&problem).unwrap();
    let mut fixed: Vec<bool> = gauge.active.iter().map(|active| !active).collect();
    gauge.pins.iter().for_each(|&v| fixed[v as usize] = true);
    let step = 0.5f64.powi(7 + i32::from(size % 30));
    let moved = (0..n).map(|v| {
        let by = if fixed[v] { 0.0 } else { step * f64::from(moves[v % moves.len()]) / 128.0 };
        answer.solution.log_scales[v] + by
    });
    let x: Vec<f64> = moved.collect();
    let Ok(bound) = gap(&problem, &LogScales::new(x.clone()), &fixed) else { return TestResult::discard() };
    let (cost, least) = (problem.cost_at(&x), answer.solution.cost);
    TestResult::from_bool(cost - least <= bound + 1e-12 * least && bound >= 0.0)
}

/// Units that are fed by inputs and gate one another: what leaves a pair is scaled by the product of their scales.
fn gating(units: usize, weights: &[f64], p: f64) -> Raw {
    let mut weights = weights.iter().cycle();
    let mut next = || *weights.next().expect("there are weights");
    let mut edges = vec![];
    for v in 0..units {
        edges.push((vec![(v, 1.0)], vec![], next(), p, 1.0).into());
        edges.push((vec![], vec![(v, 1.0), ((v * v + 1) % units, 1.0)], next(), p, 1.0).into());
    }
    Raw { variables: units, edges }
}

/// The bound is of use: at what solvers return, the cost is the least one to many digits.
#[quickcheck]
fn gaps_at_solutions_are_tiny_under_gating_too(units: u8, weights: Vec<i16>, p: u8) -> TestResult {
    let weights: Vec<f64> = weights.iter().map(|&w| f64::from(w) / 1000.0).filter(|w| *w != 0.0).collect();
    if weights.is_empty() {
        return TestResult::discard();
    }
    let problem = gating(2 + usize::from(units % 20), &weights, [0.5, 1.0, 2.0, 3.0][usize::from(p % 4)]).problem();
    assert!(!problem.has_comparison());
    let answer = balanced(&problem, Method::Auto);
    match answer.gap {
        Ok(gap) => TestResult::from_bool(gap >= 0.0 && gap <= 1e-12 * answer.solution.cost),
        Err(why) => TestResult::error(format!("{why}: {:?}", answer.solution.status)),
    }
}

/// Amplitudes of half-integer powers are known to two words: their squares are rational.
#[quickcheck]
fn amplitude_bounds_hold_the_exact_power(weight: i32, scale: i8, p: u8, step: i8) -> TestResult {
    let (p, step) = (0.5 + 0.5 * f64::from(p % 12), i32::from(step % 8));
    let weight = f64::from(weight) * 2f64.powi(i32::from(scale % 24));
    if weight == 0.0 {
        return TestResult::discard();
    }
    let mut builder = ProblemBuilder::new(1);
    let (head, tail) = (builder.port(&Form::variable(0)), Port::GROUND);
    let weights = Weights::Dense(vec![weight]);
    builder.block("w", vec![head], vec![tail], weights, &Regularizer::lp(p).unwrap()).unwrap();
    let problem = builder.build().folded(&[step]);
    let exact = |x: synbal::numeric::Double| RBig::try_from(x.to_f64()).unwrap() + RBig::try_from(x.low()).unwrap();
    let mut holds = false;
    problem.for_each_amplitude(|_, bounds| {
        let (low, high) = bounds.unwrap();
        let folded = RBig::try_from(weight.abs() * 2f64.powi(step)).unwrap();
        let square = (0..(2.0 * p) as u32).fold(RBig::ONE, |product, _| product * &folded);
        let (low, high) = (exact(low), exact(high));
        let width = (&high - &low) / &low;
        let narrow = width.to_f64().value() < 1e-28;
        holds = &low * &low <= square && square <= &high * &high && narrow;
    });
    TestResult::from_bool(holds)
}

//! Every solver reaches the same weights under every cost and every tie: sums of powers, users' convex costs, shared scales,
//! shared weights, frozen units, mixed degrees.

mod bank;
mod support;

use bank::any::AnyProblem;
use bank::price::{Price, Priced};
use bank::ways::Tally;
use bank::{Edge, Raw};
use nalgebra::{DMatrix, DVector};
use quickcheck::{Arbitrary, Gen, QuickCheck, TestResult};
use quickcheck_macros::quickcheck;
use std::collections::HashMap;
use support::AnyNetwork;
use support::tied::AnyTied;
use synbal::existence::{Existence, existence};
use synbal::network::{Biases, Network};
use synbal::problem::Problem;
use synbal::regularizer::{Power, Regularizer};

/// A price of two or three powers with any coefficients.
#[derive(Clone, Debug)]
struct Sum(Price);

impl Arbitrary for Sum {
    fn arbitrary(g: &mut Gen) -> Self {
        let coefficient = |g: &mut Gen| 10f64.powf(f64::from(u8::arbitrary(g)) / 64.0 - 2.0);
        let power = |g: &mut Gen| {
            let exponent = *g.choose(&[0.5, 1.0, 1.5, 2.0, 3.0]).unwrap();
            Power { exponent, coefficient: coefficient(g) }
        };
        let powers = (0..2 + usize::arbitrary(g) % 2).map(|_| power(g)).collect();
        Self(Price { powers, logarithm: 0.0 })
    }
}

/// A multiple of `ln(1 + w^2)`, alone, with a power, or a sum of powers without it.
#[derive(Clone, Debug)]
struct Own(Price);

impl Arbitrary for Own {
    fn arbitrary(g: &mut Gen) -> Self {
        let Sum(mut price) = Sum::arbitrary(g);
        price.powers.truncate(usize::arbitrary(g) % 3);
        let sometimes = if bool::arbitrary(g) { 0.0 } else { 1.0 };
        price.logarithm =
            if price.powers.is_empty() { 1.0 } else { sometimes } * (0.1 + f64::from(u8::arbitrary(g)) / 64.0);
        Self(price)
    }
}

/// Every connection takes one of the prices; weights between 1e-3 and 1e3.
fn priced(raw: &Raw, prices: &[Price], seed: u64) -> Priced {
    let milder = |e: &Edge| Edge { weight: e.weight.signum() * e.weight.abs().sqrt(), ..e.clone() };
    let edges: Vec<Edge> = raw.edges.iter().map(milder).collect();
    let chosen = (0..edges.len()).map(|k| prices[choice(k, seed) % prices.len()].clone()).collect();
    Priced { raw: Raw { variables: raw.variables, edges }, prices: chosen }
}

/// Some number for every place.
fn choice(k: usize, seed: u64) -> usize {
    (seed.wrapping_add(k as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
}

/// Compares all ways to solve the part whose minimum is attained; discards what has none, or of which it is not known.
fn compare(priced: &Priced, problem: &Problem, tally: &Tally) -> TestResult {
    let (priced, problem) = match existence(problem) {
        Existence::Attained(_) => (priced.clone(), problem.clone()),
        Existence::Escapes { direction, .. } => {
            (priced.without_falling(&direction), problem.without_falling(&direction))
        }
        Existence::Falls { .. } | Existence::Undecided(_) => return TestResult::discard(),
    };
    tally.compare(&priced.raw, |settings| priced.solve_checked(&problem, settings))
}

/// At most four prices, and one at least.
fn some<T>(list: Vec<T>, price: fn(T) -> Price) -> Option<Vec<Price>> {
    Some(list.into_iter().map(price).take(4).collect()).filter(|prices: &Vec<Price>| !prices.is_empty())
}

#[test]
fn under_sums_of_powers_that_differ_by_connection_all_methods_reach_the_same_weights() {
    static TALLY: Tally = Tally::new();
    fn agree(any: AnyProblem, sums: Vec<Sum>, seed: u64) -> TestResult {
        let Some(prices) = some(sums, |s| s.0) else { return TestResult::discard() };
        let priced = priced(&any.0, &prices, seed);
        compare(&priced, &priced.problem(), &TALLY)
    }
    QuickCheck::new().rng(Gen::new(20)).tests(60).quickcheck(agree as fn(AnyProblem, Vec<Sum>, u64) -> TestResult);
    TALLY.report();
}

#[test]
fn under_convex_costs_of_ones_own_all_methods_reach_the_same_weights() {
    static TALLY: Tally = Tally::new();
    fn agree(any: AnyProblem, costs: Vec<Own>, seed: u64) -> TestResult {
        let Some(prices) = some(costs, |c| c.0) else { return TestResult::discard() };
        let priced = priced(&any.0, &prices, seed);
        compare(&priced, &priced.problem(), &TALLY)
    }
    QuickCheck::new().rng(Gen::new(20)).tests(60).quickcheck(agree as fn(AnyProblem, Vec<Own>, u64) -> TestResult);
    TALLY.report();
}

fn networks<P>(network: &Network, prices: Vec<P>, price: fn(P) -> Price, seed: u64, tally: &Tally) -> TestResult {
    let Some(prices) = some(prices, price) else { return TestResult::discard() };
    let regularizers: Vec<Regularizer> = prices.iter().map(Price::regularizer).collect();
    let which = |parameter: usize| choice(parameter, seed) % prices.len();
    let lowered = network.lower_with(&regularizers, |parameter| Some(which(parameter))).unwrap();
    compare(&Priced::of(network, &lowered, |parameter| prices[which(parameter)].clone()), &lowered.problem, tally)
}

#[test]
fn with_tied_scales_shared_weights_and_frozen_units_all_methods_reach_the_same_weights() {
    static TALLY: Tally = Tally::new();
    fn agree(any: AnyTied, sums: Vec<Sum>, seed: u64) -> TestResult {
        networks(&any.0, sums, |s| s.0, seed, &TALLY)
    }
    QuickCheck::new().rng(Gen::new(20)).tests(60).quickcheck(agree as fn(AnyTied, Vec<Sum>, u64) -> TestResult);
    TALLY.report();
}

#[test]
fn with_ties_and_convex_costs_of_ones_own_all_methods_reach_the_same_weights() {
    static TALLY: Tally = Tally::new();
    fn agree(any: AnyTied, costs: Vec<Own>, seed: u64) -> TestResult {
        networks(&any.0, costs, |c| c.0, seed, &TALLY)
    }
    QuickCheck::new().rng(Gen::new(20)).tests(60).quickcheck(agree as fn(AnyTied, Vec<Own>, u64) -> TestResult);
    TALLY.report();
}

#[test]
fn in_every_architecture_all_methods_reach_the_same_weights() {
    static TALLY: Tally = Tally::new();
    fn agree(any: AnyNetwork, sums: Vec<Sum>, seed: u64) -> TestResult {
        networks(&any.0, sums, |s| s.0, seed, &TALLY)
    }
    QuickCheck::new().rng(Gen::new(20)).tests(30).quickcheck(agree as fn(AnyNetwork, Vec<Sum>, u64) -> TestResult);
    TALLY.report();
}

#[quickcheck]
fn the_free_log_scales_of_a_network_are_all_that_its_ties_allow(any: AnyTied, seed: u16) {
    let network = any.0;
    let units = network.units();
    let mut rows: Vec<Vec<(usize, f64)>> = vec![];
    for (i, unit) in units.iter().enumerate() {
        if unit.why_frozen().is_some() {
            rows.push(vec![(i, 1.0)]);
        }
        let twins = (0..i).filter(|&j| unit.group.is_some() && units[j].group == unit.group);
        rows.extend(twins.map(|j| vec![(i, 1.0), (j, -1.0)]));
    }
    let mut first = HashMap::new();
    for (tail, head, k) in network.connections().iter() {
        let degree = units[tail].activation.degree().unwrap_or(0.0);
        let (a, b) = *first.entry(k).or_insert((head, tail));
        let other = units[b].activation.degree().unwrap_or(0.0);
        rows.push(vec![(head, 1.0), (tail, -degree), (a, -1.0), (b, other)]);
    }
    let mut ties = DMatrix::zeros(rows.len(), units.len());
    for (r, row) in rows.iter().enumerate() {
        row.iter().for_each(|&(unit, c)| ties[(r, unit)] += c);
    }
    let lowered = network.lower(&Regularizer::lp(2.0).unwrap(), Biases::Counted).unwrap();
    let free = lowered.problem.variables();
    assert_eq!(free, units.len() - ties.rank(1e-9));
    let x: Vec<f64> = (0..free).map(|v| (f64::from(seed) + 1.7 * v as f64).sin()).collect();
    let scales = DVector::from_iterator(units.len(), lowered.units.iter().map(|unit| unit.form.at(&x)));
    assert!((&ties * &scales).amax() <= 1e-12 * (1.0 + scales.amax()), "{scales}");
}

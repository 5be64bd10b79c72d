//! Whether a minimum is attained: two independent decisions, and a checker that accepts no false witness.

mod bank;

use bank::any::{AnyGraph, AnyProblem};
use bank::{Edge, Raw};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use std::collections::BTreeSet;
use synbal::existence::{Circulation, Existence, Numbers, Trees, existence, existence_by_program, verify};
use synbal::network::build::{Layered, layered};
use synbal::network::{Activation, Biases, Network};
use synbal::problem::Problem;
use synbal::regularizer::Regularizer;

/// Port pairs whose connections fall along the direction.
fn falling(problem: &Problem, found: &Existence) -> BTreeSet<(u32, u32)> {
    let mut pairs = BTreeSet::new();
    if let Some(direction) = found.direction() {
        let along: Vec<f64> = problem.ports().iter().map(|f| f.at(direction)).collect();
        problem.for_each_entry(|e| {
            if along[e.head as usize] < along[e.tail as usize] {
                pairs.insert((e.head, e.tail));
            }
        });
    }
    pairs
}

fn assert_decided_alike(problem: &Problem) {
    let (found, program) = (existence(problem), existence_by_program(problem));
    assert!(verify(problem, &found) && verify(problem, &program), "{found:?}\n{program:?}");
    assert_eq!(found.name(), program.name());
    assert_eq!(falling(problem, &found), falling(problem, &program));
}

#[quickcheck]
fn components_and_linear_programs_agree_on_which_connections_escape(any: AnyGraph) {
    assert_decided_alike(&any.0.problem());
}

#[quickcheck]
fn components_of_units_of_any_degree_and_linear_programs_agree(any: AnyProblem) {
    assert_decided_alike(&any.0.problem());
}

/// Units of the given degrees around a ring, none of them linked to the ground.
fn ring(degrees: &[f64]) -> Problem {
    let n = degrees.len();
    let edge = |v: usize| Edge {
        head: vec![((v + 1) % n, 1.0)],
        tail: vec![(v, degrees[v])],
        weight: 1.5 + v as f64,
        p: 2.0,
        alpha: 1.0,
    };
    Raw { variables: n, edges: (0..n).map(edge).collect() }.problem()
}

#[test]
fn a_ring_has_a_minimum_where_its_degrees_multiply_to_one() {
    for (degrees, name) in [
        (&[2.0, 0.5][..], "attained"),
        (&[4.0, 0.5, 1.0, 0.5], "attained"),
        (&[1.0, 1.0, 1.0], "attained"),
        (&[2.0, 1.0], "escapes"),
        (&[0.5, 1.0, 1.0], "escapes"),
        (&[3.0, 0.5], "escapes"),
    ] {
        let problem = ring(degrees);
        let found = existence(&problem);
        assert_eq!(found.name(), name, "{degrees:?}");
        assert!(verify(&problem, &found));
    }
    // the same trees prove nothing where the degrees do not multiply to 1
    let attained = existence(&ring(&[2.0, 0.5]));
    assert!(verify(&ring(&[2.0, 0.5]), &attained) && !verify(&ring(&[2.0, 0.25]), &attained));
}

/// A layered network of bipower units beside two rings without ground: one whose degrees multiply to 4, one to 1.
fn beside_rings(widths: &[usize]) -> Problem {
    let (mut edges, mut first, mut before) = (vec![], 0, vec![None]);
    let mut end = |head: Option<(usize, f64)>, tail: Option<(usize, f64)>| {
        let (head, tail) = (head.into_iter().collect(), tail.into_iter().collect());
        edges.push(Edge { head, tail, weight: 1.0 + edges.len() as f64 / 7.0, p: 2.0, alpha: 1.0 });
    };
    for (layer, &width) in widths.iter().enumerate() {
        let degree = [2.0, 0.5, 3.0][layer % 3];
        for unit in first..first + width {
            before.iter().for_each(|tail| end(Some((unit, 1.0)), *tail));
        }
        before = (first..first + width).map(|unit| Some((unit, degree))).collect();
        first += width;
    }
    before.iter().for_each(|tail| end(None, *tail));
    for degrees in [[2.0, 2.0], [4.0, 0.25]] {
        end(Some((first, 1.0)), Some((first + 1, degrees[1])));
        end(Some((first + 1, 1.0)), Some((first, degrees[0])));
        first += 2;
    }
    Raw { variables: first, edges }.problem()
}

#[test]
fn a_ring_without_ground_does_not_leave_the_rest_undecided() {
    for widths in [&[1][..], &[3, 2], &[40, 40, 40, 40]] {
        let problem = beside_rings(widths);
        let found = existence(&problem);
        assert!(found.name() == "escapes" && verify(&problem, &found), "{widths:?}: {found:?}");
        // both connections of the first ring, and nothing else
        assert_eq!(falling(&problem, &found).len(), 2, "{widths:?}");
        let Existence::Escapes { direction, rest: Circulation::Around { trees, numbers } } = &found else {
            panic!("{found:?}")
        };
        let with = |trees: &Trees, numbers: &Numbers| {
            let rest = Circulation::Around { trees: trees.clone(), numbers: numbers.clone() };
            verify(&problem, &Existence::Escapes { direction: direction.clone(), rest })
        };
        assert!(with(trees, numbers) && !with(trees, &numbers[1..].to_vec()));
        let mut cut = trees.clone();
        cut.from_root.iter_mut().for_each(|hop| *hop = None);
        assert!(!with(&cut, numbers));
    }
}

#[test]
fn networks_of_bipower_units_with_a_hundred_thousand_connections_are_decided() {
    let degrees = [2.0, 0.5, 3.0, 1.0];
    let activations: Vec<Activation> =
        degrees.map(|exponent| Activation::Bipu { exponent, negative: 0.5, positive: 1.0 }).to_vec();
    let shape = Layered { activations, ..Layered::new(&[50, 200, 200, 200, 200, 10], Activation::Relu) };
    let network = layered(&shape, 4).unwrap();
    let lower = |n: &Network| n.lower(&Regularizer::lp(2.0).unwrap(), Biases::Counted).unwrap().problem;
    let problem = lower(&network);
    let found = existence(&problem);
    assert!(found.name() == "attained" && verify(&problem, &found));
    // the first ten units of the second layer lose what leaves them: what enters them escapes
    let mut weights = network.parameters().to_vec();
    let (mut lost, mut entering) = (0, 0);
    let dead = &network.hidden_layers()[1][..10];
    for (tail, head, k) in network.connections().iter() {
        if dead.contains(&(tail as u32)) {
            weights[k] = 0.0;
            lost += 1;
        }
        entering += usize::from(dead.contains(&(head as u32)) && weights[k] != 0.0);
    }
    assert_eq!(lost, 2000);
    let problem = lower(&network.with_parameters(weights).unwrap());
    let found = existence(&problem);
    assert!(found.name() == "escapes" && verify(&problem, &found));
    let direction = found.direction().unwrap();
    let mut escaping = 0;
    problem.for_each_entry(|e| escaping += usize::from(problem.form(&e).at(direction) < 0.0));
    assert_eq!(escaping, entering);
}

#[quickcheck]
fn every_witness_of_any_degree_passes_the_check(any: AnyProblem) {
    let problem = any.0.problem();
    let found = existence(&problem);
    assert!(verify(&problem, &found), "{found:?}");
    if let Some(direction) = found.direction() {
        let rest = problem.without_falling(direction);
        assert_eq!(existence(&rest).name(), "attained");
    }
}

#[quickcheck]
fn a_reversed_direction_is_no_witness(any: AnyProblem) -> TestResult {
    let problem = any.0.problem();
    let Existence::Escapes { direction, rest } = existence(&problem) else { return TestResult::discard() };
    let reversed = direction.iter().map(|d| -d).collect();
    assert!(!verify(&problem, &Existence::Escapes { direction: reversed, rest: rest.clone() }));
    assert!(!verify(&problem, &Existence::Escapes { direction: vec![0.0; direction.len()], rest: rest.clone() }));
    assert!(!verify(&problem, &Existence::Attained(rest.clone())), "an escaping connection is not covered");
    let mut infinite = direction.clone();
    infinite[0] = f64::INFINITY;
    assert!(!verify(&problem, &Existence::Escapes { direction: infinite, rest: rest.clone() }));
    assert!(!verify(&problem, &Existence::Escapes { direction: direction[1..].to_vec(), rest }));
    TestResult::passed()
}

/// The same answer with another circulation.
fn with(found: &Existence, circulation: Circulation) -> Existence {
    match found {
        Existence::Escapes { direction, .. } => Existence::Escapes { direction: direction.clone(), rest: circulation },
        _ => Existence::Attained(circulation),
    }
}

fn circulation(found: &Existence) -> Option<&Circulation> {
    match found {
        Existence::Attained(c) | Existence::Escapes { rest: c, .. } => Some(c),
        Existence::Falls { .. } | Existence::Undecided(_) => None,
    }
}

#[quickcheck]
fn a_tree_without_one_of_its_hops_or_with_a_wrong_one_is_no_witness(any: AnyGraph) -> TestResult {
    let problem = any.0.problem();
    let found = existence(&problem);
    let Some(Circulation::Trees(Trees { from_root, to_root })) = circulation(&found) else {
        return TestResult::failed();
    };
    let mutated = |node: usize, hop| {
        let mut from_root = from_root.clone();
        from_root[node] = hop;
        verify(&problem, &with(&found, Circulation::Trees(Trees { from_root, to_root: to_root.clone() })))
    };
    let hops = || from_root.iter().enumerate().filter_map(|(v, h)| h.map(|h| (v, h)));
    for (v, hop) in hops() {
        assert!(!mutated(v, None), "node {v} lost its hop");
        let mut deeper = hop;
        deeper.depth = 0;
        assert!(!mutated(v, Some(deeper)), "node {v} has no depth");
        let mut elsewhere = hop;
        elsewhere.entry.index += 1_000_000;
        assert!(!mutated(v, Some(elsewhere)), "the hop of node {v} is no connection");
        // a connection that does not end in this node
        for (u, other) in hops().filter(|(u, _)| *u != v) {
            assert!(!mutated(v, Some(other)), "node {v} took the hop of node {u}");
        }
    }
    if hops().count() == 0 { TestResult::discard() } else { TestResult::passed() }
}

#[quickcheck]
fn a_circulation_with_a_wrong_number_is_no_witness(any: AnyProblem) -> TestResult {
    let problem = any.0.problem();
    let found = existence_by_program(&problem);
    let Some(Circulation::Numbers(numbers)) = circulation(&found) else { return TestResult::failed() };
    if numbers.is_empty() {
        return TestResult::discard();
    }
    let check = |numbers: Vec<_>| verify(&problem, &with(&found, Circulation::Numbers(numbers)));
    for k in 0..numbers.len() {
        let change = |f: &dyn Fn(&mut Numbers)| {
            let mut changed = numbers.clone();
            f(&mut changed);
            check(changed)
        };
        let one = dashu::rational::RBig::ONE;
        assert!(!change(&|n| n[k].1 += one.clone()), "number {k} grew");
        assert!(!change(&|n| n[k].1 = dashu::rational::RBig::ZERO), "number {k} is zero");
        assert!(!change(&|n| drop(n.remove(k))), "number {k} is missing");
        assert!(!change(&|n| n.push(n[k].clone())), "number {k} is there twice");
    }
    TestResult::passed()
}

#[test]
fn dead_units_and_zero_weights_escape_as_the_theory_says() {
    // 0 -> 1 with nothing into 0: both connections of unit 0 and what only it feeds escape
    let dead = Raw::graph(2, 2.0, &[(Some(0), Some(1), 3.0), (None, Some(1), 1.0), (Some(1), None, 1.0)]);
    let problem = dead.problem();
    assert_eq!(falling(&problem, &existence(&problem)).len(), 1);
    // a zero weight does not count: the unit loses its only output
    let zero = Raw::graph(1, 2.0, &[(None, Some(0), 3.0), (Some(0), None, 0.0)]);
    assert_eq!(existence(&zero.problem()).name(), "escapes");
    let whole = Raw::graph(1, 2.0, &[(None, Some(0), 3.0), (Some(0), None, 1.0)]);
    assert_eq!(existence(&whole.problem()).name(), "attained");
    let empty = Raw::graph(2, 2.0, &[]);
    assert_eq!(existence(&empty.problem()).name(), "attained");
}

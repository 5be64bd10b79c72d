//! Dimension, constraints and exact elimination of the manifold, each found in two ways.

mod bank;

use bank::Raw;
use bank::any::{AnyGraph, AnyProblem};
use nalgebra::DMatrix;
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use synbal::manifold::{Form, Grounded, ManifoldBuilder, Space, rank};
use synbal::problem::Gauge;

/// The forms of all non-zero connections.
fn forms(raw: &Raw) -> Vec<Form> {
    let live = raw.edges.iter().filter(|e| e.weight != 0.0);
    live.map(|e| bank::form(&e.head).plus(-1.0, &bank::form(&e.tail))).collect()
}

/// The grounded graph of a problem of degree 1.
fn grounded(raw: &Raw) -> Grounded {
    let node = |terms: &bank::Terms| terms.first().map_or(raw.variables, |t| t.0);
    let live = raw.edges.iter().filter(|e| e.weight != 0.0);
    Grounded { units: raw.variables, connections: live.map(|e| (node(&e.tail), node(&e.head))).collect() }
}

#[quickcheck]
fn exact_elimination_finds_the_same_dimension_as_singular_values(any: AnyProblem) {
    let gauge = Gauge::of(&any.0.problem()).unwrap();
    assert_eq!(gauge.dimension, Space::of(&forms(&any.0), any.0.variables).dimension);
    // every kernel vector changes no weight
    for vector in &gauge.kernel {
        let mut x = vec![0.0; any.0.variables];
        vector.iter().for_each(|&(v, c)| x[v as usize] = c);
        assert!(x.iter().any(|c| *c != 0.0));
        assert!(forms(&any.0).iter().all(|f| f.at(&x).abs() < 1e-12), "{vector:?}");
    }
}

#[quickcheck]
fn the_dimension_is_the_number_of_connections_less_the_rank_of_the_cycles(any: AnyGraph) {
    let (raw, graph) = (&any.0, grounded(&any.0));
    let cycles = graph.cycle_constraints();
    let space = Space::of(&forms(raw), raw.variables);
    assert_eq!(space.dimension, graph.connections.len() - rank(&cycles));
    assert_eq!(cycles.nrows(), rank(&cycles), "fundamental cycles are independent");
    let violation = space.violation(&cycles);
    assert!(violation < 1e-12, "{violation:e} for {graph:?}");
    let walks = graph.walk_constraints();
    assert!(walks.nrows() == 0 || space.violation(&walks) < 1e-12 * (1.0 + walks.amax()));
}

#[test]
fn the_basis_of_a_part_without_ground_satisfies_its_cycles() {
    let connections = vec![(0, 1), (1, 2), (2, 3), (3, 0), (2, 3), (3, 1)];
    let form = |&(t, h): &(usize, usize)| Form::variable(h).plus(-1.0, &Form::variable(t));
    let space = Space::of(&connections.iter().map(form).collect::<Vec<_>>(), 4);
    assert_eq!(space.dimension, 3);
    assert!(space.violation(&Grounded { units: 4, connections }.cycle_constraints()) < 1e-14);
}

/// Whether a directed path leads from the start to every node.
fn reaches_all(graph: &Grounded, start: usize, backwards: bool) -> bool {
    let mut seen = vec![false; graph.units + 1];
    seen[start] = true;
    for _ in 0..=graph.units {
        for &(t, h) in &graph.connections {
            let (from, to) = if backwards { (h, t) } else { (t, h) };
            seen[to] |= seen[from];
        }
    }
    seen.iter().all(|s| *s)
}

#[quickcheck]
fn walks_span_the_cycles_where_every_unit_lies_on_a_path_from_visible_to_visible(any: AnyGraph) -> TestResult {
    let graph = grounded(&any.0);
    if !(reaches_all(&graph, graph.units, false) && reaches_all(&graph, graph.units, true)) {
        return TestResult::discard();
    }
    assert_eq!(rank(&graph.walk_constraints()), rank(&graph.cycle_constraints()));
    TestResult::passed()
}

#[test]
fn walks_miss_cycles_where_a_unit_leads_nowhere() {
    // the input feeds 0 and 1, both feed 2, and 2 leads nowhere: one undirected cycle, no walk
    let graph = Grounded { units: 3, connections: vec![(3, 0), (3, 1), (0, 2), (1, 2)] };
    assert_eq!(rank(&graph.cycle_constraints()), 1);
    assert_eq!(rank(&graph.walk_constraints()), 0);
}

#[test]
fn one_unit_between_two_inputs_and_two_outputs_needs_three_constraints() {
    let graph = Grounded { units: 1, connections: vec![(1, 0), (1, 0), (0, 1), (0, 1)] };
    assert_eq!(rank(&graph.walk_constraints()), 3);
    assert_eq!(rank(&graph.cycle_constraints()), 3);
    // two walks cover every connection and do not suffice
    let two = DMatrix::from_row_slice(2, 4, &[1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
    assert_eq!(rank(&two), 2);
}

#[quickcheck]
fn random_constraints_are_eliminated_exactly(numbers: Vec<(u8, u8, i8, i8, i8)>) -> TestResult {
    const UNITS: usize = 7;
    let mut builder = ManifoldBuilder::new();
    assert!((0..UNITS).all(|v| builder.variable() == v));
    let mut rows: Vec<Form> = vec![];
    for &(a, b, p, q, r) in numbers.iter().take(4) {
        let (a, b) = (u32::from(a) % UNITS as u32, u32::from(b) % UNITS as u32);
        let terms = vec![(a, f64::from(p % 4)), (b, f64::from(q % 4)), ((a + b) % UNITS as u32, f64::from(r % 4))];
        rows.push(Form::from_terms(terms));
        builder.require_zero(&rows[rows.len() - 1]);
    }
    let manifold = builder.build().unwrap();
    // coefficients and their sums are small whole numbers: what vanishes, vanishes exactly
    for row in &rows {
        assert!(manifold.express(row).is_zero(), "{row:?} became {:?}", manifold.express(row));
    }
    let mut matrix = DMatrix::zeros(rows.len(), UNITS);
    for (r, row) in rows.iter().enumerate() {
        row.terms().iter().for_each(|&(v, c)| matrix[(r, v as usize)] = c);
    }
    assert_eq!(manifold.free(), UNITS - rank(&matrix));
    assert_eq!(Space::of(manifold.forms(), manifold.free()).dimension, manifold.free());
    TestResult::passed()
}

#[test]
fn thirds_are_eliminated_without_rounding() {
    // 3 a = b + c and 3 b = a + c: with c = 4 s the others are 2 s
    let mut builder = ManifoldBuilder::new();
    assert!((0..3).all(|v| builder.variable() == v));
    builder.require_zero(&Form::from_terms(vec![(0, 3.0), (1, -1.0), (2, -1.0)]));
    builder.require_zero(&Form::from_terms(vec![(1, 3.0), (0, -1.0), (2, -1.0)]));
    let manifold = builder.build().unwrap();
    let coefficient = |v: usize| manifold.forms()[v].terms().first().map_or(0.0, |t| t.1);
    assert_eq!(manifold.free(), 1);
    assert_eq!((2.0 * coefficient(0), 2.0 * coefficient(1)), (coefficient(2), coefficient(2)));
    // a third itself: 3 a = b + c, in two free variables
    let mut builder = ManifoldBuilder::new();
    assert!((0..4).all(|v| builder.variable() == v));
    let row = Form::from_terms(vec![(0, 3.0), (1, -1.0), (2, -1.0)]);
    let other = Form::from_terms(vec![(3, 7.0), (1, -2.0), (2, 5.0)]);
    builder.require_zero(&row);
    builder.require_zero(&other);
    let manifold = builder.build().unwrap();
    assert_eq!(manifold.free(), 2);
    assert!(manifold.express(&row).is_zero() && manifold.express(&other).is_zero());
}

#[test]
fn ties_and_frozen_units_meet_in_groups_without_contradiction() {
    let mut builder = ManifoldBuilder::new();
    assert!((0..6).all(|v| builder.variable() == v));
    builder.tie(1, 2);
    builder.tie(2, 4);
    builder.freeze(3);
    builder.require_equal(&Form::term(5, 2.0), &Form::variable(3));
    let manifold = builder.build().unwrap();
    assert_eq!(manifold.free(), 2);
    assert_eq!(manifold.forms()[1], manifold.forms()[4]);
    assert!(manifold.forms()[3].is_zero() && manifold.forms()[5].is_zero() && !manifold.forms()[0].is_zero());
    // constraints that leave only the zero vector freeze what they mention and nothing else
    let mut builder = ManifoldBuilder::new();
    assert!((0..3).all(|v| builder.variable() == v));
    builder.require_zero(&Form::from_terms(vec![(0, 1.0), (1, 1.0)]));
    builder.require_zero(&Form::from_terms(vec![(0, 1.0), (1, -1.0)]));
    let manifold = builder.build().unwrap();
    assert!(manifold.forms()[0].is_zero() && manifold.forms()[1].is_zero());
    assert_eq!((manifold.free(), manifold.forms()[2].clone()), (1, Form::variable(0)));
}

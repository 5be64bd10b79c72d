//! Problems at random, of every structure that the theory covers.

use super::{Edge, Raw};
use quickcheck::{Arbitrary, Gen};

const EXPONENTS: [f64; 5] = [0.5, 1.0, 1.5, 2.0, 3.0];

/// Any problem: layers, skips, cycles, self-connections, several parts, parts without ground, tied groups, zero weights,
/// units of any degree, one exponent or several; weights over twelve orders of magnitude.
#[derive(Clone, Debug)]
pub struct AnyProblem(pub Raw);

/// The same with degree 1 everywhere.
#[derive(Clone, Debug)]
pub struct AnyGraph(pub Raw);

impl Arbitrary for AnyProblem {
    fn arbitrary(g: &mut Gen) -> Self {
        let degrees = *g.choose(&[&[1.0][..], &[1.0], &[1.0, 3.0, 0.5], &[2.0, 1.0]]).unwrap();
        Self(raw(g, degrees))
    }
    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(fewer(&self.0).map(Self))
    }
}

impl Arbitrary for AnyGraph {
    fn arbitrary(g: &mut Gen) -> Self {
        Self(raw(g, &[1.0]))
    }
    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(fewer(&self.0).map(Self))
    }
}

/// The problem without one of its connections, for shrinking.
fn fewer(raw: &Raw) -> impl Iterator<Item = Raw> + use<> {
    let raw = raw.clone();
    (0..raw.edges.len()).map(move |k| {
        let mut less = raw.clone();
        less.edges.remove(k);
        less
    })
}

fn below(g: &mut Gen, n: usize) -> usize {
    usize::arbitrary(g) % n
}

/// A weight, log-uniform between 1e-6 and 1e6, of any sign; sometimes equal ones, sometimes zero.
fn weight(g: &mut Gen, zeros: bool) -> f64 {
    let sign = if bool::arbitrary(g) { 1.0 } else { -1.0 };
    match below(g, 24) {
        0 if zeros => 0.0,
        1 | 2 => sign,
        _ => sign * 10f64.powf((below(g, 12_000_001) as f64 - 6e6) / 1e6),
    }
}

fn raw(g: &mut Gen, degrees: &[f64]) -> Raw {
    let units = 1 + below(g, 7);
    let degree: Vec<f64> = (0..units).map(|_| *g.choose(degrees).unwrap()).collect();
    // ties: some units share the variable of an earlier one
    let tied = below(g, 4) == 0;
    let mut variable: Vec<usize> = (0..units).collect();
    for v in 1..units {
        if tied && below(g, 3) == 0 {
            variable[v] = variable[below(g, v)];
        }
    }
    let mut names: Vec<usize> = variable.clone();
    names.sort_unstable();
    names.dedup();
    let variable: Vec<usize> = variable.iter().map(|r| names.binary_search(r).unwrap()).collect();
    let (zeros, mixed) = (below(g, 3) == 0, below(g, 4) == 0);
    let exponent = *g.choose(&EXPONENTS).unwrap();
    let mut edges = vec![];
    for (tail, head) in pattern(g, units) {
        let p = if mixed { *g.choose(&EXPONENTS).unwrap() } else { exponent };
        let alpha = if mixed && bool::arbitrary(g) { 0.25 } else { 1.0 };
        let head = head.map_or(vec![], |v| vec![(variable[v], 1.0)]);
        let tail = tail.map_or(vec![], |v| vec![(variable[v], degree[v])]);
        edges.push(Edge { head, tail, weight: weight(g, zeros), p, alpha });
    }
    Raw { variables: names.len(), edges }
}

/// Connections `(tail, head)`.
fn pattern(g: &mut Gen, units: usize) -> Vec<(Option<usize>, Option<usize>)> {
    let mut list = vec![];
    match below(g, 5) {
        // layers of two, each joined completely to the next; skips from the first to the last
        0 => {
            let ends = |l: usize| -> Vec<Option<usize>> { (2 * l..(2 * l + 2).min(units)).map(Some).collect() };
            let layers = units.div_ceil(2);
            let mut previous = vec![None, None];
            for l in 0..=layers {
                let next = if l == layers { vec![None] } else { ends(l) };
                list.extend(next.iter().flat_map(|&h| previous.iter().map(move |&t| (t, h))));
                previous = next;
            }
            if bool::arbitrary(g) {
                list.push((Some(0), Some(units - 1)));
            }
        }
        // one ring or two, self-connections, without ground
        1 => {
            let half = if bool::arbitrary(g) { units } else { units.div_ceil(2) };
            list.extend((0..units).map(|v| {
                let (first, len) = if v < half { (0, half) } else { (half, units - half) };
                (Some(v), Some(first + (v - first + 1) % len))
            }));
            (0..below(g, 4)).for_each(|_| list.push((Some(below(g, units)), Some(below(g, units)))));
        }
        // every unit with an input and an output, anything between them
        2 | 3 => {
            for v in 0..units {
                list.extend([(None, Some(v)), (Some(v), None)]);
            }
            (0..below(g, 2 * units + 1)).for_each(|_| list.push((Some(below(g, units)), Some(below(g, units)))));
        }
        // anything
        _ => {
            let end = |g: &mut Gen| Some(below(g, units + 1)).filter(|&v| v < units);
            (0..below(g, 4 * units) + 1).for_each(|_| list.push((end(g), end(g))));
        }
    }
    list
}

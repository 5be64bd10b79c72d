//! Problems whose optimal cost is known: in closed form, or from a program of its own (`reference.py`).

use super::{Edge, Raw};
use serde::Deserialize;

/// A problem, its optimal cost and, where they are known, its optimal log-scales.
pub struct Known {
    pub name: String,
    pub raw: Raw,
    pub cost: f64,
    pub x: Option<Vec<f64>>,
}

const GROUND: Option<usize> = None;

fn known(name: &str, raw: Raw, cost: f64, x: Option<Vec<f64>>) -> Known {
    Known { name: name.into(), raw, cost, x }
}

/// Problems with an answer on paper.
pub fn closed_forms() -> Vec<Known> {
    let mut list = vec![];
    // input -> 0 -> 1 -> 2 -> output: all four costs become equal, their geometric mean
    let w: [f64; 4] = [0.5, 7.0, 1e-3, 40.0];
    let chain = [(GROUND, Some(0)), (Some(0), Some(1)), (Some(1), Some(2)), (Some(2), GROUND)];
    for p in [0.5, 1.0, 2.0, 3.0] {
        let edges: Vec<_> = chain.iter().zip(w).map(|(&(t, h), w)| (t, h, w)).collect();
        let mean = w.iter().product::<f64>().powf(0.25);
        // every weight becomes the mean: the k-th unit takes what is missing so far
        let x = (1..4).map(|k| w[..k].iter().map(|w| (mean / w).ln()).sum()).collect();
        list.push(known(&format!("chain, p {p}"), Raw::graph(3, p, &edges), 4.0 * mean.powf(p), Some(x)));
    }
    // A = 16 enters and B = 81 leaves: lambda^2 = sqrt(81 / 16), a scale of 1.5 and a cost of 2 * 36
    let one = Raw::graph(1, 2.0, &[(GROUND, Some(0), 4.0), (Some(0), GROUND, 9.0)]);
    list.push(known("A = 16, B = 81", one, 72.0, Some(vec![1.5f64.ln()])));
    // degree 3: A = 2 in and B = 5 out; lambda^(4 p) = 3 B / A, and (1 + c) c^(-c/(1+c)) A^(c/(1+c)) B^(1/(1+c))
    for p in [1.0, 2.0] {
        let edge = |head: Vec<_>, tail: Vec<_>, weight: f64| Edge { head, tail, weight, p, alpha: 1.0 };
        let (a, b) = (2f64.powf(1.0 / p), 5f64.powf(1.0 / p));
        let edges = vec![edge(vec![(0, 1.0)], vec![], a), edge(vec![], vec![(0, 3.0)], b)];
        let cost = 4.0 * 3f64.powf(-0.75) * 2f64.powf(0.75) * 5f64.powf(0.25);
        let x = vec![7.5f64.ln() / (4.0 * p)];
        list.push(known(&format!("degree 3, p {p}"), Raw { variables: 1, edges }, cost, Some(x)));
    }
    list.push(tied_layers());
    list.push(star());
    list.push(ring());
    list.push(symmetric());
    list
}

/// One variable for each hidden layer: the masses of the layers become their geometric mean.
fn tied_layers() -> Known {
    let widths = [3usize, 2, 4, 2];
    let (mut edges, mut masses) = (vec![], vec![]);
    for l in 1..widths.len() {
        let end = |l: usize| if l == 0 || l == widths.len() - 1 { vec![] } else { vec![(l - 1, 1.0)] };
        let places = widths[l] * widths[l - 1];
        let weights = (0..places).map(|k| 10f64.powi(l as i32 * 2 - 4) * (1.0 + k as f64));
        let weights: Vec<f64> = weights.collect();
        masses.push(weights.iter().map(|w| w * w).sum::<f64>());
        let edge = |weight: f64| Edge { head: end(l), tail: end(l - 1), weight, p: 2.0, alpha: 1.0 };
        edges.extend(weights.into_iter().map(edge));
    }
    let mean = masses.iter().product::<f64>().cbrt();
    let x = vec![(mean / masses[0]).ln() / 2.0, (masses[2] / mean).ln() / 2.0];
    known("tied layers", Raw { variables: 2, edges }, 3.0 * mean, Some(x))
}

/// A visible centre, every unit joined to it both ways: the units are independent.
fn star() -> Known {
    let pairs = [(2.0, 8.0), (1e-5, 1e5), (3.0, 3.0), (1e4, 1e-2)];
    let mut edges = vec![];
    for (v, &(a, b)) in pairs.iter().enumerate() {
        edges.extend([(GROUND, Some(v), a), (Some(v), GROUND, b)]);
    }
    let cost = pairs.iter().map(|(a, b)| 2.0 * a * b).sum();
    let x = pairs.iter().map(|(a, b): &(f64, f64)| (b / a).ln() / 2.0).collect();
    known("star", Raw::graph(pairs.len(), 2.0, &edges), cost, Some(x))
}

/// A directed ring without a visible unit: all weights become their geometric mean; log-scales have mean zero.
fn ring() -> Known {
    let w = [3.0, 1e-4, 50.0, 7.0, 2e3f64];
    let n = w.len();
    let edges: Vec<_> = (0..n).map(|v| (Some(v), Some((v + 1) % n), w[v])).collect();
    let mean = w.iter().product::<f64>().powf(1.0 / n as f64);
    known("ring", Raw::graph(n, 1.0, &edges), n as f64 * mean, None)
}

/// As many costs in as out between any two units: balanced as it is, whatever the weights.
fn symmetric() -> Known {
    let mut edges = vec![];
    let mut cost = 0.0;
    for a in 0..6usize {
        for b in 0..a {
            let w = ((a * 7 + b * 3) as f64).sin() * 10f64.powi((a as i32 - b as i32) % 3);
            edges.extend([(Some(a), Some(b), w), (Some(b), Some(a), -w)]);
            cost += 2.0 * w * w;
        }
    }
    edges.extend([(GROUND, Some(0), 2.0), (Some(0), GROUND, -2.0)]);
    known("symmetric", Raw::graph(6, 2.0, &edges), cost + 8.0, Some(vec![0.0; 6]))
}

#[derive(Deserialize)]
struct Instance {
    name: String,
    #[serde(flatten)]
    raw: Raw,
    cost: String,
    x: Vec<f64>,
}

/// Seeded random problems, minimized by another program with 40 digits.
pub fn instances() -> Vec<Known> {
    let text = include_str!("instances.json");
    let list: Vec<Instance> = serde_json::from_str(text).expect("the file of instances is whole");
    let convert = |i: Instance| Known { cost: i.cost.parse().unwrap(), name: i.name, raw: i.raw, x: Some(i.x) };
    list.into_iter().map(convert).collect()
}

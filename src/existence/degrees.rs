//! Units of any degrees: strong components, and a direction that is made component by component.
//!
//! Along a direction the form of a connection from unit j to unit i is `a d_i - b d_j` with positive a and b. It is zero for
//! everything that lies on walks from the ground to the ground, for there `d_j >= 0` follows from what comes behind and
//! `d_i <= 0` from what comes before. In a component without ground it can vanish where the degrees around every cycle
//! multiply to 1, as they do where there is no cycle. Where they do not, a linear program looks at what is not on such walks.

use super::graph::{Hop, searched};
use super::program::decide_around;
use super::{Circulation, Existence, verify};
use crate::problem::Problem;

pub(super) fn decide(problem: &Problem) -> Existence {
    let (component, trees) = searched(problem);
    let ground = component[problem.variables()];
    let size = sizes(problem, &trees.from_root, |v| component[v] != ground);
    let (mut crossing, mut even) = (vec![], true);
    problem.for_each_entry(|e| {
        let (head, tail) = (problem.node(e.head), problem.node(e.tail));
        if component[head] != component[tail] {
            crossing.push((e.head, e.tail));
        } else if component[head] != ground {
            even &= coefficient(problem, e.head) * size[head] == coefficient(problem, e.tail) * size[tail];
        }
    });
    if !even {
        let grounded: Vec<bool> = component.iter().map(|&c| c == ground).collect();
        return decide_around(problem, &grounded, Some(trees));
    }
    crossing.sort_unstable();
    crossing.dedup();
    let rest = Circulation::Trees(trees);
    let found = match crossing[..] {
        [] => Existence::Attained(rest),
        _ => Existence::Escapes { direction: direction(problem, &component, &size, crossing), rest },
    };
    if verify(problem, &found) {
        return found;
    }
    Existence::Undecided("double precision holds no direction along which all that escapes falls".into())
}

fn coefficient(problem: &Problem, port: u32) -> f64 {
    problem.ports()[port as usize].terms().first().map_or(0.0, |t| t.1)
}

/// For every node a number, 1 at the roots: along them the forms of the trees' connections vanish, exactly where the numbers
/// are powers of two.
fn sizes(problem: &Problem, from_root: &[Option<Hop>], wanted: impl Fn(usize) -> bool) -> Vec<f64> {
    let mut order: Vec<usize> = (0..from_root.len()).filter(|&v| wanted(v)).collect();
    order.sort_by_key(|&v| from_root[v].map_or(0, |h| h.depth));
    let mut size = vec![1.0; from_root.len()];
    for v in order {
        if let Some(Hop { entry, .. }) = from_root[v] {
            let ratio = coefficient(problem, entry.tail) / coefficient(problem, entry.head);
            size[v] = size[problem.node(entry.tail)] * ratio;
        }
    }
    size
}

/// A direction along which all crossing connections fall. Numbers of components never grow along a connection: what is above
/// the ground rises, what is below falls, the more the farther away.
fn direction(problem: &Problem, component: &[u32], size: &[f64], crossing: Vec<(u32, u32)>) -> Vec<f64> {
    let ground = component[problem.variables()];
    let of = |port: u32| component[problem.node(port)];
    let components = component.iter().max().map_or(0, |most| *most as usize + 1);
    // the steepness of every component, and its crossing connections on the side of the ground
    let mut steep = vec![1.0f64; components];
    steep[ground as usize] = 0.0;
    let mut near: Vec<Vec<(u32, u32)>> = vec![vec![]; components];
    for (head, tail) in crossing {
        if of(head) > ground {
            near[of(tail) as usize].push((tail, head));
        } else if of(tail) < ground {
            near[of(head) as usize].push((head, tail));
        }
    }
    let outwards = (ground as usize + 1..components).chain((0..ground as usize).rev());
    for c in outwards {
        for &(own, other) in &near[c] {
            let met = coefficient(problem, other) * size[problem.node(other)] * steep[of(other) as usize];
            let least = met / (coefficient(problem, own) * size[problem.node(own)]);
            steep[c] = steep[c].max(above(least));
        }
    }
    let sign = |c: u32| if c > ground { 1.0 } else { -1.0 };
    let along = |v: usize| sign(component[v]) * size[v] * steep[component[v] as usize];
    (0..problem.variables()).map(along).collect()
}

/// A number of few digits a little above a positive one: products with it stay exact.
fn above(value: f64) -> f64 {
    const DIGITS: u64 = 1 << 41;
    f64::from_bits((value.to_bits() / DIGITS + 2) * DIGITS)
}

//! The independent check of a witness: exact, and without a solver.

use super::{Circulation, Existence, Hop, Trees, slopes};
use crate::manifold::Form;
use crate::problem::{Entry, Problem};
use dashu::rational::RBig;
use std::collections::{HashMap, HashSet};

/// Whether the witness proves what it claims about the problem; undecided claims nothing and is never proved.
///
/// Complexity: linear in connections, in exact integers or rationals.
#[must_use]
pub fn verify(problem: &Problem, existence: &Existence) -> bool {
    match existence {
        Existence::Undecided(_) => false,
        Existence::Attained(circulation) => covers(problem, circulation, |_| false),
        Existence::Falls { direction } => {
            let (Some(value), Some(ranges)) = (at_ports(problem, direction), slopes::ranges(problem)) else {
                return false;
            };
            !problem.is_powers()
                && slopes::falls(&ranges, |&(head, tail)| &value[head as usize] - &value[tail as usize])
        }
        Existence::Escapes { direction, rest } => {
            // where a cost falls for ever, or not at all, is the business of slopes
            let Some(value) = at_ports(problem, direction).filter(|_| problem.is_powers()) else { return false };
            let change = |e: &Entry| value[e.head as usize].cmp(&value[e.tail as usize]);
            let (mut rises, mut falls) = (false, false);
            problem.for_each_entry(|e| match change(&e) {
                std::cmp::Ordering::Greater => rises = true,
                std::cmp::Ordering::Less => falls = true,
                std::cmp::Ordering::Equal => {}
            });
            falls && !rises && covers(problem, rest, |e| change(e).is_lt())
        }
    }
}

/// The exact values of all ports' forms along a direction; none where it is not one.
fn at_ports(problem: &Problem, direction: &[f64]) -> Option<Vec<RBig>> {
    let is_one = direction.len() == problem.variables() && direction.iter().all(|d| d.is_finite());
    is_one.then(|| problem.ports().iter().map(|f| exact_at(f, direction)).collect())
}

fn exact(value: f64) -> RBig {
    RBig::try_from(value).expect("coefficients and checked directions are finite")
}

fn exact_at(form: &Form, x: &[f64]) -> RBig {
    form.terms().iter().fold(RBig::ZERO, |sum, &(v, c)| sum + exact(c) * exact(x[v as usize]))
}

/// Whether a circulation inside of all slopes' ranges (for powers: a positive one) passes through every connection that does not escape (and, where it is made of trees,
/// through none that does).
fn covers(problem: &Problem, circulation: &Circulation, escapes: impl Fn(&Entry) -> bool) -> bool {
    match circulation {
        Circulation::Trees(Trees { from_root, to_root }) => trees(problem, from_root, to_root, escapes),
        Circulation::Numbers(numbers) => flow(problem, numbers, &vec![false; problem.variables() + 1], escapes),
        Circulation::Around { trees, numbers } => match on_walks_through_the_ground(problem, trees) {
            Some(grounded) => flow(problem, numbers, &grounded, escapes),
            None => false,
        },
    }
}

fn trees(
    problem: &Problem,
    from_root: &[Option<Hop>],
    to_root: &[Option<Hop>],
    escapes: impl Fn(&Entry) -> bool,
) -> bool {
    let nodes = problem.variables() + 1;
    if !problem.is_scaled_graph() || from_root.len() != nodes || to_root.len() != nodes {
        return false;
    }
    let out_root = roots(problem, from_root, |e| (problem.node(e.head), problem.node(e.tail)));
    let in_root = roots(problem, to_root, |e| (problem.node(e.tail), problem.node(e.head)));
    let (Some(out_root), Some(in_root)) = (out_root, in_root) else { return false };
    if out_root != in_root || from_root.iter().chain(to_root).flatten().any(|h| escapes(&h.entry)) {
        return false;
    }
    let size =
        if problem.is_graph() { None } else { Some(sizes(problem, from_root, |v| out_root[v] != out_root[nodes - 1])) };
    let coefficient = |q: u32| exact(problem.ports()[q as usize].terms().first().map_or(0.0, |t| t.1));
    // a cycle without ground closes where the degrees around it multiply to 1
    let even = |e: &Entry, (head, tail): (usize, usize)| {
        size.as_ref().is_none_or(|s| coefficient(e.head) * &s[head] == coefficient(e.tail) * &s[tail])
    };
    let mut inside = true;
    problem.for_each_entry(|e| {
        let (head, tail) = (problem.node(e.head), problem.node(e.tail));
        let root = out_root[head];
        inside &= escapes(&e) || (root == out_root[tail] && (root == out_root[nodes - 1] || even(&e, (head, tail))));
    });
    inside
}

/// Numbers along the trees of some nodes, such that the forms of their connections vanish there; 1 at the roots.
fn sizes(problem: &Problem, from_root: &[Option<Hop>], wanted: impl Fn(usize) -> bool) -> Vec<RBig> {
    let mut order: Vec<usize> = (0..from_root.len()).filter(|&v| wanted(v)).collect();
    order.sort_by_key(|&v| from_root[v].map_or(0, |h| h.depth));
    let mut size = vec![RBig::ONE; from_root.len()];
    for v in order {
        let Some(Hop { entry, .. }) = from_root[v] else { continue };
        let one = |q: u32| problem.ports()[q as usize].terms().first().map_or(RBig::ONE, |t| exact(t.1));
        size[v] = &size[problem.node(entry.tail)] * one(entry.tail) / one(entry.head);
    }
    size
}

/// Which nodes the trees join to the ground in both directions, the ground among them; none where they are no trees.
fn on_walks_through_the_ground(problem: &Problem, Trees { from_root, to_root }: &Trees) -> Option<Vec<bool>> {
    let nodes = problem.variables() + 1;
    if !problem.is_scaled_graph() || from_root.len() != nodes || to_root.len() != nodes {
        return None;
    }
    let out_root = roots(problem, from_root, |e| (problem.node(e.head), problem.node(e.tail)))?;
    let in_root = roots(problem, to_root, |e| (problem.node(e.tail), problem.node(e.head)))?;
    let ground = |root: &[usize], v: usize| root[v] == root[nodes - 1];
    // both trees have to lead to one root
    let same = out_root[nodes - 1] == in_root[nodes - 1];
    let grounded: Vec<bool> =
        (0..nodes).map(|v| v + 1 == nodes || (same && ground(&out_root, v) && ground(&in_root, v))).collect();
    // their hops lead through each other alone
    let inside = |e: &Entry| grounded[problem.node(e.head)] && grounded[problem.node(e.tail)];
    let hops = (0..nodes).filter(|&v| grounded[v]).flat_map(|v| [&from_root[v], &to_root[v]]).flatten();
    hops.map(|hop| &hop.entry).all(inside).then_some(grounded)
}

/// The root that every node reaches by its hops; none when a hop is not a connection of the problem at that node, or when
/// depths do not fall towards the root.
fn roots(problem: &Problem, hops: &[Option<Hop>], ends: impl Fn(&Entry) -> (usize, usize)) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..hops.len()).collect();
    order.sort_by_key(|&v| hops[v].map_or(0, |h| h.depth));
    let mut root: Vec<usize> = (0..hops.len()).collect();
    for v in order {
        let Some(Hop { entry, depth }) = hops[v] else { continue };
        let block = problem.blocks().get(entry.block)?;
        let places = block.heads.get(entry.row as usize) == Some(&entry.head)
            && block.tails.get(entry.column as usize) == Some(&entry.tail)
            && block.place(entry.index) == Some((entry.row, entry.column))
            && block.has(entry.index);
        let (own, next) = ends(&entry);
        let next_depth = hops.get(next)?.map_or(0, |h| h.depth);
        if !places || own != v || depth == 0 || next_depth >= depth {
            return None;
        }
        root[v] = root[next];
    }
    Some(root)
}

/// Whether numbers inside of all ranges are a circulation in the variables that are not grounded, through all connections that
/// neither escape nor join grounded nodes.
fn flow(
    problem: &Problem,
    numbers: &[((u32, u32), RBig)],
    grounded: &[bool],
    escapes: impl Fn(&Entry) -> bool,
) -> bool {
    let powers = problem.is_powers();
    let ranges = if powers { None } else { slopes::ranges(problem) };
    let is_inside = |pair: &(u32, u32), number: &RBig| match &ranges {
        None => powers && *number > RBig::ZERO,
        Some(ranges) => ranges.get(pair).is_some_and(|range| slopes::is_inside(number, range)),
    };
    let mut covered: HashSet<(u32, u32)> = HashSet::new();
    let mut balance: HashMap<u32, RBig> = HashMap::new();
    for ((head, tail), number) in numbers {
        let known = |q: u32| (q as usize) < problem.ports().len();
        if !is_inside(&(*head, *tail), number) || !known(*head) || !known(*tail) || !covered.insert((*head, *tail)) {
            return false;
        }
        let form = problem.ports()[*head as usize].plus(-1.0, &problem.ports()[*tail as usize]);
        for &(v, c) in form.terms() {
            *balance.entry(v).or_insert(RBig::ZERO) += exact(c) * number;
        }
    }
    let mut all = true;
    let mut real: HashSet<(u32, u32)> = HashSet::new();
    problem.for_each_entry(|e| {
        let pair = (e.head, e.tail);
        real.insert(pair);
        let inside = grounded[problem.node(e.head)] && grounded[problem.node(e.tail)];
        all &= match inside {
            true => !escapes(&e),
            false => escapes(&e) != covered.contains(&pair) || problem.form(&e).is_zero(),
        };
    });
    all && covered.is_subset(&real) && balance.iter().all(|(&v, b)| grounded[v as usize] || *b == RBig::ZERO)
}

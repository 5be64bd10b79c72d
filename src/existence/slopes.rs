//! Costs of any convex shape: a minimum is attained where some circulation lies strictly inside the ranges of all slopes.
//!
//! Along a direction d the cost changes, in the long run, at the rate `sum hi max(L(d), 0) + lo min(L(d), 0)` with the ranges
//! `lo..hi` of the slopes. The minimum is attained iff this rate is positive wherever some `L(d)` is not zero; duality turns
//! that into a circulation. Reference: R. T. Rockafellar, "Convex Analysis" (1970), section 27.

use super::program::{MOST_PAIRS, conservation, exact_direction, expression, maximize, snap};
use super::{Circulation, Existence};
use crate::manifold::{Form, ManifoldBuilder};
use crate::problem::{Cost, Problem};
use dashu::rational::RBig;
use good_lp::{Expression, Variable, constraint, variable, variables};
use std::collections::BTreeMap;

/// Bounds of a slope, exactly; none where there is no bound.
pub(super) type Range = [Option<RBig>; 2];

/// The sum of the slopes' ranges for every connected pair of ports, those that cannot move left out.
pub(super) type Ranges = BTreeMap<(u32, u32), Range>;

/// The ranges; none where a cost does not tell its own.
pub(super) fn ranges(problem: &Problem) -> Option<Ranges> {
    let mut ranges = Ranges::new();
    let mut known = true;
    problem.for_each_entry(|e| {
        let own = match &problem.blocks()[e.block].cost {
            Cost::Power(_) => Some([0.0, f64::INFINITY]),
            Cost::Convex(cost) => cost.slopes(),
        };
        let Some(own) = own else { return known = false };
        if !problem.form(&e).is_zero() {
            let sum = ranges.entry((e.head, e.tail)).or_insert([Some(RBig::ZERO), Some(RBig::ZERO)]);
            for (sum, bound) in sum.iter_mut().zip(own) {
                *sum = sum.take().zip(RBig::try_from(bound).ok()).map(|(sum, bound)| sum + bound);
            }
        }
    });
    known.then_some(ranges)
}

/// Directions whose forms are below this are zero but for rounding.
const NOTHING: f64 = 1e-6;

pub(super) fn decide(problem: &Problem) -> Existence {
    let undecided = |why: &str| Existence::Undecided(why.to_string());
    let Some(ranges) = ranges(problem) else {
        return undecided("a cost does not tell the range of its slopes");
    };
    if ranges.len() > MOST_PAIRS {
        return undecided("too many connections for the exact linear program");
    }
    let pairs: Vec<(u32, u32)> = ranges.keys().copied().collect();
    let ranges: Vec<Range> = ranges.into_values().collect();
    let form = |&(h, t): &(u32, u32)| problem.ports()[h as usize].plus(-1.0, &problem.ports()[t as usize]);
    let forms: Vec<Form> = pairs.iter().map(form).collect();
    let found = match circulation(&forms, &ranges, problem.variables()) {
        Some(numbers) => Existence::Attained(Circulation::Numbers(pairs.into_iter().zip(numbers).collect())),
        None => match falling(&forms, &ranges, problem.variables()) {
            Some(direction) => Existence::Falls { direction },
            None => return undecided("the linear program found neither a circulation nor a direction"),
        },
    };
    if super::verify(problem, &found) { found } else { undecided("the witness failed its exact check") }
}

/// Bounds as the programs see them.
fn near([low, high]: &Range, unit: f64) -> [f64; 2] {
    let value = |bound: &Option<RBig>, none: f64| bound.as_ref().map_or(none, |b| b.to_f64().value() / unit);
    [value(low, f64::NEG_INFINITY), value(high, f64::INFINITY)]
}

/// A power of two that makes the narrowest range, or the smallest bound of one without width, about 1.
fn unit(ranges: &[Range]) -> f64 {
    let size = |range: &Range| match near(range, 1.0) {
        [low, high] if low.is_finite() && high.is_finite() => high - low,
        [low, high] => {
            [low, high].into_iter().map(f64::abs).filter(|b| b.is_finite() && *b > 0.0).fold(f64::INFINITY, f64::min)
        }
    };
    let least = ranges.iter().map(size).filter(|s| s.is_finite() && *s > 0.0).fold(f64::INFINITY, f64::min);
    if least.is_finite() { 2f64.powi(least.log2().floor().clamp(-900.0, 900.0) as i32) } else { 1.0 }
}

/// A circulation as far inside of all ranges as can be, made exact.
fn circulation(forms: &[Form], ranges: &[Range], n: usize) -> Option<Vec<RBig>> {
    if forms.is_empty() {
        return Some(vec![]);
    }
    // the numbers are looked for on a grid, which has to be fine against the ranges
    let unit = unit(ranges);
    let conservation = conservation(forms.iter(), n);
    variables! { unknowns: }
    let g: Vec<Variable> = unknowns.add_vector(variable().min(-1e7).max(1e7), forms.len());
    let inside = unknowns.add(variable().min(-1).max(1));
    let conserved = |row: &Vec<(u32, f64)>| {
        let sum = row.iter().fold(Expression::default(), |sum, &(k, c)| sum + c * g[k as usize]);
        constraint!(sum == 0.0)
    };
    let mut rows: Vec<_> = conservation.iter().filter(|r| !r.is_empty()).map(conserved).collect();
    for (&g, range) in g.iter().zip(ranges) {
        let [low, high] = near(range, unit);
        rows.extend(low.is_finite().then(|| constraint!(g >= low + inside)));
        rows.extend(high.is_finite().then(|| constraint!(g <= high - inside)));
    }
    let near: Vec<f64> = maximize(unknowns, inside.into(), rows, false, &g).ok()?;
    let mut builder = ManifoldBuilder::new();
    near.iter().for_each(|_| {
        builder.variable();
    });
    conservation.into_iter().for_each(|row| builder.require_zero(&Form::from_terms(row)));
    let unit = RBig::try_from(unit).ok()?;
    let exact: Vec<RBig> = snap(builder, &near)?.into_iter().map(|g| g * &unit).collect();
    exact.iter().zip(ranges).all(|(g, range)| is_inside(g, range)).then_some(exact)
}

/// Whether a number lies strictly inside a range.
pub(super) fn is_inside(number: &RBig, [low, high]: &Range) -> bool {
    low.as_ref().is_none_or(|low| low < number) && high.as_ref().is_none_or(|high| number < high)
}

/// A direction along which the cost falls for ever, exactly one.
fn falling(forms: &[Form], ranges: &[Range], n: usize) -> Option<Vec<f64>> {
    let unit = unit(ranges);
    variables! { unknowns: }
    let d: Vec<Variable> = unknowns.add_vector(variable().min(-1).max(1), n);
    let rate: Vec<Variable> = unknowns.add_vector(variable().min(-1e7).max(1e7), forms.len());
    let mut rows = vec![];
    for ((form, &rate), range) in forms.iter().zip(&rate).zip(ranges) {
        let [low, high] = near(range, unit);
        let change = expression(form, &d);
        rows.push(if high.is_finite() {
            constraint!(rate >= high * change.clone())
        } else {
            constraint!(change.clone() <= 0.0)
        });
        rows.push(if low.is_finite() { constraint!(rate >= low * change) } else { constraint!(change >= 0.0) });
        // where both ends are infinite nothing moves, and where one is the other alone bounds the rate
        rows.extend((!low.is_finite() && !high.is_finite()).then(|| constraint!(rate >= 0.0)));
    }
    let total: Expression = rate.iter().sum();
    let direction = maximize(unknowns, -total, rows, false, &d).ok()?;
    let moves: Vec<bool> = forms.iter().map(|form| form.at(&direction).abs() > NOTHING).collect();
    exact_direction(forms, &moves, &direction)
}

/// Whether the cost falls for ever along a direction that changes a weight: its rate, in exact numbers, is not positive.
pub(super) fn falls(ranges: &Ranges, change: impl Fn(&(u32, u32)) -> RBig) -> bool {
    let (mut rate, mut moves) = (RBig::ZERO, false);
    for (pair, [low, high]) in ranges {
        let change = change(pair);
        let slope = if change > RBig::ZERO { high } else { low };
        if change != RBig::ZERO {
            let Some(slope) = slope else { return false };
            rate += slope * change;
            moves = true;
        }
    }
    moves && rate <= RBig::ZERO
}

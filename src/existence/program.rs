//! General linear forms: a linear program finds the escaping connections, exact elimination makes its answer a proof.

use super::{Circulation, Existence, Numbers, Trees};
use crate::manifold::{Form, ManifoldBuilder};
use crate::problem::Problem;
use dashu::rational::RBig;
use good_lp::{
    Expression, ProblemVariables, ResolutionError, Solution, SolverModel, Variable, clarabel, constraint, microlp,
    variable, variables,
};
use std::collections::BTreeSet;

/// Connected pairs of ports up to which the exact elimination is affordable.
pub(super) const MOST_PAIRS: usize = 4000;
/// Pairs up to which the simplex method checks the interior-point method.
const SIMPLEX_PAIRS: usize = 300;
/// Free numbers of a witness are rounded to multiples of this.
const GRID: f64 = 1.0 / (1 << 20) as f64;

pub(super) fn decide(problem: &Problem) -> Existence {
    decide_around(problem, &vec![false; problem.variables() + 1], None)
}

/// The same where some nodes are known to lie on walks from the ground to the ground, the ground among them: no direction moves
/// them, and the trees show it.
pub(super) fn decide_around(problem: &Problem, grounded: &[bool], trees: Option<Trees>) -> Existence {
    let undecided = |why: &str| Existence::Undecided(why.to_string());
    let mut pairs = BTreeSet::new();
    problem.for_each_entry(|e| {
        let inside = grounded[problem.node(e.head)] && grounded[problem.node(e.tail)];
        if pairs.len() <= MOST_PAIRS && !inside && !problem.form(&e).is_zero() {
            pairs.insert((e.head, e.tail));
        }
    });
    if pairs.len() > MOST_PAIRS {
        return undecided("too many connections for the exact linear program");
    }
    let pairs: Vec<(u32, u32)> = pairs.into_iter().collect();
    let form = |&(h, t): &(u32, u32)| {
        let form = problem.ports()[h as usize].plus(-1.0, &problem.ports()[t as usize]);
        Form::from_terms(form.terms().iter().copied().filter(|t| !grounded[t.0 as usize]))
    };
    let forms: Vec<Form> = pairs.iter().map(form).collect();
    let n = problem.variables();
    let Some((falls, direction)) = falling(&forms, n) else {
        return undecided("the linear program failed, or its two solvers disagree");
    };
    let rest: Vec<usize> = (0..forms.len()).filter(|&k| !falls[k]).collect();
    let Some(numbers) = circulation(&forms, &rest, n) else {
        return undecided("no exact circulation was found");
    };
    let numbers: Numbers = rest.iter().map(|&k| pairs[k]).zip(numbers).collect();
    let rest = match trees {
        None => Circulation::Numbers(numbers),
        Some(trees) => Circulation::Around { trees, numbers },
    };
    let found = if falls.contains(&true) {
        match exact_direction(&forms, &falls, &direction) {
            Some(mut direction) => {
                (0..n).filter(|&v| grounded[v]).for_each(|v| direction[v] = 0.0);
                Existence::Escapes { direction, rest }
            }
            None => return undecided("no exact direction was found"),
        }
    } else {
        Existence::Attained(rest)
    };
    if super::verify(problem, &found) { found } else { undecided("the witness failed its exact check") }
}

/// Which forms can fall while none rises: all of them at once, for such directions add up.
///
/// Maximize the sum of `s_k <= 1` subject to `form_k(d) <= -s_k`, `s_k >= 0`.
fn falling(forms: &[Form], n: usize) -> Option<(Vec<bool>, Vec<f64>)> {
    let (by_interior, direction) = solve_falling(forms, n, false).ok()?;
    if forms.len() <= SIMPLEX_PAIRS {
        let (by_simplex, direction) = solve_falling(forms, n, true).ok()?;
        return (by_simplex == by_interior).then_some((by_simplex, direction));
    }
    Some((by_interior, direction))
}

fn solve_falling(forms: &[Form], n: usize, simplex: bool) -> Result<(Vec<bool>, Vec<f64>), ResolutionError> {
    variables! { unknowns: }
    let d: Vec<Variable> = unknowns.add_vector(variable().min(-1e7).max(1e7), n);
    let s: Vec<Variable> = unknowns.add_vector(variable().min(0).max(1), forms.len());
    let objective: Expression = s.iter().sum();
    let rows = forms.iter().zip(&s).map(|(form, &s)| constraint!(expression(form, &d) + s <= 0.0));
    let rows: Vec<_> = rows.collect();
    let values = maximize(unknowns, objective, rows, simplex, &[&s[..], &d[..]].concat())?;
    let (s, d) = values.split_at(forms.len());
    Ok((s.iter().map(|&s| s > 0.5).collect(), d.to_vec()))
}

pub(super) fn expression(form: &Form, d: &[Variable]) -> Expression {
    form.terms().iter().fold(Expression::default(), |sum, &(v, c)| sum + c * d[v as usize])
}

/// The values of the wanted unknowns where an objective is largest: by the simplex method, or by interior points.
pub(crate) fn maximize(
    unknowns: ProblemVariables,
    objective: Expression,
    rows: Vec<good_lp::Constraint>,
    simplex: bool,
    wanted: &[Variable],
) -> Result<Vec<f64>, ResolutionError> {
    let model = unknowns.maximise(objective);
    if simplex {
        let solved = rows.into_iter().fold(model.using(microlp), SolverModel::with).solve()?;
        return Ok(wanted.iter().map(|&v| solved.value(v)).collect());
    }
    let solved = rows.into_iter().fold(model.using(clarabel), SolverModel::with).solve()?;
    Ok(wanted.iter().map(|&v| solved.value(v)).collect())
}

/// The direction near the program's one that leaves all other forms exactly unchanged.
pub(super) fn exact_direction(forms: &[Form], falls: &[bool], direction: &[f64]) -> Option<Vec<f64>> {
    let mut builder = ManifoldBuilder::new();
    direction.iter().for_each(|_| {
        builder.variable();
    });
    forms.iter().zip(falls).filter(|(_, falls)| !**falls).for_each(|(form, _)| builder.require_zero(form));
    let exact = snap(builder, direction)?;
    let rounded: Vec<f64> = exact.iter().map(|v| v.to_f64().value()).collect();
    exact.iter().zip(&rounded).all(|(e, &r)| RBig::try_from(r).is_ok_and(|r| r == *e)).then_some(rounded)
}

/// What a circulation through these forms has to keep: for every variable the numbers of the forms with it, and its coefficients.
pub(super) fn conservation<'a>(forms: impl Iterator<Item = &'a Form>, n: usize) -> Vec<Vec<(u32, f64)>> {
    let mut rows = vec![vec![]; n];
    for (k, form) in forms.enumerate() {
        form.terms().iter().for_each(|&(v, c)| rows[v as usize].push((k as u32, c)));
    }
    rows
}

/// A positive circulation through the forms of `rest`: maximize the least number, then make it exact.
fn circulation(forms: &[Form], rest: &[usize], n: usize) -> Option<Vec<RBig>> {
    if rest.is_empty() {
        return Some(vec![]);
    }
    let conservation = conservation(rest.iter().map(|&k| &forms[k]), n);
    variables! { unknowns: }
    let g: Vec<Variable> = unknowns.add_vector(variable().min(0).max(1), rest.len());
    let least = unknowns.add(variable().min(0).max(1));
    let conserved = |row: &Vec<(u32, f64)>| {
        let sum = row.iter().fold(Expression::default(), |sum, &(k, c)| sum + c * g[k as usize]);
        constraint!(sum == 0.0)
    };
    let mut rows: Vec<_> = conservation.iter().filter(|r| !r.is_empty()).map(conserved).collect();
    rows.extend(g.iter().map(|&g| constraint!(g >= least)));
    let simplex = rest.len() <= SIMPLEX_PAIRS;
    let near = maximize(unknowns, least.into(), rows, simplex, &g).ok()?;
    // scaled so that the grid is fine against the least number
    let least = near.iter().fold(f64::INFINITY, |m: f64, &v| m.min(v));
    if least <= 1e-9 {
        return None;
    }
    let scaled: Vec<f64> = near.iter().map(|v| v / least).collect();
    let mut builder = ManifoldBuilder::new();
    scaled.iter().for_each(|_| {
        builder.variable();
    });
    conservation.into_iter().for_each(|row| builder.require_zero(&Form::from_terms(row)));
    let exact = snap(builder, &scaled)?;
    exact.iter().all(|g| *g > RBig::ZERO).then_some(exact)
}

/// The exact solution of the collected constraints nearest in its free variables to `near`, rounded to the grid.
pub(super) fn snap(builder: ManifoldBuilder, near: &[f64]) -> Option<Vec<RBig>> {
    let manifold = builder.build().ok()?;
    let mut free = vec![RBig::ZERO; manifold.free()];
    for (v, form) in manifold.forms().iter().enumerate() {
        if let [(k, c)] = *form.terms() {
            free[k as usize] = RBig::try_from((near[v] / c / GRID).round() * GRID).ok()?;
        }
    }
    let value = |form: &Form| -> Option<RBig> {
        form.terms().iter().try_fold(RBig::ZERO, |sum, &(k, c)| Some(sum + RBig::try_from(c).ok()? * &free[k as usize]))
    };
    manifold.forms().iter().map(value).collect()
}

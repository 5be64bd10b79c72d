//! Problems with known answers, and problems at random; every solve of them is checked by [`check`].
#![allow(dead_code)]

pub mod any;
pub mod check;
pub mod known;
pub mod price;
pub mod ways;

use serde::Deserialize;
use std::ops::ControlFlow;
use synbal::manifold::Form;
use synbal::problem::{Port, Problem, ProblemBuilder, Weights};
use synbal::regularizer::{Power, Regularizer};
use synbal::solve::{Settings, Solution, Status, solve};

/// A connection as a user would write it down: nothing is merged, sorted or left out.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "(Terms, Terms, f64, f64, f64)")]
pub struct Edge {
    /// Linear form at the head, `(variable, coefficient)`; empty for a visible unit.
    pub head: Terms,
    /// Linear form at the tail.
    pub tail: Terms,
    pub weight: f64,
    pub p: f64,
    pub alpha: f64,
}

pub type Terms = Vec<(usize, f64)>;

impl From<(Terms, Terms, f64, f64, f64)> for Edge {
    fn from((head, tail, weight, p, alpha): (Terms, Terms, f64, f64, f64)) -> Self {
        Self { head, tail, weight, p, alpha }
    }
}

/// A problem as a list of connections.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Raw {
    pub variables: usize,
    pub edges: Vec<Edge>,
}

impl Raw {
    /// A problem of degree-1 units: `(tail, head, weight)`, where `None` is a visible unit.
    pub fn graph(variables: usize, p: f64, edges: &[(Option<usize>, Option<usize>, f64)]) -> Self {
        let end = |v: Option<usize>| v.map_or(vec![], |v| vec![(v, 1.0)]);
        let edge = |&(t, h, weight): &(_, _, f64)| Edge { head: end(h), tail: end(t), weight, p, alpha: 1.0 };
        Self { variables, edges: edges.iter().map(edge).collect() }
    }

    /// The problem of the crate: one sparse block for every kind of cost.
    pub fn problem(&self) -> Problem {
        let mut builder = ProblemBuilder::new(self.variables);
        let mut rest: Vec<&Edge> = self.edges.iter().collect();
        while let Some(&&Edge { p, alpha, .. }) = rest.first() {
            let (same, others): (Vec<&Edge>, Vec<&Edge>) = rest.into_iter().partition(|e| e.p == p && e.alpha == alpha);
            let (mut heads, mut tails, mut entries) = (vec![], vec![], vec![]);
            for edge in same {
                let row = place(&mut heads, builder.port(&form(&edge.head)));
                let column = place(&mut tails, builder.port(&form(&edge.tail)));
                entries.push((row, column, edge.weight));
            }
            let cost = Regularizer::powers(&[Power { exponent: p, coefficient: alpha }]).unwrap();
            builder.block(&format!("p {p}"), heads, tails, Weights::Sparse(entries), &cost).unwrap();
            rest = others;
        }
        builder.build()
    }

    /// Without the connections whose log-multiplier falls along `direction`.
    pub fn without_falling(&self, direction: &[f64]) -> Self {
        let falls = |e: &Edge| e.log_multiplier(direction) < 0.0;
        Self { variables: self.variables, edges: self.edges.iter().filter(|e| !falls(e)).cloned().collect() }
    }
}

impl Edge {
    /// `head(x) - tail(x)`.
    pub fn log_multiplier(&self, x: &[f64]) -> f64 {
        let at = |terms: &Terms| -> f64 { terms.iter().map(|&(v, c)| c * x[v]).sum() };
        at(&self.head) - at(&self.tail)
    }

    /// Net coefficient of every variable.
    pub fn coefficients(&self) -> Vec<(usize, f64)> {
        let mut net: Vec<(usize, f64)> = vec![];
        let signed = self.head.iter().copied().chain(self.tail.iter().map(|&(v, c)| (v, -c)));
        for (v, c) in signed {
            match net.iter_mut().find(|t| t.0 == v) {
                Some(term) => term.1 += c,
                None => net.push((v, c)),
            }
        }
        net.retain(|t| t.1 != 0.0);
        net
    }
}

pub fn form(terms: &Terms) -> Form {
    Form::from_terms(terms.iter().map(|&(v, c)| (v as u32, c)))
}

fn place(ports: &mut Vec<Port>, port: Port) -> u32 {
    let known = ports.iter().position(|p| *p == port);
    known.unwrap_or_else(|| {
        ports.push(port);
        ports.len() - 1
    }) as u32
}

/// Solves, and checks the solution against the connection list; also when the solver stopped early.
pub fn solve_checked(raw: &Raw, problem: &Problem, settings: &Settings) -> Solution {
    let solution = solve(problem, settings, &mut |_| ControlFlow::Continue(())).unwrap();
    check::solution(raw, &solution, settings);
    solution
}

/// Solves a problem with default settings and expects convergence.
pub fn optimum(raw: &Raw) -> Solution {
    let solution = solve_checked(raw, &raw.problem(), &Settings::default());
    assert_eq!(solution.status, Status::Converged, "{solution:?}");
    solution
}

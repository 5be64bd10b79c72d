//! Weights whose costs are not single powers, under the same optimality check: from the list of connections alone.

use super::check::{self, Flows};
use super::{Edge, Raw, Terms, form, place};
use std::ops::ControlFlow;
use synbal::lowered::Lowered;
use synbal::network::Network;
use synbal::problem::{Problem, ProblemBuilder, Weights};
use synbal::regularizer::{ConvexCost, Power, Regularizer};
use synbal::solve::{Settings, Solution, solve};

/// What a weight costs: a sum of powers, plus a multiple of `ln(1 + w^2)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    pub powers: Vec<Power>,
    pub logarithm: f64,
}

impl Price {
    /// `|w|^exponent`.
    pub fn power(exponent: f64) -> Self {
        Self { powers: vec![Power { exponent, coefficient: 1.0 }], logarithm: 0.0 }
    }

    pub fn regularizer(&self) -> Regularizer {
        let regularizer = match self.logarithm {
            0.0 => Regularizer::powers(&self.powers),
            _ => Regularizer::convex(self.clone()),
        };
        regularizer.unwrap()
    }
}

impl ConvexCost for Price {
    fn at(&self, t: f64) -> [f64; 3] {
        let [u, rest] = [-2.0 * t, 2.0 * t].map(|s| 1.0 / (1.0 + s.exp()));
        let logarithm = [(2.0 * t).max(0.0) + (-(2.0 * t).abs()).exp().ln_1p(), 2.0 * u, 4.0 * u * rest];
        let power = |p: &Power| [0, 1, 2].map(|k| p.coefficient * p.exponent.powi(k) * (p.exponent * t).exp());
        let terms = self.powers.iter().map(power).chain([logarithm.map(|v| self.logarithm * v)]);
        terms.fold([0.0; 3], |sum, term| [sum[0] + term[0], sum[1] + term[1], sum[2] + term[2]])
    }

    fn slopes(&self) -> Option<[f64; 2]> {
        Some([0.0, if self.powers.is_empty() { 2.0 * self.logarithm } else { f64::INFINITY }])
    }
}

/// A problem with a price for every connection, in the place of its power.
#[derive(Clone, Debug)]
pub struct Priced {
    pub raw: Raw,
    pub prices: Vec<Price>,
}

impl Priced {
    /// A network as connections, one for every weight: the first connection that uses it speaks for all.
    pub fn of(network: &Network, lowered: &Lowered, price: impl Fn(usize) -> Price) -> Self {
        let terms = |unit: usize, factor: f64| -> Terms {
            lowered.units[unit].form.terms().iter().map(|&(v, c)| (v as usize, factor * c)).collect()
        };
        let mut edges = vec![None; network.parameters().len()];
        for (tail, head, k) in network.connections().iter() {
            let degree = network.units()[tail].activation.degree().unwrap_or(0.0);
            let (head, tail, weight) = (terms(head, 1.0), terms(tail, degree), network.parameters()[k]);
            edges[k].get_or_insert(Edge { head, tail, weight, p: 1.0, alpha: 1.0 });
        }
        let prices = (0..edges.len()).map(price).collect();
        let edges = edges.into_iter().map(|e| e.expect("every weight is used")).collect();
        Self { raw: Raw { variables: lowered.problem.variables(), edges }, prices }
    }

    /// The problem of the crate: one sparse block for every price.
    pub fn problem(&self) -> Problem {
        let mut builder = ProblemBuilder::new(self.raw.variables);
        let mut rest: Vec<usize> = (0..self.raw.edges.len()).collect();
        while let Some(&first) = rest.first() {
            let price = &self.prices[first];
            let (same, others): (Vec<usize>, Vec<usize>) = rest.into_iter().partition(|&k| self.prices[k] == *price);
            let (mut heads, mut tails, mut entries) = (vec![], vec![], vec![]);
            for edge in same.into_iter().map(|k| &self.raw.edges[k]) {
                let row = place(&mut heads, builder.port(&form(&edge.head)));
                let column = place(&mut tails, builder.port(&form(&edge.tail)));
                entries.push((row, column, edge.weight));
            }
            builder.block("priced", heads, tails, Weights::Sparse(entries), &price.regularizer()).unwrap();
            rest = others;
        }
        builder.build()
    }

    /// Without the connections whose log-multiplier falls along `direction`.
    pub fn without_falling(&self, direction: &[f64]) -> Self {
        let stays = |k: &usize| self.raw.edges[*k].log_multiplier(direction) >= 0.0;
        let kept: Vec<usize> = (0..self.raw.edges.len()).filter(stays).collect();
        let edges = kept.iter().map(|&k| self.raw.edges[k].clone()).collect();
        Self {
            raw: Raw { variables: self.raw.variables, edges },
            prices: kept.iter().map(|&k| self.prices[k].clone()).collect(),
        }
    }

    /// Solves, and checks the solution against the list of connections; also when the solver stopped early.
    pub fn solve_checked(&self, problem: &Problem, settings: &Settings) -> Solution {
        let solution = solve(problem, settings, &mut |_| ControlFlow::Continue(())).unwrap();
        let flows = Flows::sum(&self.raw, &solution.log_scales, |k| {
            let edge = &self.raw.edges[k];
            let t = edge.weight.abs().ln() + edge.log_multiplier(&solution.log_scales);
            let [cost, slope, _] = self.prices[k].at(t);
            let steepest = self.prices[k].powers.iter().fold(2.0, |m: f64, p| m.max(p.exponent));
            [cost.ln(), slope.ln(), steepest]
        });
        check::says_the_truth(&flows, &solution, settings);
        solution
    }
}

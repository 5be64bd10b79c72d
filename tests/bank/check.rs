//! The optimality check: from the connection list alone, with none of the crate's passes.
//!
//! Balanced is the same as optimal, so a solution is right iff at every variable what it scales up equals what it scales
//! down. Costs are handled as logarithms, so that none leaves the range of `f64`.

use super::{Edge, Raw};
use synbal::solve::{Settings, Solution, Status};

/// What the connections cost at some log-scales.
pub struct Flows {
    /// Logarithm of the total cost.
    pub ln_cost: f64,
    /// Logarithm of `sum of p |coefficient| cost` over the connections that the variable scales up, and down.
    pub ln_in: Vec<f64>,
    pub ln_out: Vec<f64>,
    /// Bound on the relative rounding error of the sums.
    pub rounding: f64,
}

/// Sum of exponentials, given and returned as logarithms.
fn ln_sum(logs: &[f64]) -> f64 {
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY { top } else { top + logs.iter().map(|l| (l - top).exp()).sum::<f64>().ln() }
}

/// `ln(alpha |w exp(L)|^p)`.
pub fn ln_cost(edge: &Edge, x: &[f64]) -> f64 {
    edge.alpha.ln() + edge.p * (edge.weight.abs().ln() + edge.log_multiplier(x))
}

impl Flows {
    pub fn of(raw: &Raw, x: &[f64]) -> Self {
        Self::sum(raw, x, |k| {
            let edge = &raw.edges[k];
            let cost = ln_cost(edge, x);
            [cost, cost + edge.p.ln(), edge.p]
        })
    }

    /// The same for any costs: for connection k the logarithms of its cost and of its slope, and its steepest exponent.
    pub fn sum(raw: &Raw, x: &[f64], cost: impl Fn(usize) -> [f64; 3]) -> Self {
        let (mut total, mut largest) = (vec![], 1.0f64);
        let mut ends = vec![(vec![], vec![]); raw.variables];
        for (k, edge) in raw.edges.iter().enumerate().filter(|(_, e)| e.weight != 0.0) {
            let [cost, slope, p] = cost(k);
            total.push(cost);
            let logs = edge.head.iter().chain(&edge.tail).map(|&(v, c)| (c * x[v]).abs()).sum::<f64>();
            largest = largest.max(p * (logs + edge.weight.abs().ln().abs()));
            for (v, c) in edge.coefficients() {
                let flow = slope + c.abs().ln();
                if c > 0.0 { ends[v].0.push(flow) } else { ends[v].1.push(flow) }
            }
        }
        Self {
            ln_cost: ln_sum(&total),
            ln_in: ends.iter().map(|e| ln_sum(&e.0)).collect(),
            ln_out: ends.iter().map(|e| ln_sum(&e.1)).collect(),
            rounding: f64::EPSILON * (4.0 * largest + 16.0 + raw.edges.len() as f64),
        }
    }

    /// `(in - out) / (in + out)`; zero where nothing flows.
    pub fn imbalance(&self, v: usize) -> f64 {
        let (i, o) = (self.ln_in[v], self.ln_out[v]);
        if i == f64::NEG_INFINITY && o == f64::NEG_INFINITY { 0.0 } else { ((i - o) / 2.0).tanh() }
    }

    pub fn residual(&self) -> f64 {
        (0..self.ln_in.len()).map(|v| self.imbalance(v).abs()).fold(0.0, f64::max)
    }
}

/// Panics unless the solution says the truth about itself.
pub fn solution(raw: &Raw, solution: &Solution, settings: &Settings) {
    says_the_truth(&Flows::of(raw, &solution.log_scales), solution, settings);
}

/// The same, from the flows at the solution.
pub fn says_the_truth(flows: &Flows, solution: &Solution, settings: &Settings) {
    let inside = |v: usize| settings.subset.as_ref().is_none_or(|s| s.contains(&v));
    let imbalances = (0..flows.ln_in.len()).filter(|&v| inside(v)).map(|v| flows.imbalance(v).abs());
    let (residual, said) = (imbalances.fold(0.0, f64::max), solution.residual);
    let off = (residual - said).abs();
    assert!(off <= flows.rounding, "residual {said:e} reported, {residual:e} found: {solution:?}");
    if matches!(solution.status, Status::Converged | Status::Imprecise) {
        let allowed = settings.tolerance + flows.rounding;
        assert!(residual <= allowed, "{:?} at residual {residual:e}: {solution:?}", solution.status);
    }
    if solution.status == Status::Converged {
        assert!(solution.error_bound <= settings.weight_tolerance);
    }
    if solution.cost.is_finite() && solution.cost > 0.0 {
        let off = (solution.cost.ln() - flows.ln_cost).abs();
        let allowed = flows.rounding + f64::EPSILON * flows.ln_cost.abs();
        assert!(off <= allowed, "cost {:e} reported, {:e} found", solution.cost, flows.ln_cost.exp());
    }
}

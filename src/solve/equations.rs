//! The equations `ln inflow = ln outflow` of all variables, in logarithms: nothing leaves the range of `f64`.

use crate::problem::Problem;
use rayon::prelude::*;

/// Connections whose exponentials one thread takes at a time.
const AT_ONCE: usize = 1 << 14;

/// The connections of a problem under powers, as equations between the variables that move.
pub(super) struct Equations {
    /// First term of every connection.
    start: Vec<usize>,
    /// Variables, and the change of a cost's logarithm along each of them.
    pub terms: Vec<(u32, f64)>,
    /// Logarithm of every cost at zero.
    logs: Vec<f64>,
    pub moves: Vec<bool>,
}

impl Equations {
    /// The equations; none for costs that are no powers.
    pub fn new(problem: &Problem, moves: &[bool]) -> Option<Self> {
        if !problem.is_powers() {
            return None;
        }
        let mut own = Self { start: vec![0], terms: vec![], logs: vec![], moves: moves.to_vec() };
        problem.for_each_entry(|entry| {
            let p = problem.blocks()[entry.block].exponent(problem).unwrap_or(1.0);
            own.terms.extend(problem.form(&entry).terms().iter().map(|&(v, c)| (v, p * c)));
            own.start.push(own.terms.len());
            own.logs.push(problem.log_cost(&entry));
        });
        Some(own)
    }

    pub fn connections(&self) -> impl Iterator<Item = &[(u32, f64)]> {
        self.start.windows(2).map(|ends| &self.terms[ends[0]..ends[1]])
    }

    pub fn terms_of(&self, k: u32) -> &[(u32, f64)] {
        &self.terms[self.start[k as usize]..self.start[k as usize + 1]]
    }

    /// The gap at one variable, whose connections are given, and its slope.
    pub fn gap(&self, connections: &[u32], variable: u32, x: &[f64]) -> (f64, f64) {
        // of inflow and outflow: the largest logarithm, and sums relative to it, once and twice times the coefficient
        let mut flows = [(f64::NEG_INFINITY, 0.0, 0.0); 2];
        for &k in connections {
            let terms = self.terms_of(k);
            let log = self.logs[k as usize] + along(terms, x);
            for &(_, c) in terms.iter().filter(|t| t.0 == variable) {
                let (largest, sum, square) = &mut flows[side(c)];
                if log > *largest {
                    let shrink = (*largest - log).exp();
                    (*largest, *sum, *square) = (log, *sum * shrink, *square * shrink);
                }
                let share = (log - *largest).exp();
                *sum += c.abs() * share;
                *square += c * c * share;
            }
        }
        let [(up, into, into_slope), (down, out, out_slope)] = flows;
        (up - down + (into / out).ln(), into_slope / into + out_slope / out)
    }

    /// The gaps at `x`; none where nothing enters or leaves a variable that moves.
    pub fn at(&self, x: &[f64]) -> Option<Near<'_>> {
        let logs: Vec<f64> = self
            .start
            .par_windows(2)
            .zip(&self.logs)
            .map(|(ends, log)| log + along(&self.terms[ends[0]..ends[1]], x))
            .collect();
        // inflow and outflow are summed relative to the largest cost
        let mut largest = vec![[f64::NEG_INFINITY; 2]; x.len()];
        for (terms, log) in self.connections().zip(&logs) {
            for &(v, c) in terms {
                let largest = &mut largest[v as usize][side(c)];
                *largest = largest.max(*log);
            }
        }
        let mut shares = vec![0.0; self.terms.len()];
        let (mut rest, mut parts) = (&mut shares[..], vec![]);
        for (part, logs) in logs.chunks(AT_ONCE).enumerate() {
            let first = part * AT_ONCE;
            let (own, after) = rest.split_at_mut(self.start[first + logs.len()] - self.start[first]);
            parts.push((first, logs, own));
            rest = after;
        }
        parts.into_par_iter().for_each(|(first, logs, own)| {
            let mut own = own.iter_mut();
            for (k, log) in (first..).zip(logs) {
                for (&(v, c), share) in self.terms_of(k as u32).iter().zip(&mut own) {
                    *share = (log - largest[v as usize][side(c)]).exp();
                }
            }
        });
        let (mut sums, mut squares) = (vec![[0.0; 2]; x.len()], vec![[0.0; 2]; x.len()]);
        for (&(v, c), share) in self.terms.iter().zip(&shares) {
            sums[v as usize][side(c)] += c.abs() * share;
            squares[v as usize][side(c)] += c * c * share;
        }
        let moving = |v: usize, value: f64| if self.moves[v] { value } else { 0.0 };
        let gap = |v: usize| largest[v][0] - largest[v][1] + (sums[v][0] / sums[v][1]).ln();
        let gaps: Vec<f64> = (0..x.len()).into_par_iter().map(|v| moving(v, gap(v))).collect();
        if gaps.iter().any(|g| !g.is_finite()) {
            return None;
        }
        let slope = |v: usize| squares[v][0] / sums[v][0] + squares[v][1] / sums[v][1];
        let diagonal = (0..x.len()).into_par_iter().map(|v| moving(v, slope(v))).collect();
        Some(Near { equations: self, gaps, diagonal, logs, largest, sums, shares })
    }
}

/// How the logarithm of a cost changes along `x`.
pub(super) fn along(terms: &[(u32, f64)], x: &[f64]) -> f64 {
    terms.iter().map(|&(v, c)| c * x[v as usize]).sum()
}

/// Whether a term with such a coefficient leaves its variable, not enters it.
pub(super) fn side(coefficient: f64) -> usize {
    usize::from(coefficient < 0.0)
}

/// The sum of all gaps.
pub(super) fn size(gaps: &[f64]) -> f64 {
    gaps.iter().map(|g| g.abs()).sum()
}

/// The equations at a point.
pub(super) struct Near<'a> {
    pub equations: &'a Equations,
    /// Logarithm of inflow over outflow, for every variable.
    pub gaps: Vec<f64>,
    /// The diagonal of the Jacobian.
    pub diagonal: Vec<f64>,
    /// Logarithm of every cost.
    pub logs: Vec<f64>,
    /// The largest logarithm of a cost that enters, and that leaves, every variable.
    pub largest: Vec<[f64; 2]>,
    /// Inflow and outflow over their largest costs.
    pub sums: Vec<[f64; 2]>,
    /// For every term, the cost of its connection over the largest one at its variable.
    pub shares: Vec<f64>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::manifold::Form;
    use crate::problem::{ProblemBuilder, Weights};
    use crate::regularizer::Regularizer;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    pub fn random(n: usize, seed: u64) -> Vec<f64> {
        let mut random = StdRng::seed_from_u64(seed);
        (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
    }

    /// Layers of 4 and 5 units between the ground and the ground.
    pub fn problem(seed: u64) -> Problem {
        let mut builder = ProblemBuilder::new(9);
        let layers = [vec![Form::zero()], (0..4).map(Form::variable).collect(), (4..9).map(Form::variable).collect()];
        for (l, tails) in layers.iter().enumerate() {
            let heads = &layers[(l + 1) % 3];
            let weights = random(heads.len() * tails.len(), seed ^ l as u64).iter().map(|w| w + 2.0).collect();
            let [heads, tails] = [heads, tails].map(|forms| forms.iter().map(|f| builder.port(f)).collect());
            builder.block("layer", heads, tails, Weights::Dense(weights), &Regularizer::lp(1.5).unwrap()).unwrap();
        }
        builder.build()
    }
}

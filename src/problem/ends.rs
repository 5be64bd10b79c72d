//! Sums at ports, carried back to the variables.

use super::Problem;
use crate::numeric::Scalar;

/// Sums at ports, as heads and as tails.
pub(super) struct Ends<S> {
    heads: Vec<S>,
    tails: Vec<S>,
}

impl<S: Scalar> Ends<S> {
    pub fn new(problem: &Problem) -> Self {
        let zeros = vec![S::default(); problem.ports.len()];
        Self { heads: zeros.clone(), tails: zeros }
    }

    /// Adds the sums of a block's rows and columns, times a factor.
    pub fn add(&mut self, heads: &[u32], rows: &[S], tails: &[u32], columns: &[S], factor: f64) {
        let factor = S::from(factor);
        heads.iter().zip(rows).for_each(|(&q, &s)| self.heads[q as usize] = self.heads[q as usize] + factor * s);
        tails.iter().zip(columns).for_each(|(&q, &s)| self.tails[q as usize] = self.tails[q as usize] + factor * s);
    }

    /// What scales up and what scales down with every variable.
    pub fn flows(&self, problem: &Problem) -> [Vec<S>; 2] {
        let zeros = vec![S::default(); problem.variables];
        let (mut inflow, mut outflow) = (zeros.clone(), zeros);
        for (q, form) in problem.ports.iter().enumerate() {
            for &(v, c) in form.terms() {
                let (v, size) = (v as usize, S::from(c.abs()));
                let (up, down) = if c > 0.0 { (self.heads[q], self.tails[q]) } else { (self.tails[q], self.heads[q]) };
                inflow[v] = inflow[v] + size * up;
                outflow[v] = outflow[v] + size * down;
            }
        }
        [inflow, outflow]
    }

    /// The diagonal of the Hessian, of which these are the curvatures.
    pub fn diagonal(&self, problem: &Problem) -> Vec<S> {
        let mut diagonal = vec![S::default(); problem.variables];
        for (q, form) in problem.ports.iter().enumerate() {
            for &(v, c) in form.terms() {
                let v = v as usize;
                diagonal[v] = diagonal[v] + S::from(c * c) * (self.heads[q] + self.tails[q]);
            }
        }
        diagonal
    }

    /// The sums carried back to the variables: heads with their coefficients, tails against theirs.
    pub fn gradient(&self, problem: &Problem) -> Vec<S> {
        let mut gradient = vec![S::default(); problem.variables];
        for (q, form) in problem.ports.iter().enumerate() {
            for &(v, c) in form.terms() {
                gradient[v as usize] = gradient[v as usize] + S::from(c) * (self.heads[q] - self.tails[q]);
            }
        }
        gradient
    }
}

//! Anderson's acceleration of a fixed-point iteration.
//!
//! Reference: H. F. Walker and P. Ni, "Anderson acceleration for fixed-point iterations" (2011).

use crate::numeric::dot;
use nalgebra::{DMatrix, DVector};
use std::cmp::Ordering;
use std::collections::VecDeque;

/// What is added to the diagonal of the equations, scaled to ones: differences that depend on each other to rounding get no
/// large shares.
const RIDGE: f64 = 1e-14;

/// The last iterates of `x -> x + f(x)`.
pub(super) struct Anderson {
    memory: usize,
    differences: VecDeque<Difference>,
    last: Option<(Vec<f64>, Vec<f64>)>,
}

/// The difference of two neighbours: of f, and of x + f.
struct Difference {
    f: Vec<f64>,
    sum: Vec<f64>,
    /// Products of `f` with that of every remembered difference up to this one.
    products: VecDeque<f64>,
}

impl Anderson {
    pub fn new(memory: usize) -> Self {
        Self { memory, differences: VecDeque::new(), last: None }
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        self.differences.clear();
        self.last = None;
    }

    /// The step from x: the combination of remembered iterates whose f nearly vanishes. Complexity: a product with, and a sum
    /// of, the vectors remembered.
    pub fn step(&mut self, x: &[f64], f: &[f64]) -> Vec<f64> {
        if let Some((old_x, old_f)) = self.last.take() {
            let f: Vec<f64> = f.iter().zip(&old_f).map(|(f, old)| f - old).collect();
            let sum = f.iter().zip(x).zip(&old_x).map(|((f, x), old)| f + (x - old)).collect();
            self.remember(f, sum);
        }
        self.last = Some((x.to_vec(), f.to_vec()));
        let mut step = f.to_vec();
        let Some(shares) = self.shares(f) else { return step };
        for (difference, share) in self.differences.iter().zip(&shares) {
            step.iter_mut().zip(&difference.sum).for_each(|(s, d)| *s -= share * d);
        }
        step
    }

    fn remember(&mut self, f: Vec<f64>, sum: Vec<f64>) {
        if self.differences.len() == self.memory {
            self.differences.pop_front();
            self.differences.iter_mut().for_each(|d| {
                d.products.pop_front();
            });
        }
        let others = self.differences.iter().map(|d| dot(&d.f, &f));
        let products = others.chain([dot(&f, &f)]).collect();
        self.differences.push_back(Difference { f, sum, products });
    }

    /// How much of every difference of f, taken away from f, leaves the least; none where there is no answer.
    fn shares(&self, f: &[f64]) -> Option<Vec<f64>> {
        let m = self.differences.len();
        // differences shrink with the iterates: the equations are scaled to unit diagonal
        let size: Vec<f64> = self.differences.iter().map(|d| d.products.back().map_or(0.0, |s| s.sqrt())).collect();
        if m == 0 || size.iter().any(|s| *s == 0.0 || !s.is_finite()) {
            return None;
        }
        let of = |i: usize| &self.differences[i];
        let matrix = DMatrix::from_fn(m, m, |i, j| match i.cmp(&j) {
            Ordering::Less => 0.0,
            Ordering::Equal => 1.0 + RIDGE,
            Ordering::Greater => of(i).products[j] / (size[i] * size[j]),
        });
        let side = DVector::from_fn(m, |i, _| dot(&of(i).f, f) / size[i]);
        let shares = matrix.cholesky()?.solve(&side);
        Some((0..m).map(|i| shares[i] / size[i]).collect())
    }
}

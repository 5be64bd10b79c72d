//! Anderson's acceleration of a fixed-point iteration.
//!
//! Reference: H. F. Walker and P. Ni, "Anderson acceleration for fixed-point iterations" (2011).

use crate::numeric::weighted_dot;
use nalgebra::{DMatrix, DVector};
use std::collections::VecDeque;

/// The last iterates of `x -> x + f(x)`.
pub(super) struct Anderson {
    memory: usize,
    /// Differences of neighbours: of x, and of f.
    differences: VecDeque<(Vec<f64>, Vec<f64>)>,
    last: Option<(Vec<f64>, Vec<f64>)>,
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

    /// The step from x: the combination of remembered iterates whose f nearly vanishes, under the weights of a norm.
    pub fn step(&mut self, x: &[f64], f: &[f64], weight: &[f64]) -> Vec<f64> {
        if let Some((old_x, old_f)) = self.last.take() {
            let minus = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect();
            self.differences.push_back((minus(x, &old_x), minus(f, &old_f)));
            if self.differences.len() > self.memory {
                self.differences.pop_front();
            }
        }
        self.last = Some((x.to_vec(), f.to_vec()));
        let mut step = f.to_vec();
        let Some(shares) = self.shares(f, weight) else { return step };
        for ((dx, df), share) in self.differences.iter().zip(&shares) {
            step.iter_mut().zip(dx).zip(df).for_each(|((s, dx), df)| *s -= share * (dx + df));
        }
        step
    }

    /// How much of every difference of f, taken away from f, leaves the least; none where there is no answer.
    fn shares(&self, f: &[f64], weight: &[f64]) -> Option<Vec<f64>> {
        let m = self.differences.len();
        let dot = |a: &[f64], b: &[f64]| weighted_dot(weight, a, b);
        // differences shrink with the iterates: the equations are scaled to unit diagonal
        let size: Vec<f64> = self.differences.iter().map(|d| dot(&d.1, &d.1).sqrt()).collect();
        if m == 0 || size.iter().any(|s| *s == 0.0 || !s.is_finite()) {
            return None;
        }
        let of = |i: usize| &self.differences[i].1;
        let mut matrix =
            DMatrix::from_fn(m, m, |i, j| if i < j { 0.0 } else { dot(of(i), of(j)) / (size[i] * size[j]) });
        matrix.fill_upper_triangle_with_lower_triangle();
        let side = DVector::from_fn(m, |i, _| dot(of(i), f) / size[i]);
        let shares = matrix.svd(true, true).solve(&side, 1e-13).ok()?;
        Some((0..m).map(|i| shares[i] / size[i]).collect())
    }
}

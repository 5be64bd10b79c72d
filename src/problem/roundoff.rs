//! How far the rounding of one pass can move a flow.

use super::{Block, Pattern, Problem, kernel};
use crate::numeric::UNIT_ROUNDOFF;

impl Problem {
    /// Bound on the relative rounding error of every inflow and outflow of [`Problem::point`] and [`Problem::proved_point`] at
    /// log-scales `x`; at most 1/2.
    ///
    /// Flows are sums of positive terms, so errors of terms and additions add up: amplitudes carry their own rounding;
    /// multipliers `exp(p L)` that of their argument and two roundoffs of the exponential itself (of the plain point, the
    /// mathematical library of the system is trusted with it; so it is with powers that are no half integers up to 64); sums one roundoff for every addition on the longest path through them.
    /// Nothing vanishes: terms stay within 2^-850 and 2^850, or have an exponent of their own. The slopes of a user's own cost
    /// are trusted to 16 roundoffs: an estimate, and no bound, which serves error bounds and never a proof; it is too small where
    /// slopes vanish.
    #[must_use]
    pub fn roundoff(&self, x: &[f64]) -> f64 {
        let argument = |form: &crate::manifold::Form| -> f64 {
            let size: f64 = form.terms().iter().map(|&(v, c)| (c * x[v as usize]).abs()).sum();
            (form.terms().len() as f64 + 4.0) * size
        };
        let furthest = self.ports.iter().map(argument).fold(0.0, f64::max);
        let steepest = self.exponents.iter().fold(1.0, |m: f64, &p| m.max(p));
        let trusted = if self.is_powers() { 0.0 } else { 16.0 };
        let amplitude = 6.0 + trusted + if self.exponents.iter().all(|p| *p <= 2.0) { 0.0 } else { 2.0 * steepest };
        let additions = self.most_additions(kernel::longest_sum);
        let units = self.given + amplitude + 2.0 * (2.0 + steepest * furthest) + additions as f64 + 6.0;
        (1.01 * UNIT_ROUNDOFF * units).min(0.5)
    }

    /// Additions on the longest path to a flow; `dense` tells those of a pass over some lines of some places.
    pub(super) fn most_additions(&self, dense: impl Fn(usize, usize) -> usize) -> usize {
        self.blocks.iter().map(|block| block.longest_sum(&dense)).max().unwrap_or(0) + self.crowd()
    }

    /// Most sums that are added up in one variable: rows and columns that share a port, and ports that share the variable.
    fn crowd(&self) -> usize {
        let mut at_port = vec![0usize; self.ports.len()];
        for block in &self.blocks {
            block.heads.iter().chain(&block.tails).for_each(|&q| at_port[q as usize] += 1);
        }
        let mut at_variable = vec![0usize; self.variables];
        for (form, count) in self.ports.iter().zip(at_port) {
            form.terms().iter().for_each(|&(v, _)| at_variable[v as usize] += count + 1);
        }
        at_variable.into_iter().max().unwrap_or(0)
    }
}

impl Block {
    /// Additions on the longest path through the sums of the rows or columns.
    fn longest_sum(&self, dense: impl Fn(usize, usize) -> usize) -> usize {
        match &self.pattern {
            Pattern::Dense => dense(self.heads.len(), self.tails.len()),
            Pattern::DenseColumns => dense(self.tails.len(), self.heads.len()),
            Pattern::Diagonal => 1,
            Pattern::Sparse { start, column } => {
                let widest = start.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
                let mut degree = vec![0usize; self.tails.len()];
                column.iter().for_each(|&c| degree[c as usize] += 1);
                widest.max(degree.into_iter().max().unwrap_or(0))
            }
        }
    }
}

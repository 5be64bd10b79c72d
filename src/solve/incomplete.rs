//! Conjugate gradients with an incomplete Cholesky factor of a sparse Hessian, for graphs whose whole factor would be too large.
//!
//! Of the Hessian `1 + L + L^T`, scaled to unit diagonal, the factor is `(P + L) P^-1 (P + L^T)`: nothing is filled in and only
//! the diagonal P is made. Where the comparison principle holds the Hessian is an M-matrix, of which it exists (J. A. Meijerink
//! and H. A. van der Vorst, "An iterative solution method for linear systems of which the coefficient matrix is a symmetric
//! M-matrix", 1977). Then `1 + L + L^T = (P + L) + (P + L^T) + (1 - 2 P)`, so that a product with the preconditioned Hessian
//! takes no more than the two solves (S. C. Eisenstat, "Efficient implementation of a class of preconditioned conjugate
//! gradient methods", 1981): an iteration reads every connection twice, as a product without a preconditioner does.

use super::cg::MOST;
use super::conjugate::{End, relative_weight};
use super::pattern::Pattern;
use super::run::Run;
use crate::numeric::{dot, weighted_dot};
use crate::problem::{Point, Problem};

/// Connections up to which the pattern is built: it takes some 60 bytes for each.
const MOST_ENTRIES: usize = 4_000_000;
/// Entries of a column, on the average over all entries, from which on passes over dense blocks are quicker.
const LONGEST: usize = 64;
/// Pivots below are rounding: a part that is grounded by that little is better left to plain conjugate gradients.
const LEAST_PIVOT: f64 = 1e-12;

/// The scaled Hessian below its diagonal, column by column, and the incomplete factor's diagonal.
pub(super) struct Incomplete {
    pattern: Pattern,
    /// Variable of every entry; the first one of a column is that of the diagonal.
    row: Vec<u32>,
    values: Vec<f64>,
    /// The diagonal P, and its inverse.
    pivot: Vec<f64>,
    inverse: Vec<f64>,
    /// Roots of the diagonal that the factorized Hessian was divided by, relative to the largest.
    root: Vec<f64>,
}

impl Incomplete {
    /// The factor on the problem's pattern, made unless it is given; none where it is nearly dense, for very large problems, and
    /// for those without the comparison principle.
    pub fn new(problem: &Problem, pattern: Option<Pattern>) -> Option<Self> {
        if !problem.has_comparison() || problem.places() > MOST_ENTRIES {
            return None;
        }
        let pattern = pattern.or_else(|| Pattern::new(problem))?;
        let row: Vec<u32> = pattern.matrix.row_idx().iter().map(|&v| v as u32).collect();
        let length = |v: u32| pattern.matrix.col_range(v as usize).len();
        if row.iter().map(|&v| length(v)).sum::<usize>() > LONGEST * row.len() {
            return None;
        }
        Some(Self { pattern, row, values: vec![], pivot: vec![], inverse: vec![], root: vec![] })
    }

    /// Factorizes the scaled Hessian at a point; false where rounding makes a pivot vanish.
    pub fn factorize(&mut self, run: &mut Run, point: &Point) -> bool {
        run.passes += 1.0;
        self.root = relative_weight(point).into_iter().map(f64::sqrt).collect();
        self.values = self.pattern.hessian(&run.moves, point);
        let mut pivot = vec![1.0f64; self.root.len()];
        for j in 0..pivot.len() {
            if pivot[j].is_nan() || pivot[j] <= LEAST_PIVOT {
                return false;
            }
            let inverse = pivot[j].recip();
            self.column(j).for_each(|(i, value)| pivot[i] -= value * value * inverse);
        }
        self.inverse = pivot.iter().map(|p| p.recip()).collect();
        self.pivot = pivot;
        true
    }

    /// Row and value of the entries of a column below the diagonal.
    #[inline]
    fn column(&self, j: usize) -> impl Iterator<Item = (usize, f64)> {
        let own = self.pattern.diagonal[j] + 1..self.pattern.matrix.col_range(j).end;
        self.row[own.clone()].iter().zip(&self.values[own]).map(|(&i, &value)| (i as usize, value))
    }

    /// `(P + L)^-1` in place.
    fn solve_lower(&self, side: &mut [f64]) {
        for j in 0..side.len() {
            let own = side[j] * self.inverse[j];
            side[j] = own;
            self.column(j).for_each(|(i, value)| side[i] -= value * own);
        }
    }

    /// `(P + L^T)^-1` in place.
    fn solve_upper(&self, side: &mut [f64]) {
        for j in (0..side.len()).rev() {
            let taken: f64 = self.column(j).map(|(i, value)| value * side[i]).sum();
            side[j] = (side[j] - taken) * self.inverse[j];
        }
    }

    /// `P + L` times a vector, over the roots of the diagonal: what is left of a right-hand side.
    fn unscaled(&self, residual: &[f64]) -> Vec<f64> {
        let mut product: Vec<f64> = residual.iter().zip(&self.pivot).map(|(r, p)| r * p).collect();
        for (j, r) in residual.iter().enumerate() {
            self.column(j).for_each(|(i, value)| product[i] += value * r);
        }
        product.iter().zip(&self.root).map(|(&r, &root)| over(r, root)).collect()
    }

    /// Solves `D^-1 H d = b` with the Hessian that was factorized last.
    pub fn solve(&self, run: &mut Run, end: &End) -> Vec<f64> {
        let n = self.root.len();
        // all but the solution is in the coordinates `(P + L^T) y`, where P alone preconditions
        let mut residual: Vec<f64> = end.b.iter().zip(&self.root).map(|(b, root)| b * root).collect();
        self.solve_lower(&mut residual);
        let mut direction: Vec<f64> = residual.iter().zip(&self.pivot).map(|(r, p)| r * p).collect();
        let mut square = dot(&residual, &direction);
        let goal = end.precision * square;
        let (mut solution, mut along, mut image) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        for _ in 0..MOST {
            if square.is_nan()
                || square <= 0.0
                || square <= goal && end.is_enough(&run.moves, || self.unscaled(&residual))
            {
                break;
            }
            run.passes += 1.0;
            along.copy_from_slice(&direction);
            self.solve_upper(&mut along);
            for v in 0..n {
                image[v] = direction[v] + (1.0 - 2.0 * self.pivot[v]) * along[v];
            }
            self.solve_lower(&mut image);
            image.iter_mut().zip(&along).for_each(|(i, a)| *i += a);
            let curvature = dot(&direction, &image);
            // rounding makes the curvature along exhausted directions vanish
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            let length = square / curvature;
            for v in 0..n {
                solution[v] += length * along[v];
                residual[v] -= length * image[v];
            }
            let next = weighted_dot(&self.pivot, &residual, &residual);
            let keep = next / square;
            for v in 0..n {
                direction[v] = self.pivot[v] * residual[v] + keep * direction[v];
            }
            square = next;
        }
        solution.iter().zip(&self.root).map(|(&s, &root)| over(s, root)).collect()
    }
}

/// A number over a root of the diagonal; zero where that is zero.
fn over(number: f64, root: f64) -> f64 {
    if root > 0.0 { number / root } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifold::Form;
    use crate::problem::{Gauge, Port, ProblemBuilder, Weights};
    use crate::regularizer::Regularizer;
    use crate::solve::Settings;
    use quickcheck_macros::quickcheck;
    use std::ops::ControlFlow;

    /// A tree of units, each under one of lower number or the ground, grounded at its leaves.
    #[quickcheck]
    fn in_a_tree_numbered_from_its_leaves_nothing_is_filled_in_and_solves_are_exact(
        above: Vec<u8>,
        numbers: Vec<u8>,
    ) -> bool {
        let n = above.len().min(40) + 1;
        let number = |k: usize| 0.1 + f64::from(numbers.get(k % numbers.len().max(1)).copied().unwrap_or(3));
        let mut builder = ProblemBuilder::new(n);
        let ports: Vec<Port> = (0..n).map(|v| builder.port(&Form::variable(v))).collect();
        let l2 = Regularizer::lp(2.0).unwrap();
        let mut add = |head, tail, w| builder.block("w", vec![head], vec![tail], Weights::Dense(vec![w]), &l2).unwrap();
        for v in 0..n {
            // the later number is nearer to the root
            let parent = if v + 1 == n { Port::GROUND } else { ports[v + 1 + above[v] as usize % (n - v - 1)] };
            add(parent, ports[v], number(v));
            add(ports[v], Port::GROUND, number(v + 7));
        }
        let problem = builder.build();
        let (settings, mut callback) = (Settings::default(), |_: &_| ControlFlow::Continue(()));
        let mut run = Run::new(&problem, &settings, &Gauge::of(&problem).unwrap(), &mut callback).unwrap();
        let point = run.point(&vec![0.0; n]);
        let mut factor = Incomplete::new(&problem, None).unwrap();
        let b: Vec<f64> = (0..n).map(|v| number(v + 3) / 256.0).collect();
        assert!(factor.factorize(&mut run, &point));
        let passes = run.passes;
        let z = factor.solve(&mut run, &End { precision: 1e-20, b: &b, enough: None });
        assert!(run.passes <= passes + 2.0);
        point.scaled_product(&z).iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-8 * (1.0 + b.abs()))
    }
}

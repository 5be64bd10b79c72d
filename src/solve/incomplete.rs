//! Incomplete Cholesky factors: the factor of a sparse Hessian where nothing is filled in, for graphs whose whole factor would be
//! too large.
//!
//! Where the comparison principle holds the Hessian is an M-matrix, of which the incomplete factor exists (J. A. Meijerink and
//! H. A. van der Vorst, "An iterative solution method for linear systems of which the coefficient matrix is a symmetric
//! M-matrix", 1977). A solve reads it twice.

use super::cg::relative_weight;
use super::pattern::Pattern;
use super::run::Run;
use crate::problem::{Point, Problem};

/// Connections up to which the pattern is built: it takes some 90 bytes for each.
const MOST_ENTRIES: usize = 4_000_000;
/// Comparisons that find the products of a factorization, for every entry of the matrix, that are worth the iterations it saves.
const MOST_WORK: usize = 64;
/// Products of a factorization, for every entry of the matrix, up to which they are kept.
const MOST_PRODUCTS: usize = 16;
/// Pivots below are rounding: a part that is grounded by that little is better left to plain conjugate gradients.
const LEAST_PIVOT: f64 = 1e-12;

/// The incomplete factor L of the scaled Hessian, row by row below the diagonal.
pub(super) struct Incomplete {
    pattern: Pattern,
    start: Vec<usize>,
    column: Vec<u32>,
    /// The place in the pattern of every entry.
    source: Vec<usize>,
    /// Places in two rows, of one column each, whose products are taken from an entry.
    products: Vec<[u32; 2]>,
    /// The end of the products of every entry; they begin where those of the last one end.
    end: Vec<usize>,
    values: Vec<f64>,
    /// What every row is multiplied by: the inverse of the diagonal of L; zero where a variable does not move.
    inverse: Vec<f64>,
    /// Roots of the diagonal that the factorized Hessian was divided by, relative to the largest.
    root: Vec<f64>,
}

impl Incomplete {
    /// The pattern of the factor; none where rows are so long, or have so much in common, that a factorization takes as long as
    /// many iterations, for very large problems, and for those without the comparison principle.
    pub fn new(problem: &Problem) -> Option<Self> {
        if !problem.has_comparison() || problem.places() > MOST_ENTRIES {
            return None;
        }
        let pattern = Pattern::new(problem)?;
        let (n, matrix) = (pattern.size(), pattern.matrix.as_ref());
        let below = |j: usize| matrix.col_range(j).filter(move |&k| matrix.row_idx()[k] != j);
        let mut start = vec![0; n + 1];
        (0..n).flat_map(below).for_each(|k| start[matrix.row_idx()[k] + 1] += 1);
        (0..n).for_each(|i| start[i + 1] += start[i]);
        let (mut column, mut source, mut cursor) = (vec![0; start[n]], vec![0; start[n]], start.clone());
        for j in 0..n {
            for k in below(j) {
                let at = &mut cursor[matrix.row_idx()[k]];
                (column[*at], source[*at]) = (j as u32, k);
                *at += 1;
            }
        }
        let length = |v: usize| start[v + 1] - start[v];
        let work: usize = column.iter().map(|&j| length(j as usize)).sum();
        if work > MOST_WORK * column.len() {
            return None;
        }
        let (products, end) = products(&start, &column)?;
        let (values, inverse) = (vec![0.0; column.len()], vec![0.0; n]);
        Some(Self { pattern, start, column, source, products, end, values, inverse, root: vec![] })
    }

    /// Factorizes the scaled Hessian at a point; false where rounding makes a pivot vanish.
    pub fn factorize(&mut self, run: &mut Run, point: &Point) -> bool {
        run.passes += 1.0;
        self.root = relative_weight(point).into_iter().map(f64::sqrt).collect();
        let hessian = self.pattern.hessian(&run.moves, point);
        let mut first = 0;
        for i in 0..self.root.len() {
            let mut pivot = 1.0f64;
            for k in self.start[i]..self.start[i + 1] {
                let products = &self.products[first..self.end[k]];
                first = self.end[k];
                let taken: f64 = products.iter().map(|&[a, b]| self.values[a as usize] * self.values[b as usize]).sum();
                let value = (hessian[self.source[k]] - taken) * self.inverse[self.column[k] as usize];
                self.values[k] = value;
                pivot -= value * value;
            }
            if !run.moves[i] {
                self.inverse[i] = 0.0;
                continue;
            }
            if pivot.is_nan() || pivot <= LEAST_PIVOT {
                return false;
            }
            self.inverse[i] = pivot.sqrt().recip();
        }
        true
    }

    /// An approximation of `H^-1 (diagonal * b)`, with H the Hessian that was factorized last; `weight` is the diagonal over its
    /// largest entry.
    pub fn solve_scaled(&self, moves: &[bool], weight: &[f64], b: &[f64]) -> Vec<f64> {
        let n = b.len();
        let moves = |v: usize| moves[v] && self.root[v] > 0.0;
        let mut side: Vec<f64> = (0..n).map(|v| if moves(v) { weight[v] / self.root[v] * b[v] } else { 0.0 }).collect();
        let row = |i: usize| {
            let own = self.start[i]..self.start[i + 1];
            self.values[own.clone()].iter().zip(&self.column[own])
        };
        for i in 0..n {
            let taken: f64 = row(i).map(|(value, &j)| value * side[j as usize]).sum();
            side[i] = (side[i] - taken) * self.inverse[i];
        }
        for i in (0..n).rev() {
            let own = side[i] * self.inverse[i];
            side[i] = own;
            row(i).for_each(|(value, &j)| side[j as usize] -= value * own);
        }
        (0..n).map(|v| if moves(v) { side[v] / self.root[v] } else { 0.0 }).collect()
    }
}

/// The products that are taken from every entry of the factor, and where they end; none where there are too many. Most rows of
/// graphs at random have no column in common, so a factorization reads little more than every entry.
fn products(start: &[usize], column: &[u32]) -> Option<(Vec<[u32; 2]>, Vec<usize>)> {
    u32::try_from(column.len()).ok()?;
    let (mut products, mut end) = (vec![], Vec::with_capacity(column.len()));
    // where the row in hand has every column; it has none where that is outside of the row
    let mut place = vec![u32::MAX; start.len()];
    for row in start.windows(2).map(|row| row[0]..row[1]) {
        row.clone().for_each(|k| place[column[k] as usize] = k as u32);
        for &j in &column[row.clone()] {
            for k in start[j as usize]..start[j as usize + 1] {
                let own = place[column[k] as usize];
                if row.contains(&(own as usize)) {
                    products.push([k as u32, own]);
                }
            }
            end.push(products.len());
        }
        if products.len() > MOST_PRODUCTS * column.len() {
            return None;
        }
    }
    Some((products, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifold::Form;
    use crate::problem::{Port, ProblemBuilder, Weights};
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
        let mut run = Run::new(&problem, &settings, &mut callback).unwrap();
        let point = run.point(&vec![0.0; n]);
        let mut factor = Incomplete::new(&problem).unwrap();
        let b: Vec<f64> = (0..n).map(|v| number(v + 3) / 256.0).collect();
        assert!(factor.factorize(&mut run, &point));
        let z = factor.solve_scaled(&run.moves, &relative_weight(&point), &b);
        point.scaled_product(&z).iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-8 * (1.0 + b.abs()))
    }
}

//! Sparse Cholesky of the Hessian (faer): one symbolic factorization for all Newton steps.
//!
//! The matrix is scaled to unit diagonal, so no cost leaves the range of `f64`.

use super::conjugate::relative_weight;
use super::factor::Factor;
use super::linear::{LinearSolver, UpperBound, bound_from, quotient};
use super::pattern::Pattern;
use super::run::Run;
use super::symbolic::Symbolic;
use crate::problem::{Point, Problem};

/// Multiplications of one factorization that are cheaper than the passes they save.
const CHEAP_FLOPS: f64 = 3e7;
/// The same, for every connection of the problem.
const CHEAP_FLOPS_PER_ENTRY: f64 = 200.0;
/// Multiplications of a factorization, for every connection, that spare thousands of passes where they happen a few times.
/// A grid of a million units takes about a thousand; a random graph, where conjugate gradients are quick, takes 60 000.
const FLOPS_PER_ENTRY: f64 = 5000.0;
/// Connections for every variable from which on graphs are seldom flat: grids have 2, meshes in space 3 to 7.
const MANY_PER_VARIABLE: usize = 8;
/// Numbers of a factor that fit into memory: 640 MB.
const MOST_FILL: usize = 80_000_000;

/// What a factorization is good for, by how much it fills in.
pub(super) enum Fill {
    /// So little that every Newton step has a factorization of its own: chains, trees, small networks.
    Small(Cholesky),
    /// So much that one factor preconditions several steps: grids and meshes.
    Medium(Cholesky),
    /// More than passes cost; the pattern alone.
    Large(Pattern),
}

/// Largest number of variables for which the whole inverse is formed, where only that gives a bound.
const INVERSE_VARIABLES: usize = 2000;

/// The pattern of the Hessian, its symbolic factorization, and the latest numeric one.
pub(super) struct Cholesky {
    pattern: Pattern,
    symbolic: Symbolic,
    factor: Factor,
    /// Roots of the diagonal that the factorized Hessian was divided by, relative to the largest.
    root: Vec<f64>,
    /// Whether the Hessian was factorized where it is asked for.
    ready: bool,
}

impl Cholesky {
    /// The symbolic factorization of a problem's pattern, where a numeric one is predicted to be worth its time.
    pub fn predicted(problem: &Problem, pattern: Pattern) -> Fill {
        let entries = problem.places();
        if is_tangled(problem, &pattern) {
            return Fill::Large(pattern);
        }
        let Some(symbolic) = Symbolic::new(&pattern) else { return Fill::Large(pattern) };
        let fill = symbolic.cholesky.len_val();
        let flops = (fill as f64).powi(2) / problem.variables().max(1) as f64;
        let each = flops / (entries.max(1) as f64);
        let small = flops <= CHEAP_FLOPS || each <= CHEAP_FLOPS_PER_ENTRY;
        if !small && (each > FLOPS_PER_ENTRY || fill > MOST_FILL) {
            return Fill::Large(pattern);
        }
        // what only preconditions is kept in single precision
        let factor = if small { Factor::Double(vec![]) } else { Factor::Single(vec![]) };
        let own = Self { pattern, symbolic, factor, root: vec![], ready: false };
        if small { Fill::Small(own) } else { Fill::Medium(own) }
    }

    /// The symbolic factorization with the approximate minimum degree ordering; none when it exceeds the memory that can
    /// be indexed.
    pub fn new(pattern: Pattern) -> Option<Self> {
        let symbolic = Symbolic::new(&pattern)?;
        Some(Self { pattern, symbolic, factor: Factor::Double(vec![]), root: vec![], ready: false })
    }

    /// Factorizes the scaled Hessian; false where it is not numerically definite.
    pub fn factorize(&mut self, run: &mut Run, point: &Point) -> bool {
        run.passes += 1.0;
        let values = self.pattern.hessian(&run.moves, point);
        self.root = relative_weight(point).into_iter().map(f64::sqrt).collect();
        self.factor.factorize(&self.symbolic, &self.pattern, values)
    }

    /// Log-scales that minimize the sum of `(ln |w| + L)^2` over the connections, coefficients within the weights: where costs
    /// differ least in logarithm.
    ///
    /// In a chain of units all costs are equal there, so it is the optimum; in other sparse graphs Newton's method is near
    /// its end from there, however far the optimum is from `x`. None where the matrix is not numerically definite.
    pub fn level(&mut self, problem: &Problem, moves: &[bool], x: &[f64]) -> Option<Vec<f64>> {
        let n = x.len();
        let (mut diagonal, mut side) = (vec![0.0; n], vec![0.0; n]);
        problem.for_each_entry(|entry| {
            let form = problem.form(&entry);
            let own = match problem.blocks()[entry.block].exponent(problem) {
                Some(p) => problem.log_cost(&entry) / p,
                None => problem.log_weight(&entry),
            };
            let log = own + form.at(x);
            for &(v, c) in form.terms() {
                diagonal[v as usize] += c * c;
                side[v as usize] -= c * log;
            }
        });
        if !self.factorize_weighted(moves, &diagonal, |_, _| 1.0) {
            return None;
        }
        let step = self.solve_weighted(moves, &side);
        Some(x.iter().zip(step).map(|(x, step)| x + step).collect())
    }

    /// Factorizes the sum over connections of a weight times the square of the form, of which this is the diagonal. The weight
    /// is that of a block and the number of the connection among those that have a cost. False where the matrix is not
    /// numerically definite.
    pub fn factorize_weighted(
        &mut self,
        moves: &[bool],
        diagonal: &[f64],
        weight: impl Fn(usize, usize) -> f64 + Sync,
    ) -> bool {
        self.root = diagonal.iter().map(|d| d.sqrt()).collect();
        let values = self.pattern.weighted(moves, &self.root, weight);
        self.factor.factorize(&self.symbolic, &self.pattern, values)
    }

    /// Solves with the matrix of [`Self::factorize_weighted`]; zero where variables do not move.
    pub fn solve_weighted(&self, moves: &[bool], b: &[f64]) -> Vec<f64> {
        let over_root = |v: usize, b: f64| if moves[v] { b / self.root[v] } else { 0.0 };
        let mut side: Vec<f64> = b.iter().enumerate().map(|(v, &b)| over_root(v, b)).collect();
        self.factor.solve(&self.symbolic, &mut side);
        side.into_iter().enumerate().map(|(v, s)| over_root(v, s)).collect()
    }

    /// `H^-1 (diagonal * b)`, with H the Hessian that was factorized last, wherever that was; `weight` is the diagonal over its
    /// largest entry.
    pub fn solve_scaled(&self, moves: &[bool], weight: &[f64], b: &[f64]) -> Vec<f64> {
        let root = &self.root;
        let moves = |v: usize| moves[v] && root[v] > 0.0;
        let mut side: Vec<f64> =
            (0..b.len()).map(|v| if moves(v) { weight[v] / root[v] * b[v] } else { 0.0 }).collect();
        self.factor.solve(&self.symbolic, &mut side);
        (0..b.len()).map(|v| if moves(v) { side[v] / root[v] } else { 0.0 }).collect()
    }

    /// The largest `H^-1 (diagonal * c)` over all c with `|c| <= b`: by the magnitudes of the whole inverse.
    fn bound_by_inverse(&self, run: &Run, point: &Point, b: &[f64]) -> Option<Vec<f64>> {
        let n = b.len();
        if n > INVERSE_VARIABLES {
            return None;
        }
        let root: Vec<f64> = relative_weight(point).into_iter().map(f64::sqrt).collect();
        let mut sum = vec![0.0; n];
        for j in (0..n).filter(|&j| run.moves[j]) {
            let mut column = vec![0.0; n];
            column[j] = 1.0;
            self.factor.solve(&self.symbolic, &mut column);
            for i in (0..n).filter(|&i| run.moves[i] && root[i] > 0.0) {
                sum[i] += column[i].abs() * root[j] * b[j] / root[i];
            }
        }
        Some(sum)
    }
}

/// Whether the ordering is not worth its time, some hundred passes: units have many connections among each other, and neither
/// their number nor the order in which they are numbered keeps a factor small. A guess: another order might.
fn is_tangled(problem: &Problem, pattern: &Pattern) -> bool {
    let (n, entries) = (problem.variables(), problem.places());
    // multiplications, from a bound on the fill as in the prediction
    let cheap = |fill: f64| {
        let flops = fill * fill / n as f64;
        flops <= CHEAP_FLOPS || flops <= CHEAP_FLOPS_PER_ENTRY * entries as f64
    };
    // elsewhere only a whole factor gives an error bound
    let needed = !problem.has_comparison() && n <= INVERSE_VARIABLES;
    let between = pattern.matrix.compute_nnz() - n;
    if needed || entries.min(between) <= MANY_PER_VARIABLE * n || cheap(0.5 * (n as f64).powi(2)) {
        return false;
    }
    // in the given order nothing is filled in before the first neighbour of a row
    let mut first: Vec<usize> = (0..n).collect();
    for col in 0..n {
        pattern.matrix.row_idx_of_col(col).for_each(|row| first[row] = first[row].min(col));
    }
    !cheap(first.iter().enumerate().map(|(v, &first)| (v - first) as f64).sum())
}

impl LinearSolver for Cholesky {
    fn is_direct(&self) -> bool {
        true
    }

    fn newton_direction(&mut self, run: &mut Run, point: &Point) -> Vec<f64> {
        let b: Vec<f64> = point.scaled_gradient().into_iter().map(|g| -g).collect();
        if !self.factorize(run, point) {
            return super::warm::step(run, point);
        }
        self.solve_scaled(&run.moves, &relative_weight(point), &b)
    }

    fn prepare(&mut self, run: &mut Run, point: &Point) {
        self.ready = self.factorize(run, point);
    }

    fn solve(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<Vec<f64>> {
        self.ready.then(|| self.solve_scaled(&run.moves, &relative_weight(point), b))
    }

    fn upper_bound(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<UpperBound> {
        if !self.ready {
            return None;
        }
        if !run.problem.has_comparison() {
            return self.bound_by_inverse(run, point, b).map(|z| UpperBound { z, quotient: None });
        }
        let weight = relative_weight(point);
        let z = self.solve_scaled(&run.moves, &weight, b);
        // one more step of inverse iteration costs no pass: it reaches z
        let again = self.solve_scaled(&run.moves, &weight, &z);
        let better = quotient(run, point, &again, &z);
        let bound = bound_from(run, point, b, &z)?;
        Some(UpperBound { quotient: better.or(bound.quotient), ..bound })
    }
}

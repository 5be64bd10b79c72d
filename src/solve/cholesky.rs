//! Sparse Cholesky of the Hessian (faer): one symbolic factorization for all Newton steps.
//!
//! The matrix is scaled to unit diagonal, so no cost leaves the range of `f64`.

use super::cg::relative_weight;
use super::linear::{LinearSolver, bound_from};
use super::run::Run;
use crate::numeric::Wide;
use crate::problem::{Entry, Point, Problem};
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::cholesky::llt::factor::LltRegularization;
use faer::sparse::linalg::cholesky::{
    CholeskySymbolicParams, SymbolicCholesky, SymmetricOrdering, factorize_symbolic_cholesky,
};
use faer::sparse::{Pair, SparseColMatRef, SymbolicSparseColMat};
use faer::{Conj, MatMut, Par, Side};

/// Multiplications of one factorization that are cheaper than the passes they save.
const CHEAP_FLOPS: f64 = 3e7;
/// The same, for every connection of the problem.
const CHEAP_FLOPS_PER_ENTRY: f64 = 200.0;
/// Multiplications of a factorization, for every connection, that spare thousands of passes where they happen a few times.
/// A grid of a million units takes about a thousand; a random graph, where conjugate gradients are quick, takes 60 000.
const FLOPS_PER_ENTRY: f64 = 5000.0;
/// Numbers of a factor that fit into memory: 640 MB.
const MOST_FILL: usize = 80_000_000;

/// How much a factorization fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// So little that every Newton step has a factorization of its own: chains, trees, small networks.
    Small,
    /// So much that one factor preconditions several steps: grids and meshes.
    Medium,
    /// More than passes cost.
    Large,
}

/// Largest number of variables for which the whole inverse is formed, where only that gives a bound.
const INVERSE_VARIABLES: usize = 2000;

/// The pattern of the Hessian, its symbolic factorization, and the latest numeric one.
pub(super) struct Cholesky {
    pattern: SymbolicSparseColMat<usize>,
    symbolic: SymbolicCholesky<usize>,
    /// Position of every diagonal entry.
    diagonal: Vec<usize>,
    /// Every product of two coefficients of one connection: the connection, the two variables, the product, the position.
    couplings: Vec<Coupling>,
    factor: Vec<f64>,
    /// Roots of the diagonal that the factorized Hessian was divided by, relative to the largest.
    root: Vec<f64>,
}

struct Coupling {
    entry: Entry,
    /// Its number among the connections that have a cost.
    order: usize,
    a: u32,
    b: u32,
    product: f64,
    place: usize,
}

impl Cholesky {
    /// The symbolic factorization, and what it predicts; none for problems with so many connections that it takes too long.
    pub fn predicted(problem: &Problem) -> Option<(Self, Fill)> {
        let entries = problem.places();
        if entries > 1_000_000.max(8 * problem.variables()) {
            return None;
        }
        let own = Self::new(problem)?;
        let fill = own.symbolic.len_val();
        let flops = (fill as f64).powi(2) / problem.variables().max(1) as f64;
        let kind = match flops / (entries.max(1) as f64) {
            each if flops <= CHEAP_FLOPS || each <= CHEAP_FLOPS_PER_ENTRY => Fill::Small,
            each if each <= FLOPS_PER_ENTRY && fill <= MOST_FILL => Fill::Medium,
            _ => Fill::Large,
        };
        Some((own, kind))
    }

    /// The symbolic factorization with the approximate minimum degree ordering; none when it exceeds the memory that can
    /// be indexed.
    pub fn new(problem: &Problem) -> Option<Self> {
        let n = problem.variables();
        let mut couplings = vec![];
        let mut order = 0;
        problem.for_each_entry(|entry| {
            let form = problem.form(&entry);
            for (k, &(a, x)) in form.terms().iter().enumerate() {
                for &(b, y) in &form.terms()[..k] {
                    couplings.push(Coupling { entry, order, a, b, product: x * y, place: 0 });
                }
            }
            order += 1;
        });
        let ends = |c: &Coupling| Pair { row: c.a.max(c.b) as usize, col: c.a.min(c.b) as usize };
        let mut places: Vec<Pair<usize, usize>> = (0..n).map(|v| Pair { row: v, col: v }).collect();
        places.extend(couplings.iter().map(ends));
        let (pattern, _) = SymbolicSparseColMat::try_new_from_indices(n, n, &places).ok()?;
        let place = |row: usize, col: usize| {
            let range = pattern.as_ref().col_range(col);
            range.start + pattern.as_ref().row_idx()[range].binary_search(&row).expect("the pattern holds all places")
        };
        let diagonal = (0..n).map(|v| place(v, v)).collect();
        couplings.iter_mut().for_each(|c| {
            let Pair { row, col } = ends(c);
            c.place = place(row, col);
        });
        let params = CholeskySymbolicParams::default();
        let symbolic =
            factorize_symbolic_cholesky(pattern.as_ref(), Side::Lower, SymmetricOrdering::Amd, params).ok()?;
        Some(Self { pattern, symbolic, diagonal, couplings, factor: vec![], root: vec![] })
    }

    /// Factorizes the scaled Hessian; false where it is not numerically definite.
    pub fn factorize(&mut self, run: &mut Run, point: &Point) -> bool {
        run.passes += 1.0;
        let scale: Vec<Wide> = point.diagonal().into_iter().map(Wide::sqrt).collect();
        let mut values = vec![0.0; self.pattern.compute_nnz()];
        for c in &self.couplings {
            if run.moves[c.a as usize] && run.moves[c.b as usize] {
                let Entry { block, row, column, index, .. } = c.entry;
                let curvature = point.curvature(block, row as usize, column as usize, index);
                let scaled = curvature / (scale[c.a as usize] * scale[c.b as usize]);
                values[c.place] += c.product * scaled.to_f64();
            }
        }
        self.root = relative_weight(point).into_iter().map(f64::sqrt).collect();
        self.factorize_values(&mut values)
    }

    /// Factorizes a matrix of unit diagonal; rounding may make it indefinite, then the diagonal grows a little.
    fn factorize_values(&mut self, values: &mut [f64]) -> bool {
        self.factor.resize(self.symbolic.len_val(), 0.0);
        let mut memory =
            MemBuffer::new(self.symbolic.factorize_numeric_llt_scratch::<f64>(Par::Seq, Default::default()));
        for shift in [0.0, 1e-15, 1e-13, 1e-11, 1e-9, 1e-7] {
            self.diagonal.iter().for_each(|&place| values[place] = 1.0 + shift);
            let matrix = SparseColMatRef::<usize, f64>::new(self.pattern.as_ref(), values);
            let done = self.symbolic.factorize_numeric_llt::<f64>(
                &mut self.factor,
                matrix,
                Side::Lower,
                LltRegularization::default(),
                Par::Seq,
                MemStack::new(&mut memory),
                Default::default(),
            );
            if done.is_ok() {
                return true;
            }
        }
        false
    }

    /// Log-scales that minimize the sum of `(ln |w| + L)^2` over the connections: where costs differ least in logarithm.
    ///
    /// In a chain of units all costs are equal there, so it is the optimum; in other sparse graphs Newton's method is near
    /// its end from there, however far the optimum is from `x`. None where the matrix is not numerically definite.
    pub fn level(&mut self, run: &Run, x: &[f64]) -> Option<Vec<f64>> {
        let n = x.len();
        let (mut diagonal, mut side) = (vec![0.0; n], vec![0.0; n]);
        run.problem.for_each_entry(|entry| {
            let form = run.problem.form(&entry);
            let log = run.problem.log_weight(&entry) + form.at(x);
            for &(v, c) in form.terms() {
                diagonal[v as usize] += c * c;
                side[v as usize] -= c * log;
            }
        });
        if !self.factorize_weighted(&run.moves, &diagonal, |_, _| 1.0) {
            return None;
        }
        let step = self.solve_weighted(&run.moves, &side);
        Some(x.iter().zip(step).map(|(x, step)| x + step).collect())
    }

    /// Factorizes the sum over connections of a weight times the square of the form, of which this is the diagonal. The weight
    /// is that of a block and the number of the connection among those that have a cost. False where the matrix is not
    /// numerically definite.
    pub fn factorize_weighted(
        &mut self,
        moves: &[bool],
        diagonal: &[f64],
        weight: impl Fn(usize, usize) -> f64,
    ) -> bool {
        self.root = diagonal.iter().map(|d| d.sqrt()).collect();
        let mut values = vec![0.0; self.pattern.compute_nnz()];
        for c in self.couplings.iter().filter(|c| moves[c.a as usize] && moves[c.b as usize]) {
            let scale = self.root[c.a as usize] * self.root[c.b as usize];
            values[c.place] += c.product * weight(c.entry.block, c.order) / scale;
        }
        self.factorize_values(&mut values)
    }

    /// Solves with the matrix of [`Self::factorize_weighted`]; zero where variables do not move.
    pub fn solve_weighted(&self, moves: &[bool], b: &[f64]) -> Vec<f64> {
        let over_root = |v: usize, b: f64| if moves[v] { b / self.root[v] } else { 0.0 };
        let mut side: Vec<f64> = b.iter().enumerate().map(|(v, &b)| over_root(v, b)).collect();
        self.solve_sides(&mut side, 1);
        side.into_iter().enumerate().map(|(v, s)| over_root(v, s)).collect()
    }

    /// Solves with the factor in place, for `columns` right-hand sides one after the other.
    fn solve_sides(&self, sides: &mut [f64], columns: usize) {
        let scratch: StackReq = self.symbolic.solve_in_place_scratch::<f64>(columns, Par::Seq);
        let mut memory = MemBuffer::new(scratch);
        let n = self.diagonal.len();
        let llt = faer::sparse::linalg::cholesky::LltRef::<usize, f64>::new(&self.symbolic, &self.factor);
        let sides = MatMut::from_column_major_slice_mut(sides, n, columns);
        llt.solve_in_place_with_conj(Conj::No, sides, Par::Seq, MemStack::new(&mut memory));
    }

    /// `H^-1 (diagonal * b)`, with H the Hessian that was factorized last, wherever that was.
    pub fn solve_scaled(&self, moves: &[bool], point: &Point, b: &[f64]) -> Vec<f64> {
        let (weight, root) = (relative_weight(point), &self.root);
        let moves = |v: usize| moves[v] && root[v] > 0.0;
        let mut side: Vec<f64> =
            (0..b.len()).map(|v| if moves(v) { weight[v] / root[v] * b[v] } else { 0.0 }).collect();
        self.solve_sides(&mut side, 1);
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
            self.solve_sides(&mut column, 1);
            for i in (0..n).filter(|&i| run.moves[i] && root[i] > 0.0) {
                sum[i] += column[i].abs() * root[j] * b[j] / root[i];
            }
        }
        Some(sum)
    }
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
        self.solve_scaled(&run.moves, point, &b)
    }

    fn solve(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<Vec<f64>> {
        self.factorize(run, point).then(|| self.solve_scaled(&run.moves, point, b))
    }

    fn upper_bound(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<Vec<f64>> {
        if !self.factorize(run, point) {
            return None;
        }
        if !run.problem.has_comparison() {
            return self.bound_by_inverse(run, point, b);
        }
        let z = self.solve_scaled(&run.moves, point, b);
        bound_from(run, point, b, z)
    }
}

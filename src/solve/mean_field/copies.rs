//! Rounded copies of the blocks: near the optimum, systems are solved with them.
//!
//! With the diagonal that belongs to it, the rounded Hessian is that of a problem whose costs differ by less than one part in 2048.
//! So, whatever the condition, a solution of its system is off by at most such a part, and mostly by far less, for roundings
//! cancel. Conjugate gradients that the mean field preconditions find it. They read two bytes for every entry of the blocks
//! that couple, a fraction of a pass.

use super::Layout;
use super::layout::RankOne;
use super::model::{Hessian, Model};
use super::stretches::Stretch;
use crate::numeric::dot;
use crate::problem::{Point, Problem, ROUNDED_UNIT, Rounded};
use crate::solve::conjugate::{End, State};
use crate::solve::run::Run;
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;

/// Roundings change no diagonal entry by a larger part, or values have left the range.
const ROUNDED: f64 = 1.0 / 1024.0;
/// Eigenvalues of the Hessian scaled to a diagonal of ones that single precision does not see.
const UNSEEN: f64 = 1e-5;
/// Most iterations for one system.
const MOST: usize = 100;
/// Entries that one thread reads together, and from how many on there are threads.
const ENTRIES_AT_ONCE: usize = 1 << 15;
const ENTRIES_FOR_THREADS: usize = 1 << 19;

/// Rounded copies of all blocks that couple, made at a point.
pub(super) struct Copies {
    blocks: Vec<Copy>,
    entries: usize,
    /// The coefficient of every row and column, those of one block after those of another: for columns against the sign, and zero
    /// for the ground.
    coefficient: Vec<f64>,
    /// Their variables.
    stretches: Vec<Stretch>,
    /// The Hessian of the replaced problem, divided by the roots of the diagonal where they were made.
    hessian: Hessian,
    /// The powers of two that were folded into the weights.
    pub origin: Vec<i32>,
    /// The part of a pass that a read of the copies is.
    pub share: f64,
}

/// The copy of a block by its number, and the numbers of its rows and columns among those of all blocks.
struct Copy {
    number: usize,
    values: Rounded,
    rows: Range<usize>,
    columns: Range<usize>,
}

/// The rounded Hessian at a point, divided by the roots of its diagonal on both sides.
pub(super) struct System {
    /// The logarithm of the multiplier of every port there.
    pub made_at: Vec<f64>,
    /// What the rows and columns of all copies are multiplied by.
    factors: Vec<f32>,
    /// What entries that stay as they are couple.
    couplings: Vec<([u32; 2], f64)>,
    /// The inverses of the roots of the diagonal; zero where it is.
    inverse: Vec<f64>,
}

/// How many of these blocks with so many entries one thread takes together.
fn at_once(blocks: usize, entries: usize) -> usize {
    (blocks * ENTRIES_AT_ONCE / entries).max(1)
}

/// The blocks that couple.
pub(super) fn coupled(layout: &Layout) -> impl Iterator<Item = &RankOne> {
    layout.blocks.iter().take_while(|block| block.heads.start < layout.coupled)
}

impl Copies {
    /// Copies at a point, whose replaced problem the model is: one pass. None where numbers leave the range of `f64`.
    pub fn new(problem: &Problem, layout: &Layout, point: &Point, model: &Model) -> Option<Self> {
        let entries = coupled(layout).map(|block| problem.blocks()[block.number].values.len()).sum();
        let numbers: Vec<usize> = coupled(layout).map(|block| block.number).collect();
        let least = at_once(numbers.len(), entries);
        let values = numbers.par_iter().with_min_len(least).map(|&number| point.rounded(number));
        let values: Vec<Rounded> = values.collect::<Option<_>>()?;
        let (mut blocks, mut variable, mut coefficient) = (vec![], vec![], vec![]);
        for (block, values) in coupled(layout).zip(values) {
            let mut add = |own: &Range<usize>, of: &[u32]| {
                let first = variable.len();
                let groups = || of.iter().map(|&group| own.start + group as usize);
                variable.extend(groups().map(|group| layout.variable[group]));
                coefficient.extend(groups().map(|group| layout.slope[group] / block.exponent));
                first..variable.len()
            };
            let (rows, columns) = (add(&block.heads, &block.head_of), add(&block.tails, &block.tail_of));
            blocks.push(Copy { number: block.number, values, rows, columns });
        }
        let bytes = |of: &mut dyn Iterator<Item = usize>| of.sum::<usize>() as f64;
        let share = bytes(&mut blocks.iter().map(|copy| copy.values.bytes()))
            / bytes(&mut problem.blocks().iter().map(|block| block.values.bytes()));
        let stretches = Stretch::all(0, &variable).collect();
        let (_, diagonal) = model.slopes();
        let root: Vec<f64> = point.plain_diagonal()?.iter().map(|d| d.sqrt()).collect();
        let hessian = model.hessian(&diagonal).scaled(layout, &root);
        let origin = problem.origin().to_vec();
        Some(Self { blocks, entries, coefficient, stretches, hessian, origin, share })
    }

    /// The rounded Hessian at a point, whose replaced problem the model is: one read of the copies, for its diagonal. None where
    /// numbers leave the range of `f64`, or values their own.
    pub fn at(&self, problem: &Problem, layout: &Layout, point: &Point, model: &Model) -> Option<System> {
        let mut factors = Vec::with_capacity(self.coefficient.len());
        if !self.blocks.iter().all(|copy| copy.values.factors(point, copy.number, &mut factors)) {
            return None;
        }
        let exact = point.plain_diagonal()?;
        let change = self.change(problem, point, &factors, layout)?;
        if !change.iter().zip(exact).all(|(change, &d)| d == 0.0 || change.abs() <= ROUNDED * d) {
            return None;
        }
        let inverse = |(&d, change): (&f64, &f64)| if d > 0.0 { (d + change).sqrt().recip() } else { 0.0 };
        let inverse: Vec<f64> = exact.iter().zip(&change).map(inverse).collect();
        let mut single = vec![0.0; factors.len()];
        for stretch in &self.stretches {
            let (own, inverse) = (stretch.entries(), &inverse[stretch.variables()]);
            let both = self.coefficient[own.clone()].iter().zip(&factors[own.clone()]).zip(inverse);
            single[own].iter_mut().zip(both).for_each(|(to, ((c, f), inverse))| *to = (c * f * inverse) as f32);
        }
        let scaled = |(both, coupling): ([u32; 2], f64)| {
            (both, -coupling * inverse[both[0] as usize] * inverse[both[1] as usize])
        };
        let couplings = model.couplings().map(scaled).collect();
        Some(System { made_at: point.logs().to_vec(), factors: single, couplings, inverse })
    }

    /// By how much the diagonal of the rounded Hessian exceeds that of the Hessian, where `factors` are those of rows and columns.
    fn change(&self, problem: &Problem, point: &Point, factors: &[f64], layout: &Layout) -> Option<Vec<f64>> {
        let sums = |copy: &Copy| point.plain_curvature_sums(copy.number);
        let sums: Vec<(&[f64], &[f64])> = self.blocks.iter().map(sums).collect::<Option<_>>()?;
        // in units of the root of the whole sum no factor is above 1
        let roots: Vec<f64> = sums.iter().map(|(rows, _)| rows.iter().sum::<f64>().sqrt()).collect();
        let mut input = Vec::with_capacity(factors.len());
        for (copy, root) in self.blocks.iter().zip(&roots) {
            let unit = if *root > 0.0 { f64::from(ROUNDED_UNIT) / root } else { 0.0 };
            input.extend(factors[copy.rows.start..copy.columns.end].iter().map(|f| (f * unit) as f32));
        }
        let products = self.products(problem, &input);
        let mut off = Vec::with_capacity(factors.len());
        for ((copy, root), (rows, columns)) in self.blocks.iter().zip(&roots).zip(sums) {
            let own = copy.rows.start..copy.columns.end;
            let exact = rows.iter().chain(columns);
            let both = factors[own.clone()].iter().zip(&products[own.clone()]).zip(&self.coefficient[own]);
            off.extend(both.zip(exact).map(|(((f, &sum), c), exact)| c * c * (f * root * f64::from(sum) - exact)));
        }
        let mut change = vec![0.0; layout.variables()];
        for stretch in &self.stretches {
            let own = change[stretch.variables()].iter_mut().zip(&off[stretch.entries()]);
            own.for_each(|(change, off)| *change += off);
        }
        Some(change)
    }

    /// One read of all copies: for every one, with its matrix Q of values over [`ROUNDED_UNIT`], Q times the input of its columns
    /// in its rows, and `Q^T` times that of its rows in its columns.
    fn products(&self, problem: &Problem, input: &[f32]) -> Vec<f32> {
        let mut products = vec![0.0; input.len()];
        let mut rest = &mut products[..];
        let ends = self.blocks.iter().map(|copy| {
            let (rows, after) = std::mem::take(&mut rest).split_at_mut(copy.rows.len());
            let (columns, after) = after.split_at_mut(copy.columns.len());
            rest = after;
            (copy, rows, columns)
        });
        let read = |(copy, rows, columns): (&Copy, &mut [f32], &mut [f32])| {
            let (column_in, row_in) = (&input[copy.columns.clone()], &input[copy.rows.clone()]);
            copy.values.products(&problem.blocks()[copy.number], column_in, row_in, rows, columns);
        };
        if self.entries < ENTRIES_FOR_THREADS {
            ends.for_each(read);
        } else {
            let ends: Vec<_> = ends.collect();
            ends.into_par_iter().with_min_len(at_once(self.blocks.len(), self.entries)).for_each(read);
        }
        products
    }

    /// The solution of `H d = diagonal * b` over the variables that move, up to a part of it, where H is the rounded Hessian and
    /// the diagonal that of the Hessian at the point; none where numbers leave the range of single precision.
    pub fn solve(
        &self,
        (system, layout): (&System, &Layout),
        run: &Run,
        point: &Point,
        b: &[f64],
        precision: f64,
        reads: &Cell<u32>,
    ) -> Option<Vec<f64>> {
        let (moves, exact, inverse) = (&run.moves, point.plain_diagonal()?, &system.inverse);
        let side: Vec<f64> = (0..b.len()).map(|v| if moves[v] { exact[v] * b[v] * inverse[v] } else { 0.0 }).collect();
        let unit = side.iter().fold(0.0, |m: f64, b| m.max(b.abs()));
        if unit == 0.0 {
            return Some(side);
        }
        let mut state = State { weight: vec![1.0; b.len()], d: vec![0.0; b.len()], residual: side.clone() };
        // parts of a problem whose costs are far smaller than those of others count as much
        let most = precision * side.iter().zip(inverse).fold(0.0, |m: f64, (b, inverse)| m.max((b * inverse).abs()));
        let enough = |v: usize, r: f64| r * inverse[v] <= most;
        let end = End { precision: precision * precision, b: &side, enough: Some(&enough) };
        let precondition = |r: &[f64]| self.hessian.solve(layout, r);
        let product = |d: &[f64]| {
            reads.update(|reads| reads + 1);
            self.product(system, run.problem, d, unit)
        };
        state.advance(moves, &end, MOST, product, precondition)?;
        let seen = dot(&side, &state.d) > UNSEEN * dot(&state.d, &state.d);
        state.d.iter_mut().zip(inverse).for_each(|(d, inverse)| *d *= inverse);
        (seen && state.d.iter().all(|d| d.is_finite())).then_some(state.d)
    }

    /// The product with a system; `unit` is the size of the numbers, which single precision is to hold.
    fn product(&self, system: &System, problem: &Problem, d: &[f64], unit: f64) -> Vec<f64> {
        let into = f64::from(ROUNDED_UNIT) / unit;
        let scaled: Vec<f32> = d.iter().map(|d| (d * into) as f32).collect();
        let mut input = vec![0.0; system.factors.len()];
        for stretch in &self.stretches {
            let own = stretch.entries();
            let both = system.factors[own.clone()].iter().zip(&scaled[stretch.variables()]);
            input[own].iter_mut().zip(both).for_each(|(to, (f, d))| *to = f * d);
        }
        let products = self.products(problem, &input);
        let mut image = d.to_vec();
        for stretch in &self.stretches {
            let own = stretch.entries();
            let both = system.factors[own.clone()].iter().zip(&products[own]);
            let image = image[stretch.variables()].iter_mut().zip(both);
            image.for_each(|(image, (f, sum))| *image += f64::from(f * sum) * unit);
        }
        for &([a, b], coupling) in &system.couplings {
            image[a as usize] += coupling * d[b as usize];
            image[b as usize] += coupling * d[a as usize];
        }
        image
    }
}

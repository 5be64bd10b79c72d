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
use crate::solve::conjugate::{End, State, serves_again};
use crate::solve::run::Run;
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;

/// Most entries that are copied: more come from memory, where a step of the replaced problem costs little more than its read.
const MOST_ENTRIES: usize = 1 << 23;
/// Residuals above this are far from the optimum: no copies are made or used there.
pub(in crate::solve) const NEAR: f64 = 0.3;
/// What a system is solved to at best: about what roundings leave.
pub(in crate::solve) const PRECISE: f64 = 1e-4;
/// Roundings change no diagonal entry by a larger part, or values have left the range.
const ROUNDED: f64 = 1.0 / 1024.0;
/// Eigenvalues of the Hessian scaled to a diagonal of ones that single precision does not see.
const UNSEEN: f64 = 1e-5;
/// Most iterations for one system.
const MOST: usize = 100;
/// Entries that one thread reads together, and from how many on there are threads.
const ENTRIES_AT_ONCE: usize = 1 << 15;
const ENTRIES_FOR_THREADS: usize = 1 << 19;

/// Copies, and the last system of them, that are kept from one system to the next.
pub(in crate::solve) struct Kept {
    copies: Option<Copies>,
    system: Option<System>,
    /// The powers of two that were folded into the weights where there was no answer: with these there will be none again.
    failed: Option<Vec<i32>>,
    /// Most entries that are copied.
    most: usize,
}

/// Rounded copies of all blocks that couple, made at a point.
struct Copies {
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
    origin: Vec<i32>,
    /// The part of a pass that a read of the copies is.
    share: f64,
}

/// The copy of a block by its number, and the numbers of its rows and columns among those of all blocks.
struct Copy {
    number: usize,
    values: Rounded,
    rows: Range<usize>,
    columns: Range<usize>,
}

/// The rounded Hessian at a point, divided by the roots of its diagonal on both sides.
struct System {
    /// The logarithm of the multiplier of every port there.
    made_at: Vec<f64>,
    /// What the rows and columns of all copies are multiplied by.
    factors: Vec<f32>,
    /// What entries that stay as they are couple.
    couplings: Vec<([u32; 2], f64)>,
    /// The inverses of the roots of the diagonal; zero where it is.
    inverse: Vec<f64>,
}

impl Default for Kept {
    fn default() -> Self {
        Self { copies: None, system: None, failed: None, most: MOST_ENTRIES }
    }
}

impl Kept {
    /// Copies are made anew before they are used again.
    pub fn forget(&mut self) {
        (self.copies, self.system, self.failed) = (None, None, None);
    }

    /// The solution of `H d = diagonal * b` over the variables that move, up to this part of it; none where there are no copies as
    /// precise.
    ///
    /// Complexity: a fraction of a pass for every iteration, some two to six in all, and for a diagonal where costs have
    /// changed; one pass more where copies are made.
    pub fn solution(
        &mut self,
        run: &mut Run,
        layout: &Layout,
        point: &Point,
        b: &[f64],
        precision: f64,
    ) -> Option<Vec<f64>> {
        let entries = coupled(layout).map(|block| run.problem.blocks()[block.number].values.len()).sum::<usize>();
        // wide numbers tell nothing of the points where powers of two are folded into the weights
        let serves = point.is_plain() && precision >= PRECISE && 0 < entries && entries <= self.most;
        let origin = run.problem.origin();
        if !serves || self.failed.as_ref().is_some_and(|failed| failed == origin) {
            return None;
        }
        let solution = self.solve(run, layout, point, b, precision);
        self.failed = solution.is_none().then(|| origin.to_vec());
        solution
    }

    fn solve(&mut self, run: &mut Run, layout: &Layout, point: &Point, b: &[f64], precision: f64) -> Option<Vec<f64>> {
        if self.copies.as_ref().is_none_or(|copies| copies.origin != run.problem.origin()) {
            run.passes += 1.0;
            self.system = None;
            self.copies = Copies::new(run.problem, layout, point, &layout.at(point, &run.moves)?);
        }
        let copies = self.copies.as_ref()?;
        // as a quadratic form it is off by no more than any cost has changed since
        if !self.system.as_ref().is_some_and(|system| serves_again(point, &system.made_at, precision)) {
            run.passes += copies.share;
            self.system = copies.at(run.problem, layout, point, &layout.at(point, &run.moves)?);
        }
        let reads = Cell::new(0);
        let solution = copies.solve((self.system.as_ref()?, layout), run, point, b, precision, &reads);
        run.passes += f64::from(reads.get()) * copies.share;
        solution
    }
}

/// How many of these blocks with so many entries one thread takes together.
fn at_once(blocks: usize, entries: usize) -> usize {
    (blocks * ENTRIES_AT_ONCE / entries).max(1)
}

/// The blocks that couple.
fn coupled(layout: &Layout) -> impl Iterator<Item = &RankOne> {
    layout.blocks.iter().take_while(|block| block.heads.start < layout.coupled)
}

impl Copies {
    /// Copies at a point, whose replaced problem the model is: one pass. None where numbers leave the range of `f64`.
    fn new(problem: &Problem, layout: &Layout, point: &Point, model: &Model) -> Option<Self> {
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
    fn at(&self, problem: &Problem, layout: &Layout, point: &Point, model: &Model) -> Option<System> {
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
    fn solve(
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::manifold::Form;
    use crate::problem::{Gauge, Port, ProblemBuilder, Weights};
    use crate::regularizer::Regularizer;
    use crate::solve::Settings;
    use quickcheck_macros::quickcheck;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    use std::ops::ControlFlow;

    impl Kept {
        /// Never keeps any.
        pub(in crate::solve::mean_field) fn none() -> Self {
            Self { most: 0, ..Self::default() }
        }

        /// Where the last system was made.
        pub(in crate::solve::mean_field) fn made_at(&self) -> Option<&[f64]> {
            self.system.as_ref().map(|system| &system.made_at[..])
        }
    }

    /// Layers of units of several degrees with weights of several magnitudes, some of them zero, skips, factors of single units,
    /// and a layer that is tied to itself.
    pub(in crate::solve::mean_field) fn problem(random: &mut StdRng, depth: usize) -> Problem {
        let width = random.random_range(20..40);
        let degrees: Vec<f64> = (0..depth).map(|_| [1.0, 1.0, 2.0, 0.5][random.random_range(0..4)]).collect();
        let mut builder = ProblemBuilder::new(depth * width);
        let mut ports = |l: usize, degree: f64| -> Vec<Port> {
            (0..width).map(|i| builder.port(&Form::term(l * width + i, degree))).collect()
        };
        let heads: Vec<Vec<Port>> = (0..depth).map(|l| ports(l, 1.0)).collect();
        let tails: Vec<Vec<Port>> = (0..depth).map(|l| ports(l, degrees[l])).collect();
        let ground = vec![Port::GROUND; width];
        let norm = Regularizer::lp([1.0, 2.0][random.random_range(0..2)]).unwrap();
        let spread = random.random_range(0.1..3.0);
        let mut number = |_: usize| {
            let size: f64 = random.random_range(-spread..spread);
            if random.random_range(0..10) == 0 { 0.0 } else { size.exp() }
        };
        let mut add = |heads: &[Port], tails: &[Port], diagonal: bool| {
            let numbers: Vec<f64> = (0..if diagonal { width } else { width * width }).map(&mut number).collect();
            let weights = if diagonal { Weights::Diagonal(numbers) } else { Weights::Dense(numbers) };
            builder.block("w", heads.to_vec(), tails.to_vec(), weights, &norm).unwrap();
        };
        add(&heads[0], &ground, false);
        add(&ground, &tails[depth - 1], false);
        for l in 1..depth {
            add(&heads[l], &tails[l - 1], false);
            add(&heads[l], &tails[l / 2], l % 2 == 0);
        }
        add(&heads[depth / 2], &tails[depth / 2], false);
        // a branch that was never trained
        let zeros = Weights::Dense(vec![0.0; width * width]);
        builder.block("zeros", heads[depth - 1].clone(), tails[0].clone(), zeros, &norm).unwrap();
        builder.build()
    }

    #[quickcheck]
    fn solutions_are_off_by_the_roundings_at_most_in_the_norm_of_the_hessian(seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let depth = random.random_range(2..6);
        let problem = problem(&mut random, depth);
        let n = problem.variables();
        let (layout, gauge) = (Layout::new(&problem).unwrap(), Gauge::of(&problem).unwrap());
        let mut callback = |_: &_| ControlFlow::Continue(());
        let settings = Settings::default();
        let mut run = Run::new(&problem, &settings, &gauge, &mut callback).unwrap();
        let mut kept = Kept::default();
        // copies are made at the first point and used at the others, the system of the second one at the third
        let x: Vec<f64> = (0..n).map(|_| random.random_range(-1.0..1.0)).collect();
        let near: Vec<f64> = x.iter().map(|x| x + random.random_range(-1e-3..1e-3)).collect();
        let nearer: Vec<f64> = near.iter().map(|x| x + random.random_range(-1e-7..1e-7)).collect();
        for (k, x) in [x, near, nearer].into_iter().enumerate() {
            let point = problem.point(&x);
            let exact: Vec<f64> = (0..n).map(|_| random.random_range(-1.0..1.0)).collect();
            let b = point.scaled_product(&exact);
            let before = kept.made_at().map(<[f64]>::to_vec);
            let found = kept.solution(&mut run, &layout, &point, &b, PRECISE).unwrap();
            assert_eq!(kept.made_at() == before.as_deref(), k == 2, "the system of point {k}");
            let diagonal = point.plain_diagonal().unwrap();
            let square = |d: &[f64]| -> f64 {
                point.scaled_product(d).iter().zip(diagonal).zip(d).map(|((image, d), x)| image * d * x).sum()
            };
            let off: Vec<f64> = found.iter().zip(&exact).map(|(a, b)| a - b).collect();
            let (off, whole) = (square(&off).sqrt(), square(&exact).sqrt());
            assert!(off <= (1.0 / 2048.0 + 2.0 * PRECISE) * whole, "off by {off:e} of {whole:e}");
        }
    }
}

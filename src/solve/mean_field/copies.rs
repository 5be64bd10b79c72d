//! Rounded copies of the blocks: near the optimum, systems are solved with them.
//!
//! With the diagonal that belongs to it, the rounded Hessian is that of a problem whose costs differ by less than one part in 256.
//! So, whatever the condition, a solution of its system is off by at most such a part, and mostly by far less, for roundings
//! cancel. Conjugate gradients that the mean field preconditions find it. They read two bytes for every entry of the blocks
//! that couple, a fraction of a pass.

use super::Layout;
use super::layout::RankOne;
use super::model::{Hessian, Model};
use crate::numeric::weighted_dot;
use crate::problem::{Point, Problem, Rounded};
use crate::solve::conjugate::{End, State, relative_weight};
use crate::solve::refine::REFINEMENT;
use crate::solve::run::Run;
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;

/// Most entries that are copied: more come from memory, where a step of the replaced problem costs little more than its read.
const MOST_ENTRIES: usize = 1 << 23;
/// Residuals above this are far from the optimum: no copies are made or used there.
pub(in crate::solve) const NEAR: f64 = 0.3;
/// Roundings change no diagonal entry by a larger part, or values have left the range.
const ROUNDED: f64 = 1.0 / 128.0;
/// Eigenvalues of the Hessian scaled to a diagonal of ones that single precision does not see.
const UNSEEN: f64 = 1e-5;
/// Most iterations for one system.
const MOST: usize = 100;
/// Entries that one thread reads together, and from how many on there are threads.
const ENTRIES_AT_ONCE: usize = 1 << 15;
const ENTRIES_FOR_THREADS: usize = 1 << 17;

/// Copies that are kept from one system to the next.
pub(in crate::solve) struct Kept {
    copies: Option<Copies>,
    /// Whether there was no answer: so it will be at the next point.
    failed: bool,
    /// Most entries that are copied.
    most: usize,
}

/// Rounded copies of all blocks that couple, made at a point.
struct Copies {
    blocks: Vec<Copy>,
    entries: usize,
    /// The Hessian of the replaced problem.
    hessian: Hessian,
    /// The powers of two that were folded into the weights.
    origin: Vec<i32>,
    /// The part of a pass that a read of the copies is.
    share: f64,
}

/// The copy of a block by its number; variable and coefficient of every row and of every column, against the sign for columns.
struct Copy {
    number: usize,
    values: Rounded,
    rows: Vec<(u32, f64)>,
    columns: Vec<(u32, f64)>,
}

/// The rounded Hessian at a point.
struct System<'a> {
    copies: &'a Copies,
    layout: &'a Layout,
    problem: &'a Problem,
    model: &'a Model<'a>,
    blocks: Vec<Factors>,
    /// Its diagonal over that of the Hessian, and over the largest entry.
    ratio: Vec<f64>,
    weight: Vec<f64>,
    /// Its diagonal, and the inverse of its root; zero where the diagonal is.
    diagonal: Vec<f64>,
    inverse: Vec<f64>,
    /// Reads of the copies so far.
    reads: Cell<usize>,
}

/// What the rows and columns of a copy are multiplied by, divided by the roots of the diagonal.
struct Factors {
    rows: Vec<f32>,
    columns: Vec<f32>,
}

impl Default for Kept {
    fn default() -> Self {
        Self { copies: None, failed: false, most: MOST_ENTRIES }
    }
}

impl Kept {
    /// Copies are made anew before they are used again.
    pub fn forget(&mut self) {
        (self.copies, self.failed) = (None, false);
    }

    /// The solution of `H d = diagonal * b` over the variables that move, up to this part of it, at a point whose replaced problem
    /// the model is; none where there are no copies as precise.
    ///
    /// Complexity: a fraction of a pass for every iteration, some four to seven in all; one pass more where copies are made.
    pub fn solution(
        &mut self,
        run: &mut Run,
        (layout, model): (&Layout, &Model),
        point: &Point,
        b: &[f64],
        precision: f64,
    ) -> Option<Vec<f64>> {
        let entries = coupled(layout).map(|block| run.problem.blocks()[block.number].values.len()).sum::<usize>();
        let serves = 0 < entries && entries <= self.most && precision >= REFINEMENT;
        if !serves || self.failed {
            return None;
        }
        if self.copies.as_ref().is_none_or(|copies| copies.origin != run.problem.origin()) {
            run.passes += 1.0;
            self.copies = Copies::new(run.problem, layout, point, model);
        }
        let system = self.copies.as_ref().and_then(|copies| copies.at(run.problem, layout, point, model));
        let solution = system.as_ref().and_then(|system| system.solve(b, precision));
        run.passes += system.map_or(0.0, |system| system.passes());
        self.failed = solution.is_none();
        solution
    }
}

/// The blocks that couple.
fn coupled(layout: &Layout) -> impl Iterator<Item = &RankOne> {
    layout.blocks.iter().take_while(|block| block.heads.start < layout.coupled)
}

impl Copies {
    /// Copies at a point: one pass. None where numbers leave the range of `f64`.
    fn new(problem: &Problem, layout: &Layout, point: &Point, model: &Model) -> Option<Self> {
        let copy = |block: &RankOne| {
            let ends = |own: &Range<usize>, of: &[u32]| -> Vec<(u32, f64)> {
                let groups = of.iter().map(|&group| own.start + group as usize);
                groups.map(|g| (layout.variable[g], layout.slope[g] / block.exponent)).collect()
            };
            let (rows, columns) = (ends(&block.heads, &block.head_of), ends(&block.tails, &block.tail_of));
            Some(Copy { number: block.number, values: point.rounded(block.number)?, rows, columns })
        };
        let blocks: Vec<Copy> = coupled(layout).map(copy).collect::<Option<_>>()?;
        let entries = blocks.iter().map(|copy| problem.blocks()[copy.number].values.len()).sum();
        let bytes = |of: &mut dyn Iterator<Item = usize>| of.sum::<usize>() as f64;
        let share = bytes(&mut blocks.iter().map(|copy| copy.values.bytes()))
            / bytes(&mut problem.blocks().iter().map(|block| block.values.bytes()));
        let (_, diagonal) = model.slopes();
        let origin = problem.origin().to_vec();
        Some(Self { blocks, entries, hessian: model.hessian(&diagonal), origin, share })
    }

    /// The rounded Hessian at a point, whose replaced problem the model is: one read of the copies, for its diagonal. None where
    /// numbers leave the range of `f64`, or values their own.
    fn at<'a>(
        &'a self,
        problem: &'a Problem,
        layout: &'a Layout,
        point: &Point,
        model: &'a Model<'a>,
    ) -> Option<System<'a>> {
        let exact = point.plain_diagonal()?;
        let ratio = self.ratios(problem, point, exact)?;
        let diagonal: Vec<f64> = exact.iter().zip(&ratio).map(|(d, ratio)| d * ratio).collect();
        let inverse: Vec<f64> = diagonal.iter().map(|&d| if d > 0.0 { d.sqrt().recip() } else { 0.0 }).collect();
        let factors = |copy: &Copy| {
            let [rows, columns] = copy.values.factors(point, copy.number)?;
            let of = |ends: &[(u32, f64)], factors: Vec<f64>| -> Vec<f32> {
                ends.iter().zip(factors).map(|(&(v, c), f)| (c * f * inverse[v as usize]) as f32).collect()
            };
            Some(Factors { rows: of(&copy.rows, rows), columns: of(&copy.columns, columns) })
        };
        let blocks = self.blocks.iter().map(factors).collect::<Option<_>>()?;
        let weight = relative_weight(point).iter().zip(&ratio).map(|(w, ratio)| w * ratio).collect();
        Some(System {
            copies: self,
            layout,
            problem,
            model,
            blocks,
            ratio,
            weight,
            diagonal,
            inverse,
            reads: Cell::new(1),
        })
    }

    /// The diagonal of the rounded Hessian at a point over that of the Hessian; none where they differ by more than roundings.
    fn ratios(&self, problem: &Problem, point: &Point, diagonal: &[f64]) -> Option<Vec<f64>> {
        let factors = |copy: &Copy| copy.values.factors(point, copy.number);
        let factors: Vec<[Vec<f64>; 2]> = self.blocks.iter().map(factors).collect::<Option<_>>()?;
        let sums = |copy: &Copy| point.plain_curvature_sums(copy.number);
        let sums: Vec<(&[f64], &[f64])> = self.blocks.iter().map(sums).collect::<Option<_>>()?;
        // in units of the root of the whole sum no factor is above 1
        let root = |k: usize| sums[k].0.iter().sum::<f64>().sqrt();
        let products = self.products(problem, |k, _| {
            let root = root(k);
            [1, 0].map(|side: usize| factors[k][side].iter().map(|f| (f / root) as f32).collect())
        });
        let mut change = vec![0.0; diagonal.len()];
        for (k, (copy, (by_rows, by_columns))) in self.blocks.iter().zip(products).enumerate() {
            let [rows, columns] = &factors[k];
            let sides = [(&copy.rows, rows, by_rows, sums[k].0), (&copy.columns, columns, by_columns, sums[k].1)];
            let root = root(k);
            for (ends, factors, own, exact) in sides {
                for (((&(v, c), factor), own), exact) in ends.iter().zip(factors).zip(own).zip(exact) {
                    change[v as usize] += c * c * (factor * root * f64::from(own) - exact);
                }
            }
        }
        let ratio = |(change, &d): (&f64, &f64)| if d > 0.0 { 1.0 + change / d } else { 1.0 };
        let ratio: Vec<f64> = change.iter().zip(diagonal).map(ratio).collect();
        ratio.iter().all(|r| (r - 1.0).abs() <= ROUNDED).then_some(ratio)
    }

    /// One read of all copies: for every one, with its matrix Q of values and what `[column_in, row_in]` gives for its number,
    /// `Q column_in` and `Q^T row_in`.
    fn products(
        &self,
        problem: &Problem,
        input: impl Fn(usize, &Copy) -> [Vec<f32>; 2] + Sync,
    ) -> Vec<(Vec<f32>, Vec<f32>)> {
        let products = |(k, copy): (usize, &Copy)| {
            let [column_in, row_in] = input(k, copy);
            copy.values.products(&problem.blocks()[copy.number], &column_in, &row_in)
        };
        if self.entries < ENTRIES_FOR_THREADS {
            return self.blocks.iter().enumerate().map(products).collect();
        }
        let at_once = self.blocks.len() * ENTRIES_AT_ONCE / self.entries;
        self.blocks.par_iter().enumerate().with_min_len(at_once.max(1)).map(products).collect()
    }
}

impl System<'_> {
    /// The solution of `H d = diagonal * b` over the variables that move, up to a part of it, where H is the rounded Hessian and
    /// the diagonal that of the Hessian; none where numbers leave the range of single precision.
    fn solve(&self, b: &[f64], precision: f64) -> Option<Vec<f64>> {
        let moves = self.model.moves();
        let b: Vec<f64> = (0..b.len()).map(|v| if moves[v] { b[v] / self.ratio[v] } else { 0.0 }).collect();
        let size = |v: usize| if self.inverse[v] > 0.0 { (b[v] / self.inverse[v]).abs() } else { 0.0 };
        let unit = (0..b.len()).map(size).fold(0.0, f64::max);
        if unit == 0.0 {
            return Some(b);
        }
        let mut state = State { weight: self.weight.clone(), d: vec![0.0; b.len()], residual: b.clone() };
        // parts of a problem whose costs are far smaller than those of others count as much
        let most = precision * b.iter().fold(0.0, |m: f64, b| m.max(b.abs()));
        let end = End { precision: precision * precision, b: &b, enough: Some(&|_, r| r <= most) };
        let precondition = |r: &[f64]| {
            let scaled: Vec<f64> = r.iter().zip(&self.diagonal).map(|(r, d)| r * d).collect();
            self.copies.hessian.solve(self.layout, &scaled)
        };
        state.advance(moves, &end, MOST, |d| self.product(d, unit), precondition)?;
        let seen = weighted_dot(&self.weight, &b, &state.d) > UNSEEN * weighted_dot(&self.weight, &state.d, &state.d);
        (seen && state.d.iter().all(|d| d.is_finite())).then_some(state.d)
    }

    /// Passes that the reads of the copies amount to.
    fn passes(&self) -> f64 {
        self.reads.get() as f64 * self.copies.share
    }

    /// `(H d) / diagonal` of the rounded Hessian and its diagonal; `unit` is the size of the numbers after multiplication with the
    /// roots of the diagonal, which single precision is to hold.
    fn product(&self, d: &[f64], unit: f64) -> Vec<f64> {
        self.reads.update(|reads| reads + 1);
        let scale = |(d, &inverse): (&f64, &f64)| if inverse > 0.0 { (d / (inverse * unit)) as f32 } else { 0.0 };
        let scaled: Vec<f32> = d.iter().zip(&self.inverse).map(scale).collect();
        let factors = &self.blocks;
        let products = self.copies.products(self.problem, |k, copy| {
            let of = |ends: &[(u32, f64)], factors: &[f32]| -> Vec<f32> {
                ends.iter().zip(factors).map(|(&(v, _), f)| scaled[v as usize] * f).collect()
            };
            let Factors { rows, columns } = &factors[k];
            [of(&copy.columns, columns), of(&copy.rows, rows)]
        });
        let mut sums = vec![0.0f64; d.len()];
        for ((copy, factors), (rows, columns)) in self.copies.blocks.iter().zip(factors).zip(products) {
            for (ends, factors, own) in [(&copy.rows, &factors.rows, rows), (&copy.columns, &factors.columns, columns)]
            {
                for ((&(v, _), factor), own) in ends.iter().zip(factors).zip(own) {
                    sums[v as usize] += f64::from(factor * own);
                }
            }
        }
        let whole = |((d, sum), inverse): ((&f64, &f64), &f64)| d + sum * unit * inverse;
        let mut image: Vec<f64> = d.iter().zip(&sums).zip(&self.inverse).map(whole).collect();
        self.model.couple_entries(d, &self.diagonal, &mut image);
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
            Self { copies: None, failed: false, most: 0 }
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
            let numbers = (0..if diagonal { width } else { width * width }).map(&mut number).collect();
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
        let moves = run.moves.clone();
        let mut kept = Kept::default();
        // copies are made at the first point and used at a second one
        let x: Vec<f64> = (0..n).map(|_| random.random_range(-1.0..1.0)).collect();
        let near: Vec<f64> = x.iter().map(|x| x + random.random_range(-1e-3..1e-3)).collect();
        for x in [x, near] {
            let point = problem.point(&x);
            let model = layout.at(&point, &moves).unwrap();
            let exact: Vec<f64> = (0..n).map(|_| random.random_range(-1.0..1.0)).collect();
            let b = point.scaled_product(&exact);
            let found = kept.solution(&mut run, (&layout, &model), &point, &b, REFINEMENT).unwrap();
            let diagonal = point.plain_diagonal().unwrap();
            let square = |d: &[f64]| -> f64 {
                point.scaled_product(d).iter().zip(diagonal).zip(d).map(|((image, d), x)| image * d * x).sum()
            };
            let off: Vec<f64> = found.iter().zip(&exact).map(|(a, b)| a - b).collect();
            let (off, whole) = (square(&off).sqrt(), square(&exact).sqrt());
            assert!(off <= (1.0 / 256.0 + 2.0 * REFINEMENT) * whole, "off by {off:e} of {whole:e}");
        }
    }
}

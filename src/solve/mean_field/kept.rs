//! The rounded copies of a solve: when they serve, and when they, or a system of them, are made anew.

use super::Layout;
use super::copies::{Copies, System, coupled};
use crate::problem::Point;
use crate::solve::conjugate::serves_again;
use crate::solve::run::Run;
use std::cell::Cell;

/// Most entries that are copied: more come from memory, where a step of the replaced problem costs little more than its read.
const MOST_ENTRIES: usize = 1 << 23;
/// Residuals above this are far from the optimum: no copies are made or used there.
pub(in crate::solve) const NEAR: f64 = 0.3;
/// What a system is solved to at best: about what roundings leave.
pub(in crate::solve) const PRECISE: f64 = 1e-4;

/// Copies, and the last system of them, that are kept from one system to the next.
pub(in crate::solve) struct Kept {
    copies: Option<Copies>,
    system: Option<System>,
    /// The powers of two that were folded into the weights where there was no answer: with these there will be none again.
    failed: Option<Vec<i32>>,
    /// Most entries that are copied.
    most: usize,
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::manifold::Form;
    use crate::problem::Problem;
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

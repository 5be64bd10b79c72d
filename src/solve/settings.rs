//! What goes into every solver, and what comes out.

use super::Schedule;
use crate::problem::LogScales;
use std::ops::ControlFlow;

/// Which solver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Newton with sparse Cholesky where its factor is small, with conjugate gradients elsewhere; local balancing where
    /// rounding stops both and the problem is small.
    #[default]
    Auto,
    /// Local balancing, one unit at a time.
    Local,
    /// Newton with a sparse Cholesky factorization.
    Newton,
    /// Newton with conjugate gradients, matrix-free.
    Cg,
    /// Limited-memory BFGS (argmin).
    Lbfgs,
    /// Trust region with Steihaug's conjugate gradients (argmin).
    TrustRegion,
    /// Line-search Newton with conjugate gradients (argmin).
    NewtonCg,
}

impl Method {
    /// All methods, with the names of the command line.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Auto, "auto"),
        (Self::Local, "local"),
        (Self::Newton, "newton"),
        (Self::Cg, "cg"),
        (Self::Lbfgs, "lbfgs"),
        (Self::TrustRegion, "trust-region"),
        (Self::NewtonCg, "newton-cg"),
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(m, _)| *m == self).map_or("auto", |(_, name)| name)
    }
}

/// Settings of a solve; the defaults suit everyone who wants the exact optimum.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which solver.
    pub method: Method,
    /// Largest relative residual `max |in - out| / (in + out)` of a converged solution.
    pub tolerance: f64,
    /// Largest relative error bound of the weights of a converged solution.
    pub weight_tolerance: f64,
    /// Most iterations: Newton steps, or sweeps of local balancing.
    pub max_iterations: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Order of the local steps.
    pub schedule: Schedule,
    /// Local steps are taken to the power theta: 1 is exact, less is cautious; below 2.
    pub relaxation: f64,
    /// The only variables that move; all of them when absent.
    pub subset: Option<Vec<usize>>,
    /// Start; zero when absent.
    pub start: Option<Vec<f64>>,
    /// Whether Newton's methods end with steps from a grid point, so that the solution does not depend on powers of two in the
    /// start to the last bit. That doubles the passes, so absent means: where there are at most [`CANONICAL_PLACES`] weights.
    /// Where rounding keeps the last steps above the tolerance, the solution before them stays. Does nothing to the other
    /// methods and to subsets.
    pub canonical: Option<bool>,
    /// Whether the solution is refined in two words as far as they reach, whatever the error bound is; where another method
    /// ends short of the tolerance, Newton's goes on from there.
    pub refined: bool,
}

/// Weights up to which a second leg of passes takes no time that matters.
pub const CANONICAL_PLACES: usize = 20_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::Auto,
            tolerance: 1e-12,
            weight_tolerance: 1e-6,
            max_iterations: 100_000,
            seed: 0,
            schedule: Schedule::Cyclic,
            relaxation: 1.0,
            subset: None,
            start: None,
            canonical: None,
            refined: false,
        }
    }
}

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Residual and error bound are within their tolerances.
    Converged,
    /// The residual is within its tolerance, but the weights are not determined to theirs in this arithmetic.
    Imprecise,
    /// Rounding ended the progress above the tolerance.
    Stalled,
    /// The iteration limit was reached first.
    IterationLimit,
    /// The callback asked to stop.
    Cancelled,
}

impl Status {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Imprecise => "imprecise",
            Self::Stalled => "stalled",
            Self::IterationLimit => "iteration limit",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One line of the trace; also what the callback sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Iteration: Newton steps, or sweeps (as many local steps as there are units).
    pub iteration: usize,
    /// Total cost; infinite beyond `f64`.
    pub cost: f64,
    /// Relative residual.
    pub residual: f64,
    /// Complete reads of the weights so far.
    pub passes: f64,
    /// Seconds since the start of the solve.
    pub seconds: f64,
}

/// The result of a solve.
#[derive(Clone, Debug)]
pub struct Solution {
    /// Free log-scales, in the gauge of [`crate::problem::Gauge`].
    pub log_scales: Vec<f64>,
    /// The same, powers of two apart: what weights are multiplied by.
    pub scales: LogScales,
    /// Whether the last steps came from a grid point: [`Settings::canonical`] asked for it, and they reached the tolerance.
    pub canonical: bool,
    /// How it ended.
    pub status: Status,
    /// The solver that ran.
    pub method: Method,
    /// Total cost at the log-scales; infinite beyond `f64`.
    pub cost: f64,
    /// Relative residual there, recomputed.
    pub residual: f64,
    /// First-order bound on the relative error of every weight, rounding of the flows included; infinite where unknown.
    pub error_bound: f64,
    /// For every log-scale a guess of how far it may be off, a first-order bound; empty where none is known. Whoever proves
    /// bounds begins here.
    pub margins: Vec<f64>,
    /// An estimate, from above, of the smallest eigenvalue of the Hessian scaled to a diagonal of ones; none where the comparison
    /// principle does not hold, and for parts without ground. It predicts how fast local balancing is: see [`sweeps_per_digit`](Self::sweeps_per_digit).
    pub smallest_eigenvalue: Option<f64>,
    /// Iterations: Newton steps, or sweeps.
    pub iterations: usize,
    /// Complete reads of the weights, everything included.
    pub passes: f64,
    /// Seconds that one of them took, the last.
    pub pass_seconds: f64,
    /// One line for every iteration.
    pub trace: Vec<Step>,
}

impl Solution {
    /// How many sweeps of local balancing divide the distance to the optimum by ten, in the limit; none where nothing is known.
    ///
    /// A sweep of all units at once shrinks the slowest part by `1 - s`, with s the smallest eigenvalue of the scaled Hessian;
    /// one unit after the other by the square of that where layers alternate (D. M. Young, "Iterative Solution of Large Linear
    /// Systems", 1971), and about so elsewhere.
    #[must_use]
    pub fn sweeps_per_digit(&self) -> Option<f64> {
        let smallest = self.smallest_eigenvalue?.min(1.0);
        Some(std::f64::consts::LN_10 / (-2.0 * (-smallest).ln_1p()))
    }
}

/// Called after every iteration; may stop the solve.
pub type Callback<'a> = dyn FnMut(&Step) -> ControlFlow<()> + 'a;

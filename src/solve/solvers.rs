//! Which linear solver a problem gets, and what each method runs.

use super::cg::ConjugateGradients;
use super::cholesky::{Cholesky, Fill};
use super::equations::Equations;
use super::incomplete::Incomplete;
use super::linear::LinearSolver;
use super::mean_field::{self, Layout};
use super::pattern::Pattern;
use super::run::{End, Run};
use super::{Method, greedy, local, logarithmic, newton, witness};
use crate::error::Result;
use crate::problem::{self, Gauge, Problem};
use crate::solve::Schedule;

/// Entries up to which many sweeps of local balancing take seconds.
pub(super) const FEW_ENTRIES: usize = 10_000;

/// Connections from which on nothing is factorized, unless units have few of them.
const MOST_ENTRIES: usize = 1_000_000;

/// Variables from which on sweeps do not carry far enough, so that Newton's method needs a better start.
const MANY_VARIABLES: usize = 2000;

/// Moves `x` to a better start, if the problem is large: where flows nearly agree, or, if the cost is lower there, where costs
/// differ least in logarithm. The trace begins where the user's start is.
fn improve(run: &mut Run, x: &mut Vec<f64>, factor: &mut Cholesky) {
    if !run.is_first() || x.len() < MANY_VARIABLES {
        return;
    }
    // in a problem of a million units a point is a tenth of a gigabyte
    let cost = {
        let own = run.point(x);
        run.step(0, &own);
        own.flows().cost
    };
    let (problem, moves) = (run.problem, &run.moves);
    let (level, equations) = rayon::join(|| factor.level(problem, moves, x), || Equations::new(problem, moves));
    let near = equations.and_then(|e| logarithmic::start(run, &e, level.as_ref().unwrap_or(x), factor));
    if let Some(near) = near {
        *x = near;
    } else if let Some(level) = level
        && run.point(&level).flows().cost < cost
    {
        *x = level;
    }
}

/// Whether dense blocks hold most of the weights, so that mean fields resemble the blocks.
fn mostly_dense(problem: &Problem) -> bool {
    let dense = problem
        .blocks()
        .iter()
        .filter(|b| matches!(b.pattern, problem::Pattern::Dense | problem::Pattern::DenseColumns));
    2 * dense.map(|b| b.values.len()).sum::<usize>() > problem.places()
}

/// The linear solvers of a problem, and its gauge.
pub(crate) struct Solvers {
    pub gauge: Gauge,
    direct: Option<Cholesky>,
    iterative: ConjugateGradients,
    comparison: bool,
}

impl Solvers {
    /// # Errors
    /// As for [`Gauge::of`].
    pub fn new(problem: &Problem, method: Method) -> Result<Self> {
        let ((direct, iterative), gauge) = rayon::join(|| Self::linear(problem, method), || Gauge::of(problem));
        let comparison = problem.has_comparison();
        Ok(Self { gauge: gauge?, direct, iterative, comparison })
    }

    /// A factorization, where it is worth its time, and conjugate gradients.
    fn linear(problem: &Problem, method: Method) -> (Option<Cholesky>, ConjugateGradients) {
        let mean_field = if mostly_dense(problem) { Layout::new(problem) } else { None };
        let large = mean_field.is_some() && problem.places() > FEW_ENTRIES;
        let (mut direct, mut factor, mut pattern) = (None, None, None);
        match method {
            Method::Newton => direct = Pattern::new(problem).and_then(Cholesky::new),
            Method::Auto | Method::Cg if large => {}
            _ if problem.places() > MOST_ENTRIES.max(8 * problem.variables()) => {}
            _ => match Pattern::new(problem).map(|pattern| Cholesky::predicted(problem, pattern)) {
                Some(Fill::Small(own)) => direct = Some(own),
                Some(Fill::Medium(own)) => factor = Some(own),
                Some(Fill::Large(own)) => pattern = Some(own),
                None => {}
            },
        }
        // conjugate gradients that were asked for have it in small problems, too
        let direct_serves = direct.is_some() && method != Method::Cg;
        let sparse = !direct_serves && factor.is_none() && mean_field.is_none();
        let incomplete = if sparse { Incomplete::new(problem, pattern) } else { None };
        (direct, ConjugateGradients::new(mean_field, factor, incomplete))
    }

    /// The method that runs when `asked` is asked for.
    pub fn method(&self, asked: Method) -> Method {
        match (asked, &self.direct) {
            (Method::Auto | Method::Newton, Some(_)) => Method::Newton,
            (Method::Auto | Method::Newton, None) => Method::Cg,
            (method, _) => method,
        }
    }

    pub(super) fn minimize(&mut self, run: &mut Run, x: &mut Vec<f64>, method: Method) -> End {
        match method {
            Method::Local if matches!(run.settings.schedule, Schedule::Greedy) => greedy::balance(run, x),
            Method::Local => local::balance(run, x),
            Method::Newton | Method::Auto => {
                let solver = self.direct.as_mut().expect("Newton runs on a factorization");
                improve(run, x, solver);
                newton::minimize(run, x, solver)
            }
            Method::Cg => {
                let ended = self
                    .iterative
                    .mean_field()
                    .and_then(|(layout, copies)| mean_field::minimize(run, x, layout, copies));
                ended.unwrap_or_else(|| {
                    run.continue_count();
                    if let Some(factor) = self.iterative.factor() {
                        improve(run, x, factor);
                    }
                    newton::minimize(run, x, &mut self.iterative)
                })
            }
            Method::Lbfgs | Method::TrustRegion | Method::NewtonCg => witness::minimize(run, x, method),
        }
    }

    /// Makes factors and copies anew before they are used again.
    pub fn forget(&mut self) {
        self.iterative.forget();
    }

    /// The solver for the error bound.
    pub(super) fn for_bound(&mut self, method: Method) -> &mut dyn LinearSolver {
        match &mut self.direct {
            Some(solver) if method != Method::Cg || !self.comparison => solver,
            _ => &mut self.iterative,
        }
    }
}

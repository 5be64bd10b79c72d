//! What all solvers share: counting passes, the trace, the end.

use super::bound::ErrorBound;
use super::cg::ConjugateGradients;
use super::cholesky::Cholesky;
use super::linear::LinearSolver;
use super::mean_field::{self, Layout};
use super::settings::{CANONICAL_PLACES, Callback};
use super::{Method, Settings, Solution, Status, Step, bound, greedy, landing, local, newton, refine, witness};
use crate::error::{Error, ErrorKind, Result};
use crate::problem::{Gauge, LogScales, Pattern, Point, Problem};
use crate::solve::Schedule;
use std::ops::ControlFlow;
use std::time::Instant;

/// The state of a running solve.
pub(super) struct Run<'a, 'c> {
    pub problem: &'a Problem,
    pub settings: &'a Settings,
    /// The gauge of the variables that may move: all of them, or the subset.
    pub gauge: Gauge,
    /// Whether a variable takes part: active, in the subset, and not pinned.
    pub moves: Vec<bool>,
    pub passes: f64,
    pub trace: Vec<Step>,
    /// Iterations before the current leg.
    before: usize,
    callback: &'a mut Callback<'c>,
    begin: Instant,
}

/// Minimizes the cost of a problem over its free log-scales.
///
/// Complexity: see the methods; every one ends with one evaluation and, for the error bound, one linear solve.
///
/// # Errors
/// When a setting is out of range.
pub fn solve(problem: &Problem, settings: &Settings, callback: &mut Callback) -> Result<Solution> {
    check(problem, settings)?;
    let gauge = match &settings.subset {
        Some(subset) => {
            let mut inside = vec![false; problem.variables()];
            subset.iter().for_each(|&v| inside[v] = true);
            Gauge::within(problem, &inside)?
        }
        None => Gauge::of(problem)?,
    };
    let mut moves = gauge.active.clone();
    gauge.pins.iter().for_each(|&v| moves[v as usize] = false);
    let moves_any = moves.contains(&true);
    let begin = Instant::now();
    let (folded, refolded);
    let mut run = Run { problem, settings, gauge, moves, passes: 0.0, trace: vec![], before: 0, callback, begin };
    let mut solvers = Solvers::new(problem, settings.method);
    let mut method = solvers.method(settings.method);
    let mut x = settings.start.clone().unwrap_or_else(|| vec![0.0; problem.variables()]);
    let mut end = solvers.minimize(&mut run, &mut x, method);
    // exponents of a hundred spread the costs so far that only one unit after the other makes progress
    if settings.method == Method::Auto && end == End::Stalled && problem.entries() <= FEW_ENTRIES {
        method = Method::Local;
        run.continue_count();
        x = settings.start.clone().unwrap_or_else(|| vec![0.0; problem.variables()]);
        end = solvers.minimize(&mut run, &mut x, method);
    }
    let canonical = settings.canonical.unwrap_or_else(|| problem.places() <= CANONICAL_PLACES);
    let lands = canonical && settings.subset.is_none() && matches!(method, Method::Newton | Method::Cg);
    if lands && moves_any && end == End::Tolerance {
        let grid = landing::grid_point(problem, &x);
        folded = problem.folded(grid.exponents());
        let mut rest = grid.rest().to_vec();
        run = run.on(&folded);
        end = solvers.minimize(&mut run, &mut rest, method);
        if end == End::Tolerance {
            let scales = LogScales::split(grid.exponents().to_vec(), rest);
            let (scales, error) = run.assess(scales, method, &mut solvers);
            let scales = landing::into_gauge(problem, &run.gauge, scales);
            if scales.exponents() != grid.exponents() {
                refolded = problem.folded(scales.exponents());
                run = run.on(&refolded);
            }
            let solution = run.finish(scales, error, end, method);
            return Ok(Solution { canonical: true, ..solution });
        }
        run = run.on(problem);
        end = if end == End::Cancelled { end } else { End::Tolerance };
    }
    if settings.subset.is_none() {
        run.gauge.apply(&mut x);
    }
    let (scales, error) = run.assess(LogScales::new(x), method, &mut solvers);
    let solution = run.finish(scales, error, end, method);
    Ok(Solution { canonical: lands && !moves_any, ..solution })
}

/// Entries up to which many sweeps of local balancing take seconds.
const FEW_ENTRIES: usize = 10_000;

/// Whether dense blocks hold most of the weights, so that mean fields resemble the blocks.
fn mostly_dense(problem: &Problem) -> bool {
    let dense = problem.blocks().iter().filter(|b| matches!(b.pattern, Pattern::Dense | Pattern::DenseColumns));
    2 * dense.map(|b| b.values.len()).sum::<usize>() > problem.places()
}

/// The linear solvers of a problem.
struct Solvers {
    direct: Option<Cholesky>,
    iterative: ConjugateGradients,
    comparison: bool,
}

impl Solvers {
    fn new(problem: &Problem, method: Method) -> Self {
        let mean_field = if mostly_dense(problem) { Layout::new(problem) } else { None };
        let large = mean_field.is_some() && problem.places() > FEW_ENTRIES;
        let direct = match method {
            Method::Newton => Cholesky::new(problem),
            Method::Auto | Method::Cg if large => None,
            _ => Cholesky::small(problem),
        };
        Self { direct, iterative: ConjugateGradients { mean_field }, comparison: problem.has_comparison() }
    }

    /// The method that runs when `asked` is asked for.
    fn method(&self, asked: Method) -> Method {
        match (asked, &self.direct) {
            (Method::Auto | Method::Newton, Some(_)) => Method::Newton,
            (Method::Auto | Method::Newton, None) => Method::Cg,
            (method, _) => method,
        }
    }

    fn minimize(&mut self, run: &mut Run, x: &mut Vec<f64>, method: Method) -> End {
        match method {
            Method::Local if matches!(run.settings.schedule, Schedule::Greedy) => greedy::balance(run, x),
            Method::Local => local::balance(run, x),
            Method::Newton | Method::Auto => {
                let solver = self.direct.as_mut().expect("Newton runs on a factorization");
                newton::minimize(run, x, solver)
            }
            Method::Cg => {
                let ended = self.iterative.mean_field.as_ref().and_then(|layout| mean_field::minimize(run, x, layout));
                ended.unwrap_or_else(|| {
                    run.continue_count();
                    newton::minimize(run, x, &mut self.iterative)
                })
            }
            Method::Lbfgs | Method::TrustRegion | Method::NewtonCg => witness::minimize(run, x, method),
        }
    }

    /// The solver for the error bound.
    fn for_bound(&mut self, method: Method) -> &mut dyn LinearSolver {
        match &mut self.direct {
            Some(solver) if method != Method::Cg || !self.comparison => solver,
            _ => &mut self.iterative,
        }
    }
}

/// Why a solver's loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Tolerance,
    Stalled,
    Limit,
    Cancelled,
}

/// Refuses settings that are out of range or do not fit the problem.
pub(crate) fn check(problem: &Problem, settings: &Settings) -> Result<()> {
    let wrong =
        |place: &str, problem: String, remedy: &str| Err(Error::new(ErrorKind::Parameter, place, problem, remedy));
    let n = problem.variables();
    let (tolerance, theta) = (settings.tolerance, settings.relaxation);
    if !(tolerance > 0.0 && tolerance < 1.0) {
        return wrong("tolerance", format!("{tolerance} is not between 0 and 1"), "the default is 1e-12");
    }
    if settings.weight_tolerance.is_nan() || settings.weight_tolerance <= 0.0 {
        let problem = format!("{} is not above 0", settings.weight_tolerance);
        return wrong("tolerance of the weights", problem, "the default is 1e-6");
    }
    if !(theta > 0.0 && theta < 2.0) {
        return wrong("relaxation", format!("{theta} is not between 0 and 2"), "1 takes exact local steps");
    }
    if settings.start.as_ref().is_some_and(|x| x.len() != n || x.iter().any(|v| !v.is_finite())) {
        return wrong("start", "not one finite log-scale for every variable".into(), "give as many as there are");
    }
    let outside = |v: usize| v >= n;
    if let Some(v) = settings.subset.iter().flatten().copied().find(|&v| outside(v)) {
        return wrong("subset", format!("variable {v} of {n}"), "indices start at 0");
    }
    if let Some(v) = settings.schedule.given().find(|&v| outside(v)) {
        return wrong("sequence or layers of the schedule", format!("variable {v} of {n}"), "indices start at 0");
    }
    Ok(())
}

impl<'a, 'c> Run<'a, 'c> {
    /// Evaluates the problem: one pass.
    pub fn point(&mut self, x: &[f64]) -> Point<'a> {
        self.passes += 1.0;
        self.problem.point(x)
    }

    /// The relative residual over the variables that take part (pinned ones included: their balance follows).
    pub fn residual(&self, point: &Point) -> f64 {
        let counts = |v: &usize| self.gauge.active[*v];
        (0..self.moves.len()).filter(counts).map(|v| point.flows().imbalance(v).abs()).fold(0.0, f64::max)
    }

    /// Counts the iterations of the next leg on from the last one.
    fn continue_count(&mut self) {
        self.before = self.trace.last().map_or(0, |s| s.iteration);
    }

    /// Records an iteration; false when the callback wants to stop.
    pub fn step(&mut self, iteration: usize, point: &Point) -> bool {
        let step = Step {
            iteration: self.before + iteration,
            cost: point.flows().cost.to_f64(),
            residual: self.residual(point),
            passes: self.passes,
            seconds: self.begin.elapsed().as_secs_f64(),
        };
        self.trace.push(step);
        (self.callback)(&step) == ControlFlow::Continue(())
    }

    /// The run continued on another form of its problem, with the same variables.
    fn on<'b>(self, problem: &'b Problem) -> Run<'b, 'c>
    where
        'a: 'b,
    {
        let mut run = Run { problem, ..self };
        run.continue_count();
        run
    }

    /// How far `scales` may be off; they are refined where that is far. The problem has their powers of two folded in.
    fn assess(&mut self, scales: LogScales, method: Method, solvers: &mut Solvers) -> (LogScales, ErrorBound) {
        let point = self.point(scales.rest());
        let solver = solvers.for_bound(method);
        let (flows, roundoff) = (point.flows(), self.problem.roundoff(scales.rest()));
        let error = bound::bound(self, &point, |v| flows.imbalance(v), roundoff, solver);
        let near = self.residual(&point) <= self.settings.tolerance && !error.margins.is_empty();
        if near && (self.settings.refined || error.weights > refine::GOOD_ENOUGH) {
            return refine::refine(self, &point, &scales, solver).unwrap_or((scales, error));
        }
        (scales, error)
    }

    /// The solution at `scales`; the problem has their powers of two folded in.
    fn finish(mut self, scales: LogScales, error: ErrorBound, end: End, method: Method) -> Solution {
        let point = self.point(scales.rest());
        let residual = self.residual(&point);
        let error_bound = error.weights;
        let reached = residual <= self.settings.tolerance;
        let status = match end {
            End::Cancelled => Status::Cancelled,
            End::Limit if !reached => Status::IterationLimit,
            _ if !reached => Status::Stalled,
            _ if error_bound <= self.settings.weight_tolerance => Status::Converged,
            _ => Status::Imprecise,
        };
        let iterations = self.trace.last().map_or(0, |s| s.iteration);
        let cost = point.flows().cost.to_f64();
        Solution {
            log_scales: scales.total(),
            scales,
            canonical: false,
            status,
            method,
            cost,
            residual,
            error_bound,
            margins: error.margins,
            iterations,
            passes: self.passes,
            trace: self.trace,
        }
    }
}

//! What all solvers share: counting passes, the trace, the end.

use super::bound::ErrorBound;
use super::settings::{CANONICAL_PLACES, Callback};
use super::solvers::{FEW_ENTRIES, Solvers};
use super::start::Start;
use super::{Method, Settings, Solution, Status, Step, bound, landing, refine};
use crate::error::{Error, ErrorKind, Result};
use crate::problem::{Gauge, LogScales, Point, Problem};
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
    /// The point at the start, until it is asked for.
    first: Option<(Vec<f64>, Point<'a>)>,
    /// Iterations before the current leg.
    before: usize,
    /// Legs before the current one.
    folds: usize,
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
    solve_with(problem, settings, callback, Start::new(problem, settings)?)
}

/// The same with settings that were checked, from a start with them.
pub(crate) fn solve_with(
    problem: &Problem,
    settings: &Settings,
    callback: &mut Callback,
    start: Start,
) -> Result<Solution> {
    let Start { mut solvers, x, point, took } = start;
    let mut run = Run::new(problem, settings, &solvers.gauge, callback)?;
    // it is a part of the solve, wherever it was made
    run.begin = run.begin.checked_sub(took).unwrap_or(run.begin);
    run.first = point.map(|point| (x.clone(), point));
    let method = solvers.method(settings.method);
    Ok(legs(run, &mut solvers, x, vec![0; problem.variables()], method))
}

/// Minimizes from log-scales `x` beyond the powers of two `base`, which are folded into the weights of the run's problem.
///
/// A leg ends where log-scales leave the range of plain numbers; the next one begins there with their powers of two folded in.
fn legs(run: Run, solvers: &mut Solvers, mut x: Vec<f64>, base: Vec<i32>, mut method: Method) -> Solution {
    let folded;
    let (problem, settings, mut run) = (run.problem, run.settings, run);
    let mut end = solvers.minimize(&mut run, &mut x, method);
    // from wherever another method ends short of the tolerance
    let newton = solvers.method(Method::Newton);
    if settings.refined && method != newton && matches!(end, End::Stalled | End::Limit) {
        method = newton;
        run.continue_count();
        end = solvers.minimize(&mut run, &mut x, method);
    }
    let canonical = settings.canonical.unwrap_or_else(|| problem.places() <= CANONICAL_PLACES);
    if end == End::Far {
        // what ends at a grid point depends on where the legs before began, unless they end at such points, too
        let near = if canonical { landing::grid_point(problem, &x) } else { nearest(problem, &x) };
        let folded = problem.folded(near.exponents());
        let mut run = run.on(&folded);
        run.folds += 1;
        return legs(run, solvers, near.rest().to_vec(), sum(&base, near.exponents()), method);
    }
    // exponents of a hundred spread the costs so far that only one unit after the other makes progress
    if (settings.method == Method::Auto || settings.refined) && end == End::Stalled && problem.entries() <= FEW_ENTRIES
    {
        method = Method::Local;
        run.continue_count();
        let start = settings.start.clone().unwrap_or_else(|| vec![0.0; problem.variables()]);
        x = start.iter().zip(&base).map(|(x, &e)| x - f64::from(e) * std::f64::consts::LN_2).collect();
        end = solvers.minimize(&mut run, &mut x, method);
    }
    let moves_any = run.moves.contains(&true);
    let lands = canonical && settings.subset.is_none() && matches!(method, Method::Newton | Method::Cg);
    // weak ties leave an error far above the residual, and with it another grid point may be the nearest
    let sure = lands && moves_any && end == End::Tolerance && {
        let (scales, error) = run.assess(LogScales::new(x.clone()), method, solvers);
        let sure = error.weights <= SURE;
        x = if sure { scales.total() } else { x };
        sure
    };
    if sure {
        let grid = landing::grid_point(problem, &x);
        folded = problem.folded(grid.exponents());
        let mut rest = grid.rest().to_vec();
        run = run.on(&folded);
        run.folds = MOST_FOLDS;
        // what was factorized on the way here depends on the start
        solvers.forget();
        end = solvers.minimize(&mut run, &mut rest, method);
        if end == End::Tolerance {
            let scales = LogScales::split(sum(&base, grid.exponents()), rest);
            return end_at(run, solvers, scales, end, (method, true));
        }
        run = run.on(problem);
        end = if end == End::Cancelled { end } else { End::Tolerance };
        return end_at(run, solvers, LogScales::split(base, x), end, (method, false));
    }
    // two words reach no further
    if settings.subset.is_none() && x.iter().any(|x| x.abs() > LONGEST) {
        let near = nearest(problem, &x);
        folded = problem.folded(near.exponents());
        let scales = LogScales::split(sum(&base, near.exponents()), near.rest().to_vec());
        return end_at(run.on(&folded), solvers, scales, end, (method, false));
    }
    let solution = end_at(run, solvers, LogScales::split(base, x), end, (method, false));
    Solution { canonical: lands && !moves_any, ..solution }
}

/// The solution at `scales`, whose powers of two the run's problem has folded in; `landed` tells whether the last steps came
/// from a grid point.
fn end_at(
    mut run: Run,
    solvers: &mut Solvers,
    scales: LogScales,
    end: End,
    (method, landed): (Method, bool),
) -> Solution {
    if run.settings.subset.is_some() {
        let (scales, error) = run.assess(scales, method, solvers);
        return run.finish(scales, error, end, method);
    }
    // what landed on the grid is moved into the gauge in fixed point, whether powers of two were folded or not
    if !landed && scales.exponents().iter().all(|&e| e == 0) {
        let mut x = scales.rest().to_vec();
        run.gauge.apply(&mut x);
        let (scales, error) = run.assess(LogScales::new(x), method, solvers);
        return run.finish(scales, error, end, method);
    }
    let before = scales.exponents().to_vec();
    let (scales, error) = run.assess(scales, method, solvers);
    let scales = landing::into_gauge(run.problem, &run.gauge, scales);
    let solution = if scales.exponents() == before {
        run.finish(scales, error, end, method)
    } else {
        let moved: Vec<i32> = scales.exponents().iter().zip(&before).map(|(new, old)| new - old).collect();
        let refolded = run.problem.folded(&moved);
        run.on(&refolded).finish(scales, error, end, method)
    };
    Solution { canonical: landed, ..solution }
}

/// Log-scales as the whole powers of two next to them, and the rest.
fn nearest(problem: &Problem, x: &[f64]) -> LogScales {
    let powers = problem.nearest_powers(&LogScales::new(x.to_vec()));
    let rest = x.iter().zip(powers.total()).map(|(x, whole)| x - whole).collect();
    LogScales::split(powers.exponents().to_vec(), rest)
}

fn sum(a: &[i32], b: &[i32]) -> Vec<i32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// Legs that end where log-scales leave the range of plain numbers; then passes in wide numbers have to do.
const MOST_FOLDS: usize = 6;
/// Log-scales of this size, and not large exponents, are what left the range of plain numbers.
const FAR: f64 = 30.0;
/// An error at which the next grid point is the right one, but for one variable in millions.
const SURE: f64 = 1e-10;
/// Log-scales above this are folded into the weights before a solution is refined.
const LONGEST: f64 = 20.0;

/// Why a solver's loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Tolerance,
    /// Log-scales left the range of plain numbers, and folding their powers of two into the weights brings them back.
    Far,
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
    /// A run that has not begun, of settings that were checked; with the gauge of the whole problem.
    pub fn new(
        problem: &'a Problem,
        settings: &'a Settings,
        whole: &Gauge,
        callback: &'a mut Callback<'c>,
    ) -> Result<Self> {
        let begin = Instant::now();
        let gauge = match &settings.subset {
            Some(subset) => {
                let mut inside = vec![false; problem.variables()];
                subset.iter().for_each(|&v| inside[v] = true);
                Gauge::within(problem, &inside)?
            }
            None => whole.clone(),
        };
        let moves = gauge.moves();
        Ok(Self {
            problem,
            settings,
            gauge,
            moves,
            passes: 0.0,
            trace: vec![],
            first: None,
            before: 0,
            folds: 0,
            callback,
            begin,
        })
    }

    /// Whether the next leg should begin here, on a problem with the powers of two of `x` folded in.
    pub fn is_far(&self, point: &Point, x: &[f64]) -> bool {
        let far = || x.iter().any(|x| x.abs() > FAR);
        !point.is_plain() && self.folds < MOST_FOLDS && self.settings.subset.is_none() && far()
    }

    /// Whether the current leg is the first.
    pub fn is_first(&self) -> bool {
        self.folds == 0
    }

    /// Evaluates the problem: one pass.
    pub fn point(&mut self, x: &[f64]) -> Point<'a> {
        self.passes += 1.0;
        match self.first.take() {
            Some((start, point)) if start == x => point,
            _ => self.problem.point(x),
        }
    }

    /// The relative residual over the variables that take part (pinned ones included: their balance follows).
    pub fn residual(&self, point: &Point) -> f64 {
        point.flows().residual_among(&self.gauge.active)
    }

    /// The residual of the step that was recorded last.
    pub fn last_residual(&self) -> f64 {
        self.trace.last().map_or(f64::INFINITY, |step| step.residual)
    }

    /// Counts the iterations of the next leg on from the last one.
    pub fn continue_count(&mut self) {
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
        let mut run = Run { problem, first: None, ..self };
        run.continue_count();
        run
    }

    /// How far `scales` may be off; they are refined where that is far. The problem has their powers of two folded in.
    fn assess(&mut self, scales: LogScales, method: Method, solvers: &mut Solvers) -> (LogScales, ErrorBound) {
        let point = self.point(scales.rest());
        // what is to be exact needs the solver that sees most
        let solver = solvers.for_bound(if self.settings.refined { Method::Auto } else { method });
        let (flows, roundoff) = (point.flows(), self.problem.roundoff(scales.rest()));
        solver.prepare(self, &point);
        let error = bound::bound(self, &point, |v| flows.imbalance(v), roundoff, solver);
        let near = self.residual(&point) <= self.settings.tolerance && !error.margins.is_empty();
        if near && (self.settings.refined || error.weights > refine::GOOD_ENOUGH) {
            let refined = refine::refine(self, &point, &scales, solver);
            // what is asked for in two words is more precise than the bound of the first ones tells
            let better = |new: &ErrorBound| self.settings.refined || new.weights <= error.weights;
            return refined.filter(|(_, new)| better(new)).unwrap_or((scales, error));
        }
        (scales, error)
    }

    /// The solution at `scales`; the problem has their powers of two folded in.
    fn finish(mut self, scales: LogScales, error: ErrorBound, end: End, method: Method) -> Solution {
        let begin = Instant::now();
        let point = self.point(scales.rest());
        let pass_seconds = begin.elapsed().as_secs_f64();
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
            smallest_eigenvalue: error.smallest,
            iterations,
            passes: self.passes,
            pass_seconds,
            trace: self.trace,
        }
    }
}

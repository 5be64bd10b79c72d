//! Floor 4: existence, then the solve, then the proof of its answer, in one call.

#![forbid(unsafe_code)]

use crate::certificate::{Certificate, Enclosure, certificate, enclose, gap, margins, sharpen};
use crate::error::Result;
use crate::existence::{Existence, existence};
use crate::lowered::Scaling;
use crate::numeric::is_half_integer;
use crate::problem::{Gauge, LogScales, Problem, ScaleBounds};
use crate::solve::{Callback, Settings, Solution, Start, Status, Step, check, corrections, solve_with};
use std::sync::Arc;

/// A balanced problem.
#[derive(Clone, Debug)]
pub struct Balanced {
    /// Whether the minimum is attained, with its witness.
    pub existence: Existence,
    /// The solution of the part whose minimum is attained: of all connections that do not escape.
    pub solution: Solution,
    /// Proved bounds on its optimum, or why nothing was proved.
    pub enclosure: std::result::Result<Enclosure, String>,
    /// Proved bound on how far the cost is above the least one, or why there is none. Gating has this one alone.
    pub gap: std::result::Result<f64, String>,
    /// Cost of that part as it was given.
    pub cost_before: f64,
    /// Relative residual of that part as it was given.
    pub residual_before: f64,
    /// Dimension of the manifold of that part's non-zero weights.
    pub dimension: usize,
    /// The connections that escape, by block, row and column; at most [`NAMED`] of them.
    pub escaping: Vec<String>,
    /// How many connections escape.
    pub escaping_count: usize,
}

/// Most escaping connections that are named.
pub const NAMED: usize = 20;

/// Balances a problem: finds out which connections escape, leaves them out, and minimizes the cost of the rest.
///
/// ```
/// use synbal::manifold::Form;
/// use synbal::problem::{Port, ProblemBuilder, Weights};
/// use synbal::regularizer::Regularizer;
/// use synbal::solve::Settings;
/// use std::ops::ControlFlow;
///
/// // one unit with an incoming weight of 4 and an outgoing one of 1: halving and doubling balances it
/// let mut builder = ProblemBuilder::new(1);
/// let unit = builder.port(&Form::variable(0));
/// let l2 = Regularizer::lp(2.0)?;
/// builder.block("in", vec![unit], vec![Port::GROUND], Weights::Dense(vec![4.0]), &l2)?;
/// builder.block("out", vec![Port::GROUND], vec![unit], Weights::Dense(vec![1.0]), &l2)?;
/// let problem = builder.build();
/// let balanced = synbal::balance::balance(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
/// assert!((balanced.solution.log_scales[0].exp() - 0.5).abs() < 1e-12);
/// assert!((balanced.solution.cost - 8.0).abs() < 1e-12);
/// # Ok::<(), synbal::error::Error>(())
/// ```
///
/// # Errors
/// When a setting is out of range.
pub fn balance(problem: &Problem, settings: &Settings, callback: &mut Callback) -> Result<Balanced> {
    // before anything is evaluated at the start
    check(problem, settings)?;
    // both take about a second in a problem of a million units
    let (existence, start) = rayon::join(|| existence(problem), || Start::new(problem, settings));
    let rest;
    let (attained, start) = match existence.direction() {
        Some(direction) => {
            rest = problem.without_falling(direction);
            drop(start);
            (&rest, Start::new(&rest, settings)?)
        }
        None => (problem, start?),
    };
    // a cost that falls for ever has nothing to be solved for
    let hopeless = matches!(existence, Existence::Falls { .. });
    let settings = &Settings { max_iterations: if hopeless { 0 } else { settings.max_iterations }, ..settings.clone() };
    let gauge = start.solvers.gauge.clone();
    let solution = solve_with(attained, settings, callback, start)?;
    // every solver looks at its start first
    let Some(&Step { cost: cost_before, residual: residual_before, .. }) = solution.trace.first() else {
        unreachable!("a trace begins at the start")
    };
    let (enclosure, gap) = prove(attained, &gauge, settings, &solution)?;
    let dimension = gauge.dimension;
    let (escaping, escaping_count) = escaping(problem, &existence);
    Ok(Balanced {
        existence,
        solution,
        enclosure,
        gap,
        cost_before,
        residual_before,
        dimension,
        escaping,
        escaping_count,
    })
}

type Proved<T> = std::result::Result<T, String>;

/// Proves bounds on the optimum around a solution, and on how far its cost is above the least: of the subset where one was
/// asked for.
fn prove(
    problem: &Problem,
    gauge: &Gauge,
    settings: &Settings,
    solution: &Solution,
) -> Result<(Proved<Enclosure>, Proved<f64>)> {
    let subset;
    let gauge = match &settings.subset {
        None => gauge,
        Some(variables) => {
            let mut inside = vec![false; problem.variables()];
            variables.iter().for_each(|&v| inside[v] = true);
            subset = Gauge::within(problem, &inside)?;
            &subset
        }
    };
    let fixed = fixed(gauge);
    let scales = &solution.scales;
    let folded = scales.exponents().iter().any(|e| *e != 0).then(|| problem.folded(scales.exponents()));
    let folded = folded.as_ref().unwrap_or(problem);
    if !problem.has_comparison() {
        let why = "a weight is scaled by the product of two units' scales, so signs do not enclose the optimum";
        return Ok((Err(why.into()), gap(folded, scales, &fixed)));
    }
    let nothing_moves = fixed.iter().all(|fixed| *fixed);
    let enclosure = match (nothing_moves, solution.margins.is_empty()) {
        (true, _) => enclose(folded, scales, &vec![0.0; fixed.len()], &fixed),
        (false, true) => Err("the solver has no guess of its error".into()),
        (false, false) => enclose(folded, scales, &solution.margins, &fixed),
    };
    // what no guess of the solver encloses, in one word and by a guess of our own; far from the optimum that is in vain
    let near = solution.status == Status::Converged;
    let enclosure = enclosure.or_else(|why| {
        if !near {
            return Err(why);
        }
        let plain = LogScales::split(scales.exponents().to_vec(), scales.rest().to_vec());
        enclose(folded, &plain, &margins(folded, &plain, &fixed), &fixed).map_err(|_| why)
    });
    let gap = enclosure.as_ref().map_or_else(|_: &String| gap(folded, scales, &fixed), |e| Ok(e.gap));
    Ok((enclosure, gap))
}

/// The variables that keep their value: those on which nothing depends, and one for every part without ground.
fn fixed(gauge: &Gauge) -> Vec<bool> {
    gauge.moves().into_iter().map(|moves| !moves).collect()
}

impl Balanced {
    /// The scaling that a network takes; with `limit` the escaping weights become zero.
    #[must_use]
    pub fn scaling(&self, limit: bool) -> Scaling {
        let direction = self.existence.direction().filter(|_| limit).map(<[f64]>::to_vec);
        Scaling { scales: self.solution.scales.clone(), direction, bounds: None }
    }
}

impl Balanced {
    /// The scaling with which files are written so that every weight is the exact optimum, rounded once; with `limit` the escaping
    /// weights become zero, and all others are those of the exact limit.
    ///
    /// # Errors
    /// With the reason, where nothing is proved, an exponent is no half integer up to 64, or connections escape and the limit is not
    /// asked for.
    pub fn exact(&self, problem: &Problem, limit: bool) -> std::result::Result<Scaling, String> {
        let enclosure = self.enclosure.as_ref().map_err(Clone::clone)?;
        if self.existence.direction().is_some() && !limit {
            return Err("no minimum is attained, for connections escape; the limit sets them to zero".into());
        }
        if !problem.exponents().iter().all(|&p| is_half_integer(p)) {
            return Err("costs are known beyond double precision only for half integers p up to 64".into());
        }
        let Enclosure { exponents, lower, upper, .. } = enclosure.clone();
        let bounds = Some(Arc::new(ScaleBounds::new(exponents, lower, upper)));
        Ok(Scaling { bounds, ..self.scaling(limit) })
    }

    /// The same with bounds of 192 digits, for weights that two words leave undecided; `apart` is the problem with every weight
    /// apart, known exactly, and `settings` are those of the solve.
    ///
    /// # Errors
    /// With the reason, where nothing is proved.
    pub fn sharper(
        &self,
        problem: &Problem,
        apart: &Problem,
        settings: &Settings,
        limit: bool,
    ) -> std::result::Result<Scaling, String> {
        let mut scaling = self.exact(problem, limit)?;
        let rest = |whole: &Problem| self.existence.direction().map(|d| whole.without_falling(d));
        let (problem_rest, apart_rest) = (rest(problem), rest(apart));
        let (problem, apart) = (problem_rest.as_ref().unwrap_or(problem), apart_rest.as_ref().unwrap_or(apart));
        if settings.subset.is_some() {
            return Err("only a subset was balanced".into());
        }
        let enclosure = self.enclosure.as_ref().map_err(Clone::clone)?;
        let fixed = fixed(&Gauge::of(problem).map_err(|e| e.to_string())?);
        let scales = &self.solution.scales;
        let folded = problem.folded(scales.exponents());
        let spans = corrections(&folded, settings, scales.rest(), |solve| sharpen(apart, enclosure, &fixed, solve));
        let spans = spans.map_err(|e| e.to_string())??;
        scaling.bounds = scaling.bounds.map(|bounds| Arc::new((*bounds).clone().sharpened(spans)));
        Ok(scaling)
    }

    /// The enclosure as a certificate in integers, and the number of every variable in it.
    ///
    /// # Errors
    /// With the reason, where nothing was proved, or the certificate's form cannot say it.
    pub fn certificate(&self, problem: &Problem) -> std::result::Result<(Certificate, Vec<usize>), String> {
        let enclosure = self.enclosure.as_ref().map_err(Clone::clone)?;
        let rest = self.existence.direction().map(|d| problem.without_falling(d));
        let attained = rest.as_ref().unwrap_or(problem);
        let gauge = Gauge::of(attained).map_err(|e| e.to_string())?;
        certificate(attained, &gauge, enclosure)
    }
}

fn escaping(problem: &Problem, existence: &Existence) -> (Vec<String>, usize) {
    let Some(direction) = existence.direction() else { return (vec![], 0) };
    let along: Vec<f64> = problem.ports().iter().map(|f| f.at(direction)).collect();
    let (mut names, mut count) = (vec![], 0);
    problem.for_each_entry(|e| {
        if along[e.head as usize] < along[e.tail as usize] {
            count += 1;
            if names.len() < NAMED {
                names.push(format!("{}, row {}, column {}", problem.blocks()[e.block].name, e.row, e.column));
            }
        }
    });
    (names, count)
}

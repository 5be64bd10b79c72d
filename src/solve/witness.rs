//! General-purpose solvers (argmin) on the logarithm of the cost: independent witnesses.
//!
//! `ln F` is convex, and its gradient bounded, where line searches on F itself overshoot. Three measures bring them to
//! full precision: coordinates scaled to unit curvature, a start by damped sweeps, and a cost that is returned as
//! `ln(F / F_0)` with the difference to the cost F_0 of the current centre summed from `c (exp(p L) - 1)`: its rounding
//! error shrinks with the step, where the difference of two costs would hide every step below 1e-8.

use super::run::{End, Run};
use super::{Method, warm};
use crate::numeric::Wide;
use crate::problem::{Cost, Point, Problem};
use crate::regularizer::ConvexCost;
use argmin::core::{CostFunction, Error, Executor, Gradient, Hessian};
use argmin::solver::linesearch::condition::ArmijoCondition;
use argmin::solver::linesearch::{BacktrackingLineSearch, MoreThuenteLineSearch};
use argmin::solver::newton::NewtonCG;
use argmin::solver::quasinewton::LBFGS;
use argmin::solver::trustregion::{Steihaug, TrustRegion};
use argmin_math::ArgminDot;
use nalgebra::DVector;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

type Vector = DVector<f64>;

/// Sweeps before the first round, and iterations of one round.
const SWEEPS: usize = 8;
const ROUND: u64 = 60;
/// Passes after which a round is over, whatever its solver says.
const ROUND_PASSES: f64 = 1000.0;
/// Rounds without progress before giving up.
const PATIENCE: usize = 6;
/// Corrections that L-BFGS remembers.
const MEMORY: usize = 20;

/// Minimizes by rounds of an argmin solver, each centred where the last one ended.
pub(super) fn minimize(run: &mut Run, x: &mut Vec<f64>, method: Method) -> End {
    let mut point = run.point(x);
    let (mut best, mut best_x, mut idle) = (f64::INFINITY, x.clone(), 0);
    for round in 0.. {
        let go_on = run.step(round, &point);
        let residual = run.residual(&point);
        idle = if residual < 0.9 * best || round <= SWEEPS { 0 } else { idle + 1 };
        if residual < best {
            best = residual;
            best_x.clone_from(x);
        }
        let end = if residual <= run.settings.tolerance {
            Some(End::Tolerance)
        } else if !go_on {
            Some(End::Cancelled)
        } else if round >= run.settings.max_iterations {
            Some(End::Limit)
        } else {
            (idle > PATIENCE).then_some(End::Stalled)
        };
        if let Some(end) = end {
            x.clone_from(&best_x);
            return end;
        }
        if round < SWEEPS {
            let sweep = warm::step(run, &point);
            x.iter_mut().zip(sweep).for_each(|(x, d)| *x += d);
        } else {
            let centre = Centre::new(run, x, &point);
            // an error ends the round, for example a line search that rounding keeps from ending
            let _ = one_round(&centre, method);
            if let Some((_, y)) = centre.best.take() {
                *x = centre.point(&y);
            }
            run.passes += centre.passes.get();
        }
        point = run.point(x);
    }
    unreachable!("the loop ends by returning")
}

/// One run of the solver; the centre remembers the best point it saw.
fn one_round(centre: &Centre, method: Method) -> Result<(), Error> {
    let start = Vector::zeros(centre.moving.len());
    match method {
        Method::Lbfgs => {
            let search = MoreThuenteLineSearch::new();
            let solver = LBFGS::new(search, MEMORY).with_tolerance_grad(1e-17)?.with_tolerance_cost(0.0)?;
            Executor::new(centre.clone(), solver).configure(|s| s.param(start).max_iters(ROUND)).run()?;
        }
        Method::TrustRegion => {
            let inner = Steihaug::new().with_epsilon(1e-17)?.with_max_iters(400);
            let solver = TrustRegion::new(inner).with_max_radius(1e3)?;
            Executor::new(centre.clone(), solver).configure(|s| s.param(start).max_iters(ROUND / 6)).run()?;
        }
        _ => {
            let search = BacktrackingLineSearch::new(ArmijoCondition::new(1e-4)?);
            let solver = NewtonCG::new(search).with_tolerance(1e-30)?;
            Executor::new(centre.clone(), solver).configure(|s| s.param(start).max_iters(ROUND / 6)).run()?;
        }
    }
    Ok(())
}

/// Whether log-scales are ones that a line search may try.
fn is_near(x: &[f64]) -> bool {
    x.iter().all(|x| x.abs() <= 1e5)
}

/// The problem in coordinates of unit curvature around a centre: `x_i = centre_i + step_i y_i`.
#[derive(Clone)]
struct Centre<'a> {
    problem: &'a Problem,
    centre: Rc<Vec<f64>>,
    moving: Rc<Vec<usize>>,
    step: Rc<Vec<f64>>,
    /// What costs are measured in: the cost F_0 itself where all are powers, else half the sum of all flows.
    unit: Wide,
    /// F_0.
    cost: Wide,
    terms: Rc<Vec<Term>>,
    tolerance: f64,
    passes: Rc<Cell<f64>>,
    /// The point with the smallest scaled gradient so far, and that gradient's largest entry.
    best: Rc<RefCell<Option<(f64, Vector)>>>,
}

impl<'a> Centre<'a> {
    fn new(run: &Run<'a, '_>, x: &[f64], point: &Point) -> Self {
        let diagonal = point.diagonal();
        let (flows, cost) = (point.flows(), point.flows().cost);
        let through = || (0..x.len()).fold(Wide::ZERO, |sum, v| sum + flows.inflow(v) + flows.outflow(v));
        let unit = if run.problem.is_powers() { cost } else { through() * Wide::from(0.5) };
        let moving: Vec<usize> = (0..x.len()).filter(|&v| run.moves[v] && !diagonal[v].is_zero()).collect();
        // at most ten e-foldings at once, also where the cost of a unit is a tiny part of the whole
        let step = moving.iter().map(|&v| (unit / diagonal[v]).sqrt().to_f64().min(1e8)).collect();
        Self {
            problem: run.problem,
            centre: Rc::new(x.to_vec()),
            moving: Rc::new(moving),
            step: Rc::new(step),
            unit,
            cost,
            terms: Rc::new(terms(run.problem, x, unit)),
            tolerance: run.settings.tolerance,
            passes: Rc::new(Cell::new(1.0)),
            best: Rc::default(),
        }
    }

    fn point(&self, y: &Vector) -> Vec<f64> {
        let mut x = self.centre.to_vec();
        for (k, &v) in self.moving.iter().enumerate() {
            x[v] += self.step[k] * y[k];
        }
        x
    }

    /// Counts a pass; an error when the round has used up its own.
    fn count(&self) -> Result<(), Error> {
        self.passes.set(self.passes.get() + 1.0);
        if self.passes.get() > ROUND_PASSES { Err(Error::msg("the round has used up its passes")) } else { Ok(()) }
    }

    /// F over whose logarithm the solvers minimize, and whether it is a logarithm there. A user's own cost may be negative:
    /// what is minimized is the logarithm of `unit + F - F_0` above the centre, and linear below.
    fn level(&self, point: &Point) -> (Wide, bool) {
        let cost = point.flows().cost;
        if self.problem.is_powers() {
            return (cost, true);
        }
        let above = cost > self.cost;
        (if above { self.unit + (cost - self.cost) } else { self.unit }, above)
    }

    fn gradient_at(&self, point: &Point) -> Vector {
        let (flows, level) = (point.flows(), self.level(point).0);
        let entry = |(k, &v): (usize, &usize)| ((flows.inflow(v) - flows.outflow(v)) / level).to_f64() * self.step[k];
        Vector::from_iterator(self.moving.len(), self.moving.iter().enumerate().map(entry))
    }
}

impl CostFunction for Centre<'_> {
    type Param = Vector;
    type Output = f64;

    fn cost(&self, y: &Vector) -> Result<f64, Error> {
        self.count()?;
        let x = self.point(y);
        if !is_near(&x) {
            return Ok(f64::INFINITY);
        }
        let d: Vec<f64> = x.iter().zip(self.centre.iter()).map(|(x, c)| x - c).collect();
        let along: Vec<f64> = self.problem.ports().iter().map(|f| f.at(&d)).collect();
        let change = |head: u32, tail: u32| along[head as usize] - along[tail as usize];
        let difference: f64 = self
            .terms
            .iter()
            .map(|term| match term {
                Term::Power(head, tail, p, cost) => cost * (p * change(*head, *tail)).exp_m1(),
                Term::Convex(head, tail, function, at, centre) => {
                    rise(function.as_ref(), *at, *centre, change(*head, *tail)) / self.unit.to_f64()
                }
            })
            .sum();
        // F over the unit is 1 + difference; far away the logarithm of the wide cost serves
        if difference < 1e100 {
            let linear = difference < 0.0 && !self.problem.is_powers();
            return Ok(if linear { difference } else { difference.ln_1p() });
        }
        Ok((self.level(&self.problem.point(&x)).0 / self.unit).ln())
    }
}

impl Gradient for Centre<'_> {
    type Param = Vector;
    type Gradient = Vector;

    fn gradient(&self, y: &Vector) -> Result<Vector, Error> {
        self.count()?;
        let x = self.point(y);
        if !is_near(&x) {
            return Err(Error::msg("log-scales leave every range"));
        }
        let point = self.problem.point(&x);
        let imbalance = point.flows().residual_of(self.moving.iter().copied());
        let mut best = self.best.borrow_mut();
        // of equals the later: where costs fall on both sides of a unit its imbalance is 1 for many steps
        if best.as_ref().is_none_or(|(least, _)| imbalance <= *least) {
            *best = Some((imbalance, y.clone()));
            if imbalance <= self.tolerance {
                return Err(Error::msg("the residual is within the tolerance"));
            }
        }
        Ok(self.gradient_at(&point))
    }
}

impl<'a> Hessian for Centre<'a> {
    type Param = Vector;
    type Hessian = Curvature<'a>;

    fn hessian(&self, y: &Vector) -> Result<Curvature<'a>, Error> {
        self.count()?;
        let x = self.point(y);
        let point = self.problem.point(&x);
        let (diagonal, (level, curved)) = (point.diagonal(), self.level(&point));
        let weight = self.moving.iter().map(|&v| (diagonal[v] / level).to_f64()).collect();
        let gradient = self.gradient_at(&point);
        Ok(Curvature { gradient, curved, weight, point: Rc::new(point), centre: self.clone() })
    }
}

/// The Hessian of `ln F`, matrix-free: `H / F - g g^T / F^2`; without its second part where nothing is a logarithm.
#[derive(Clone)]
struct Curvature<'a> {
    centre: Centre<'a>,
    point: Rc<Point<'a>>,
    weight: Vec<f64>,
    gradient: Vector,
    curved: bool,
}

impl ArgminDot<Vector, Vector> for Curvature<'_> {
    fn dot(&self, y: &Vector) -> Vector {
        let own = &self.centre;
        own.passes.set(own.passes.get() + 1.0);
        let mut d = vec![0.0; own.centre.len()];
        for (k, &v) in own.moving.iter().enumerate() {
            d[v] = own.step[k] * y[k];
        }
        let product = self.point.scaled_product(&d);
        let along = if self.curved { self.gradient.dot(y) } else { 0.0 };
        let entry = |(k, &v): (usize, &usize)| own.step[k] * self.weight[k] * product[v] - self.gradient[k] * along;
        Vector::from_iterator(own.moving.len(), own.moving.iter().enumerate().map(entry))
    }
}

/// One connection at the centre.
enum Term {
    /// Ports, exponent, and the cost at the centre in units.
    Power(u32, u32, f64, f64),
    /// Ports, the cost function, its argument at the centre, and value and derivatives there.
    Convex(u32, u32, Arc<dyn ConvexCost>, f64, [f64; 3]),
}

/// Steps of a log-multiplier below this are short: the rest of the formula for them is below 1e-17.
const SHORT: f64 = 1e-3;

/// How far a cost rises along a step from the centre. For short steps from the slopes at both ends, corrected by the curvatures
/// (the trapezoidal rule of Euler and Maclaurin): the difference of two values would hide them.
fn rise(function: &dyn ConvexCost, at: f64, [value, slope, bend]: [f64; 3], step: f64) -> f64 {
    let [next, next_slope, next_bend] = function.at(at + step);
    if step.abs() > SHORT {
        return next - value;
    }
    step * (0.5 * (slope + next_slope) + step * (bend - next_bend) / 12.0)
}

fn terms(problem: &Problem, x: &[f64], unit: Wide) -> Vec<Term> {
    let log: Vec<f64> = problem.ports().iter().map(|f| f.at(x)).collect();
    let mut terms = vec![];
    problem.for_each_entry(|e| {
        let block = &problem.blocks()[e.block];
        let value = block.values.get(e.index);
        let shift = log[e.head as usize] - log[e.tail as usize];
        terms.push(match &block.cost {
            Cost::Power(k) => {
                let p = problem.exponents()[*k];
                let cost = value * Wide::exp(p * shift) / unit;
                Term::Power(e.head, e.tail, p, cost.to_f64())
            }
            Cost::Convex(function) => {
                let at = value.to_f64() + shift;
                Term::Convex(e.head, e.tail, Arc::clone(function), at, function.at(at))
            }
        });
    });
    terms
}

//! What a solve begins with.

use super::Settings;
use super::solvers::Solvers;
use crate::error::Result;
use crate::problem::{Point, Problem};
use std::time::{Duration, Instant};

/// Variables from which on the start is evaluated after the solvers were made, which takes the most memory of all: the point of a
/// million units is a tenth of a gigabyte.
const MANY_VARIABLES: usize = 100_000;

/// The linear solvers of a problem, and its evaluation at the start: neither waits for the other.
pub(crate) struct Start<'a> {
    pub solvers: Solvers,
    pub(super) x: Vec<f64>,
    /// None where there are many variables.
    pub(super) point: Option<Point<'a>>,
    /// How long it took.
    pub(super) took: Duration,
}

impl<'a> Start<'a> {
    /// For settings that were checked.
    ///
    /// # Errors
    /// As for [`Gauge::of`](crate::problem::Gauge::of).
    pub fn new(problem: &'a Problem, settings: &Settings) -> Result<Self> {
        let begin = Instant::now();
        let x = settings.start.clone().unwrap_or_else(|| vec![0.0; problem.variables()]);
        let few = problem.variables() < MANY_VARIABLES;
        let (solvers, point) =
            rayon::join(|| Solvers::new(problem, settings.method), || few.then(|| problem.point(&x)));
        Ok(Self { solvers: solvers?, x, point, took: begin.elapsed() })
    }
}

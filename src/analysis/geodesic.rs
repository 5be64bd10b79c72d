//! The shortest way between two rescalings of the same weights.
//!
//! In the logarithms of the weights' magnitudes the rescalings of a network form a plane, for log-multipliers are linear in
//! log-scales. So the geodesic between two of them is straight, and along it every regularization cost is convex.

use crate::problem::Problem;

/// A straight line of log-scales, from one rescaling of a problem's weights to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Geodesic {
    from: Vec<f64>,
    change: Vec<f64>,
    /// Its length: the root of the sum of squared changes of `ln |w|` over all non-zero weights.
    pub length: f64,
}

impl Geodesic {
    /// The geodesic between the rescalings at two vectors of log-scales.
    ///
    /// Under a sum of powers every weight counts once for each power, and summed weights count as one.
    /// Complexity: one walk over the connections.
    ///
    /// # Panics
    /// When a vector has the wrong length.
    #[must_use]
    pub fn between(problem: &Problem, from: &[f64], to: &[f64]) -> Self {
        assert!(from.len() == problem.variables() && to.len() == from.len(), "one log-scale for every variable");
        let change: Vec<f64> = to.iter().zip(from).map(|(to, from)| to - from).collect();
        let along: Vec<f64> = problem.ports().iter().map(|form| form.at(&change)).collect();
        let mut square = 0.0;
        problem.for_each_entry(|e| square += (along[e.head as usize] - along[e.tail as usize]).powi(2));
        Self { from: from.to_vec(), change, length: square.sqrt() }
    }

    /// The log-scales after a part `t` of the way; beyond 0 and 1 the line goes on.
    #[must_use]
    pub fn at(&self, t: f64) -> Vec<f64> {
        self.from.iter().zip(&self.change).map(|(from, change)| from + t * change).collect()
    }
}

//! Linear systems with the Hessian, in the units of log-scales.

use super::run::Run;
use crate::problem::Point;

/// Solves `H d = b`, both sides divided by the diagonal of the Hessian; only variables that move take part.
pub(super) trait LinearSolver {
    /// Whether a solve costs little more than a pass, so that one more Newton step for the last digits pays.
    fn is_direct(&self) -> bool;

    /// The Newton direction `-H^-1 gradient`; zero for variables that do not move.
    fn newton_direction(&mut self, run: &mut Run, point: &Point) -> Vec<f64>;

    /// `H^-1 (diagonal * b)` to a few digits; none where H is not numerically definite.
    fn solve(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<Vec<f64>>;

    /// An upper bound, in every entry, of `H^-1 (diagonal * b)` for `b >= 0`, where the inverse has no negative entries.
    /// None where none was found.
    fn upper_bound(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<Vec<f64>>;
}

/// The bound that an approximate solution z of `H z = diagonal * b` gives: `z` over the least ratio of both sides.
///
/// Let M = H/diagonal be a nonsingular M-matrix with `M z >= k b` and `k > 0`. Then `z >= k M^-1 b`.
pub(super) fn bound_from(run: &mut Run, point: &Point, b: &[f64], z: Vec<f64>) -> Option<Vec<f64>> {
    run.passes += 1.0;
    let reached = point.scaled_product(&z);
    let ratio = |v: usize| reached[v] / b[v];
    let least = (0..b.len()).filter(|&v| run.moves[v] && b[v] > 0.0).map(ratio).fold(f64::INFINITY, f64::min);
    if least == f64::INFINITY {
        return Some(vec![0.0; b.len()]);
    }
    // at least a tenth, so that rounding in the product does not count
    (least > 0.1).then(|| z.into_iter().map(|z| z / least.min(1.0)).collect())
}

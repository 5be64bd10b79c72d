//! Linear systems with the Hessian, in the units of log-scales.

use super::run::Run;
use crate::numeric::Wide;
use crate::problem::Point;

/// Solves `H d = b`, both sides divided by the diagonal of the Hessian; only variables that move take part.
pub(super) trait LinearSolver {
    /// Whether a solve costs little more than a pass, so that one more Newton step for the last digits pays.
    fn is_direct(&self) -> bool;

    /// The Newton direction `-H^-1 gradient` at the point of the last step of the trace; zero for variables that do not move.
    fn newton_direction(&mut self, run: &mut Run, point: &Point) -> Vec<f64>;

    /// Makes ready for [`Self::solve`] and [`Self::upper_bound`] at a point; they are asked for no other one after that.
    fn prepare(&mut self, run: &mut Run, point: &Point);

    /// `H^-1 (diagonal * b)` to a few digits; none where H is not numerically definite.
    fn solve(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<Vec<f64>>;

    /// An upper bound, in every entry, of `H^-1 (diagonal * b)` for `b >= 0`, where the inverse has no negative entries.
    /// None where none was found.
    fn upper_bound(&mut self, run: &mut Run, point: &Point, b: &[f64]) -> Option<UpperBound>;
}

/// An upper bound of `H^-1 (diagonal * b)`.
pub(super) struct UpperBound {
    pub z: Vec<f64>,
    /// The Rayleigh quotient `z^T H z / z^T diagonal z` of what it was made from: where b is nearly even, one step of inverse
    /// iteration, which leaves mostly what converges slowest. An estimate, from above, of the smallest eigenvalue of the
    /// Hessian scaled to a diagonal of ones; none where variables are pinned, for those of other pins are others.
    pub quotient: Option<f64>,
}

/// The bound that an approximate solution z of `H z = diagonal * b` gives; none where it is too far off.
pub(super) fn bound_from(run: &mut Run, point: &Point, b: &[f64], z: &[f64]) -> Option<UpperBound> {
    run.passes += 1.0;
    bound_of(run, point, b, (z, &point.scaled_product(z)))
}

/// The same where `H z / diagonal` is known: z over the least ratio of both sides.
///
/// Let M = H/diagonal be a nonsingular M-matrix with `M z >= k b` and `k > 0`. Then `z >= k M^-1 b`.
pub(super) fn bound_of(run: &Run, point: &Point, b: &[f64], (z, reached): (&[f64], &[f64])) -> Option<UpperBound> {
    let ratio = |v: usize| reached[v] / b[v];
    let least = (0..b.len()).filter(|&v| run.moves[v] && b[v] > 0.0).map(ratio).fold(f64::INFINITY, f64::min);
    if least == f64::INFINITY {
        return Some(UpperBound { z: vec![0.0; b.len()], quotient: None });
    }
    let quotient = quotient(run, point, z, reached);
    // at least a tenth, so that rounding in the product does not count
    (least > 0.1).then(|| UpperBound { z: z.iter().map(|z| z / least.min(1.0)).collect(), quotient })
}

/// `z^T H z / z^T diagonal z`, where `reached` is `H z / diagonal`; none where variables are pinned.
pub(super) fn quotient(run: &Run, point: &Point, z: &[f64], reached: &[f64]) -> Option<f64> {
    if !run.gauge.pins.is_empty() {
        return None;
    }
    let diagonal = point.diagonal();
    // both are as small as roundings: scaled, so that products stay in range
    let size = z.iter().fold(0.0, |m: f64, z| m.max(z.abs()));
    let product = |of: &[f64]| {
        let term = |v: usize| diagonal[v] * Wide::from(z[v] / size * (of[v] / size));
        (0..z.len()).map(term).fold(Wide::ZERO, |sum, term| sum + term)
    };
    let quotient = (product(reached) / product(z)).to_f64();
    (size > 0.0 && quotient.is_finite() && quotient > 0.0).then_some(quotient)
}

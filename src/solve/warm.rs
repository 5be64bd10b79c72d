//! Damped sweeps: every unit takes a part of its exact local step at the same time.

use super::run::Run;
use crate::problem::Point;

/// Longest step of a log-scale under costs that are no powers.
const LONGEST: f64 = 1.0;

/// The sweep's step: `ln(outflow / inflow) / (2 k)`, divided by the number of variables that meet in one connection.
///
/// For connections with two ends this is half of the exact local step, and the cost never rises: by the inequality of
/// the means a cost `a exp(s + t)` is at most `(a/2)(exp(2 s) + exp(2 t))`, and the step minimizes these bounds.
/// `k` is the mean exponent at the unit, curvature over slope. A user's own cost may be flat, which makes the exponent small:
/// its steps end at [`LONGEST`].
pub(super) fn step(run: &Run, point: &Point) -> Vec<f64> {
    let most = run.problem.ports().iter().map(|f| f.terms().len()).max().unwrap_or(1).max(1);
    let powers = run.problem.is_powers();
    let (flows, diagonal) = (point.flows(), point.diagonal());
    (0..run.moves.len())
        .map(|v| {
            let (i, o) = (flows.inflow[v], flows.outflow[v]);
            if !run.moves[v] || i.is_zero() || o.is_zero() {
                return 0.0;
            }
            let k = (diagonal[v] / (i + o)).to_f64();
            let step = (o / i).ln() / (2.0 * k) / (2.0 * most as f64);
            if powers { step } else { step.clamp(-LONGEST, LONGEST) }
        })
        .collect()
}

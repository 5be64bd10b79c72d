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
    let plain = point.plain_flows().zip(point.plain_diagonal());
    let (flows, diagonal) = (point.flows(), if plain.is_some() { vec![] } else { point.diagonal() });
    // the mean exponent, and the logarithm of outflow over inflow; none where nothing flows on one side
    let mean_and_log = |v: usize| match plain {
        Some(([inflow, outflow], diagonal)) => {
            let (i, o) = (inflow[v], outflow[v]);
            // halves: sums of users' costs may end beyond the range
            (i > 0.0 && o > 0.0).then(|| (0.5 * diagonal[v] / (0.5 * i + 0.5 * o), ratio_ln(o, i)))
        }
        None => {
            let (i, o) = (flows.inflow(v), flows.outflow(v));
            (!i.is_zero() && !o.is_zero()).then(|| ((diagonal[v] / (i + o)).to_f64(), (o / i).ln()))
        }
    };
    let step = |v: usize| {
        let (mean, log) = if run.moves[v] { mean_and_log(v)? } else { return None };
        let step = log / (2.0 * mean) / (2.0 * most as f64);
        Some(if powers { step } else { step.clamp(-LONGEST, LONGEST) })
    };
    (0..run.moves.len()).map(|v| step(v).unwrap_or(0.0)).collect()
}

/// `ln(a / b)`, where the ratio may leave the range of `f64`.
pub(super) fn ratio_ln(a: f64, b: f64) -> f64 {
    let ratio = a / b;
    if ratio.is_normal() { ratio.ln() } else { a.ln() - b.ln() }
}

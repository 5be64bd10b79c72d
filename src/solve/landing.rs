//! The last steps to an optimum that does not depend on powers of two in the start, to the last bit.
//!
//! A solver ends within rounding of the optimum, but where in that neighbourhood depends on its start. So the solution, in
//! powers of two, is rounded to a grid: the whole part is folded exactly into the weights, and Newton's steps from the grid
//! point repeat. They see the same numbers for all starts that differ by powers of two, unless the optimum lies within the
//! solver's error of a midpoint of the grid (for an error of 1e-12, once in a billion variables).

use crate::problem::{Gauge, LogScales, Problem};
use std::f64::consts::LN_2;

/// Grid points between two powers of two.
const GRID: f64 = 256.0;

/// The grid point next to log-scales: whole powers of two, and a rest of at most `ln 2 / 2` for variables of degree 1.
pub(super) fn grid_point(problem: &Problem, x: &[f64]) -> LogScales {
    let (mut exponents, mut rest) = (vec![], vec![]);
    for (&x, step) in x.iter().zip(problem.whole_steps()) {
        // halves go up, on both sides of zero: rounding commutes with shifts by whole numbers
        let nearest = |x: f64| (x + 0.5).floor();
        let position = nearest(x / LN_2 * GRID) / GRID;
        let whole = if step == 0 { 0.0 } else { f64::from(step) * nearest(position / f64::from(step)) };
        // far beyond the range of any weight nothing is folded
        let whole = if whole.abs() < 1e5 { whole } else { 0.0 };
        exponents.push(whole as i32);
        rest.push((position - whole) * LN_2);
    }
    LogScales::split(exponents, rest)
}

/// Precision to which log-scales of parts without ground are kept, so that shifts of all of them are exact: 2^-50.
const FIXED_POINT: f64 = (1u64 << 50) as f64;

/// Moves a solution into the gauge without a change of any log-multiplier: the whole powers of two exactly, and the rest in
/// fixed point.
pub(super) fn into_gauge(problem: &Problem, gauge: &Gauge, scales: LogScales) -> LogScales {
    let steps = problem.whole_steps();
    let (mut exponents, mut rest) = (scales.exponents().to_vec(), scales.rest().to_vec());
    let mut low: Vec<f64> = scales.precise_rest().iter().map(|x| x.low()).collect();
    let fixed = |x: f64| (x * FIXED_POINT).round() / FIXED_POINT;
    for vector in &gauge.kernel {
        for &(v, _) in vector {
            let (high, v) = (rest[v as usize], v as usize);
            rest[v] = fixed(high);
            low[v] += high - rest[v];
        }
        let (mut product, mut norm) = (0.0, 0.0);
        for &(v, k) in vector {
            product += k * (f64::from(exponents[v as usize]) * LN_2 + rest[v as usize]);
            norm += k * k;
        }
        let shift = product / norm;
        // steps are powers of two: the largest suits all; none suits entries that are no units, or a step of zero
        let fits = vector.iter().all(|&(v, k)| k.abs() == 1.0 && steps[v as usize] > 0);
        let step = f64::from(vector.iter().map(|&(v, _)| steps[v as usize]).max().unwrap_or(1));
        let whole = if fits { step * (shift / LN_2 / step).round() } else { 0.0 };
        for &(v, k) in vector {
            exponents[v as usize] -= (k * whole) as i32;
            rest[v as usize] -= k * fixed(shift - whole * LN_2);
        }
    }
    for (v, _) in gauge.active.iter().enumerate().filter(|(_, active)| !**active) {
        (exponents[v], rest[v], low[v]) = (0, 0.0, 0.0);
    }
    LogScales::in_words(exponents, rest, low)
}

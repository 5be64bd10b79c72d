//! Balancing in continuous time: the gradient flow `dx/dt = -dF/dx` in log-scales.
//!
//! Near the optimum the distance shrinks like `exp(-s t)`, with s the smallest positive eigenvalue of the Hessian
//! ([`Spectrum`](super::Spectrum)). Method of Bogacki and Shampine (1989): third order, with an error estimate of second order.

use crate::error::{Error, ErrorKind, Result};
use crate::problem::Problem;

/// Most steps between two times: where the flow is stiffer, local balancing is the better discretization.
const MOST_STEPS: usize = 1_000_000;

/// The log-scales at the given times, starting from `start` at time zero.
///
/// `tolerance` bounds the estimated error of every step, relative to `1 + |x|`.
///
/// Complexity: three reads of the weights a step; the number of steps grows with the largest eigenvalue of the Hessian.
///
/// # Errors
/// When the tolerance is not above zero, times do not rise from zero on, or a million steps do not reach the next one.
///
/// # Panics
/// When `start` has the wrong length.
pub fn gradient_flow(problem: &Problem, start: &[f64], times: &[f64], tolerance: f64) -> Result<Vec<Vec<f64>>> {
    if tolerance.is_nan() || tolerance <= 0.0 {
        let (place, problem) = ("tolerance", format!("{tolerance} is not above 0"));
        return Err(Error::new(ErrorKind::Parameter, place, problem, "choose a small number, for example 1e-9"));
    }
    let slope = |x: &[f64]| -> Vec<f64> {
        let point = problem.point(x);
        let flows = point.flows();
        (0..x.len()).map(|v| (flows.outflow(v) - flows.inflow(v)).to_f64()).collect()
    };
    let (mut x, mut now, mut step) = (start.to_vec(), 0.0, 1e-6_f64);
    let mut first = slope(&x);
    let mut states = Vec::with_capacity(times.len());
    for &time in times {
        if !(time >= now && time.is_finite()) {
            let (place, problem) = ("times", format!("{time} comes after {now}"));
            return Err(Error::new(ErrorKind::Parameter, place, problem, "give times in rising order, from zero on"));
        }
        let mut steps = 0;
        while now < time {
            if steps == MOST_STEPS {
                let problem = format!("{MOST_STEPS} steps ended at time {now:e}: the flow is stiff");
                let remedy = "shorten the time, raise the tolerance, or use local balancing";
                return Err(Error::new(ErrorKind::Unsupported, format!("time {time:e}"), problem, remedy));
            }
            steps += 1;
            let h = step.min(time - now);
            let second = slope(&moved(&x, h, &[(0.5, &first)]));
            let third = slope(&moved(&x, h, &[(0.75, &second)]));
            let next = moved(&x, h, &[(2.0 / 9.0, &first), (1.0 / 3.0, &second), (4.0 / 9.0, &third)]);
            let last = slope(&next);
            let share = |v: usize| {
                let off = -5.0 / 72.0 * first[v] + second[v] / 12.0 + third[v] / 9.0 - last[v] / 8.0;
                (h * off / (tolerance * (1.0 + x[v].abs()))).abs()
            };
            let error =
                (0..x.len()).map(share).fold(0.0, |m: f64, e| if e.is_nan() { f64::INFINITY } else { m.max(e) });
            if error <= 1.0 {
                now = if h < step { time } else { now + h };
                (x, first) = (next, last);
            }
            // the next step aims at nine tenths of the tolerance, and changes by a factor of five at most
            step = h * (0.9 * error.max(1e-12).powf(-1.0 / 3.0)).clamp(0.2, 5.0);
        }
        states.push(x.clone());
    }
    Ok(states)
}

/// `x + h (sum of shares of slopes)`.
fn moved(x: &[f64], h: f64, slopes: &[(f64, &Vec<f64>)]) -> Vec<f64> {
    let one = |v: usize| x[v] + h * slopes.iter().map(|(share, slope)| share * slope[v]).sum::<f64>();
    (0..x.len()).map(one).collect()
}

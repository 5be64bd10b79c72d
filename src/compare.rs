//! Floor 4: two networks of one architecture, compared up to scaling.

#![forbid(unsafe_code)]

use crate::numeric::UNIT_ROUNDOFF;
use crate::problem::{LogScales, Problem};
use std::f64::consts::LN_2;

/// How one set of weights becomes another by scaling.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Log-scales that take the first problem's weights to the second's, in least squares of log-multipliers.
    pub log_scales: Vec<f64>,
    /// The largest difference of a log-magnitude that remains.
    pub mismatch: f64,
    /// The root of the sum of their squares: the distance of the two networks modulo scaling.
    pub distance: f64,
    /// How many weights that are not zero were compared.
    pub weights: u64,
    /// Relative differences of weights that the rounding of logarithms and log-scales explains.
    pub roundoff: f64,
}

/// How far a recovered log-scale may be from a multiple of ln 2 that is meant.
const NEAR: f64 = 1e-4;

impl Comparison {
    /// The powers of two nearest to the recovered scales; none where a scale is none. Weights that were scaled by powers of two
    /// are recovered exactly.
    #[must_use]
    pub fn powers_of_two(&self) -> Option<LogScales> {
        let power = |x: &f64| {
            let power = (x / LN_2).round();
            ((x - power * LN_2).abs() <= NEAR && power.abs() < f64::from(i32::MAX)).then_some(power as i32)
        };
        let powers: Option<Vec<i32>> = self.log_scales.iter().map(power).collect();
        powers.map(|powers| LogScales::split(powers, vec![0.0; self.log_scales.len()]))
    }
}

/// Conjugate-gradient steps after which least squares ends at the latest, per variable.
const STEPS_PER_VARIABLE: usize = 4;

/// Recovers the scaling between two problems with the same blocks, by conjugate gradients on the normal equations.
///
/// Of the weights only magnitudes are compared; [`crate::network::Network::weight_difference`] sees signs.
///
/// None when the problems differ in blocks, ports, exponents, or in which weights are zero.
/// Complexity: one pass over the connections a step.
#[must_use]
pub fn compare(first: &Problem, second: &Problem) -> Option<Comparison> {
    let same = first.variables() == second.variables()
        && first.ports() == second.ports()
        && first.exponents() == second.exponents()
        && first.blocks().len() == second.blocks().len();
    if !same {
        return None;
    }
    let (logs, others) = (log_weights(first), log_weights(second));
    let pattern = |p: &Problem| {
        let mut places = vec![];
        p.for_each_entry(|e| places.push((e.head, e.tail)));
        places
    };
    let places = pattern(first);
    if places != pattern(second) || logs.len() != others.len() {
        return None;
    }
    let target: Vec<f64> = logs.iter().zip(&others).map(|(a, b)| b - a).collect();
    let mut log_scales = vec![0.0; first.variables()];
    let (mut left, mut last) = (target.clone(), f64::INFINITY);
    // refined while that gains: least squares of what is left
    loop {
        let squares = left.iter().map(|d| d * d).sum::<f64>();
        if squares.is_nan() || squares >= 0.5 * last {
            break;
        }
        last = squares;
        let step = least_squares(first, &places, &left);
        let moved: Vec<f64> = log_scales.iter().zip(&step).map(|(x, d)| x + d).collect();
        let along: Vec<f64> = first.ports().iter().map(|f| f.at(&moved)).collect();
        let rest = |(&(h, t), r): (&(u32, u32), &f64)| r - (along[h as usize] - along[t as usize]);
        let rest: Vec<f64> = places.iter().zip(&target).map(rest).collect();
        if rest.iter().map(|d| d * d).sum::<f64>() <= squares {
            (log_scales, left) = (moved, rest);
        }
    }
    let mismatch = left.iter().fold(0.0f64, |most, d| most.max(d.abs()));
    let largest = logs.iter().chain(&others).chain(&log_scales).fold(1.0f64, |most, x| most.max(x.abs()));
    let distance = left.iter().map(|d| d * d).sum::<f64>().sqrt();
    let weights = places.len() as u64;
    Some(Comparison { log_scales, mismatch, distance, weights, roundoff: LOG_ROUNDINGS * UNIT_ROUNDOFF * largest })
}

/// Roundings of logarithms between a weight and the other network's: two of weights, and those of the scales at both ends.
const LOG_ROUNDINGS: f64 = 32.0;

fn log_weights(problem: &Problem) -> Vec<f64> {
    let mut logs = vec![];
    problem.for_each_entry(|e| logs.push(problem.log_weight(&e)));
    logs
}

fn least_squares(problem: &Problem, places: &[(u32, u32)], target: &[f64]) -> Vec<f64> {
    let n = problem.variables();
    let back = |values: &mut dyn Iterator<Item = f64>| {
        let mut sums = vec![0.0; problem.ports().len()];
        for (&(h, t), value) in places.iter().zip(values) {
            sums[h as usize] += value;
            sums[t as usize] -= value;
        }
        let mut x = vec![0.0; n];
        for (form, sum) in problem.ports().iter().zip(sums) {
            form.terms().iter().for_each(|&(v, c)| x[v as usize] += c * sum);
        }
        x
    };
    // the diagonal makes long and short rows alike
    let mut diagonal = vec![0.0; n];
    for &(h, t) in places {
        for q in [h, t] {
            problem.ports()[q as usize].terms().iter().for_each(|&(v, c)| diagonal[v as usize] += c * c);
        }
    }
    let scale = |v: &mut Vec<f64>| v.iter_mut().zip(&diagonal).for_each(|(x, d)| *x /= if *d > 0.0 { *d } else { 1.0 });
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut x = vec![0.0; n];
    let mut residual = back(&mut target.iter().copied());
    let mut z = residual.clone();
    scale(&mut z);
    let mut direction = z.clone();
    let mut square = dot(&residual, &z);
    // what is left after that the next refinement takes
    let goal = 1e-24 * square;
    for _ in 0..STEPS_PER_VARIABLE * n + 10 {
        if square <= goal {
            break;
        }
        let along: Vec<f64> = problem.ports().iter().map(|f| f.at(&direction)).collect();
        let image = back(&mut places.iter().map(|&(h, t)| along[h as usize] - along[t as usize]));
        let curvature = dot(&direction, &image);
        if curvature.is_nan() || curvature <= 0.0 {
            break;
        }
        let length = square / curvature;
        for v in 0..n {
            x[v] += length * direction[v];
            residual[v] -= length * image[v];
        }
        z.clone_from(&residual);
        scale(&mut z);
        let next = dot(&residual, &z);
        (0..n).for_each(|v| direction[v] = z[v] + next / square * direction[v]);
        square = next;
    }
    x
}

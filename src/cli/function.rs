//! Whether two networks compute the same function, tried on random inputs.

use crate::error::{Error, ErrorKind, Result};
use crate::model::FunctionCheck;
use crate::network::{FeedForward, Network, Role};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;

/// Outputs may differ by this many times what one rounding of every weight does.
pub const MARGIN: f64 = 100.0;
/// Inputs on which two networks are compared, and steps of a recurrent one.
const CHECKS: usize = 5;
const STEPS: usize = 6;

/// Whether a difference of outputs is more than rounding, in a file with this roundoff.
pub fn differs(difference: f64, rounding: f64, roundoff: f64) -> bool {
    difference.is_nan() || difference > MARGIN * rounding.max(roundoff)
}

/// Runs two networks on the same random inputs; the weights of the first are held with this roundoff.
pub fn check_networks(a: &Network, b: &Network, seed: u64, roundoff: f64) -> FunctionCheck {
    let unchecked = |reason: &str| FunctionCheck::Unchecked { reason: reason.into() };
    let count = |n: &Network, role| n.of_role(role).count();
    if a.is_closed() || b.is_closed() {
        return unchecked("a matrix without inputs and outputs computes no function");
    }
    if [Role::Input, Role::Output].iter().any(|&role| count(a, role) != count(b, role)) {
        return unchecked("the networks have different numbers of inputs or outputs");
    }
    let compared = || -> Result<(f64, f64)> {
        let outputs = outputs(a, seed)?;
        if outputs.iter().any(|output| !output.is_finite()) {
            let problem = "on random inputs its own outputs are beyond the range of double precision";
            return Err(Error::new(ErrorKind::Network, "network", problem, "run it on inputs of your own"));
        }
        let others = self::outputs(b, seed)?;
        let is_zero = |of: &[f64]| of.iter().all(|&output| output == 0.0);
        if is_zero(&outputs) && !is_zero(&others) {
            // a long chain of small weights computes nothing, though its rescaled weights may
            let problem =
                "on random inputs its own outputs are all zero, those of the other are not: signals vanish on the way";
            return Err(Error::new(ErrorKind::Network, "network", problem, "run both on inputs of your own"));
        }
        let neighbour = neighbour(a, seed, roundoff)?;
        Ok((largest_difference(&outputs, &others), largest_difference(&outputs, &self::outputs(&neighbour, seed)?)))
    };
    match compared() {
        Ok((difference, rounding)) => FunctionCheck::Compared { difference, rounding, inputs: CHECKS, notes: vec![] },
        Err(error) => FunctionCheck::Unchecked { reason: error.to_string() },
    }
}

/// The network with every weight moved by a unit in the last place, up or down at random.
fn neighbour(network: &Network, seed: u64, roundoff: f64) -> Result<Network> {
    let mut random = StdRng::seed_from_u64(seed);
    let moved = network.parameters().iter().map(|&w| {
        let next = w * if random.random::<bool>() { 1.0 + 2.0 * roundoff } else { 1.0 - 2.0 * roundoff };
        if next.is_finite() { next } else { w }
    });
    network.with_parameters(moved.collect())
}

/// All outputs, of a recurrent network those of all time steps.
fn outputs(network: &Network, seed: u64) -> Result<Vec<f64>> {
    let mut random = StdRng::seed_from_u64(seed);
    let width = network.of_role(Role::Input).count();
    let mut draw = || (0..width).map(|_| random.sample(StandardNormal)).collect::<Vec<f64>>();
    let mut all = vec![];
    let forward = FeedForward::new(network).ok();
    for _ in 0..CHECKS {
        let inputs: Vec<Vec<f64>> = (0..STEPS).map(|_| draw()).collect();
        match &forward {
            Some(forward) => all.extend(forward.evaluate(&inputs[0])?),
            None => all.extend(network.evaluate_recurrent(&inputs)?.concat()),
        }
    }
    Ok(all)
}

/// The largest difference relative to the largest output of the first network.
fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let finite = a.iter().filter(|v| v.is_finite());
    let range = finite.fold(0.0, |m: f64, v| m.max(v.abs()));
    let unit = if range > 0.0 { range } else { 1.0 };
    let difference = |(a, b): (&f64, &f64)| {
        let same = a == b || (a.is_nan() && b.is_nan());
        let difference = if same { 0.0 } else { (a - b).abs() / unit };
        if difference.is_nan() { f64::INFINITY } else { difference }
    };
    a.iter().zip(b).map(difference).fold(0.0, f64::max)
}

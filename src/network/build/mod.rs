//! Networks of random weights, the same for the same seed.
//!
//! Weights are normal with variance 2 / fan-in, biases uniform in -0.1..0.1: a signal neither dies out nor explodes.

mod convolutional;
mod layered;
mod recurrent;
mod shared;

pub use convolutional::{Convolution, convolutional};
pub use layered::{Layered, layered, random_dag};
pub use recurrent::recurrent;
pub use shared::{shared_depth, tied_autoencoder};

use super::{Activation, Connections, Network, Unit};
use crate::error::{Error, ErrorKind, Result};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;

/// Collects the parts of a network, and draws weights.
struct Draft {
    units: Vec<Unit>,
    parameters: Vec<f64>,
    connections: Connections,
    random: StdRng,
}

impl Draft {
    fn new(seed: u64) -> Self {
        Self { units: vec![], parameters: vec![], connections: Connections::new(), random: StdRng::seed_from_u64(seed) }
    }

    fn unit(&mut self, unit: Unit) -> u32 {
        self.units.push(unit);
        self.units.len() as u32 - 1
    }

    fn inputs(&mut self, number: usize) -> Vec<u32> {
        (0..number).map(|k| self.unit(Unit::input(format!("input.{k}")))).collect()
    }

    fn outputs(&mut self, number: usize) -> Vec<u32> {
        (0..number).map(|k| self.unit(Unit::output(format!("output.{k}"), Activation::Linear))).collect()
    }

    /// A new weight of a unit with `fan_in` incoming connections.
    fn weight(&mut self, fan_in: usize) -> u32 {
        let normal: f64 = self.random.sample(StandardNormal);
        self.parameter(normal * (2.0 / fan_in.max(1) as f64).sqrt())
    }

    fn bias(&mut self) -> u32 {
        let value = self.random.random_range(-0.1..0.1);
        self.parameter(value)
    }

    fn parameter(&mut self, value: f64) -> u32 {
        self.parameters.push(value);
        self.parameters.len() as u32 - 1
    }

    /// Connects each of `tails` to each of `heads`, row by row; returns the first parameter.
    fn connect_all(&mut self, tails: &[u32], heads: &[u32], fan_in: usize) -> u32 {
        let first = self.parameters.len() as u32;
        for &head in heads {
            for &tail in tails {
                let weight = self.weight(fan_in);
                self.connections.push(tail, head, weight);
            }
        }
        first
    }

    fn biases(&mut self, constant: u32, heads: &[u32]) {
        for &head in heads {
            let weight = self.bias();
            self.connections.push(constant, head, weight);
        }
    }

    fn finish(self) -> Result<Network> {
        Network::new(self.units, self.parameters, self.connections)
    }
}

fn need(condition: bool, place: &str, problem: &str) -> Result<()> {
    if condition {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Parameter, place, problem, "choose positive sizes, with an input and an output layer"))
}

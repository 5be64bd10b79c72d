//! Feed-forward networks: layered, with skip connections, and random acyclic graphs.

use super::{Draft, need};
use crate::error::Result;
use crate::network::{Activation, Network, Unit};
use rand::Rng;

/// The architecture of a layered network.
#[derive(Clone, Debug)]
pub struct Layered {
    /// Number of units of the input, of each hidden layer, and of the output.
    pub widths: Vec<usize>,
    /// Activations that the hidden units take in turn; outputs are linear.
    pub activations: Vec<Activation>,
    /// Whether hidden units and outputs have biases.
    pub biases: bool,
    /// Whether every layer leads to all later layers, not only to the next.
    pub skips: bool,
}

impl Layered {
    /// Layers of the given widths with one activation, with biases and without skip connections.
    #[must_use]
    pub fn new(widths: &[usize], activation: Activation) -> Self {
        Self { widths: widths.to_vec(), activations: vec![activation], biases: true, skips: false }
    }
}

/// A layered network of random weights. Units are named `input.k`, `hidden<l>.k` and `output.k`.
///
/// # Errors
/// When there are fewer than two layers, an empty layer, or no activation.
pub fn layered(shape: &Layered, seed: u64) -> Result<Network> {
    let widths = &shape.widths;
    need(widths.len() >= 2 && !widths.contains(&0), "widths", "fewer than two layers, or an empty one")?;
    need(!shape.activations.is_empty(), "activations", "there are none")?;
    let mut draft = Draft::new(seed);
    let mut activations = shape.activations.iter().cycle();
    let mut layers = vec![draft.inputs(widths[0])];
    let constant = shape.biases.then(|| draft.unit(Unit::constant("bias")));
    for (l, &width) in widths.iter().enumerate().skip(1) {
        let layer = if l + 1 == widths.len() {
            draft.outputs(width)
        } else {
            (0..width)
                .zip(activations.by_ref())
                .map(|(k, &f)| draft.unit(Unit::hidden(format!("hidden{l}.{k}"), f)))
                .collect()
        };
        let tails = if shape.skips { layers.concat() } else { layers[l - 1].clone() };
        draft.connect_all(&tails, &layer, tails.len());
        if let Some(constant) = constant {
            draft.biases(constant, &layer);
        }
        layers.push(layer);
    }
    draft.finish()
}

/// A partly connected random acyclic network: inputs, then `hidden` units in a row, then outputs.
///
/// Each unit is connected from each earlier input or hidden unit with probability `density`, and from at least one of
/// them; a hidden unit that would lead nowhere is connected to an output.
///
/// # Errors
/// When a number of units is zero, or `density` is not between 0 and 1.
pub fn random_dag(
    inputs: usize,
    hidden: usize,
    outputs: usize,
    density: f64,
    activation: Activation,
    seed: u64,
) -> Result<Network> {
    need(inputs > 0 && outputs > 0, "units", "there are no inputs or no outputs")?;
    need((0.0..=1.0).contains(&density), "density", "it is not between 0 and 1")?;
    let mut draft = Draft::new(seed);
    let mut before = draft.inputs(inputs);
    let constant = draft.unit(Unit::constant("bias"));
    let fan_in = ((density * (inputs + hidden) as f64) as usize).max(1);
    for k in 0..hidden + outputs {
        let head = if k < hidden {
            draft.unit(Unit::hidden(format!("hidden.{k}"), activation))
        } else {
            draft.unit(Unit::output(format!("output.{}", k - hidden), Activation::Linear))
        };
        let sure = draft.random.random_range(0..before.len());
        for (i, &tail) in before.iter().enumerate() {
            if i == sure || draft.random.random_bool(density) {
                let weight = draft.weight(fan_in);
                draft.connections.push(tail, head, weight);
            }
        }
        draft.biases(constant, &[head]);
        if k < hidden {
            before.push(head);
        }
    }
    let first_output = draft.units.len() - outputs;
    let mut leads = vec![false; first_output];
    draft.connections.tails.iter().for_each(|&tail| leads[tail as usize] = true);
    for (tail, leads) in leads.into_iter().enumerate().skip(inputs + 1) {
        if !leads {
            let head = first_output + draft.random.random_range(0..outputs);
            let weight = draft.weight(fan_in);
            draft.connections.push(tail as u32, head as u32, weight);
        }
    }
    draft.finish()
}

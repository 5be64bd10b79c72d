//! Recurrent networks.

use super::{Draft, need};
use crate::error::Result;
use crate::network::{Activation, Network, Unit};
use rand::Rng;

/// A recurrent network: inputs to all hidden units, hidden units to all hidden units and themselves, and to all outputs.
///
/// Hidden units have biases and random initial states in -1..1; they take the activations in turn.
///
/// # Errors
/// When a number of units is zero or there is no activation.
pub fn recurrent(
    inputs: usize,
    hidden: usize,
    outputs: usize,
    activations: &[Activation],
    seed: u64,
) -> Result<Network> {
    need(inputs > 0 && hidden > 0 && outputs > 0, "units", "there are no inputs, hidden units or outputs")?;
    need(!activations.is_empty(), "activations", "there are none")?;
    let mut draft = Draft::new(seed);
    let input_units = draft.inputs(inputs);
    let constant = draft.unit(Unit::constant("bias"));
    let mut hidden_units = vec![];
    for (k, &activation) in (0..hidden).zip(activations.iter().cycle()) {
        let mut unit = Unit::hidden(format!("hidden.{k}"), activation);
        unit.state = draft.random.random_range(-1.0..1.0);
        hidden_units.push(draft.unit(unit));
    }
    let output_units = draft.outputs(outputs);
    draft.connect_all(&input_units, &hidden_units, inputs + hidden);
    // half the usual variance: a signal that goes round does not grow
    draft.connect_all(&hidden_units, &hidden_units, 2 * (inputs + hidden));
    draft.biases(constant, &hidden_units);
    draft.connect_all(&hidden_units, &output_units, hidden);
    draft.finish()
}

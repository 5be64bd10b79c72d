//! Matrices that occur several times in one network.

use super::{Draft, need};
use crate::error::Result;
use crate::network::{Activation, Network, Unit};

/// An autoencoder whose decoder has the transposed matrices of its encoder.
///
/// `widths` are those of the input and of the encoder; the decoder mirrors them. Without biases. The innermost layer
/// has no scale but 1: its rows are also its columns.
///
/// # Errors
/// When there are fewer than two layers, or an empty one.
pub fn tied_autoencoder(widths: &[usize], activation: Activation, seed: u64) -> Result<Network> {
    need(widths.len() >= 2 && !widths.contains(&0), "widths", "fewer than two layers, or an empty one")?;
    let mut draft = Draft::new(seed);
    let mut before = draft.inputs(widths[0]);
    let mut firsts = vec![];
    for (l, &width) in widths.iter().enumerate().skip(1) {
        let layer: Vec<u32> =
            (0..width).map(|k| draft.unit(Unit::hidden(format!("encoder{l}.{k}"), activation))).collect();
        firsts.push(draft.connect_all(&before, &layer, before.len()));
        before = layer;
    }
    for l in (0..widths.len() - 1).rev() {
        let layer = if l == 0 {
            draft.outputs(widths[0])
        } else {
            (0..widths[l]).map(|k| draft.unit(Unit::hidden(format!("decoder{l}.{k}"), activation))).collect()
        };
        for (j, &head) in layer.iter().enumerate() {
            for (i, &tail) in before.iter().enumerate() {
                draft.connections.push(tail, head, firsts[l] + (i * layer.len() + j) as u32);
            }
        }
        before = layer;
    }
    draft.finish()
}

/// A network that uses one square matrix of order `width` at `depth` places, one after the other.
///
/// # Errors
/// When a size is zero.
pub fn shared_depth(
    inputs: usize,
    width: usize,
    depth: usize,
    outputs: usize,
    activation: Activation,
    seed: u64,
) -> Result<Network> {
    need(inputs > 0 && width > 0 && depth > 0 && outputs > 0, "sizes", "one is zero")?;
    let mut draft = Draft::new(seed);
    let input_units = draft.inputs(inputs);
    let mut layers = vec![];
    for l in 0..=depth {
        let unit = |k| Unit::hidden(format!("hidden{}.{k}", l + 1), activation);
        layers.push((0..width).map(|k| draft.unit(unit(k))).collect::<Vec<u32>>());
    }
    let output_units = draft.outputs(outputs);
    draft.connect_all(&input_units, &layers[0], inputs);
    let first = draft.connect_all(&layers[0], &layers[1], width);
    for l in 1..depth {
        for (i, &head) in layers[l + 1].iter().enumerate() {
            for (j, &tail) in layers[l].iter().enumerate() {
                draft.connections.push(tail, head, first + (i * width + j) as u32);
            }
        }
    }
    draft.connect_all(&layers[depth], &output_units, width);
    draft.finish()
}

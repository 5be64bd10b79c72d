//! Convolutional networks: one kernel for all positions of a channel.

use super::{Draft, need};
use crate::error::Result;
use crate::network::{Activation, Network, Unit};

/// The architecture of a convolutional network, without padding and with stride 1, and a dense output layer.
#[derive(Clone, Debug)]
pub struct Convolution {
    /// Height and width of the input; height 1 for one dimension.
    pub size: [usize; 2],
    /// Number of channels of the input and of each convolution.
    pub channels: Vec<usize>,
    /// Height and width of each kernel.
    pub kernel: [usize; 2],
    /// Activations that the channels take in turn.
    pub activations: Vec<Activation>,
    /// Number of outputs.
    pub outputs: usize,
}

/// A convolutional network of random weights; the positions of a channel are a group and share kernels and bias.
///
/// Units are named `conv<l>.<channel>.<row>.<column>`.
///
/// # Errors
/// When a size is zero, there is no activation, or the kernels do not fit into what is left of the input.
pub fn convolutional(shape: &Convolution, seed: u64) -> Result<Network> {
    let positive = shape.size.iter().chain(&shape.channels).chain(&shape.kernel).all(|&s| s > 0);
    need(positive && shape.outputs > 0 && shape.channels.len() >= 2, "sizes", "one is zero, or no convolution")?;
    need(!shape.activations.is_empty(), "activations", "there are none")?;
    let layers = shape.channels.len() - 1;
    let fits = |axis: usize| shape.size[axis] > layers * (shape.kernel[axis] - 1);
    need(fits(0) && fits(1), "kernel", "it does not fit into what earlier convolutions leave")?;
    let mut draft = Draft::new(seed);
    let mut size = shape.size;
    let mut before: Vec<Vec<u32>> = vec![];
    for c in 0..shape.channels[0] {
        let unit = |k: usize| Unit::input(format!("input.{c}.{}.{}", k / size[1], k % size[1]));
        before.push((0..size[0] * size[1]).map(|k| draft.unit(unit(k))).collect());
    }
    let constant = draft.unit(Unit::constant("bias"));
    let mut activations = shape.activations.iter().cycle();
    let mut group = 0;
    for (l, &channels) in shape.channels.iter().enumerate().skip(1) {
        let next = [size[0] + 1 - shape.kernel[0], size[1] + 1 - shape.kernel[1]];
        let mut layer = vec![];
        for (c, &activation) in (0..channels).zip(activations.by_ref()) {
            let unit = |k: usize| {
                let name = format!("conv{l}.{c}.{}.{}", k / next[1], k % next[1]);
                Unit::hidden(name, activation).in_group(group)
            };
            let positions: Vec<u32> = (0..next[0] * next[1]).map(|k| draft.unit(unit(k))).collect();
            group += 1;
            slide(&mut draft, &before, &positions, shape.kernel, [size[1], next[1]]);
            let bias = draft.bias();
            positions.iter().for_each(|&head| draft.connections.push(constant, head, bias));
            layer.push(positions);
        }
        (before, size) = (layer, next);
    }
    let flat = before.concat();
    let outputs = draft.outputs(shape.outputs);
    draft.connect_all(&flat, &outputs, flat.len());
    draft.biases(constant, &outputs);
    draft.finish()
}

/// Connects all channels of `before` to one channel, with one weight for each channel and place in the kernel.
fn slide(draft: &mut Draft, before: &[Vec<u32>], positions: &[u32], kernel: [usize; 2], widths: [usize; 2]) {
    let fan_in = before.len() * kernel[0] * kernel[1];
    for channel in before {
        for (dy, dx) in (0..kernel[0]).flat_map(|dy| (0..kernel[1]).map(move |dx| (dy, dx))) {
            let weight = draft.weight(fan_in);
            for (k, &head) in positions.iter().enumerate() {
                let (y, x) = (k / widths[1] + dy, k % widths[1] + dx);
                draft.connections.push(channel[y * widths[0] + x], head, weight);
            }
        }
    }
}

//! Networks that learn: layers of units of degree 1, their values and gradients.
//!
//! Gradients are written out by hand, layer by layer: the product of matrices in candle's own backward pass always computes the
//! gradient of both factors, and that of the input of the first layer alone is a third of the work of a small network. Tests
//! compare them with candle's and with differences.

mod backward;
mod ends;
mod forward;
mod image;
mod layer;
mod spec;

pub use backward::gradients;
pub use ends::{Ends, GROUND, ends};
pub use forward::{Kept, forward, keep, probe};
pub use image::{Image, Window};
pub use layer::{Kind, Layer, Shape};

use crate::error::Result;
use crate::network::Activation;
use candle_core::{DType, Device, Tensor};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The shape of a network.
#[derive(Clone, Debug)]
pub struct Net {
    /// Layers from the input to the output.
    pub layers: Vec<Layer>,
    /// What it reads.
    pub input: Image,
    /// Single or double precision.
    pub precision: DType,
}

impl Net {
    /// A network of hidden ReLU layers in words, like `256,128` or `conv8x3/2,32`, and an output layer.
    ///
    /// # Errors
    /// Names the word that is no layer.
    pub fn new(words: &str, input: Image, outputs: usize, last: Activation, precision: DType) -> Result<Self> {
        Ok(Self { layers: spec::layers(words, input, outputs, last)?, input, precision })
    }

    /// The shapes of all parameters, layer by layer.
    #[must_use]
    pub fn shapes(&self) -> Vec<Shape> {
        self.layers.iter().flat_map(Layer::parameters).collect()
    }

    /// The range of a layer's parameters among all.
    #[must_use]
    pub fn range(&self, layer: usize) -> std::ops::Range<usize> {
        let count = |l: &Layer| if matches!(l.kind, Kind::Recurrent { .. }) { 3 } else { 2 };
        let start = self.layers[..layer].iter().map(count).sum();
        start..start + count(&self.layers[layer])
    }

    /// Units with a free scale: those of all layers but the last.
    #[must_use]
    pub fn units(&self) -> usize {
        self.hidden().map(|layer| layer.len()).sum()
    }

    /// The units of every hidden layer.
    pub fn hidden(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let count = self.layers.len() - 1;
        self.layers[..count].iter().scan(0, |start, layer| {
            let range = *start..*start + layer.kind.scales();
            *start = range.end;
            Some(range)
        })
    }

    /// Parameters of a start: uniform within `1 / sqrt(fan-in)` of zero, weights and biases, as is the custom.
    ///
    /// # Errors
    /// Never on the CPU.
    pub fn start(&self, seed: u64) -> Result<Vec<Tensor>> {
        let mut random = StdRng::seed_from_u64(seed);
        let draw = |shape: &Shape| {
            let bound = 1.0 / (shape.fan_in as f64).sqrt();
            let values: Vec<f64> = (0..shape.len()).map(|_| random.random_range(-bound..bound)).collect();
            self.tensor(values, &shape.axes)
        };
        self.shapes().iter().map(draw).collect()
    }

    /// Zeros in the shapes of all parameters.
    ///
    /// # Errors
    /// Never on the CPU.
    pub fn zeros(&self) -> Result<Vec<Tensor>> {
        self.shapes().iter().map(|s| Ok(Tensor::zeros(s.axes.as_slice(), self.precision, &Device::Cpu)?)).collect()
    }

    /// Numbers as a tensor of the network's precision.
    ///
    /// # Errors
    /// When there are not as many as the axes say.
    pub fn tensor(&self, values: Vec<f64>, axes: &[usize]) -> Result<Tensor> {
        Ok(Tensor::from_vec(values, axes, &Device::Cpu)?.to_dtype(self.precision)?)
    }

    /// The parameters as plain numbers.
    ///
    /// # Errors
    /// Never on the CPU.
    pub fn numbers(&self, parameters: &[Tensor]) -> Result<Vec<Vec<f64>>> {
        parameters.iter().map(|p| Ok(super::tensor::numbers(p)?)).collect()
    }
}

//! The value of a network.

use super::{Kind, Layer, Net};
use crate::error::Result;
use crate::learning::tensor::{ChangeBy, Real, change_by};
use crate::network::Activation;
use candle_core::{Device, Tensor};

/// What a layer keeps of its value for the gradient.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What the weights were multiplied by: `rows x columns`; for local windows `positions x rows x columns`; for
    /// recurrent layers one tensor for every time.
    pub read: Vec<Tensor>,
    /// The output, `batch x numbers`; for recurrent layers the state at every time, the last one at the end.
    pub given: Vec<Tensor>,
}

impl Kept {
    /// The output.
    #[must_use]
    pub fn output(&self) -> &Tensor {
        self.given.last().expect("a layer has an output")
    }
}

/// The output for a batch of inputs, `batch x numbers`.
///
/// # Errors
/// When shapes disagree.
pub fn forward(net: &Net, parameters: &[Tensor], batch: &Tensor) -> Result<Tensor> {
    Ok(keep(net, parameters, batch)?.pop().expect("a network has a layer").output().clone())
}

/// The same with all that the gradient needs, layer by layer.
///
/// # Errors
/// When shapes disagree.
pub fn keep(net: &Net, parameters: &[Tensor], batch: &Tensor) -> Result<Vec<Kept>> {
    let mut all: Vec<Kept> = Vec::with_capacity(net.layers.len());
    for (l, layer) in net.layers.iter().enumerate() {
        let read = all.last().map_or(batch, Kept::output);
        let kept = layer.value(&parameters[net.range(l)], read)?;
        all.push(kept);
    }
    Ok(all)
}

/// The outputs for a few inputs as plain numbers, to compare the function before and after a change of weights.
///
/// # Errors
/// When shapes disagree.
pub fn probe(net: &Net, parameters: &[Tensor], batch: &Tensor) -> Result<Vec<f64>> {
    Ok(crate::learning::tensor::numbers(&forward(net, parameters, batch)?)?)
}

impl Layer {
    fn value(&self, parameters: &[Tensor], input: &Tensor) -> Result<Kept> {
        let rows = input.dim(0)?;
        let weight = &parameters[0];
        let bias = parameters.last().expect("a layer has biases");
        let finish = |z: &Tensor| change_by(z, bias, &Activate(self.activation));
        match self.kind {
            Kind::Dense { .. } => {
                let z = input.matmul(&weight.t()?)?;
                finish(&z)?;
                Ok(Kept { read: vec![input.clone()], given: vec![z] })
            }
            Kind::Window { window, channels, shared } => {
                let read = self.gather(input)?;
                let positions = self.table.len() / window.len();
                let (read, z) = if shared {
                    let read = read.reshape((rows * positions, window.len()))?;
                    let z = read.matmul(&weight.t()?)?;
                    (read, z.reshape((rows, positions * channels))?)
                } else {
                    let read = read.reshape((rows, positions, window.len()))?.transpose(0, 1)?.contiguous()?;
                    let z = read.matmul(&weight.t()?)?.transpose(0, 1)?.contiguous()?;
                    (read, z.reshape((rows, positions * channels))?)
                };
                finish(&z)?;
                Ok(Kept { read: vec![read], given: vec![z] })
            }
            Kind::Recurrent { step, steps, .. } => {
                let mut kept = Kept { read: vec![], given: vec![] };
                for t in 0..steps {
                    let x = input.narrow(1, t * step, step)?.contiguous()?;
                    let mut z = x.matmul(&weight.t()?)?;
                    if let Some(state) = kept.given.last() {
                        z = (z + state.matmul(&parameters[1].t()?)?)?;
                    }
                    finish(&z)?;
                    kept.read.push(x);
                    kept.given.push(z);
                }
                Ok(kept)
            }
        }
    }

    /// What is under the window at every position, `batch x (positions * window)`.
    fn gather(&self, input: &Tensor) -> Result<Tensor> {
        let (rows, width) = input.dims2()?;
        let read = Tensor::zeros((rows, self.table.len()), input.dtype(), &Device::Cpu)?;
        change_by(&read, &input.contiguous()?, &Gather { table: &self.table, width })?;
        Ok(read)
    }
}

/// Adds the biases and applies the activation.
struct Activate(Activation);

impl ChangeBy for Activate {
    fn apply<T: Real>(&self, values: &mut [T], bias: &[T]) {
        let slope = T::of(slope(self.0));
        for row in values.chunks_exact_mut(bias.len()) {
            for (z, b) in row.iter_mut().zip(bias) {
                let sum = *z + *b;
                *z = if sum > T::zero() { sum } else { slope * sum };
            }
        }
    }
}

/// The slope below zero of an activation of degree 1 with slope 1 above.
pub(super) fn slope(activation: Activation) -> f64 {
    match activation {
        Activation::Relu => 0.0,
        Activation::LeakyRelu { slope } | Activation::Prelu { slope } => slope,
        _ => 1.0,
    }
}

struct Gather<'a> {
    table: &'a [u32],
    width: usize,
}

impl ChangeBy for Gather<'_> {
    fn apply<T: Real>(&self, values: &mut [T], by: &[T]) {
        for (to, from) in values.chunks_exact_mut(self.table.len()).zip(by.chunks_exact(self.width)) {
            for (v, &k) in to.iter_mut().zip(self.table) {
                *v = from[k as usize];
            }
        }
    }
}

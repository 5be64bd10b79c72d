//! The gradient of a network.

use super::forward::slope;
use super::{Kept, Kind, Layer, Net};
use crate::error::Result;
use crate::learning::tensor::{ChangeBy, Real, change_by};
use crate::network::Activation;
use candle_core::{Device, Tensor};

/// The gradient of an error by all parameters, from its gradient by the output, `batch x outputs`, which is used up.
///
/// Complexity: two products of matrices for every layer, one for the first.
///
/// # Errors
/// When shapes disagree.
pub fn gradients(net: &Net, parameters: &[Tensor], kept: &[Kept], by_output: Tensor) -> Result<Vec<Tensor>> {
    let mut answer = vec![];
    let mut delta = by_output;
    for (l, layer) in net.layers.iter().enumerate().rev() {
        let (mut own, input) = layer.gradient(&parameters[net.range(l)], &kept[l], &delta, l > 0)?;
        own.reverse();
        answer.append(&mut own);
        if let Some(input) = input {
            delta = input;
        }
    }
    answer.reverse();
    Ok(answer)
}

impl Layer {
    /// The gradients of the parameters, and of the input where `wanted`; `delta` is that of the output.
    fn gradient(
        &self,
        parameters: &[Tensor],
        kept: &Kept,
        delta: &Tensor,
        wanted: bool,
    ) -> Result<(Vec<Tensor>, Option<Tensor>)> {
        let weight = &parameters[0];
        let rows = delta.dim(0)?;
        if let Kind::Recurrent { .. } = self.kind {
            return Ok((self.through_time(parameters, kept, delta)?, None));
        }
        change_by(delta, kept.output(), &Deactivate(self.activation))?;
        match self.kind {
            Kind::Window { window, channels, shared: true } => {
                let delta = delta.reshape(((), channels))?;
                let own = vec![delta.t()?.matmul(&kept.read[0])?, total(&delta)?];
                let input = if wanted {
                    let under = delta.matmul(weight)?.reshape((rows, self.table.len()))?;
                    Some(self.scatter(&under, window.image.len())?)
                } else {
                    None
                };
                Ok((own, input))
            }
            Kind::Window { window, channels, shared: false } => {
                let bias = total(delta)?;
                let positions = self.table.len() / window.len();
                let delta = delta.reshape((rows, positions, channels))?.transpose(0, 1)?.contiguous()?;
                let own = vec![delta.t()?.matmul(&kept.read[0])?, bias];
                let input = if wanted {
                    let under = delta.matmul(weight)?.transpose(0, 1)?.contiguous()?;
                    Some(self.scatter(&under.reshape((rows, self.table.len()))?, window.image.len())?)
                } else {
                    None
                };
                Ok((own, input))
            }
            Kind::Dense { .. } | Kind::Recurrent { .. } => {
                let own = vec![delta.t()?.matmul(&kept.read[0])?, total(delta)?];
                Ok((own, if wanted { Some(delta.matmul(weight)?) } else { None }))
            }
        }
    }

    /// Backwards through all times of a recurrent layer.
    fn through_time(&self, parameters: &[Tensor], kept: &Kept, delta: &Tensor) -> Result<Vec<Tensor>> {
        let mut sums: Option<[Tensor; 3]> = None;
        let mut delta = delta.clone();
        for t in (0..kept.read.len()).rev() {
            change_by(&delta, &kept.given[t], &Deactivate(self.activation))?;
            let by_state = match t {
                0 => parameters[1].zeros_like()?,
                _ => delta.t()?.matmul(&kept.given[t - 1])?,
            };
            let own = [delta.t()?.matmul(&kept.read[t])?, by_state, total(&delta)?];
            match &sums {
                None => sums = Some(own),
                Some(sums) => {
                    for (sum, own) in sums.iter().zip(&own) {
                        change_by(sum, own, &Add)?;
                    }
                }
            }
            if t > 0 {
                delta = delta.matmul(&parameters[1])?;
            }
        }
        Ok(sums.map_or(vec![], Vec::from))
    }

    /// Adds up what is under the windows at the places it came from.
    fn scatter(&self, under: &Tensor, width: usize) -> Result<Tensor> {
        let sum = Tensor::zeros((under.dim(0)?, width), under.dtype(), &Device::Cpu)?;
        change_by(&sum, under, &Scatter { table: &self.table, width })?;
        Ok(sum)
    }
}

/// The sum of all rows, as a column.
fn total(delta: &Tensor) -> Result<Tensor> {
    let (_, columns) = delta.dims2()?;
    let sum = Tensor::zeros((columns, 1), delta.dtype(), &Device::Cpu)?;
    change_by(&sum, delta, &Total)?;
    Ok(sum)
}

/// Multiplies by the slope of the activation, which its output tells.
struct Deactivate(Activation);

impl ChangeBy for Deactivate {
    fn apply<T: Real>(&self, values: &mut [T], by: &[T]) {
        let slope = T::of(slope(self.0));
        for (d, y) in values.iter_mut().zip(by) {
            *d = if *y > T::zero() { *d } else { slope * *d };
        }
    }
}

struct Total;

impl ChangeBy for Total {
    fn apply<T: Real>(&self, values: &mut [T], by: &[T]) {
        for row in by.chunks_exact(values.len()) {
            for (sum, d) in values.iter_mut().zip(row) {
                *sum = *sum + *d;
            }
        }
    }
}

struct Add;

impl ChangeBy for Add {
    fn apply<T: Real>(&self, values: &mut [T], by: &[T]) {
        for (sum, d) in values.iter_mut().zip(by) {
            *sum = *sum + *d;
        }
    }
}

struct Scatter<'a> {
    table: &'a [u32],
    width: usize,
}

impl ChangeBy for Scatter<'_> {
    fn apply<T: Real>(&self, values: &mut [T], by: &[T]) {
        for (to, from) in values.chunks_exact_mut(self.width).zip(by.chunks_exact(self.table.len())) {
            for (v, &k) in from.iter().zip(self.table) {
                to[k as usize] = to[k as usize] + *v;
            }
        }
    }
}

//! Scales applied to weights, and to what an optimizer remembers of their gradients.

use crate::error::Result;
use crate::learning::net::{Ends, GROUND, Net, ends};
use crate::learning::optimizer::Buffers;
use crate::learning::tensor::{Change, Real, change};
use candle_core::Tensor;

/// Multiplies every weight by `k = exp(x_head - x_tail)`, momentum by 1 / k, and second moments by 1 / k^2.
///
/// # Errors
/// Never on the CPU.
///
/// # Panics
/// When there is not one log-scale for every hidden unit.
pub fn rescale(net: &Net, parameters: &[Tensor], buffers: &mut Buffers, log_scales: &[f64]) -> Result<()> {
    assert_eq!(log_scales.len(), net.units(), "one log-scale for every hidden unit");
    let ends = ends(net);
    for (tensors, power) in [
        (parameters, 1.0),
        (buffers.first.as_slice(), -1.0),
        (buffers.second.as_slice(), -2.0),
        (buffers.largest.as_slice(), -2.0),
    ] {
        for (tensor, ends) in tensors.iter().zip(&ends) {
            let scale = |unit: &u32| if *unit == GROUND { 0.0 } else { power * log_scales[*unit as usize] };
            let heads = ends.heads.iter().map(|u| scale(u).exp()).collect();
            let tails = ends.tails.iter().map(|u| (-scale(u)).exp()).collect();
            change(tensor, &Multiply { ends, heads, tails })?;
        }
    }
    Ok(())
}

struct Multiply<'a> {
    ends: &'a Ends,
    heads: Vec<f64>,
    tails: Vec<f64>,
}

impl Change for Multiply<'_> {
    fn apply<T: Real>(&self, values: &mut [T]) {
        let columns = self.ends.columns;
        for (r, (row, head)) in values.chunks_exact_mut(columns).zip(&self.heads).enumerate() {
            let tails = &self.tails[r / self.ends.group * columns..][..columns];
            for (w, tail) in row.iter_mut().zip(tails) {
                *w = T::of(w.wide() * (head * tail));
            }
        }
    }
}

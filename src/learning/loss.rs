//! What a network is trained for.

use super::data::Split;
use super::net::{Net, forward};
use super::tensor::numbers;
use crate::error::Result;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

/// The error E of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Cross-entropy of the class, in nats, mean over the batch.
    Classify,
    /// Half the squared distance to the input, mean over the batch.
    Reconstruct,
}

/// How well a network does on a split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean error E.
    pub error: f64,
    /// Share of images that are classified correctly; none for reconstruction.
    pub accuracy: Option<f64>,
}

/// Rows that are evaluated at a time.
const CHUNK: usize = 500;

impl Task {
    /// The error of a batch, and its gradient by the output.
    ///
    /// # Errors
    /// When shapes disagree.
    pub fn error(self, output: &Tensor, batch: &Tensor, labels: &[u8]) -> Result<(f64, Tensor)> {
        let rows = output.dim(0)? as f64;
        match self {
            Self::Classify => {
                let columns = output.dim(1)?;
                let mut scores = numbers(output)?;
                let mut error = 0.0;
                for (row, &label) in scores.chunks_exact_mut(columns).zip(labels) {
                    error += softmax(row, label.into()) / rows;
                    row.iter_mut().for_each(|p| *p /= rows);
                }
                let gradient = Tensor::from_vec(scores, output.shape(), &Device::Cpu)?;
                Ok((error, gradient.to_dtype(output.dtype())?))
            }
            Self::Reconstruct => {
                let off = (output - batch)?;
                let sum: f64 = numbers(&off)?.iter().map(|d| d * d).sum();
                Ok((0.5 * sum / rows, (off / rows)?))
            }
        }
    }

    /// Error and accuracy over a split.
    ///
    /// # Errors
    /// When shapes disagree.
    pub fn score(self, net: &Net, parameters: &[Tensor], split: &Split) -> Result<Score> {
        let all: Vec<u32> = (0..split.len() as u32).collect();
        let (mut error, mut correct) = (0.0, 0);
        for chunk in all.chunks(CHUNK) {
            let (batch, labels) = split.batch(chunk, net.precision)?;
            let output = forward(net, parameters, &batch)?;
            let (mean, _) = self.error(&output, &batch, &labels)?;
            error += mean * chunk.len() as f64 / split.len() as f64;
            if self == Self::Classify {
                let scores = numbers(&output)?;
                let rows = scores.chunks_exact(output.dim(1)?).zip(&labels);
                correct += rows.filter(|(row, label)| largest(row) == usize::from(**label)).count();
            }
        }
        let accuracy = (self == Self::Classify).then(|| correct as f64 / split.len() as f64);
        Ok(Score { error, accuracy })
    }
}

/// Turns scores into probabilities minus the true ones; returns the cross-entropy.
fn softmax(scores: &mut [f64], label: usize) -> f64 {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let own = scores[label] - most;
    scores.iter_mut().for_each(|s| *s = (*s - most).exp());
    let sum: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|s| *s /= sum);
    scores[label] -= 1.0;
    sum.ln() - own
}

fn largest(scores: &[f64]) -> usize {
    (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0)
}

//! Laws of deficits along gradient descent, in double precision: what one step does, and what none of them changes.

use crate::error::Result;
use crate::learning::loss::Task;
use crate::learning::measure::square_deficits;
use crate::learning::net::{Net, gradients, keep};
use crate::learning::optimizer::{Buffers, Optimizer, step};
use crate::learning::penalty::Penalty;
use candle_core::Tensor;

/// Gradient descent on all images at once.
pub struct Descent<'a> {
    /// The network, in double precision.
    pub net: &'a Net,
    /// The images.
    pub batch: &'a Tensor,
    /// Their classes.
    pub labels: &'a [u8],
    /// The learning rate.
    pub rate: f64,
    /// The factor of `sum w^2`.
    pub beta: f64,
}

impl Descent<'_> {
    /// The gradient of E.
    fn gradient(&self, parameters: &[Tensor]) -> Result<Vec<Tensor>> {
        let kept = keep(self.net, parameters, self.batch)?;
        let output = kept.last().expect("a network has a layer").output();
        let (_, delta) = Task::Classify.error(output, self.batch, self.labels)?;
        gradients(self.net, parameters, &kept, delta)
    }

    /// Takes a step; returns the gradient that it used.
    fn step(&self, parameters: &[Tensor]) -> Result<Vec<Tensor>> {
        let gradient = self.gradient(parameters)?;
        let penalty = Penalty { exponent: 2.0, beta: self.beta };
        step(Optimizer::Sgd, (self.rate, penalty), parameters, &gradient, &mut Buffers::default())?;
        Ok(gradient)
    }

    /// The largest difference, over steps and units, between the change of a deficit by a step and
    /// `rate^2 (sum_in g^2 - sum_out g^2)`, relative to the sum of squares that enters the deficits.
    pub fn identity(&self, seed: u64, steps: usize) -> Result<f64> {
        let parameters = self.net.start(seed)?;
        let mut worst: f64 = 0.0;
        for _ in 0..steps {
            let before = square_deficits(self.net, &parameters)?;
            let gradient = self.step(&parameters)?;
            let (after, own) = (square_deficits(self.net, &parameters)?, square_deficits(self.net, &gradient)?);
            let size = largest(&before).max(largest(&after));
            for ((a, b), g) in before.iter().zip(&after).zip(&own) {
                worst = worst.max((b - a - self.rate.powi(2) * g).abs() / size);
            }
        }
        Ok(worst)
    }

    /// Deficits along `time` of learning, in `points` even parts: those at the start, and at the end of every part.
    pub fn deficits(&self, seed: u64, time: f64, points: usize) -> Result<Vec<Vec<f64>>> {
        let parameters = self.net.start(seed)?;
        let steps = (time / self.rate).round() as usize;
        let mut all = vec![square_deficits(self.net, &parameters)?];
        for k in 1..=steps {
            self.step(&parameters)?;
            if k * points / steps > (k - 1) * points / steps {
                all.push(square_deficits(self.net, &parameters)?);
            }
        }
        Ok(all)
    }
}

/// The largest change of any deficit, relative to the largest deficit at the start.
pub fn change(deficits: &[Vec<f64>]) -> f64 {
    let (first, last) = (&deficits[0], &deficits[deficits.len() - 1]);
    let gaps: Vec<f64> = first.iter().zip(last).map(|(a, b)| b - a).collect();
    largest(&gaps) / largest(first)
}

/// What is left of the deficits at the start: the factor that fits best over all units, at every point.
pub fn left(deficits: &[Vec<f64>]) -> Vec<f64> {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let own = product(&deficits[0], &deficits[0]);
    deficits.iter().map(|d| product(d, &deficits[0]) / own).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

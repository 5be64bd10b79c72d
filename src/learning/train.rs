//! The loop of training.

use super::balancing::{When, balance};
use super::data::{Dataset, Split};
use super::loss::Score;
use super::measure::{Deficit, deficit, squares};
use super::net::{Net, gradients, keep};
use super::optimizer::{Buffers, step};
use super::plan::Plan;
use super::state::{Checkpoint, State, load, save};
use crate::error::Result;
use candle_core::Tensor;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What was measured after an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Epochs so far; 0 is the start, balanced where the plan says so.
    pub epoch: u32,
    /// Mean error E over the steps of this epoch; none at the start.
    pub training: Option<f64>,
    /// Error and accuracy on the test images, or on those held back.
    pub score: Score,
    /// How far from balance.
    pub deficit: Deficit,
}

/// What came out of a run. All but the seconds is the same every time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Measurements, from the start to the end.
    pub records: Vec<Record>,
    /// Whether the error left the range of numbers; training ends there.
    pub diverged: bool,
    /// The largest change of the outputs by a balancing, relative to their range.
    pub difference: f64,
    /// Number of balancings.
    pub balancings: u64,
    /// By what balancing at the start multiplied the squared gradient of every layer: where it did not balance, ones. A step of
    /// gradient descent at rate r then does what one at r times this number did before.
    pub gain: Vec<f64>,
    /// Size of the updates of the first epoch relative to the weights, `sqrt(sum of squared steps / squared weights)` of
    /// every layer.
    pub movement: Vec<f64>,
    /// Seconds of training, evaluation left out.
    pub seconds: f64,
    /// Seconds of them spent on balancing.
    pub balancing_seconds: f64,
}

impl Outcome {
    /// The last measurement.
    #[must_use]
    pub fn last(&self) -> Option<&Record> {
        self.records.last()
    }

    /// Accuracy at the end; that of chance where the run diverged.
    #[must_use]
    pub fn accuracy(&self, classes: usize) -> f64 {
        let last = self.last().and_then(|r| r.score.accuracy).filter(|_| !self.diverged);
        last.unwrap_or(1.0 / classes as f64)
    }
}

/// A trained network.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Its shape.
    pub net: Net,
    /// Its parameters.
    pub parameters: Vec<Tensor>,
    /// What was measured.
    pub outcome: Outcome,
}

/// Images whose outputs are compared around a balancing.
const PROBES: usize = 20;

/// Trains a network as the plan says.
///
/// With a checkpoint it goes on from there where the file exists, and keeps it up to date; the result is the same to the
/// last bit. `after_epoch` is called after every epoch.
///
/// # Errors
/// When the plan does not fit the data, or the checkpoint cannot be read or written.
pub fn train(plan: &Plan, data: &Dataset, checkpoint: Option<Checkpoint>, after_epoch: &dyn Fn()) -> Result<Trained> {
    let net = plan.net(data)?;
    let (training, held) = data.divide(plan.samples, plan.held, plan.seed)?;
    let evaluated = if plan.held > 0 { &held } else { &data.test };
    let probes: Vec<u32> = (0..training.len().min(PROBES) as u32).collect();
    let (probe, _) = training.batch(&probes, net.precision)?;
    let mut run = Run { plan, net: &net, training: &training, evaluated, probe };
    let mut state = match checkpoint.filter(|c| c.path.exists()) {
        Some(checkpoint) => load(checkpoint, plan, &net)?,
        None => run.begin()?,
    };
    for _ in 0..state.epoch {
        after_epoch();
    }
    let mut saved = Instant::now();
    while state.epoch < plan.epochs && !state.outcome.diverged {
        run.epoch(&mut state)?;
        after_epoch();
        if let Some(checkpoint) = checkpoint.filter(|c| saved.elapsed().as_secs_f64() >= c.pause) {
            save(checkpoint, plan, &state)?;
            saved = Instant::now();
        }
    }
    Ok(Trained { net, parameters: state.parameters, outcome: state.outcome })
}

struct Run<'a> {
    plan: &'a Plan,
    net: &'a Net,
    training: &'a Split,
    evaluated: &'a Split,
    probe: Tensor,
}

impl Run<'_> {
    fn begin(&mut self) -> Result<State> {
        let parameters = self.net.start(self.plan.seed)?;
        let buffers = Buffers::new(self.plan.optimizer, &parameters)?;
        let mut state = State { parameters, buffers, epoch: 0, outcome: Outcome::default() };
        let first: Vec<u32> = (0..self.plan.batch.min(self.training.len()) as u32).collect();
        let before = squares(self.net, &self.gradient(&state, &first)?.1)?;
        let mut after = before.clone();
        if self.plan.balancing.when == When::Start {
            self.balance(&mut state)?;
            after = squares(self.net, &self.gradient(&state, &first)?.1)?;
        }
        let ratio = |(a, b): (&f64, &f64)| if *b > 0.0 { a / b } else { 1.0 };
        state.outcome.gain = after.iter().zip(&before).map(ratio).collect();
        self.measure(&mut state, None)?;
        Ok(state)
    }

    /// The error of a batch and its gradient.
    fn gradient(&self, state: &State, images: &[u32]) -> Result<(f64, Vec<Tensor>)> {
        let (batch, labels) = self.training.batch(images, self.net.precision)?;
        let kept = keep(self.net, &state.parameters, &batch)?;
        let output = kept.last().expect("a network has a layer").output();
        let (error, delta) = self.plan.task.error(output, &batch, &labels)?;
        Ok((error, gradients(self.net, &state.parameters, &kept, delta)?))
    }

    fn epoch(&mut self, state: &mut State) -> Result<()> {
        let begin = Instant::now();
        let mut order: Vec<u32> = (0..self.training.len() as u32).collect();
        let stream = self.plan.seed.wrapping_mul(1 << 32).wrapping_add(u64::from(state.epoch) + 1);
        order.shuffle(&mut StdRng::seed_from_u64(stream));
        let (mut sum, mut moved) = (0.0, vec![0.0; self.net.layers.len()]);
        for images in order.chunks(self.plan.batch) {
            let (error, gradients) = self.gradient(state, images)?;
            if !error.is_finite() {
                state.outcome.diverged = true;
                break;
            }
            sum += error * images.len() as f64;
            step(
                self.plan.optimizer,
                (self.plan.rate, self.plan.penalty),
                &state.parameters,
                &gradients,
                &mut state.buffers,
            )?;
            if state.epoch == 0 && state.buffers.steps % MOVEMENT == 1 {
                let (steps, weights) = (squares(self.net, &gradients)?, squares(self.net, &state.parameters)?);
                let pairs = moved.iter_mut().zip(steps.iter().zip(&weights));
                pairs.for_each(|(m, (s, w))| *m += self.plan.rate.powi(2) * s / w);
            }
            if let When::Steps(every) = self.plan.balancing.when
                && state.buffers.steps.is_multiple_of(every.max(1))
            {
                self.balance(state)?;
            }
        }
        if state.epoch == 0 {
            let count = order.len().div_ceil(self.plan.batch).div_ceil(MOVEMENT as usize) as f64;
            state.outcome.movement = moved.iter().map(|m: &f64| (m / count).sqrt()).collect();
        }
        state.epoch += 1;
        if let When::Epochs(every) = self.plan.balancing.when
            && state.epoch.is_multiple_of(every.max(1))
            && !state.outcome.diverged
        {
            self.balance(state)?;
        }
        state.outcome.seconds += begin.elapsed().as_secs_f64();
        let last = state.epoch == self.plan.epochs;
        if !state.outcome.diverged && (last || state.epoch.is_multiple_of(self.plan.every)) {
            self.measure(state, Some(sum / order.len() as f64))?;
        }
        Ok(())
    }

    fn balance(&self, state: &mut State) -> Result<()> {
        if state.parameters.iter().map(finite).collect::<Result<Vec<_>>>()?.contains(&false) {
            state.outcome.diverged = true;
            return Ok(());
        }
        let begin = Instant::now();
        let seed = self.plan.seed.wrapping_mul(1 << 32).wrapping_add(state.buffers.steps);
        let (net, balancing) = (self.net, self.plan.balancing);
        let difference = balance(net, &state.parameters, &mut state.buffers, balancing, (&self.probe, seed))?;
        let outcome = &mut state.outcome;
        outcome.difference = outcome.difference.max(difference);
        outcome.balancings += 1;
        outcome.balancing_seconds += begin.elapsed().as_secs_f64();
        Ok(())
    }

    fn measure(&self, state: &mut State, training: Option<f64>) -> Result<()> {
        let score = self.plan.task.score(self.net, &state.parameters, self.evaluated)?;
        if !score.error.is_finite() {
            state.outcome.diverged = true;
            return Ok(());
        }
        let deficit = deficit(self.net, &state.parameters, self.plan.penalty.exponent)?;
        state.outcome.records.push(Record { epoch: state.epoch, training, score, deficit });
        Ok(())
    }
}

/// Steps from one measurement of the movement to the next.
const MOVEMENT: u64 = 10;

fn finite(tensor: &Tensor) -> Result<bool> {
    Ok(super::tensor::numbers(tensor)?.iter().all(|w| w.is_finite()))
}

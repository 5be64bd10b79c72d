//! Two ONNX files: are they the same apart from weights, and is one a rescaling of the other?

use super::lower::OnnxModel;
use super::scales::{Ports, WeightUse};
use crate::error::{Error, ErrorKind, Result};

/// The rescaling that leads from one file to another, as well as there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// Free log-scales: the least-squares solution, zero where nothing determines it.
    pub log_scales: Vec<f64>,
    /// Largest difference between the logarithm of a ratio of weights and what the log-scales say; infinite where a sign or
    /// a zero differs.
    pub mismatch: f64,
    /// The weight at which it occurs.
    pub at: String,
}

/// A weight that is not zero: its ports, and the logarithm of the ratio of its two values.
struct Equation {
    head: u32,
    tail: u32,
    log_ratio: f64,
}

/// The equations of one stored tensor.
struct Block<'a> {
    one: &'a WeightUse,
    equations: Vec<Equation>,
    elements: Vec<usize>,
}

impl OnnxModel {
    /// The first difference of the files outside of weights and biases; `None` when there is none.
    #[must_use]
    pub fn difference_outside_weights(&self, other: &Self) -> Option<String> {
        let (a, b) = (self.bytes(), other.bytes());
        if a.len() != b.len() {
            return Some(format!("the files have {} and {} bytes", a.len(), b.len()));
        }
        let payloads = self.leading().flat_map(|one| &self.tensors()[one.tensor()].places);
        let mut weights: Vec<(usize, usize)> = payloads.map(|r| (r.start, r.end)).collect();
        weights.sort_unstable();
        let mut from = 0;
        for (start, end) in weights.into_iter().chain([(a.len(), a.len())]) {
            let gap = from..start.max(from);
            if let Some(at) = gap.clone().find(|&i| a[i] != b[i]) {
                return Some(format!("byte {at} differs and is no part of a weight"));
            }
            from = end.max(from);
        }
        None
    }

    /// The log-scales that make `other` out of this model.
    ///
    /// Complexity: some dozens of passes over all weights (conjugate gradients on the normal equations).
    ///
    /// # Errors
    /// When the files differ in anything but the values of weights.
    pub fn scales_between(&self, other: &Self) -> Result<Recovered> {
        if let Some(difference) = self.difference_outside_weights(other) {
            let remedy = "compare a file with a rescaled version of itself";
            let error = Error::new(ErrorKind::Network, "comparison", difference, remedy);
            return Err(error.in_file(other.path()));
        }
        let mut blocks = vec![];
        for one in self.leading() {
            match self.equations(other, one) {
                Ok(block) => blocks.push(block),
                Err(at) => {
                    let log_scales = vec![0.0; self.free()];
                    return Ok(Recovered { log_scales, mismatch: f64::INFINITY, at });
                }
            }
        }
        let log_scales = least_squares(&blocks, self.free());
        let (mut mismatch, mut at) = (0.0, String::new());
        for block in &blocks {
            let values = block.apply(&log_scales);
            for ((equation, value), element) in block.equations.iter().zip(values).zip(&block.elements) {
                let difference = (equation.log_ratio - value).abs();
                if difference > mismatch {
                    mismatch = difference;
                    at = format!("element {element} of {:?}", self.tensors()[block.one.tensor()].name);
                }
            }
        }
        Ok(Recovered { log_scales, mismatch, at })
    }

    /// The equations of a tensor; the weight at which a sign or a zero differs otherwise.
    fn equations<'a>(&self, other: &Self, one: &'a WeightUse) -> std::result::Result<Block<'a>, String> {
        let tensor = &self.tensors()[one.tensor()];
        let mut block = Block { one, equations: vec![], elements: vec![] };
        let mut fault = None;
        one.visit(|element, head, tail| {
            let (a, b) = (tensor.number(self.bytes(), element), tensor.number(other.bytes(), element));
            if a == 0.0 && b == 0.0 {
                return;
            }
            let ratio = b / a;
            if !(ratio > 0.0 && ratio.is_finite()) {
                fault.get_or_insert_with(|| format!("element {element} of {:?}", tensor.name));
                return;
            }
            let log_ratio = if one.reciprocal { -ratio.ln() } else { ratio.ln() };
            block.equations.push(Equation { head: head as u32, tail: tail as u32, log_ratio });
            block.elements.push(element);
        });
        fault.map_or(Ok(block), Err)
    }
}

impl Block<'_> {
    /// Log-multipliers of the weights at the log-scales `x`.
    fn apply(&self, x: &[f64]) -> Vec<f64> {
        let at = |ports: &Ports| ports.forms.iter().map(|f| f.at(x)).collect::<Vec<f64>>();
        let (heads, tails) = (at(&self.one.heads), at(&self.one.tails));
        self.equations.iter().map(|e| heads[e.head as usize] - tails[e.tail as usize]).collect()
    }

    /// Adds the transposed map, applied to `residual`, to `into`.
    fn add_transposed(&self, residual: &[f64], into: &mut [f64]) {
        let (mut heads, mut tails) = (vec![0.0; self.one.heads.forms.len()], vec![0.0; self.one.tails.forms.len()]);
        for (equation, r) in self.equations.iter().zip(residual) {
            heads[equation.head as usize] += r;
            tails[equation.tail as usize] -= r;
        }
        for (ports, sums) in [(&self.one.heads, heads), (&self.one.tails, tails)] {
            for (form, sum) in ports.forms.iter().zip(sums) {
                form.terms().iter().for_each(|&(v, c)| into[v as usize] += c * sum);
            }
        }
    }
}

/// Least squares by conjugate gradients on the normal equations (CGLS; Björck, Numerical Methods for Least Squares
/// Problems, 1996, algorithm 7.4.1). The start at zero makes it the solution of least norm.
fn least_squares(blocks: &[Block<'_>], free: usize) -> Vec<f64> {
    let transposed = |residuals: &[Vec<f64>]| {
        let mut sum = vec![0.0; free];
        blocks.iter().zip(residuals).for_each(|(block, r)| block.add_transposed(r, &mut sum));
        sum
    };
    let square = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
    let mut x = vec![0.0; free];
    let mut residuals: Vec<Vec<f64>> =
        blocks.iter().map(|b| b.equations.iter().map(|e| e.log_ratio).collect()).collect();
    let mut direction = transposed(&residuals);
    let mut gamma = square(&direction);
    let goal = gamma * 1e-28;
    for _ in 0..(2 * free + 10).min(MAX_ITERATIONS) {
        if gamma <= goal || gamma == 0.0 {
            break;
        }
        let images: Vec<Vec<f64>> = blocks.iter().map(|b| b.apply(&direction)).collect();
        let step = gamma / images.iter().map(|q| square(q)).sum::<f64>();
        if !step.is_finite() {
            break;
        }
        x.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
        for (residual, image) in residuals.iter_mut().zip(&images) {
            residual.iter_mut().zip(image).for_each(|(r, q)| *r -= step * q);
        }
        let gradient = transposed(&residuals);
        let next = square(&gradient);
        let beta = next / gamma;
        direction.iter_mut().zip(&gradient).for_each(|(d, g)| *d = g + beta * *d);
        gamma = next;
    }
    x
}

/// Enough for the depths that are met; the mismatch tells when it was not.
const MAX_ITERATIONS: usize = 1000;

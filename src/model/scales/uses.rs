//! How the entries of a stored tensor take part in the function.

use super::value::{Scales, View};
use crate::manifold::{Form, Forms};
use crate::model::files::Files;
use crate::model::tensor::Tensor;
use rayon::prelude::*;
use std::ops::Range;

/// Entries that one thread looks at together.
const CHUNK: usize = 1 << 14;
/// Up to one zero in so many entries, zeros are listed.
const FEW: usize = 16;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A connection between two channels.
    Weight,
    /// A connection from the constant 1 to a channel.
    Bias,
    /// Scaled with a channel, but no cost: the mean of a batch normalization.
    Statistic,
    /// Neither scaled nor a cost: slopes, scalars, variances, captured tensors.
    Fixed,
}

/// The ports at one end of the entries of a tensor.
///
/// Entry with index (i, j, ...) meets the port `forms[i * strides[0] + j * strides[1] + ...]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ports {
    /// Log-scale of each port.
    pub forms: Forms,
    /// Strides over the axes of the tensor.
    pub strides: Vec<usize>,
    /// The node of the flow graph that stands for the ports whose form is zero.
    pub(crate) hub: u32,
}

impl Ports {
    /// The ports at which entries of `view` sit when its elements carry `scales`.
    pub(crate) fn new(view: &View, scales: &Scales, hub: u32) -> Self {
        let mut forms: Forms = [Form::zero()].into();
        let mut strides = vec![0; view.dims.len()];
        for (number, (axis, along)) in scales.axes().enumerate() {
            if along.len() > 1 {
                strides[view.dims.len() - 1 - axis] = forms.len();
            }
            forms = match number {
                0 => along.clone(),
                _ => along.iter().flat_map(|f| forms.iter().map(|g| g.plus(1.0, f))).collect(),
            };
        }
        Self { forms, strides, hub }
    }
}

/// One use of a stored tensor by a node. The multiplier of an entry is `exp(head - tail)`, or its reciprocal.
#[derive(Clone, Debug)]
pub struct WeightUse {
    /// Name of the node.
    pub node: String,
    /// What the entries are.
    pub role: Role,
    /// How the node sees the stored tensor.
    pub(crate) view: View,
    /// Ports that the entries feed.
    pub heads: Ports,
    /// Ports that feed the entries.
    pub tails: Ports,
    /// Whether the node divides by the entries: the weight is 1/m.
    pub reciprocal: bool,
}

impl WeightUse {
    /// Whether no entry has a multiplier.
    pub(super) fn is_fixed(&self) -> bool {
        self.heads.forms.iter().chain(self.tails.forms.iter()).all(Form::is_zero)
    }

    /// Index of the stored tensor.
    #[must_use]
    pub fn tensor(&self) -> usize {
        self.view.tensor
    }

    /// The axes in the order in which the tensor is stored, the fastest last: size, and strides at the heads and the tails.
    /// Neighbours that count like one axis are one. None where the node does not see every stored element exactly once.
    pub(crate) fn stored_axes(&self) -> Option<Vec<[usize; 3]>> {
        let view = &self.view;
        let mut axes: Vec<usize> = (0..view.dims.len()).filter(|&i| view.dims[i] > 1).collect();
        axes.sort_by_key(|&i| std::cmp::Reverse(view.strides[i]));
        let mut next = 1;
        let contiguous = axes.iter().rev().all(|&i| {
            let expected = next;
            next *= view.dims[i];
            view.strides[i] == expected
        });
        let mut merged: Vec<[usize; 3]> = vec![];
        for i in axes {
            let axis @ [size, head, tail] = [view.dims[i], self.heads.strides[i], self.tails.strides[i]];
            match merged.last_mut() {
                Some(outer) if outer[1] == size * head && outer[2] == size * tail => {
                    *outer = [outer[0] * size, head, tail]
                }
                _ => merged.push(axis),
            }
        }
        contiguous.then_some(merged)
    }

    /// Calls `visit(head, tail)` for every pair of ports between which some entry is not zero, at least once.
    pub(crate) fn for_each_nonzero(&self, tensor: &Tensor, files: &Files, mut visit: impl FnMut(usize, usize)) {
        let (Some(axes), Some(numbers)) = (self.stored_axes(), tensor.single_precision(files)) else {
            return self.visit(|element, head, tail| {
                if tensor.number(files, element) != 0.0 {
                    visit(head, tail);
                }
            });
        };
        let [length, head_step, tail_step] = axes.last().copied().unwrap_or([1, 0, 0]);
        let nonzero = |number: &[u8; 4]| f32::from_le_bytes(*number) != 0.0;
        Self::visit_runs(&axes, |element, head, tail| {
            let run = &numbers[element..element + length];
            if head_step == 0 && tail_step == 0 {
                if run.iter().any(nonzero) {
                    visit(head, tail);
                }
                return;
            }
            for (k, _) in run.iter().enumerate().filter(|(_, number)| nonzero(number)) {
                visit(head + k * head_step, tail + k * tail_step);
            }
        });
    }

    /// The pairs of ports between which every entry is zero, in order, where each head meets each tail as often; none where many
    /// entries are zero, or where they are not stored as they are seen. Complexity: two reads of the entries, on all threads.
    pub(crate) fn gaps(&self, tensor: &Tensor, files: &Files) -> Option<Vec<(usize, usize)>> {
        let (axes, numbers) = (self.stored_axes()?, tensor.single_precision(files)?);
        let is_zero = |number: &[u8; 4]| u32::from_le_bytes(*number) << 1 == 0;
        let count = |chunk: &[[u8; 4]]| chunk.iter().map(|number| u32::from(is_zero(number))).sum::<u32>() as usize;
        if numbers.par_chunks(CHUNK).map(count).sum::<usize>() > numbers.len() / FEW {
            return None;
        }
        let chunks = numbers.par_chunks(CHUNK).enumerate();
        let zeros = chunks.flat_map_iter(|(c, chunk)| {
            let places = chunk.iter().enumerate().filter(|(_, number)| is_zero(number));
            places.map(move |(k, _)| c * CHUNK + k)
        });
        let ports = |element: usize| {
            let mut rest = element;
            axes.iter().rev().fold((0, 0), |(head, tail), &[size, head_stride, tail_stride]| {
                let index = rest % size;
                rest /= size;
                (head + index * head_stride, tail + index * tail_stride)
            })
        };
        let mut pairs: Vec<(usize, usize)> = zeros.map(ports).collect();
        pairs.par_sort_unstable();
        let each = numbers.len() / (self.heads.forms.len() * self.tails.forms.len()).max(1);
        Some(pairs.chunk_by(|a, b| a == b).filter(|alike| alike.len() == each).map(|alike| alike[0]).collect())
    }

    /// Calls `visit(element, head, tail)` for the first entry of every run along the fastest of the stored axes.
    pub(crate) fn visit_runs(axes: &[[usize; 3]], visit: impl FnMut(usize, usize, usize)) {
        Self::visit_some_runs(axes, 0..Self::runs(axes), visit);
    }

    /// How many runs there are.
    pub(crate) fn runs(axes: &[[usize; 3]]) -> usize {
        axes.split_last().map_or(1, |(_, outer)| outer.iter().map(|axis| axis[0]).product())
    }

    /// Calls `visit` for the runs of a range.
    pub(crate) fn visit_some_runs(axes: &[[usize; 3]], runs: Range<usize>, mut visit: impl FnMut(usize, usize, usize)) {
        let (outer, length) = axes.split_last().map_or((axes, 1), |(last, outer)| (outer, last[0]));
        let mut index = vec![0; outer.len()];
        let (mut element, mut head, mut tail) = (runs.start * length, 0, 0);
        let mut first = runs.start;
        for (index, [size, head_stride, tail_stride]) in index.iter_mut().zip(outer).rev() {
            *index = first % size;
            first /= size;
            (head, tail) = (head + *index * head_stride, tail + *index * tail_stride);
        }
        for _ in runs {
            visit(element, head, tail);
            element += length;
            let mut axis = outer.len();
            while axis > 0 {
                axis -= 1;
                let [size, head_stride, tail_stride] = outer[axis];
                index[axis] += 1;
                (head, tail) = (head + head_stride, tail + tail_stride);
                if index[axis] < size {
                    break;
                }
                index[axis] = 0;
                (head, tail) = (head - size * head_stride, tail - size * tail_stride);
            }
        }
    }

    /// Whether every head meets every tail in some entry, because different axes tell them apart.
    pub(crate) fn joins_all(&self) -> bool {
        let wide = || (0..self.view.dims.len()).filter(|&axis| self.view.dims[axis] > 1);
        let covers = |ports: &Ports| {
            let along = wide().filter(|&axis| ports.strides[axis] > 0);
            along.map(|axis| self.view.dims[axis]).product::<usize>() == ports.forms.len()
        };
        let apart = wide().all(|axis| self.heads.strides[axis] == 0 || self.tails.strides[axis] == 0);
        apart && covers(&self.heads) && covers(&self.tails) && self.view.len() > 0
    }

    /// Calls `visit(element, head, tail)` for every entry: its place in the stored tensor and its ports.
    pub(crate) fn visit(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let lists = [self.view.strides.as_slice(), &self.heads.strides, &self.tails.strides];
        self.view.visit(lists, |[element, head, tail]| visit(element, head, tail));
    }
}

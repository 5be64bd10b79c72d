//! Two ONNX files: are they the same apart from weights, and are these the scaled ones?

use super::lower::OnnxModel;
use super::patch::PatchReport;
use super::rule::{Change, Entry, Rule};
use crate::lowered::Scaling;

/// What can be compared.
const OF_ONE_EXPORT: &str =
    "names, metadata and types must agree, as they do in files that were rescaled after one export";

impl OnnxModel {
    /// The first difference of the files outside of weights and biases; `None` when there is none.
    #[must_use]
    pub fn difference_outside_weights(&self, other: &Self) -> Option<String> {
        if self.files().count() != other.files().count() {
            return Some(format!("one file keeps weights in more files than the other: {OF_ONE_EXPORT}"));
        }
        (0..self.files().count()).find_map(|file| {
            let (a, b) = (self.gaps(file), other.gaps(file));
            if a.len() != b.len() {
                return Some(format!("the files have different tensors: {OF_ONE_EXPORT}"));
            }
            a.into_iter().zip(b).find_map(|((at, a), (_, b))| {
                let differs = a.iter().zip(b).position(|(x, y)| x != y);
                let differs = differs.or_else(|| (a.len() != b.len()).then_some(a.len().min(b.len())));
                differs.map(|i| format!("byte {} differs and is no part of a weight: {OF_ONE_EXPORT}", at + i))
            })
        })
    }

    /// The largest relative difference between a weight of this model after scaling, rounded to its type, and that of
    /// another one that differs in nothing else, and where it is; a sign or a zero that differs counts as 1 or more.
    #[must_use]
    pub fn weight_difference(&self, scaling: &Scaling, other: &Self) -> (f64, String) {
        let mut worst = (0.0, String::new());
        for one in self.leading() {
            let (tensor, second) = (&self.tensors()[one.tensor()], &other.tensors()[one.tensor()]);
            if tensor.places.is_empty() || tensor.places.len() != second.places.len() || tensor.len() != second.len() {
                continue;
            }
            let rule = Rule::new(Change::Scaled(scaling), one, tensor.element, 0);
            one.visit(|element, head, tail| {
                let old = tensor.number(self.files(), element);
                let entry = Entry { element, head, tail };
                let expected = if old == 0.0 { None } else { rule.apply(old, entry, &mut PatchReport::default()) };
                let a = expected.map_or(old, |(new, _)| tensor.element.round(new));
                let b = second.number(other.files(), element);
                let difference = if a == b { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) };
                if difference > worst.0 || difference.is_nan() {
                    worst = (difference, format!("element {element} of {:?}", tensor.name));
                }
            });
        }
        worst
    }

    /// What is between the weights of a file: where it starts, and its bytes. Lengths of messages that change with the
    /// weights count as weights.
    fn gaps(&self, file: usize) -> Vec<(usize, &[u8])> {
        let bytes = self.files().bytes(file);
        let tensors = self.leading().map(|one| &self.tensors()[one.tensor()]).filter(|t| t.file == file);
        let mut weights: Vec<_> = tensors.flat_map(|t| t.places.iter().chain(&t.lengths)).collect();
        weights.sort_unstable_by_key(|r| (r.start, r.end));
        weights.dedup();
        let (mut from, mut gaps) = (0, vec![]);
        for place in weights {
            gaps.push((from, &bytes[from..place.start.max(from)]));
            from = place.end.max(from);
        }
        gaps.push((from, &bytes[from..]));
        gaps
    }
}

//! Two ONNX files: are they the same apart from weights?

use super::lower::OnnxModel;

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
}

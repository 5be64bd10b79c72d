//! The weights of a model that go to zero along a direction, by tensor and place.

use super::lower::OnnxModel;

impl OnnxModel {
    /// The non-zero weights that go to zero along `direction`: the first `named` as tensor and index, and how many there
    /// are.
    ///
    /// # Panics
    /// When the direction has fewer entries than the model has free log-scales.
    #[must_use]
    pub fn escaping(&self, direction: &[f64], named: usize) -> (Vec<String>, usize) {
        let (mut names, mut count) = (vec![], 0);
        for one in self.leading() {
            let tensor = &self.tensors()[one.tensor()];
            one.visit(|element, head, tail| {
                let (head, tail) = Self::ports(one, head, tail);
                let change = head.at(direction) - tail.at(direction);
                let falls = if one.reciprocal { change > 0.0 } else { change < 0.0 };
                if falls && tensor.number(self.files(), element) != 0.0 {
                    count += 1;
                    if names.len() < named {
                        names.push(format!("{}[{}]", tensor.name, index(element, &tensor.dims)));
                    }
                }
            });
        }
        (names, count)
    }
}

/// The index of an element in row-major order, as `i, j, ...`.
fn index(element: usize, dims: &[usize]) -> String {
    let mut rest = element;
    let mut index: Vec<String> = dims
        .iter()
        .rev()
        .map(|&size| {
            let own = rest % size.max(1);
            rest /= size.max(1);
            own.to_string()
        })
        .collect();
    index.reverse();
    index.join(", ")
}

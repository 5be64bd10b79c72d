//! What a node says about itself.

use super::graph::{Attribute, Node};

impl Node {
    /// The integer attribute `name`, or `default`.
    #[must_use]
    pub fn int(&self, name: &str, default: i64) -> i64 {
        match self.attributes.get(name) {
            Some(&Attribute::Int(value)) => value,
            _ => default,
        }
    }

    /// The real attribute `name`, where given.
    #[must_use]
    pub fn float(&self, name: &str) -> Option<f64> {
        match self.attributes.get(name) {
            Some(&Attribute::Float(value)) => Some(f64::from(value)),
            _ => None,
        }
    }

    /// The text attribute `name`, or nothing.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        match self.attributes.get(name) {
            Some(Attribute::Text(value)) => value,
            _ => "",
        }
    }

    /// The list of texts `name`, where given.
    #[must_use]
    pub fn texts(&self, name: &str) -> Option<&[String]> {
        match self.attributes.get(name) {
            Some(Attribute::Texts(values)) => Some(values),
            _ => None,
        }
    }

    /// The list of integers `name`, where given.
    #[must_use]
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attributes.get(name) {
            Some(Attribute::Ints(values)) => Some(values),
            _ => None,
        }
    }

    /// The tensor that a `Constant` node gives; `None` for other nodes, and for constants of other kinds.
    #[must_use]
    pub fn constant(&self) -> Option<usize> {
        let is_constant = self.op == "Constant" && self.domain.is_empty();
        let kinds = ["value", "value_float", "value_floats", "value_int", "value_ints"];
        let tensor = |kind: &str| match self.attributes.get(kind) {
            Some(&Attribute::Tensor(tensor)) => Some(tensor),
            _ => None,
        };
        kinds.into_iter().find_map(tensor).filter(|_| is_constant)
    }

    /// Name of input `index`, where present.
    #[must_use]
    pub fn input(&self, index: usize) -> Option<&str> {
        self.inputs.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }
}

//! Whether a constant that the model computes has zeros only.

use super::inference::Inference;
use super::value::Value;
use crate::model::graph::Attribute;

/// Operators that make zeros of zeros.
const KEEP_ZERO: &[&str] =
    &["Expand", "Tile", "Identity", "Cast", "Slice", "Squeeze", "Unsqueeze", "Reshape", "Transpose", "Gather"];

/// Whether a tensor that is computed from constants has zeros only.
pub(super) fn is_zero(it: &Inference<'_>, name: &str) -> bool {
    let mut name = name;
    // nodes come after those that they depend on
    for node in it.graph.nodes.iter().rev().filter(|n| n.domain.is_empty()) {
        if !node.outputs.iter().any(|o| o == name) {
            continue;
        }
        match (node.op.as_str(), node.input(0)) {
            ("ConstantOfShape", _) => {
                return match node.attributes.get("value") {
                    None => true,
                    Some(&Attribute::Tensor(tensor)) => all_zero(it, tensor),
                    Some(_) => false,
                };
            }
            (op, Some(source)) if KEEP_ZERO.contains(&op) => name = source,
            _ => break,
        }
    }
    matches!(it.values.get(name), Some(Value::Stored(view)) if all_zero(it, view.tensor))
}

/// Whether a stored tensor has zeros only.
pub(super) fn all_zero(it: &Inference<'_>, tensor: usize) -> bool {
    let tensor = &it.graph.tensors[tensor];
    tensor.is_rewritable() && tensor.decode(it.bytes).iter().all(|&n| n == 0.0)
}

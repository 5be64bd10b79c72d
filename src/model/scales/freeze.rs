//! Operators that leave no freedom: everything that they touch keeps its scale.

use super::Ruling;
use super::inference::Inference;
use super::linear::broadcast_shape;
use super::shape::shape_of;
use super::size::{Size, Sizes};
use super::value::Value;
use crate::error::Result;
use crate::model::graph::Node;

/// The operators in the first so many rows of [`REASONS`] keep the shape of their input.
const SAME_SHAPE: usize = 4;

/// Operators on quantized numbers.
const QUANTIZED: &[&str] = &[
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "QLinearConv",
    "QLinearMatMul",
    "MatMulInteger",
    "ConvInteger",
];

/// Whether a node computes with quantized numbers.
pub(crate) fn is_quantized(node: &Node) -> bool {
    QUANTIZED.contains(&node.op.as_str())
}

/// Why well-known operators freeze.
const REASONS: &[(&[&str], &str)] = &[
    (
        &[
            "Sigmoid", "Tanh", "Gelu", "Elu", "Selu", "Celu", "Softplus", "Softsign", "Mish", "Swish", "Exp", "Log",
            "Erf",
        ],
        "the function is not positively homogeneous",
    ),
    (&["HardSigmoid", "HardSwish", "Clip", "ThresholdedRelu", "Shrink"], "the function bends at fixed values"),
    (&["Softmax", "LogSoftmax", "Hardmax"], "the function depends on differences of its inputs"),
    (
        &["LayerNormalization", "InstanceNormalization", "GroupNormalization", "LRN", "MeanVarianceNormalization"],
        "the normalization adds a fixed number to a variance",
    ),
    (&["If", "Loop", "Scan"], "control flow is not followed"),
    (QUANTIZED, "quantized numbers are not scaled"),
    (
        &["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Where", "ArgMax", "ArgMin", "TopK"],
        "the result depends on comparisons",
    ),
    (&["Shape", "Size"], "the result is a shape"),
];

/// Operators of several operands whose result has their broadcast shape.
const BROADCAST: &[&str] = &["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "Where", "PRelu"];

/// Operators whose result has as many axes as their first operand.
const SAME_RANK: &[&str] = &[
    "Pad",
    "Conv",
    "ConvTranspose",
    "MaxPool",
    "AveragePool",
    "LpPool",
    "GlobalLpPool",
    "Resize",
    "Upsample",
    "Tile",
    "Slice",
    "CumSum",
    "DepthToSpace",
    "SpaceToDepth",
];

/// Operators whose results are never negative.
const NONNEGATIVE: &[&str] = &["Sigmoid", "HardSigmoid", "Softplus", "Exp", "Softmax"];

/// The shape of the first output of a node that freezes.
pub(super) fn shape(node: &Node, inputs: &[Value]) -> Option<Sizes> {
    if node.domain.is_empty() && BROADCAST.contains(&node.op.as_str()) {
        let shapes: Option<Vec<Sizes>> = inputs.iter().map(shape_of).collect();
        return shapes?.into_iter().reduce(|a, b| broadcast_shape(&a, &b));
    }
    let elementwise = REASONS[..SAME_SHAPE].iter().any(|(ops, _)| ops.contains(&node.op.as_str()));
    let elementwise = elementwise || ["Sqrt", "BatchNormalization"].contains(&node.op.as_str());
    let keeps = (node.domain.is_empty() && elementwise) || (node.domain == "ai.onnx.ml" && node.op == "Scaler");
    if keeps {
        return inputs.first().and_then(shape_of);
    }
    let rank = match node.op.as_str() {
        _ if !node.domain.is_empty() => None,
        // one letter for every axis
        "Einsum" => node
            .text("equation")
            .split_once("->")
            .map(|(_, axes)| axes.trim())
            .filter(|a| !a.contains('.'))
            .map(str::len),
        op if SAME_RANK.contains(&op) => inputs.first().and_then(shape_of).map(|shape| shape.len()),
        _ => None,
    };
    rank.map(|rank| vec![Size::Open; rank])
}

/// Whether the results of a node that freezes are never negative.
pub(super) fn is_nonnegative(node: &Node) -> bool {
    node.domain.is_empty() && NONNEGATIVE.contains(&node.op.as_str())
}

/// An operator of the standard set that is in no table.
pub(super) fn not_homogeneous(_: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let known = REASONS.iter().find(|(ops, _)| ops.contains(&node.op.as_str()));
    match known {
        Some((_, reason)) => Ruling::freeze(format!("{}: {reason}", node.op)),
        None => Ruling::freeze(format!("{}: no rule for this operator", node.op)),
    }
}

/// An operator of another set.
pub(super) fn other_domain(_: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    if node.domain == "ai.onnx.ml" && node.op == "Scaler" {
        return Ruling::freeze("Scaler: the normalization of inputs is not a weight");
    }
    Ruling::freeze(format!("{}: no rule for this operator of {}", node.op, node.domain))
}

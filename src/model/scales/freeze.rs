//! Operators that leave no freedom: everything that they touch keeps its scale.

use super::Ruling;
use super::inference::Inference;
use crate::error::Result;
use crate::model::graph::Node;

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
    (
        &["QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "MatMulInteger", "ConvInteger"],
        "quantized numbers are not scaled",
    ),
    (
        &["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Where", "ArgMax", "ArgMin", "TopK"],
        "the result depends on comparisons",
    ),
    (&["Shape", "Size"], "the result is a shape"),
];

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

//! Recurrent layers for the inference engine, whose own reader knows neither their activation functions nor a run
//! from the end of time to its start.

use tract_onnx::model::ParsingContext;
use tract_onnx::ops::rec::common::{CommonRec, WireBody};
use tract_onnx::ops::rec::gru::GRU;
use tract_onnx::ops::rec::lstm::LSTM;
use tract_onnx::ops::rec::rnn::RNN;
use tract_onnx::tract_core;
use tract_onnx::tract_hir::internal::{InferenceOp, TractError, TractResult, TypedOp, expand};
use tract_onnx::tract_hir::ops::{math, nn};
use tract_onnx::{Onnx, pb};

/// Teaches the reader activation functions.
pub(super) fn register(onnx: &mut Onnx) {
    onnx.op_register.insert("RNN", layer);
    onnx.op_register.insert("GRU", layer);
    onnx.op_register.insert("LSTM", layer);
}

fn attribute<'a>(node: &'a pb::NodeProto, name: &str) -> Option<&'a pb::AttributeProto> {
    node.attribute.iter().find(|a| a.name == name)
}

fn layer(_: &ParsingContext, node: &pb::NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let unknown = |what: &str| TractError::msg(format!("it does not know {what} of {} {:?}", node.op_type, node.name));
    for odd in ["clip", "input_forget", "activation_alpha", "activation_beta"] {
        if attribute(node, odd).is_some_and(|a| a.i != 0 || a.f != 0.0 || !a.floats.is_empty()) {
            return Err(unknown(&format!("the attribute {odd}")));
        }
    }
    let given = attribute(node, "activations").map(|a| a.strings.iter().map(|s| String::from_utf8_lossy(s)));
    let given: Vec<String> = given.into_iter().flatten().map(|s| s.to_ascii_lowercase()).collect();
    let defaults: &[&str] = match node.op_type.as_str() {
        "RNN" => &["tanh"],
        "GRU" => &["sigmoid", "tanh"],
        _ => &["sigmoid", "tanh", "tanh"],
    };
    let name = |i: usize| given.get(i).map_or(defaults[i], String::as_str);
    // the engine has one set of functions for both directions
    if (0..given.len()).any(|i| given[i] != name(i % defaults.len())) {
        return Err(unknown("directions with different functions"));
    }
    let function = |i: usize| -> TractResult<Box<dyn TypedOp>> {
        match name(i) {
            "relu" => Ok(Box::new(tract_core::ops::nn::leaky_relu(0.0))),
            "tanh" => Ok(Box::new(math::tanh())),
            "sigmoid" => Ok(Box::new(nn::sigmoid())),
            other => Err(unknown(&format!("the function {other}"))),
        }
    };
    let body: Box<dyn WireBody> = match node.op_type.as_str() {
        "RNN" => Box::new(RNN { fore: function(0)?, back: function(0)? }),
        "GRU" => {
            let linear_before_reset = attribute(node, "linear_before_reset").is_some_and(|a| a.i != 0);
            Box::new(GRU { f: function(0)?, g: function(1)?, linear_before_reset })
        }
        _ => Box::new(LSTM { f: function(0)?, g: function(1)?, h: function(2)? }),
    };
    Ok((expand(CommonRec::from_node_and_options(node, 3, 0, body)?), vec![]))
}

/// Layers that run backwards in time run forwards on reversed inputs, and their outputs are reversed.
pub(super) fn turn_around(model: &mut pb::ModelProto) {
    let Some(graph) = &mut model.graph else { return };
    let mut nodes = Vec::with_capacity(graph.node.len());
    for mut node in std::mem::take(&mut graph.node) {
        let backwards = ["RNN", "GRU", "LSTM"].contains(&node.op_type.as_str())
            && attribute(&node, "direction").is_some_and(|a| a.s.eq_ignore_ascii_case(b"reverse"))
            && attribute(&node, "layout").is_none_or(|a| a.i == 0);
        let (true, Some(input)) = (backwards, node.input.first().cloned()) else {
            nodes.push(node);
            continue;
        };
        let prefix = format!("{}/backwards", node.output.join("/"));
        let bound = |part: &str| format!("{prefix}/{part}");
        for (part, value) in [("first", -1), ("last", i64::MIN), ("axis", 0), ("step", -1)] {
            let (name, dims, int64_data) = (bound(part), vec![1], vec![value]);
            graph.initializer.push(pb::TensorProto { name, dims, data_type: 7, int64_data, ..Default::default() });
        }
        let reversed = |from: String, to: String| pb::NodeProto {
            input: [from].into_iter().chain(["first", "last", "axis", "step"].map(bound)).collect(),
            output: vec![to.clone()],
            name: to,
            op_type: "Slice".to_owned(),
            ..Default::default()
        };
        nodes.push(reversed(input, bound("input")));
        node.input[0] = bound("input");
        let output = node.output.first_mut().filter(|o| !o.is_empty());
        let after = output.map(|o| reversed(bound("output"), std::mem::replace(o, bound("output"))));
        nodes.push(node);
        nodes.extend(after);
    }
    graph.node = nodes;
}

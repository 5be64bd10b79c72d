//! What the README promises: biases are scaled with their units, and nothing is skipped in silence.
#![cfg(feature = "model")]

mod cli_support;
mod onnx_support;

use cli_support::Desk;
use onnx_support::onnx_writer::Model;
use onnx_support::{numbers, open, open_bytes, tensor};
use std::collections::BTreeMap;
use synbal::model::FunctionCheck;

/// Two layers of very different size, with biases.
fn with_biases() -> Model {
    let times = |values: Vec<f32>, factor: f32| values.into_iter().map(|v| v * factor).collect::<Vec<f32>>();
    Model::new()
        .input("x", &[None, Some(4)])
        .output("y", &[None, Some(3)])
        .weight("w", &[4, 6], &times(numbers(1, 24), 0.1))
        .weight("b", &[6], &times(numbers(2, 6), 0.2))
        .weight("v", &[6, 3], &times(numbers(3, 18), 20.0))
        .node("Gemm", &["x", "w", "b"], "h")
        .node("Relu", &["h"], "r")
        .node("Gemm", &["r", "v"], "y")
}

fn difference(of: &[u8], from: &[u8]) -> f64 {
    match open_bytes(from).unwrap().check(of, 3) {
        FunctionCheck::Compared { difference, .. } => difference,
        FunctionCheck::Unchecked { reason } => panic!("{reason}"),
    }
}

#[test]
fn biases_are_scaled_with_their_units_and_leaving_them_out_would_change_the_outputs() {
    let desk = Desk::new();
    let original = with_biases().bytes();
    desk.put("a.onnx", &original);
    desk.text("balance a.onnx -o b.onnx", 0);
    let balanced = desk.bytes("b.onnx");
    let ours = difference(&balanced, &original);
    assert!(ours < 1e-5, "{ours:e}");
    // the same file with the biases as they were
    let place = open(&with_biases()).tensors().iter().find(|t| t.name == "b").unwrap().places[0].clone();
    let mut forgotten = balanced;
    assert_ne!(forgotten[place.clone()], original[place.clone()]);
    forgotten[place.clone()].copy_from_slice(&original[place]);
    let theirs = difference(&forgotten, &original);
    assert!(theirs > 0.1, "{theirs:e}");
}

/// Operators without their optional attributes, a clipped unit, and an operator that nobody knows.
fn with_much_left_alone() -> Model {
    let model = Model::new()
        .input("x", &[Some(1), Some(2), Some(6), Some(6)])
        .output("y", &[Some(1), Some(2)])
        .weight("k1", &[4, 2, 3, 3], &numbers(1, 72))
        .weight("k2", &[3, 4, 3, 3], &numbers(2, 108))
        .weight("g", &[12, 5], &numbers(3, 60))
        .weight("c", &[5], &numbers(4, 5))
        .weight("m", &[5, 4], &numbers(5, 20))
        .weight("z", &[4], &numbers(6, 4))
        .weight("last", &[4, 2], &numbers(7, 8))
        .weight("zero", &[], &[0.0])
        .weight("six", &[], &[6.0]);
    model
        .node("Conv", &["x", "k1"], "c1")
        .node("Relu", &["c1"], "r1")
        .node("Conv", &["r1", "k2"], "c2")
        .node("Clip", &["c2", "zero", "six"], "r2")
        .node("Flatten", &["r2"], "f")
        .node("Gemm", &["f", "g", "c"], "d")
        .node("Relu", &["d"], "r3")
        .node("MatMul", &["r3", "m"], "e")
        .full_node("nobody.knows", "Mystery", &["e", "z"], "u", &[])
        .node("MatMul", &["u", "last"], "y")
}

#[test]
fn every_weight_is_balanced_or_its_node_is_named_with_the_reason() {
    let desk = Desk::new();
    desk.put("a.onnx", with_much_left_alone().bytes());
    let report = desk.json("balance a.onnx -o b.onnx --no-check", 0);
    let text = desk.text("balance a.onnx -o b.onnx --no-check --force", 0);
    let (before, after) = (open_bytes(&desk.bytes("a.onnx")).unwrap(), open_bytes(&desk.bytes("b.onnx")).unwrap());
    let mut reasons = BTreeMap::new();
    for one in report["frozen"].as_array().unwrap() {
        reasons.insert(one["node"].as_str().unwrap().to_string(), one["reason"].as_str().unwrap().to_string());
    }
    println!("{reasons:#?}\n{text}");
    let changed = |name: &str| tensor(&before, name) != tensor(&after, name);
    for name in ["k1", "k2", "g", "c", "m"] {
        assert!(changed(name), "{name} was skipped");
    }
    for (name, part) in [("z", "Mystery"), ("last", "Mystery")] {
        assert!(!changed(name), "{name}");
        assert!(reasons.values().any(|reason| reason.contains(part)), "{name}: {reasons:#?}");
    }
    assert!(reasons.values().any(|reason| reason.contains("Clip")), "{reasons:#?}");
    for reason in reasons.values() {
        assert!(text.contains(reason.as_str()), "the text does not say: {reason}");
    }
}

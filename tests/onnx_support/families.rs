//! Small models with three inputs, hidden channels and two outputs.
#![allow(dead_code)]

use super::attention_families::attention_families;
use super::image_families::image_families;
use super::layout_families::layout_families;
use super::numbers;
use super::onnx_writer::{Attr, Model, Storage, f32_tensor, i64_tensor};
use super::recurrent_families::recurrent_families;

pub const BATCH: &[Option<usize>] = &[None, Some(3)];
pub const OUT: &[Option<usize>] = &[None, Some(2)];

/// x -> MatMul w1 -> (middle) -> h -> MatMul w2 -> y, with 3, 4 and 2 channels.
pub fn between(middle: impl FnOnce(Model) -> Model) -> Model {
    let start = Model::new().input("x", BATCH).output("y", OUT);
    let start = start.weight("w1", &[3, 4], &numbers(1, 12)).weight("w2", &[4, 2], &numbers(2, 8));
    middle(start.node("MatMul", &["x", "w1"], "a")).node("MatMul", &["h", "w2"], "y")
}

/// One model per operator family; nothing in them freezes.
pub fn families() -> Vec<(&'static str, Model)> {
    let gemm = Model::new()
        .input("x", BATCH)
        .output("y", OUT)
        .weight("w1", &[4, 3], &numbers(3, 12))
        .weight("b1", &[4], &numbers(4, 4))
        .weight("w2", &[4, 2], &numbers(5, 8))
        .weight("b2", &[1, 2], &numbers(6, 2))
        .full_node(
            "",
            "Gemm",
            &["x", "w1", "b1"],
            "a",
            &[("transB", Attr::Int(1)), ("alpha", Attr::Float(0.3)), ("beta", Attr::Float(1.7))],
        )
        .node("Relu", &["a"], "h")
        .node("Gemm", &["h", "w2", "b2"], "y");
    let biased =
        between(|m| m.weight("b", &[1, 4], &numbers(7, 4)).node("Add", &["a", "b"], "c").node("Relu", &["c"], "h"));
    let leaky = between(|m| m.full_node("", "LeakyRelu", &["a"], "h", &[("alpha", Attr::Float(0.1))]));
    let prelu = between(|m| m.weight("slope", &[4], &numbers(8, 4)).node("PRelu", &["a", "slope"], "h"));
    let diagonal = between(|m| {
        m.weight("m", &[4], &numbers(9, 4))
            .weight("d", &[4], &numbers(10, 4))
            .weight("two", &[], &[2.5])
            .weight("c", &[4], &numbers(11, 4))
            .node("Mul", &["a", "m"], "p")
            .node("Relu", &["p"], "q")
            .node("Div", &["q", "d"], "r")
            .node("Mul", &["two", "r"], "s")
            .node("Sub", &["c", "s"], "t")
            .node("Relu", &["t"], "h")
    });
    let arranged = between(|m| {
        m.tensor(i64_tensor("split", &[3], &[0, 2, -1]))
            .tensor(i64_tensor("one", &[1], &[1]))
            .node("Identity", &["a"], "b")
            .full_node("", "Cast", &["b"], "c", &[("to", Attr::Int(1))])
            .node("Unsqueeze", &["c", "one"], "d")
            .full_node("", "Transpose", &["d"], "e", &[("perm", Attr::Ints(vec![1, 0, 2]))])
            .full_node("", "Transpose", &["e"], "f", &[("perm", Attr::Ints(vec![1, 0, 2]))])
            .full_node("", "Flatten", &["f"], "g", &[("axis", Attr::Int(1))])
            .node("Dropout", &["g"], "r")
            .node("Relu", &["r"], "h")
    });
    let skip = between(|m| {
        m.weight("w3", &[4, 4], &numbers(12, 16))
            .node("Relu", &["a"], "b")
            .node("MatMul", &["b", "w3"], "c")
            .node("Add", &["b", "c"], "d")
            .node("Relu", &["d"], "h")
    });
    let shared = between(|m| {
        m.weight("w3", &[4, 4], &numbers(13, 16))
            .node("Relu", &["a"], "b")
            .node("MatMul", &["b", "w3"], "c")
            .node("Relu", &["c"], "d")
            .node("MatMul", &["d", "w3"], "e")
            .node("Relu", &["e"], "h")
    });
    let stored = Model::new()
        .input("x", BATCH)
        .output("y", OUT)
        .tensor(f32_tensor("w2", &[4, 2], &numbers(14, 8), Storage::Packed))
        .tensor(f32_tensor("b1", &[4], &numbers(15, 4), Storage::Unpacked))
        .full_node(
            "",
            "Constant",
            &[],
            "w1",
            &[("value", Attr::Tensor(f32_tensor("", &[4, 3], &numbers(16, 12), Storage::Raw)))],
        )
        .full_node("", "Transpose", &["w1"], "w1t", &[])
        .node("MatMul", &["x", "w1t"], "a")
        .node("Add", &["b1", "a"], "b")
        .node("Relu", &["b"], "h")
        .node("MatMul", &["h", "w2"], "y");
    let left = Model::new()
        .input("x", &[Some(3), Some(5)])
        .output("y", &[Some(2), Some(5)])
        .weight("w1", &[4, 3], &numbers(17, 12))
        .weight("b1", &[4, 1], &numbers(18, 4))
        .weight("w2", &[2, 4], &numbers(19, 8))
        .node("MatMul", &["w1", "x"], "a")
        .node("Add", &["a", "b1"], "b")
        .node("Relu", &["b"], "h")
        .node("MatMul", &["w2", "h"], "y");
    let mut all = vec![
        ("Gemm", gemm),
        ("MatMul, Add, Relu", biased),
        ("LeakyRelu", leaky),
        ("PRelu", prelu),
        ("Mul, Div, Sub", diagonal),
        ("Identity, Cast, Unsqueeze, Transpose, Flatten, Dropout", arranged),
        ("Add of activations", skip),
        ("a shared tensor", shared),
        ("float_data, Constant nodes, a transposed weight", stored),
        ("MatMul with the constant on the left", left),
    ];
    all.extend(image_families());
    all.extend(layout_families());
    all.extend(recurrent_families());
    all.extend(attention_families());
    all
}

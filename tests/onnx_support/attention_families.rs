//! Small attention layers.

use super::numbers;
use super::onnx_writer::{Attr, Model, i64_tensor};

fn perm(order: &[i64]) -> [(&'static str, Attr); 1] {
    [("perm", Attr::Ints(order.to_vec()))]
}

/// x -> queries, keys and values of 3 tokens with 4 channels -> (middle) -> h -> MatMul o -> y.
pub fn attention(middle: impl FnOnce(Model) -> Model) -> Model {
    let start = Model::new()
        .input("x", &[Some(2), Some(3), Some(3)])
        .output("y", &[None, None, Some(2)])
        .weight("wq", &[3, 4], &numbers(501, 12))
        .weight("bq", &[4], &numbers(502, 4))
        .weight("wk", &[3, 4], &numbers(503, 12))
        .weight("wv", &[3, 4], &numbers(504, 12))
        .weight("bv", &[4], &numbers(505, 4))
        .weight("o", &[4, 2], &numbers(506, 8))
        .weight("root", &[], &[2.0])
        .node("MatMul", &["x", "wq"], "q0")
        .node("Add", &["q0", "bq"], "q")
        .node("MatMul", &["x", "wk"], "k")
        .node("MatMul", &["x", "wv"], "v0")
        .node("Add", &["v0", "bv"], "v");
    middle(start).node("MatMul", &["h", "o"], "y")
}

/// One head, with this function of the scores: `scores` -> `attention`.
pub fn single_head(function: impl FnOnce(Model) -> Model) -> Model {
    attention(|m| {
        let m = m.full_node("", "Transpose", &["k"], "t", &perm(&[0, 2, 1])).node("MatMul", &["q", "t"], "s");
        function(m.node("Div", &["s", "root"], "scores")).node("MatMul", &["attention", "v"], "h")
    })
}

fn softmax(m: Model) -> Model {
    m.full_node("", "Softmax", &["scores"], "attention", &[("axis", Attr::Int(-1))])
}

/// Two heads of two channels; log-scales depend on head and channel together.
pub fn two_heads() -> Model {
    let split = |m: Model, from: &str, to: &str, order: &[i64]| {
        let four = format!("{from}4");
        m.node("Reshape", &[from, "heads"], &four).full_node("", "Transpose", &[&four], to, &perm(order))
    };
    attention(|m| {
        let m = m.tensor(i64_tensor("heads", &[4], &[0, 0, 2, 2])).tensor(i64_tensor("joined", &[3], &[0, 0, 4]));
        let m = m.node("Div", &["q", "root"], "qs");
        let m = split(m, "qs", "qh", &[0, 2, 1, 3]);
        let m = split(m, "k", "kh", &[0, 2, 3, 1]);
        let m = split(m, "v", "vh", &[0, 2, 1, 3]).node("MatMul", &["qh", "kh"], "scores");
        softmax(m)
            .node("MatMul", &["attention", "vh"], "a")
            .full_node("", "Transpose", &["a"], "at", &perm(&[0, 2, 1, 3]))
            .node("Reshape", &["at", "joined"], "h")
    })
}

/// Two heads that are one axis with the batch.
pub fn batched_heads() -> Model {
    let split = |m: Model, from: &str, order: &[i64]| {
        let [four, turned, flat, out] = ["4", "t", "f", "h"].map(|end| format!("{from}{end}"));
        m.node("Reshape", &[from, "heads"], &four)
            .full_node("", "Transpose", &[&four], &turned, &perm(&[0, 2, 1, 3]))
            .node("Reshape", &[&turned, "flat"], &flat)
            .full_node("", "Transpose", &[&flat], &out, &perm(order))
    };
    attention(|m| {
        let m = m.tensor(i64_tensor("heads", &[4], &[2, 3, 2, 2])).tensor(i64_tensor("flat", &[3], &[4, 3, 2]));
        let m = m.tensor(i64_tensor("apart", &[4], &[2, 2, 3, 2])).tensor(i64_tensor("joined", &[3], &[2, 3, 4]));
        let m = split(split(split(m, "q", &[0, 1, 2]), "k", &[0, 2, 1]), "v", &[0, 1, 2]);
        softmax(m.node("MatMul", &["qh", "kh"], "scores"))
            .node("MatMul", &["attention", "vh"], "a")
            .node("Reshape", &["a", "apart"], "b")
            .full_node("", "Transpose", &["b"], "c", &perm(&[0, 2, 1, 3]))
            .node("Reshape", &["c", "joined"], "h")
    })
}

/// Queries, keys and values from one product, which are parted along an axis of their own.
pub fn joint(gathers: bool) -> Model {
    let start = Model::new()
        .input("x", &[Some(2), None, Some(3)])
        .output("y", &[None, None, Some(2)])
        .weight("w", &[3, 12], &numbers(507, 36))
        .weight("b", &[12], &numbers(508, 12))
        .weight("o", &[4, 2], &numbers(509, 8))
        .weight("root", &[1], &[0.7])
        .tensor(i64_tensor("parts", &[5], &[2, -1, 3, 2, 2]))
        .tensor(i64_tensor("joined", &[3], &[2, -1, 4]))
        .tensor(i64_tensor("zero", &[1], &[0]))
        .node("MatMul", &["x", "w"], "a0")
        .node("Add", &["a0", "b"], "a")
        .node("Reshape", &["a", "parts"], "five")
        .full_node("", "Transpose", &["five"], "front", &perm(&[2, 0, 3, 1, 4]));
    let parted = if gathers {
        (0..3).fold(start, |m, k| {
            let (index, name) = (format!("i{k}"), ["q", "k", "v"][k as usize]);
            m.tensor(i64_tensor(&index, &[], &[k])).node("Gather", &["front", &index], name)
        })
    } else {
        let m = start.full_node("", "Split", &["front"], "q1,k1,v1", &[("axis", Attr::Int(0))]);
        ["q", "k", "v"].iter().fold(m, |m, n| m.node("Squeeze", &[&format!("{n}1"), "zero"], n))
    };
    let m = parted.full_node("", "Transpose", &["k"], "t", &perm(&[0, 1, 3, 2])).node("MatMul", &["q", "t"], "s").node(
        "Mul",
        &["s", "root"],
        "scores",
    );
    softmax(m)
        .node("MatMul", &["attention", "v"], "p")
        .full_node("", "Transpose", &["p"], "pt", &perm(&[0, 2, 1, 3]))
        .node("Reshape", &["pt", "joined"], "h")
        .node("MatMul", &["h", "o"], "y")
}

/// Attention without a softmax: nothing in it freezes.
pub fn attention_families() -> Vec<(&'static str, Model)> {
    vec![("linear attention", single_head(|m| m.node("Relu", &["scores"], "attention")))]
}

/// Attention with a softmax, which alone freezes.
pub fn softmax_families() -> Vec<(&'static str, Model)> {
    vec![
        ("one head", single_head(softmax)),
        ("two heads", two_heads()),
        ("two heads, one axis with the batch", batched_heads()),
        ("joint weights, Gather", joint(true)),
        ("joint weights, Split", joint(false)),
    ]
}

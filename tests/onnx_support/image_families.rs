//! Small models of images: convolutions, pooling, normalization, gates.

use super::numbers;
use super::onnx_writer::{Attr, Model, i64_tensor};

/// The size of the images.
pub const IMAGE: &[Option<usize>] = &[Some(2), Some(3), Some(6), Some(5)];

/// x -> Conv w1 -> (middle) -> h -> Conv w2 -> y, with 3, 4 and 2 channels.
pub fn image(middle: impl FnOnce(Model) -> Model) -> Model {
    let start = Model::new().input("x", IMAGE).output("y", &[None, None, None, None]);
    let start = start.weight("w1", &[4, 3, 2, 2], &numbers(101, 48)).weight("w2", &[2, 4, 1, 1], &numbers(102, 8));
    middle(start.node("Conv", &["x", "w1"], "a")).node("Conv", &["h", "w2"], "y")
}

fn ints(name: &'static str, values: &[i64]) -> (&'static str, Attr) {
    (name, Attr::Ints(values.to_vec()))
}

/// One model per operator family; nothing in them freezes.
pub fn image_families() -> Vec<(&'static str, Model)> {
    let biased = image(|m| {
        m.weight("w3", &[6, 4, 3, 2], &numbers(103, 144))
            .weight("b3", &[6], &numbers(104, 6))
            .weight("w4", &[4, 6, 1, 1], &numbers(105, 24))
            .node("Relu", &["a"], "b")
            .full_node(
                "",
                "Conv",
                &["b", "w3", "b3"],
                "c",
                &[ints("pads", &[2, 1, 2, 0]), ints("dilations", &[2, 1]), ints("strides", &[2, 1])],
            )
            .node("Relu", &["c"], "d")
            .node("Conv", &["d", "w4"], "h")
    });
    let grouped = image(|m| {
        m.weight("w3", &[8, 2, 2, 2], &numbers(106, 64))
            .weight("w4", &[8, 1, 3, 3], &numbers(107, 72))
            .weight("w5", &[4, 8, 1, 1], &numbers(108, 32))
            .full_node("", "Conv", &["a", "w3"], "b", &[("group", Attr::Int(2))])
            .node("Relu", &["b"], "c")
            .full_node("", "Conv", &["c", "w4"], "d", &[("group", Attr::Int(8)), ints("pads", &[1, 1, 1, 1])])
            .node("Relu", &["d"], "e")
            .node("Conv", &["e", "w5"], "h")
    });
    let transposed = image(|m| {
        m.weight("w3", &[4, 3, 2, 2], &numbers(109, 48))
            .weight("b3", &[6], &numbers(110, 6))
            .weight("w4", &[4, 6, 1, 1], &numbers(111, 24))
            .node("Relu", &["a"], "b")
            .full_node(
                "",
                "ConvTranspose",
                &["b", "w3", "b3"],
                "c",
                &[("group", Attr::Int(2)), ints("strides", &[2, 2])],
            )
            .node("Relu", &["c"], "d")
            .node("Conv", &["d", "w4"], "h")
    });
    let sound = Model::new()
        .input("x", &[None, Some(2), Some(9)])
        .output("y", &[None, Some(2), None])
        .weight("w1", &[4, 2, 3], &numbers(112, 24))
        .weight("w2", &[2, 4, 1], &numbers(113, 8))
        .node("Conv", &["x", "w1"], "a")
        .node("Relu", &["a"], "h")
        .node("Conv", &["h", "w2"], "y");
    let volume = Model::new()
        .input("x", &[None, Some(2), Some(3), Some(3), Some(3)])
        .output("y", &[None, Some(2), None, None, None])
        .weight("w1", &[4, 2, 2, 2, 2], &numbers(114, 64))
        .weight("w2", &[2, 4, 1, 1, 1], &numbers(115, 8))
        .node("Conv", &["x", "w1"], "a")
        .node("Relu", &["a"], "h")
        .node("Conv", &["h", "w2"], "y");
    let pooled = image(|m| {
        m.full_node("", "MaxPool", &["a"], "b", &[ints("kernel_shape", &[2, 2]), ints("strides", &[1, 1])])
            .full_node("", "AveragePool", &["b"], "c", &[ints("kernel_shape", &[2, 2]), ints("pads", &[1, 1, 0, 0])])
            .full_node("", "Relu", &["c"], "d", &[])
            .node("GlobalAveragePool", &["d"], "h")
    });
    let strongest = image(|m| m.node("Relu", &["a"], "b").node("GlobalMaxPool", &["b"], "h"));
    let resized = image(|m| {
        m.tensor(i64_tensor("sizes", &[4], &[2, 4, 10, 8]))
            .full_node("", "Resize", &["a", "", "", "sizes"], "b", &[("mode", Attr::Text("nearest"))])
            .node("Relu", &["b"], "h")
    });
    let resized_linearly = image(|m| {
        m.weight("factors", &[4], &[1.0, 1.0, 2.0, 2.0])
            .full_node("", "Resize", &["a", "", "factors"], "b", &[("mode", Attr::Text("linear"))])
            .node("Relu", &["b"], "h")
    });
    let normalized = image(|m| {
        let positive: Vec<f32> = numbers(116, 4).iter().map(|v| v * v + 0.1).collect();
        m.weight("gamma", &[4], &numbers(117, 4))
            .weight("beta", &[4], &numbers(118, 4))
            .weight("mean", &[4], &numbers(119, 4))
            .weight("variance", &[4], &positive)
            .node("Relu", &["a"], "b")
            .node("BatchNormalization", &["b", "gamma", "beta", "mean", "variance"], "c")
            .node("Relu", &["c"], "h")
    });
    let gated = image(|m| {
        m.weight("w3", &[4, 4, 1, 1], &numbers(120, 16))
            .weight("b3", &[4], &numbers(121, 4))
            .node("Relu", &["a"], "b")
            .node("GlobalAveragePool", &["b"], "c")
            .node("Conv", &["c", "w3", "b3"], "d")
            .node("Relu", &["d"], "e")
            .node("Mul", &["b", "e"], "f")
            .weight("m", &[4, 1, 1], &numbers(122, 4))
            .weight("s", &[1, 4, 1, 1], &numbers(123, 4))
            .node("Mul", &["f", "m"], "g")
            .node("Add", &["s", "g"], "i")
            .node("Relu", &["i"], "h")
    });
    let clipped = image(|m| {
        m.weight("zero", &[], &[0.0])
            .node("Clip", &["a", "zero"], "b")
            .node("Neg", &["a"], "c")
            .node("Abs", &["c"], "d")
            .node("Max", &["b", "d"], "e")
            .node("Min", &["e", "a"], "f")
            .node("Sum", &["f", "a", "e"], "h")
    });
    let reduced = image(|m| {
        m.full_node("", "ReduceMean", &["a"], "b", &[ints("axes", &[2, 3])])
            .node("Relu", &["b"], "c")
            .full_node("", "ReduceMax", &["a"], "d", &[ints("axes", &[2]), ("keepdims", Attr::Int(0))])
            .tensor(i64_tensor("two", &[1], &[2]))
            .node("Unsqueeze", &["d", "two"], "e")
            .node("Add", &["c", "e"], "h")
    });
    let powers = image(|m| {
        m.weight("squared", &[], &[2.0])
            .node("Relu", &["a"], "b")
            .full_node("", "ReduceSumSquare", &["b"], "c", &[ints("axes", &[3])])
            .node("Sqrt", &["c"], "d")
            .node("Pow", &["b", "squared"], "e")
            .node("Sqrt", &["e"], "f")
            .full_node("", "ReduceL2", &["f"], "g", &[ints("axes", &[2])])
            .node("Add", &["d", "g"], "h")
    });
    vec![
        ("Conv with pads, dilations, strides and a bias", biased),
        ("grouped and depthwise Conv", grouped),
        ("ConvTranspose", transposed),
        ("Conv of one spatial axis", sound),
        ("Conv of three spatial axes", volume),
        ("MaxPool, AveragePool, GlobalAveragePool", pooled),
        ("GlobalMaxPool", strongest),
        ("Resize, nearest", resized),
        ("Resize, linear", resized_linearly),
        ("BatchNormalization", normalized),
        ("a gate, constants in several layouts", gated),
        ("Clip, Neg, Abs, Max, Min, Sum", clipped),
        ("ReduceMean, ReduceMax", reduced),
        ("Pow, Sqrt, ReduceSumSquare, ReduceL2", powers),
    ]
}

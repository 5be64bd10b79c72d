//! Small models that put channels together, take them apart and move them.

use super::image_families::image;
use super::numbers;
use super::onnx_writer::{Attr, Model, i64_tensor};

fn ints(name: &'static str, values: &[i64]) -> (&'static str, Attr) {
    (name, Attr::Ints(values.to_vec()))
}

/// A model of images whose sizes are known only when it runs: channels are shuffled by shape arithmetic, then pooled.
pub fn shuffled(input: &[Option<usize>]) -> Model {
    Model::new()
        .input("x", input)
        .output("y", &[None, Some(2)])
        .weight("w1", &[4, 3, 1, 1], &numbers(201, 12))
        .weight("w2", &[4, 2], &numbers(202, 8))
        .node("Conv", &["x", "w1"], "a")
        .node("Shape", &["a"], "shape")
        .tensor(i64_tensor("zero", &[], &[0]))
        .tensor(i64_tensor("at_zero", &[1], &[0]))
        .tensor(i64_tensor("at_two", &[1], &[2]))
        .tensor(i64_tensor("at_four", &[1], &[4]))
        .tensor(i64_tensor("pairs", &[2], &[2, 2]))
        .tensor(i64_tensor("four", &[1], &[4]))
        .tensor(i64_tensor("rest", &[1], &[-1]))
        .node("Gather", &["shape", "zero"], "n")
        .node("Unsqueeze", &["n", "at_zero"], "batch")
        .node("Slice", &["shape", "at_two", "at_four"], "size")
        .full_node("", "Concat", &["batch", "pairs", "size"], "five", &[("axis", Attr::Int(0))])
        .full_node("", "Concat", &["batch", "four", "size"], "back", &[("axis", Attr::Int(0))])
        .full_node("", "Concat", &["batch", "rest"], "flat", &[("axis", Attr::Int(0))])
        .node("Reshape", &["a", "five"], "b")
        .full_node("", "Transpose", &["b"], "c", &[ints("perm", &[0, 2, 1, 3, 4])])
        .node("Reshape", &["c", "back"], "d")
        .node("Relu", &["d"], "e")
        .node("GlobalAveragePool", &["e"], "f")
        .node("Reshape", &["f", "flat"], "h")
        .node("MatMul", &["h", "w2"], "y")
}

/// x -> Conv w1 -> (middle) -> h -> MatMul w2 -> y; the flattened images have 4 times 20 elements.
fn flattened(middle: impl FnOnce(Model) -> Model) -> Model {
    let start = Model::new()
        .input("x", &[None, Some(3), Some(6), Some(5)])
        .output("y", &[None, Some(2)])
        .weight("w1", &[4, 3, 2, 2], &numbers(203, 48))
        .weight("w2", &[80, 2], &numbers(204, 160))
        .full_node("", "Conv", &["x", "w1"], "a", &[])
        .node("Relu", &["a"], "r");
    middle(start).node("MatMul", &["h", "w2"], "y")
}

/// One model per operator family; nothing in them freezes.
pub fn layout_families() -> Vec<(&'static str, Model)> {
    let joined = image(|m| {
        m.weight("w3", &[2, 4, 1, 1], &numbers(205, 8))
            .weight("w4", &[4, 6, 1, 1], &numbers(206, 24))
            .node("Relu", &["a"], "b")
            .node("Conv", &["b", "w3"], "c")
            .full_node("", "Concat", &["c", "b"], "d", &[("axis", Attr::Int(1))])
            .node("Relu", &["d"], "e")
            .node("Conv", &["e", "w4"], "h")
    });
    let parted = image(|m| {
        m.tensor(i64_tensor("order", &[4], &[2, -1, 0, 1]))
            .tensor(i64_tensor("from", &[1], &[-2]))
            .tensor(i64_tensor("to", &[1], &[9]))
            .tensor(i64_tensor("one", &[1], &[1]))
            .full_node("", "Gather", &["a", "order"], "b", &[("axis", Attr::Int(1))])
            .node("Slice", &["b", "from", "to", "one"], "c")
            .node("Relu", &["c"], "d")
            .tensor(i64_tensor("from_one", &[1], &[1]))
            .tensor(i64_tensor("low", &[1], &[-9]))
            .tensor(i64_tensor("minus", &[1], &[-1]))
            .node("Slice", &["b", "from_one", "low", "one", "minus"], "e")
            .full_node("", "Concat", &["e", "d"], "h", &[("axis", Attr::Int(1))])
    });
    let divided = image(|m| {
        m.tensor(i64_tensor("sizes", &[2], &[3, 1]))
            .full_node("", "Split", &["a", "sizes"], "b,c", &[("axis", Attr::Int(1))])
            .node("Relu", &["b"], "d")
            .full_node("", "Concat", &["c", "d"], "e", &[("axis", Attr::Int(1))])
            .full_node("", "Split", &["e"], "f,g", &[("axis", Attr::Int(1))])
            .full_node("", "Concat", &["g", "f"], "h", &[("axis", Attr::Int(1))])
    });
    let padded = image(|m| {
        m.tensor(i64_tensor("zeros", &[8], &[0, 0, 1, 0, 0, 0, 0, 2]))
            .tensor(i64_tensor("edges", &[8], &[0, 0, 1, 1, 0, 0, 1, 1]))
            .node("Pad", &["a", "zeros"], "b")
            .full_node("", "Pad", &["b", "edges"], "c", &[("mode", Attr::Text("reflect"))])
            .full_node("", "Pad", &["c", "edges"], "d", &[("mode", Attr::Text("edge"))])
            .node("Relu", &["d"], "h")
    });
    let repeated = image(|m| {
        m.tensor(i64_tensor("wide", &[4], &[2, 4, 6, 5]))
            .tensor(i64_tensor("times", &[4], &[1, 2, 1, 3]))
            .weight("w3", &[4, 8, 1, 1], &numbers(207, 32))
            .node("GlobalAveragePool", &["a"], "b")
            .node("Expand", &["b", "wide"], "c")
            .node("Tile", &["c", "times"], "d")
            .node("Relu", &["d"], "e")
            .node("Conv", &["e", "w3"], "h")
    });
    let blocks = image(|m| {
        m.weight("w3", &[4, 4, 1, 1], &numbers(208, 16))
            .full_node("", "DepthToSpace", &["a"], "b", &[("blocksize", Attr::Int(2))])
            .node("Relu", &["b"], "c")
            .full_node("", "SpaceToDepth", &["c"], "d", &[("blocksize", Attr::Int(2))])
            .node("Conv", &["d", "w3"], "h")
    });
    let channels_last = flattened(|m| {
        m.full_node("", "Transpose", &["r"], "t", &[ints("perm", &[0, 2, 3, 1])]).full_node(
            "",
            "Flatten",
            &["t"],
            "h",
            &[("axis", Attr::Int(1))],
        )
    });
    let channels_first =
        flattened(|m| m.tensor(i64_tensor("flat", &[2], &[-1, 80])).node("Reshape", &["r", "flat"], "h"));
    vec![
        ("Concat", joined),
        ("Gather, Slice", parted),
        ("Split", divided),
        ("Pad", padded),
        ("Expand, Tile", repeated),
        ("DepthToSpace, SpaceToDepth", blocks),
        ("channels last, flattened", channels_last),
        ("channels first, flattened", channels_first),
        ("channel shuffle by shape arithmetic", shuffled(&[None, Some(3), None, None])),
    ]
}

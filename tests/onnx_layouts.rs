//! Arrangements in which channels are easily lost or tied: places counted from the end, constants beside activations, sizes
//! that are known only when the model runs.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::families::between;
use onnx_support::image_families::image;
use onnx_support::onnx_writer::{Attr, Model, i64_tensor};
use onnx_support::{numbers, open, open_bytes, powers_of_two};
use synbal::error::ErrorKind;
use synbal::lowered::Scaling;
use synbal::model::FunctionCheck;

fn ints(name: &'static str, values: &[i64]) -> (&'static str, Attr) {
    (name, Attr::Ints(values.to_vec()))
}

/// The free log-scales of a model in which nothing freezes, after a run of it and of a scaled version.
fn free(model: &Model) -> usize {
    let model = open(model);
    let unread = |reason: &str| reason.ends_with("nothing reads its results");
    assert!(model.frozen().iter().all(|f| unread(&f.reason)), "{:?}", model.frozen());
    let (bytes, _) = model.apply(&powers_of_two(&model, 1)).expect("no overflow");
    match model.check(&bytes, 1) {
        FunctionCheck::Compared { difference, .. } => assert!(difference < 1e-5, "{difference}"),
        FunctionCheck::Unchecked { reason } => panic!("{reason}"),
    }
    model.free()
}

/// x -> Conv w1 -> Relu -> flattened at `axis` -> MatMul w2 -> y, with 4 channels of 20 pixels.
fn flattened(axis: i64) -> Model {
    Model::new()
        .input("x", &[None, Some(3), Some(6), Some(5)])
        .output("y", &[None, Some(2)])
        .weight("w1", &[4, 3, 2, 2], &numbers(1, 48))
        .weight("w2", &[80, 2], &numbers(2, 160))
        .node("Conv", &["x", "w1"], "a")
        .node("Relu", &["a"], "r")
        .full_node("", "Flatten", &["r"], "h", &[("axis", Attr::Int(axis))])
        .node("MatMul", &["h", "w2"], "y")
}

#[test]
fn a_tensor_is_flattened_at_the_same_axis_from_either_end() {
    assert_eq!([1, -3].map(|axis| free(&flattened(axis))), [4, 4]);
    // at the last axis but one the rows are channels, and the columns pixels
    let rows = |axis| {
        image(|m| {
            m.full_node("", "Flatten", &["a"], "f", &[("axis", Attr::Int(axis))])
                .node("Relu", &["f"], "g")
                .tensor(i64_tensor("back", &[4], &[-1, 4, 5, 4]))
                .node("Reshape", &["g", "back"], "h")
        })
    };
    assert_eq!([2, -2].map(|axis| open(&rows(axis)).free()).map(|free| free > 0), [true, true]);
    assert_eq!(open(&rows(2)).free(), open(&rows(-2)).free());
    assert!(open_bytes(&flattened(-5).bytes()).is_err());
}

#[test]
fn every_operand_of_a_gemm_may_be_stored_and_transposed() {
    let flags = |a: i64, b: i64| [("transA", Attr::Int(a)), ("transB", Attr::Int(b))];
    for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let right = between(|m| {
            let m = m.full_node("", "Transpose", &["a"], "t", &[ints("perm", &[1, 0])]);
            let m = m.weight("w3", if b == 0 { &[4, 5] } else { &[5, 4] }, &numbers(3, 20)).weight(
                "c",
                &[5],
                &numbers(4, 5),
            );
            let m = m.full_node("", "Gemm", &[if a == 0 { "a" } else { "t" }, "w3", "c"], "d", &flags(a, b));
            m.weight("w4", &[5, 4], &numbers(5, 20)).node("Relu", &["d"], "e").node("MatMul", &["e", "w4"], "h")
        });
        assert_eq!(free(&right), 4 + 5 + 4, "the second operand is stored: {a} {b}");
        let left = between(|m| {
            let m = m.full_node("", "Transpose", &["a"], "t", &[ints("perm", &[1, 0])]);
            let m = m.weight("w3", if a == 0 { &[5, 4] } else { &[4, 5] }, &numbers(3, 20)).weight(
                "c",
                &[5, 1],
                &numbers(4, 5),
            );
            let m = m.full_node("", "Gemm", &["w3", if b == 0 { "t" } else { "a" }, "c"], "d", &flags(a, b));
            let m = m.node("Relu", &["d"], "e").full_node("", "Transpose", &["e"], "f", &[ints("perm", &[1, 0])]);
            m.weight("w4", &[5, 4], &numbers(5, 20)).node("MatMul", &["f", "w4"], "h")
        });
        assert_eq!(free(&left), 4 + 5 + 4, "the first operand is stored: {a} {b}");
    }
    // x^T x is contracted over the batch, so that rows and columns both have the scales of the channels
    let both = between(|m| {
        m.full_node("", "Gemm", &["a", "a"], "d", &flags(1, 0)).node("Relu", &["d"], "e").node(
            "MatMul",
            &["a", "e"],
            "h",
        )
    });
    assert!(free(&both) > 0);
}

#[test]
fn a_number_for_all_channels_is_no_bias_of_a_gemm() {
    let model = open(&between(|m| {
        m.weight("w3", &[4, 4], &numbers(3, 16)).weight("c", &[1], &[0.5]).node("Gemm", &["a", "w3", "c"], "h")
    }));
    assert!(model.frozen()[0].reason.contains("scalar other than zero"), "{:?}", model.frozen());
}

#[test]
fn images_of_any_size_become_tokens_and_images_again() {
    let tokens = |middle: &dyn Fn(Model) -> Model| {
        let m = Model::new().input("x", &[None, Some(3), None, None]).output("y", &[None, None, None, None]);
        let m = m.weight("w1", &[4, 3, 1, 1], &numbers(1, 12)).weight("w2", &[2, 4, 1, 1], &numbers(2, 8));
        let m = m.node("Conv", &["x", "w1"], "a").node("Relu", &["a"], "r").node("Shape", &["r"], "shape");
        let m = m.tensor(i64_tensor("flat", &[3], &[0, 4, -1])).node("Reshape", &["r", "flat"], "t");
        let m = m.full_node("", "Transpose", &["t"], "u", &[ints("perm", &[0, 2, 1])]);
        let m = middle(m).full_node("", "Transpose", &["v"], "s", &[ints("perm", &[0, 2, 1])]);
        m.node("Reshape", &["s", "shape"], "h").node("Conv", &["h", "w2"], "y")
    };
    assert_eq!(free(&tokens(&|m| m.node("Relu", &["u"], "v"))), 4);
    let mixed =
        |m: Model| m.weight("w3", &[4, 4], &numbers(3, 16)).node("MatMul", &["u", "w3"], "b").node("Relu", &["b"], "v");
    assert_eq!(free(&tokens(&mixed)), 8);
}

#[test]
fn windows_that_overlap_the_end_leave_a_known_size() {
    for op in ["MaxPool", "AveragePool"] {
        let model = Model::new()
            .input("x", &[None, Some(3), Some(6), Some(6)])
            .output("y", &[None, Some(2)])
            .weight("w1", &[4, 3, 1, 1], &numbers(1, 12))
            .weight("w2", &[36, 2], &numbers(2, 72))
            .node("Conv", &["x", "w1"], "a")
            .full_node(
                "",
                op,
                &["a"],
                "p",
                &[ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2]), ("ceil_mode", Attr::Int(1))],
            )
            .node("Flatten", &["p"], "h")
            .node("MatMul", &["h", "w2"], "y");
        assert_eq!(free(&model), 4, "{op}");
    }
}

#[test]
fn operators_of_single_elements_follow_channels_that_a_reshape_has_split() {
    // 4 channels are seen as 2 times 2, and swapped
    let swapped = |op: &'static str, more: &dyn Fn(Model) -> Model, inputs: &[&'static str]| {
        let m = |m: Model| {
            let m = m.tensor(i64_tensor("pairs", &[3], &[0, 2, 2])).tensor(i64_tensor("back", &[2], &[0, 4]));
            let m = more(m.node("Reshape", &["a", "pairs"], "b"));
            let m = m.full_node("", op, inputs, "c", if op == "Cast" { &[("to", Attr::Int(1))] } else { &[] });
            m.full_node("", "Transpose", &["c"], "d", &[ints("perm", &[0, 2, 1])]).node("Reshape", &["d", "back"], "h")
        };
        free(&between(m))
    };
    let none = |m: Model| m;
    assert_eq!(swapped("Relu", &none, &["b"]), 4);
    assert_eq!(swapped("Cast", &none, &["b"]), 4);
    assert_eq!(swapped("Clip", &|m| m.weight("low", &[], &[0.0]), &["b", "low"]), 4);
    assert_eq!(swapped("PRelu", &|m| m.weight("slope", &[2, 2], &numbers(3, 4)), &["b", "slope"]), 4);
    assert_eq!(swapped("Expand", &|m| m.tensor(i64_tensor("one", &[1], &[1])), &["b", "one"]), 4);
}

#[test]
fn stored_zeros_beside_channels_tie_nothing() {
    let model = image(|m| {
        m.weight("zeros", &[1, 4, 1, 4], &[0.0; 16])
            .full_node("", "Concat", &["a", "zeros"], "b", &[("axis", Attr::Int(2))])
            .node("Relu", &["b"], "h")
    });
    assert_eq!(open(&model).free(), 4);
}

#[test]
fn equal_channels_that_were_joined_can_be_parted_again() {
    let joined = |last: &dyn Fn(Model) -> Model| {
        image(|m| {
            let m = m.full_node("", "ReduceMax", &["a"], "m", &[ints("axes", &[1])]).node("Relu", &["m"], "n");
            let m = m.full_node("", "Concat", &["m", "n", "m", "n"], "c", &[("axis", Attr::Int(1))]);
            last(m)
        })
    };
    let split = |m: Model| {
        m.full_node("", "Split", &["c"], "d,e", &[("axis", Attr::Int(1))]).full_node(
            "",
            "Concat",
            &["e", "d"],
            "h",
            &[("axis", Attr::Int(1))],
        )
    };
    let sliced = |m: Model| {
        let m = m.tensor(i64_tensor("from", &[1], &[1])).tensor(i64_tensor("to", &[1], &[3])).tensor(i64_tensor(
            "axis",
            &[1],
            &[1],
        ));
        let m = m.node("Slice", &["c", "from", "to", "axis"], "d");
        m.full_node("", "Concat", &["d", "d"], "h", &[("axis", Attr::Int(1))])
    };
    assert_eq!((open(&joined(&split)).free(), open(&joined(&sliced)).free()), (1, 1));
}

#[test]
fn products_over_another_number_of_elements_name_the_node() {
    let lies = |op: &str| between(|m| m.weight("w3", &[7, 4], &numbers(3, 28)).node(op, &["x", "w3"], "h"));
    for op in ["MatMul", "Gemm"] {
        let error = open_bytes(&lies(op).bytes()).expect_err("3 inputs are no 7");
        assert!(error.kind == ErrorKind::Network && error.to_string().contains("node_h"), "{error}");
    }
}

#[test]
fn huge_sizes_are_refused_or_left_alone_in_little_memory() {
    let huge = 1 << 42;
    let model = |middle: &dyn Fn(Model) -> Model| {
        let m = Model::new().input("x", &[None, Some(3), Some(huge), Some(5)]).output("y", &[None, None, None, None]);
        let m = m.weight("w1", &[4, 3, 1, 1], &numbers(1, 12)).weight("w2", &[2, 4, 1, 1], &numbers(2, 8));
        middle(m.node("Conv", &["x", "w1"], "a")).node("Conv", &["h", "w2"], "y")
    };
    let axis = |axis: i64| [("axis", Attr::Int(axis))];
    let cases = [
        model(&|m| m.full_node("", "Concat", &["a", "a"], "h", &axis(2))),
        model(&|m| m.full_node("", "Flatten", &["a"], "h", &axis(1))),
        model(&|m| m.tensor(i64_tensor("s", &[3], &[0, 2, -1])).node("Reshape", &["a", "s"], "h")),
        model(&|m| {
            let m = m.tensor(i64_tensor("from", &[1], &[0])).tensor(i64_tensor("to", &[1], &[i64::MAX]));
            m.tensor(i64_tensor("at", &[1], &[2])).node("Slice", &["a", "from", "to", "at"], "h")
        }),
    ];
    for case in cases {
        if let Ok(model) = open_bytes(&case.bytes()) {
            model.apply(&Scaling::new(vec![0.0; model.free()])).expect("nothing overflows");
        }
    }
}

#[test]
fn tensors_without_elements_are_passed_over() {
    let model = Model::new().input("x", &[None, Some(4)]).output("y", &[None, Some(4)]);
    let model = model.weight("w1", &[4, 0], &[]).weight("w2", &[0, 4], &[]);
    let model =
        open(&model.node("MatMul", &["x", "w1"], "a").node("Relu", &["a"], "b").node("MatMul", &["b", "w2"], "y"));
    let (bytes, report) = model.apply(&Scaling::new(vec![0.0; model.free()])).expect("nothing overflows");
    assert_eq!((&bytes[..], report.changed), (model.bytes(), 0));
}

#[test]
fn weights_that_another_use_holds_fast_say_so() {
    let model = between(|m| m.node("Relu", &["a"], "h").output("w1", &[Some(3), Some(4)]));
    let model = open(&model);
    assert_eq!(model.free(), 0);
    assert!(
        model.frozen().iter().any(|f| f.node == "node_a" && f.reason.contains("are an output of the graph")),
        "{:?}",
        model.frozen()
    );
}

#[test]
fn layers_behind_a_frozen_node_stay_free() {
    let padded = image(|m| {
        m.tensor(i64_tensor("pads", &[8], &[0, 0, 1, 1, 0, 0, 1, 1]))
            .weight("half", &[], &[0.5])
            .node("Pad", &["a", "pads", "half"], "b")
            .weight("w3", &[4, 4, 1, 1], &numbers(3, 16))
            .weight("gamma", &[4], &numbers(4, 4))
            .weight("beta", &[4], &numbers(5, 4))
            .weight("mean", &[4], &numbers(6, 4))
            .weight("variance", &[4], &[1.0; 4])
            .node("BatchNormalization", &["b", "gamma", "beta", "mean", "variance"], "c")
            .node("Relu", &["c"], "h")
    });
    assert_eq!(open(&padded).free(), 4);
    let summed = between(|m| {
        let m = m.weight("w3", &[4, 4], &numbers(3, 16));
        m.full_node("", "Einsum", &["a", "w3"], "e", &[("equation", Attr::Text("bi, io -> bo"))])
            .weight("w4", &[4, 4], &numbers(4, 16))
            .node("MatMul", &["e", "w4"], "f")
            .node("Relu", &["f"], "h")
    });
    assert_eq!(open(&summed).free(), 4);
}

#[test]
fn channels_are_gathered_by_tables_of_indices() {
    let model = between(|m| {
        m.tensor(i64_tensor("pairs", &[2, 2], &[0, 2, 1, 3]))
            .tensor(i64_tensor("back", &[2], &[0, 4]))
            .full_node("", "Gather", &["a", "pairs"], "b", &[("axis", Attr::Int(1))])
            .node("Relu", &["b"], "c")
            .node("Reshape", &["c", "back"], "h")
    });
    assert_eq!(free(&model), 4);
}

#[test]
fn channels_that_padding_fills_have_names_of_their_own() {
    let model = image(|m| {
        m.tensor(i64_tensor("pads", &[8], &[0, 2, 0, 0, 0, 1, 0, 0]))
            .weight("w3", &[4, 7, 1, 1], &numbers(3, 28))
            .node("Pad", &["a", "pads"], "b")
            .node("Relu", &["b"], "c")
            .node("Conv", &["c", "w3"], "h")
    });
    let model = open(&model);
    let names: Vec<&str> = model.units().iter().map(|u| u.name.as_str()).filter(|n| n.starts_with("b[")).collect();
    assert_eq!(names, ["b[0]", "b[1]", "b[2]"]);
}

#[test]
fn a_number_added_by_a_gemm_holds_its_result_and_not_what_comes_before() {
    let model = Model::new()
        .input("x", &[None, Some(3)])
        .output("y", &[None, Some(2)])
        .weight("w1", &[3, 4], &numbers(1, 12))
        .weight("w2", &[4, 2], &numbers(2, 8))
        .weight("c", &[1], &[0.5])
        .node("MatMul", &["x", "w1"], "a")
        .node("Relu", &["a"], "b")
        .node("Gemm", &["b", "w2", "c"], "y");
    let model = open(&model);
    assert_eq!(model.free(), 4);
    let [frozen] = model.frozen() else { panic!("{:?}", model.frozen()) };
    assert!(frozen.reason.contains("scalar"), "{}", frozen.reason);
}

#[test]
fn nodes_whose_results_nobody_reads_hold_nothing_and_are_named() {
    let model = between(|m| {
        m.node("Softmax", &["a"], "unread").node("Relu", &["unread"], "unread too").node("Identity", &["a"], "h")
    });
    let (model, without) = (open(&model), open(&between(|m| m.node("Identity", &["a"], "h"))));
    assert_eq!(model.free(), without.free());
    let unread: Vec<bool> = model.frozen().iter().map(|f| f.reason.contains("nothing reads")).collect();
    assert_eq!(unread, [true, true], "{:?}", model.frozen());
}

#[test]
fn a_batch_normalization_tells_how_many_channels_there_are() {
    let statistics = |m: Model, k: &str| {
        let m = m.weight(&format!("gamma{k}"), &[3], &numbers(3, 3)).weight(&format!("beta{k}"), &[3], &numbers(4, 3));
        m.weight(&format!("mean{k}"), &[3], &numbers(5, 3)).weight(&format!("variance{k}"), &[3], &[0.5, 1.0, 2.0])
    };
    let model = Model::new().input("x", &[None, None, Some(4), Some(5)]).output("y", &[None, Some(5), None, None]);
    let model = statistics(model, "")
        .node("BatchNormalization", &["x", "gamma", "beta", "mean", "variance"], "a")
        .node("Relu", &["a"], "b")
        .tensor(i64_tensor("pads", &[8], &[0, 0, 0, 0, 0, 1, 0, 0]))
        .node("Pad", &["b", "pads"], "c")
        .weight("w", &[5, 4, 1, 1], &numbers(6, 20))
        .node("Conv", &["c", "w"], "y");
    assert_eq!(open(&model).free(), 3 + 1, "and the zeros beside them");
}

#[test]
fn zeros_that_the_model_computes_take_any_scale_beside_channels() {
    let beside = |zeros: fn(Model) -> Model| {
        between(|m| {
            zeros(m)
                .full_node("", "Concat", &["a", "z"], "c", &[("axis", Attr::Int(1))])
                .node("Relu", &["c"], "d")
                .weight("w9", &[6, 4], &numbers(9, 24))
                .node("MatMul", &["d", "w9"], "h")
        })
    };
    let computed = beside(|m| {
        m.tensor(i64_tensor("sizes", &[2], &[4, 2])).node("ConstantOfShape", &["sizes"], "z0").full_node(
            "",
            "Cast",
            &["z0"],
            "z",
            &[("to", Attr::Int(1))],
        )
    });
    let stored = beside(|m| m.weight("z", &[4, 2], &[0.0; 8]));
    assert_eq!(open(&computed).free(), open(&stored).free());
    assert!(open(&computed).free() > 4);
}

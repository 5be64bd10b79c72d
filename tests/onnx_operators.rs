//! Operators of images and of layouts: how many log-scales stay free, and why others freeze.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::families::between;
use onnx_support::image_families::image;
use onnx_support::layout_families::shuffled;
use onnx_support::onnx_writer::{Attr, Model, i64_tensor};
use onnx_support::{numbers, open, open_bytes, powers_of_two, tensor, use_of};
use synbal::model::{FunctionCheck, Role};

fn ints(name: &'static str, values: &[i64]) -> (&'static str, Attr) {
    (name, Attr::Ints(values.to_vec()))
}

/// The reason why the model between the two layers freezes.
fn reason(model: &Model) -> String {
    let model = open(model);
    assert_eq!(model.frozen().len(), 1, "{:?}", model.frozen());
    assert_eq!(model.free(), 0);
    model.frozen()[0].reason.clone()
}

fn normalized(attrs: &[(&str, Attr)]) -> Model {
    image(|m| {
        m.weight("gamma", &[4], &numbers(1, 4))
            .weight("beta", &[4], &numbers(2, 4))
            .weight("mean", &[4], &numbers(3, 4))
            .weight("variance", &[4], &[1.0; 4])
            .full_node("", "BatchNormalization", &["a", "gamma", "beta", "mean", "variance"], "h", attrs)
    })
}

#[test]
fn batch_normalization_in_training_mode_freezes() {
    assert!(reason(&normalized(&[("training_mode", Attr::Int(1))])).contains("training mode"));
}

#[test]
fn the_mean_of_a_batch_normalization_is_scaled_and_costs_nothing() {
    let model = open(&normalized(&[]));
    assert_eq!((model.free(), use_of(&model, "mean").role), (8, Role::Statistic));
    assert_eq!(use_of(&model, "variance").role, Role::Fixed);
    assert_eq!(use_of(&model, "mean").heads.forms, use_of(&model, "w1").heads.forms);
    let new = open_bytes(&model.apply(&powers_of_two(&model, 1)).expect("no overflow").0).expect("valid");
    assert_eq!(tensor(&new, "variance"), tensor(&model, "variance"));
    assert_ne!(tensor(&new, "mean"), tensor(&model, "mean"));
}

#[test]
fn powers_that_are_not_homogeneous_freeze_with_their_reason() {
    let power = |exponent: f32| between(|m| m.weight("c", &[], &[exponent]).node("Pow", &["a", "c"], "h"));
    assert!(reason(&power(1.5)).contains("may be negative"));
    assert!(reason(&power(-1.0)).contains("not positive"));
    let many = between(|m| m.weight("c", &[4], &[1.0, 2.0, 3.0, 1.0]).node("Pow", &["a", "c"], "h"));
    assert!(reason(&many).contains("not one number"));
    let after_relu = between(|m| m.weight("c", &[], &[1.5]).node("Relu", &["a"], "b").node("Pow", &["b", "c"], "h"));
    let model = open(&after_relu);
    assert_eq!((model.free(), model.frozen().len()), (4, 0));
    let (bytes, _) = model.apply(&powers_of_two(&model, 1)).expect("no overflow");
    let FunctionCheck::Compared { difference, .. } = model.check(&bytes, 1) else { panic!("it runs") };
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn a_clip_at_fixed_values_and_maxima_with_constants_freeze() {
    let clip = |low: f32, high: f32| {
        let bounds = |m: Model| m.weight("low", &[], &[low]).weight("high", &[], &[high]);
        between(|m| bounds(m).node("Clip", &["a", "low", "high"], "h"))
    };
    assert!(reason(&clip(0.0, 6.0)).contains("bends"));
    assert!(reason(&clip(-1.0, f32::INFINITY)).contains("bends"));
    assert_eq!(open(&clip(0.0, f32::MAX)).free(), 4);
    let maximum = between(|m| m.weight("c", &[4], &[1.0; 4]).node("Max", &["a", "c"], "h"));
    assert!(reason(&maximum).starts_with("Max: a constant operand"));
}

#[test]
fn padding_with_a_number_and_unknown_shapes_freeze_with_their_reason() {
    let padded = |value: f32| {
        image(|m| {
            m.tensor(i64_tensor("pads", &[8], &[0, 0, 1, 1, 0, 0, 1, 1])).weight("fill", &[], &[value]).node(
                "Pad",
                &["a", "pads", "fill"],
                "h",
            )
        })
    };
    assert!(reason(&padded(1.0)).contains("other than zero"));
    assert_eq!(open(&padded(0.0)).free(), 4);
    let late = between(|m| m.node("NonZero", &["x"], "s").node("Reshape", &["a", "s"], "h"));
    let model = open(&late);
    assert!(model.frozen().iter().any(|f| f.reason.contains("only when the model runs")), "{:?}", model.frozen());
}

#[test]
fn a_window_without_weights_in_the_file_freezes() {
    let dynamic = image(|m| m.input("w3", &[Some(4), Some(4), Some(1), Some(1)]).node("Conv", &["a", "w3"], "h"));
    assert!(reason(&dynamic).contains("not a stored tensor"));
}

#[test]
fn channels_are_followed_through_a_shuffle_of_images_of_any_size() {
    for input in [[None, Some(3), None, None], [Some(2), Some(3), Some(4), Some(4)]] {
        let model = open(&shuffled(&input));
        assert_eq!((model.free(), model.frozen().len()), (4, 0));
        let (heads, tails) = (&use_of(&model, "w1").heads.forms, &use_of(&model, "w2").tails.forms);
        assert_eq!([0, 2, 1, 3].map(|c| heads[c].clone())[..], tails[..]);
    }
}

#[test]
fn groups_connect_only_their_own_channels() {
    let model = open(&image(|m| {
        m.weight("w3", &[4, 2, 1, 1], &numbers(5, 8)).full_node(
            "",
            "Conv",
            &["a", "w3"],
            "h",
            &[("group", Attr::Int(2))],
        )
    }));
    let lowered = model.lower(&synbal::regularizer::Regularizer::lp(2.0).expect("valid"), true).expect("finite");
    assert_eq!((model.free(), lowered.weights), (8, 48 + 8 + 8));
    assert!(model.apply(&powers_of_two(&model, 2)).is_ok());
}

#[test]
fn shapes_that_do_not_fit_name_the_node() {
    let cases = [
        image(|m| m.weight("w3", &[4, 5, 1, 1], &numbers(6, 20)).node("Conv", &["a", "w3"], "h")),
        image(|m| m.weight("w3", &[4, 4, 1], &numbers(6, 16)).node("Conv", &["a", "w3"], "h")),
        image(|m| {
            m.weight("w3", &[4, 4, 1, 1], &numbers(6, 16)).full_node(
                "",
                "Conv",
                &["a", "w3"],
                "h",
                &[("group", Attr::Int(0))],
            )
        }),
        image(|m| m.full_node("", "MaxPool", &["a"], "h", &[ints("kernel_shape", &[2])])),
        image(|m| m.full_node("", "DepthToSpace", &["a"], "h", &[("blocksize", Attr::Int(3))])),
        image(|m| m.full_node("", "Concat", &["a", "w2"], "h", &[("axis", Attr::Int(9))])),
    ];
    for (i, model) in cases.iter().enumerate() {
        let error = open_bytes(&model.bytes()).err().unwrap_or_else(|| panic!("case {i} opens"));
        assert!(error.to_string().contains("node_h"), "{error}");
    }
}

#[test]
fn odd_attributes_never_cause_a_panic() {
    let odd = [i64::MIN, -7, -1, 0, 1, 3, i64::MAX];
    for op in ["MaxPool", "Pad", "Slice", "Gather", "Tile", "Concat", "Flatten", "DepthToSpace", "ReduceSum", "Reshape"]
    {
        for value in odd {
            for axis in odd {
                let attrs = [
                    ("axis", Attr::Int(axis)),
                    ("blocksize", Attr::Int(value)),
                    ("keepdims", Attr::Int(0)),
                    ints("kernel_shape", &[value, axis]),
                    ints("strides", &[axis, value]),
                    ints("pads", &[value, axis, value, axis]),
                ];
                let model = image(|m| {
                    let m = m.tensor(i64_tensor("i", &[2], &[value, axis])).tensor(i64_tensor("j", &[1], &[value]));
                    let m = m.tensor(i64_tensor("k", &[8], &[value, 0, axis, 1, 0, value, 0, axis]));
                    m.full_node("", op, &["a", if op == "Pad" { "k" } else { "i" }, "j", "j", "j"], "h", &attrs)
                });
                if let Ok(model) = open_bytes(&model.bytes()) {
                    let _ = model.apply(&powers_of_two(&model, 1));
                }
            }
        }
    }
}

#[test]
fn channels_that_a_reduction_joins_are_tied_and_none_is_dead() {
    let model = open(&image(|m| {
        m.full_node("", "ReduceMax", &["a"], "b", &[ints("axes", &[1])])
            .weight("w3", &[4, 1, 1, 1], &numbers(7, 4))
            .node("Conv", &["b", "w3"], "h")
    }));
    assert_eq!((model.free(), model.dead().len(), model.frozen().len()), (5, 0, 0));
}

#[test]
fn scales_add_up_in_products_and_cancel_in_ratios() {
    let gate = |op: &str| {
        open(&between(|m| {
            let m = m.weight("w3", &[4, 4], &numbers(8, 16)).node("MatMul", &["a", "w3"], "b");
            m.node("Abs", &["b"], "c").node(op, &["a", "c"], "h")
        }))
    };
    for (op, sign) in [("Mul", 1.0), ("Div", -1.0)] {
        let model = gate(op);
        assert_eq!((model.free(), model.dead().len(), model.frozen().len()), (8, 0, 0), "{op}");
        let (a, b) = (&use_of(&model, "w1").heads.forms, &use_of(&model, "w3").heads.forms);
        let tails = &use_of(&model, "w2").tails.forms;
        assert!((0..4).all(|c| tails[c] == a[c].plus(sign, &b[c])), "{op}");
    }
    let ratio = open(&between(|m| m.node("Abs", &["a"], "b").node("Div", &["a", "b"], "h")));
    assert!(use_of(&ratio, "w2").tails.forms.iter().all(|f| f.is_zero()));
    assert_eq!((ratio.free(), ratio.dead().len()), (4, 0));
    let gated = open(&between(|m| {
        m.node("Sigmoid", &["x"], "s").weight("w3", &[3, 4], &numbers(9, 12)).node("MatMul", &["s", "w3"], "t").node(
            "Mul",
            &["a", "t"],
            "h",
        )
    }));
    assert_eq!((gated.free(), gated.dead().len()), (8, 0));
}

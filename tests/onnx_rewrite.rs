//! Rewriting ONNX files: only weights change, and the function stays the same.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::families::{BATCH, OUT, between, families};
use onnx_support::onnx_writer::{Message, Model, f16_tensor};
use onnx_support::{numbers, open, open_bytes, powers_of_two, tensor};
use synbal::compare::compare;
use synbal::error::ErrorKind;
use synbal::lowered::Scaling;
use synbal::model::{FunctionCheck, OnnxModel, Role};
use synbal::regularizer::Regularizer;

fn changed_outside_weights(model: &OnnxModel, new: &[u8]) -> Option<usize> {
    let weights: Vec<usize> = model.uses().filter(|u| u.role != Role::Fixed).map(|u| u.tensor()).collect();
    let inside = |at: &usize| weights.iter().any(|&t| model.tensors()[t].places.iter().any(|r| r.contains(at)));
    assert_eq!(model.bytes().len(), new.len());
    (0..new.len()).filter(|&i| new[i] != model.bytes()[i]).find(|at| !inside(at))
}

#[test]
fn rescaling_by_powers_of_two_keeps_every_bit_of_the_outputs_and_of_the_other_bytes() {
    for (name, model) in families() {
        let model = open(&model);
        assert_eq!(model.frozen(), [], "{name}");
        assert!(model.free() > 0, "{name}: nothing is free");
        for seed in 1..5 {
            let (bytes, report) = model.apply(&powers_of_two(&model, seed)).expect("no overflow");
            assert!(report.changed > 0, "{name}");
            assert_eq!(changed_outside_weights(&model, &bytes), None, "{name}");
            match model.check(&bytes, seed) {
                FunctionCheck::Compared { difference, rounding, .. } => {
                    assert_eq!(difference, 0.0, "{name}");
                    assert!(rounding > 0.0 && rounding < 1e-3, "{name}: {rounding}");
                }
                FunctionCheck::Unchecked { reason } => panic!("{name}: {reason}"),
            }
        }
    }
}

#[test]
fn the_check_sees_a_function_that_changed() {
    let model = open(&families()[1].1);
    let tensor = model.tensors().iter().find(|t| t.name == "b").expect("the bias");
    let mut bytes = model.bytes().to_vec();
    bytes[tensor.places[0].start + 3] ^= 1;
    let FunctionCheck::Compared { difference, rounding, .. } = model.check(&bytes, 1) else { panic!("it runs") };
    assert!(difference > 1e3 * rounding);
}

#[test]
fn a_zero_scaling_leaves_the_file_as_it_is() {
    for (name, model) in families() {
        let model = open(&model);
        let scaling = Scaling::new(vec![0.0; model.free()]);
        assert_eq!(model.apply(&scaling).expect("no overflow").0, model.bytes(), "{name}");
    }
}

#[test]
fn a_model_that_the_engine_does_not_know_is_unchecked() {
    let model = open(&between(|m| m.node("Blub", &["a"], "h")));
    assert!(matches!(model.check(model.bytes(), 1), FunctionCheck::Unchecked { .. }));
}

#[test]
fn unknown_sizes_that_the_weights_tell_are_fed_by_the_check() {
    let open_image = [None; 4];
    for (op, kernel) in [("Conv", [5, 3, 3, 3]), ("ConvTranspose", [3, 5, 2, 2])] {
        let model = Model::new()
            .input("x", &open_image)
            .output("y", &open_image)
            .weight("w", &kernel, &numbers(1, kernel.iter().product()))
            .weight("v", &[2, 5, 1, 1], &numbers(2, 10))
            .node(op, &["x", "w"], "a")
            .node("Relu", &["a"], "h")
            .node("Conv", &["h", "v"], "y");
        let model = open(&model);
        assert_eq!(model.free(), 5, "{op}");
        match model.check_scaled(&powers_of_two(&model, 3), 1) {
            FunctionCheck::Compared { difference, notes, .. } => {
                assert_eq!(difference, 0.0, "{op}");
                assert!(notes[0].contains("[4, 3, 8, 8]"), "{notes:?}");
            }
            FunctionCheck::Unchecked { reason } => panic!("{op}: {reason}"),
        }
    }
}

#[test]
fn inputs_too_large_to_run_and_outputs_that_are_no_numbers_are_unchecked() {
    let large = between(|m| m.node("Relu", &["a"], "h")).input("z", &[Some(3), Some(30_000), Some(30_000)]);
    let nan = between(|m| m.node("Sqrt", &["a"], "b").node("Neg", &["b"], "c").node("Sqrt", &["c"], "h"));
    for (model, why) in [(large, "numbers"), (nan, "no finite number")] {
        let model = open(&model);
        let FunctionCheck::Unchecked { reason } = model.check(model.bytes(), 1) else { panic!("{why}") };
        assert!(reason.contains(why), "{reason}");
    }
}

#[test]
fn overflow_is_an_error_that_names_the_weight_and_subnormal_results_are_counted() {
    let model = open(&between(|m| m.node("Relu", &["a"], "h")));
    let all = |x: f64| Scaling::new(vec![x; model.free()]);
    let error = model.apply(&all(100.0)).expect_err("too large");
    assert!(error.to_string().contains("\"w1\"") && error.kind == ErrorKind::Network, "{error}");
    assert!(error.file.is_some());
    let (_, report) = model.apply(&all(-88.0)).expect("the outgoing weights fit");
    assert!(report.subnormal > 0, "{report:?}");
}

#[test]
fn half_precision_weights_are_rewritten_in_their_own_type() {
    let bits: Vec<u16> = (0..12).map(|i| 0x3c00 + i).collect();
    let model = Model::new()
        .input("x", BATCH)
        .output("y", OUT)
        .tensor(f16_tensor("w1", &[3, 4], &bits))
        .tensor(f16_tensor("w2", &[4, 2], &bits[..8]))
        .node("MatMul", &["x", "w1"], "a")
        .node("MatMul", &["a", "w2"], "y");
    let model = open(&model);
    let scaling = Scaling::new(vec![std::f64::consts::LN_2; 4]);
    let new = open_bytes(&model.apply(&scaling).expect("no overflow").0).expect("valid");
    assert_eq!(tensor(&new, "w1"), tensor(&model, "w1").iter().map(|w| 2.0 * w).collect::<Vec<f64>>());
}

#[test]
fn the_surfaces_network_keeps_its_function() {
    let Some(folder) = std::env::var_os("SYNBAL_MODELS") else {
        println!("skipped: SYNBAL_MODELS names no folder with models");
        return;
    };
    let model = OnnxModel::open(&std::path::Path::new(&folder).join("surfaces_mlp.onnx")).expect("a valid model");
    assert_eq!(model.free(), 128);
    assert_eq!(model.frozen().len(), 1, "{:?}", model.frozen());
    let weights = model.uses().filter(|u| u.role != Role::Fixed);
    assert_eq!(weights.map(|u| model.tensors()[u.tensor()].len()).sum::<usize>(), 4545);
    let (bytes, _) = model.apply(&powers_of_two(&model, 1)).expect("no overflow");
    match model.check(&bytes, 1) {
        FunctionCheck::Compared { difference, .. } => assert_eq!(difference, 0.0),
        FunctionCheck::Unchecked { reason } => panic!("{reason}"),
    }
}

#[test]
fn a_file_of_another_kind_is_refused_with_its_name() {
    for bytes in [&b"not a model"[..], &[], &Message::default().int(1, 8).0] {
        let error = open_bytes(bytes).expect_err("no model");
        assert!(error.file.is_some() && error.to_string().contains("byte"), "{error}");
    }
}

#[test]
fn the_scales_between_a_file_and_its_rescaled_version_are_recovered() {
    for (name, model) in families() {
        let model = open(&model);
        let log_scales: Vec<f64> = numbers(40, model.free()).iter().map(|&n| f64::from(n) * 3.0).collect();
        let scaling = Scaling::new(log_scales);
        let new = open_bytes(&model.apply(&scaling).expect("no overflow").0).expect("valid");
        assert_eq!(model.difference_outside_weights(&new), None, "{name}");
        let l1 = Regularizer::lp(1.0).expect("an exponent");
        let lowered = [&model, &new].map(|m| m.lower(&l1, true).expect("finite weights").problem);
        let found = compare(&lowered[0], &lowered[1]).expect("the same graph");
        assert!(found.mismatch < 1e-6, "{name}: {found:?}");
        for (x, y) in found.log_scales.iter().zip(scaling.scales.rest()) {
            assert!((x - y).abs() < 1e-5, "{name}: {x} {y}");
        }
    }
}

#[test]
fn bytes_of_weights_may_differ_and_the_first_other_byte_is_named() {
    let model = open(&families()[1].1);
    let at = |name: &str| model.tensors().iter().find(|t| t.name == name).expect("it exists").places[0].start;
    let with = |at: usize, mask: u8| {
        let mut bytes = model.bytes().to_vec();
        bytes[at] ^= mask;
        open_bytes(&bytes).expect("valid")
    };
    assert_eq!(model.difference_outside_weights(&with(at("w1") + 2, 16)), None);
    let version = with(1, 1);
    assert_eq!(
        model.difference_outside_weights(&version).as_deref(),
        Some(
            "byte 1 differs and is no part of a weight: names, metadata and types must agree, as they do in files that were \
             rescaled after one export"
        )
    );
}

#[test]
fn every_model_at_hand_opens_and_keeps_its_function() {
    let Some(folder) = std::env::var_os("SYNBAL_MODELS") else {
        println!("skipped: SYNBAL_MODELS names no folder with models");
        return;
    };
    let files = std::fs::read_dir(folder).expect("a folder").map(|f| f.expect("a file").path());
    for path in files.filter(|p| p.extension().is_some_and(|e| e == "onnx")) {
        let model = OnnxModel::open(&path).unwrap_or_else(|e| panic!("{e}"));
        let (bytes, _) = model.apply(&powers_of_two(&model, 1)).expect("no overflow");
        assert_eq!(changed_outside_weights(&model, &bytes), None);
        if model.bytes().len() > 3 << 20 {
            continue;
        }
        match model.check(&bytes, 1) {
            FunctionCheck::Compared { difference, .. } => assert_eq!(difference, 0.0, "{}", path.display()),
            FunctionCheck::Unchecked { reason } => println!("{}: unchecked: {reason}", path.display()),
        }
        println!("{}: {} free, {} frozen", path.display(), model.free(), model.frozen().len());
    }
}

/// SYNBAL_PYTHON names a Python with numpy, onnx and onnxruntime.
#[test]
fn onnxruntime_finds_the_same_function() {
    let Some(python) = std::env::var_os("SYNBAL_PYTHON") else {
        println!("skipped: SYNBAL_PYTHON names no Python with onnxruntime");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/onnxruntime/check.py");
    let agree = |a: &[u8], b: &[u8]| {
        let [a_path, b_path] = ["a.onnx", "b.onnx"].map(|n| folder.path().join(n));
        std::fs::write(&a_path, a).and_then(|()| std::fs::write(&b_path, b)).expect("writable");
        let status = std::process::Command::new(&python).arg(script).args([a_path, b_path]).status();
        status.expect("it starts").success()
    };
    for (name, model) in families() {
        let model = open(&model);
        let log_scales: Vec<f64> = numbers(60, model.free()).iter().map(|&n| f64::from(n) * 3.0).collect();
        let (bytes, _) = model.apply(&Scaling::new(log_scales)).expect("no overflow");
        assert!(agree(model.bytes(), &bytes), "{name}");
    }
    let model = open(&families()[1].1);
    let mut bytes = model.bytes().to_vec();
    bytes[model.tensors()[0].places[0].start + 3] ^= 1;
    assert!(!agree(model.bytes(), &bytes), "a changed weight goes unnoticed");
}

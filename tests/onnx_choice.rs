//! What the user wants left alone in a model, and costs of a user's choice.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::numbers;
use onnx_support::onnx_writer::Model;
use std::ops::ControlFlow;
use std::path::PathBuf;
use synbal::balance::balance;
use synbal::model::{Choice, FunctionCheck, OnnxModel};
use synbal::regularizer::Regularizer;
use synbal::solve::Settings;

/// Three layers with a batch normalization behind the first.
fn model() -> Model {
    let positive: Vec<f32> = numbers(5, 4).iter().map(|v| 0.5 + v.abs()).collect();
    Model::new()
        .input("x", &[None, Some(3), Some(1)])
        .output("y", &[None, Some(2), Some(1)])
        .weight("w1", &[4, 3, 1], &numbers(1, 12))
        .weight("gamma", &[4], &numbers(2, 4))
        .weight("beta", &[4], &numbers(3, 4))
        .weight("mean", &[4], &numbers(4, 4))
        .weight("variance", &[4], &positive)
        .weight("w2", &[4, 4, 1], &numbers(6, 16))
        .weight("w3", &[2, 4, 1], &numbers(7, 8))
        .node("Conv", &["x", "w1"], "a")
        .node("BatchNormalization", &["a", "gamma", "beta", "mean", "variance"], "b")
        .node("Relu", &["b"], "c")
        .node("Conv", &["c", "w2"], "d")
        .node("Relu", &["d"], "e")
        .node("Conv", &["e", "w3"], "y")
}

struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file() -> File {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, model().bytes()).expect("writable");
    File { _folder: folder, path }
}

fn open(file: &File, choice: &Choice) -> OnnxModel {
    OnnxModel::open_with(&file.path, choice).unwrap_or_else(|e| panic!("{e}"))
}

/// The balanced version of a model: its file, which computes the same function.
fn balanced(file: &File, model: &OnnxModel, others: &[(String, Regularizer)]) -> OnnxModel {
    let lowered = model.lower_with(&Regularizer::lp(2.0).unwrap(), true, others).unwrap();
    let balanced = balance(&lowered.problem, &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(balanced.solution.residual <= 1e-12);
    let (bytes, _) = model.apply(&balanced.scaling(false)).expect("no overflow");
    let FunctionCheck::Compared { difference, .. } = model.check(&bytes, 3) else { panic!("it runs") };
    assert!(difference < 1e-5, "{difference}");
    let path = file.path.with_file_name("balanced.onnx");
    std::fs::write(&path, bytes).expect("writable");
    OnnxModel::open(&path).expect("valid")
}

fn tensor(model: &OnnxModel, name: &str) -> Vec<f64> {
    onnx_support::tensor(model, name)
}

fn freezing(patterns: &[&str]) -> Choice {
    Choice { freeze: patterns.iter().map(|p| (*p).to_string()).collect(), ..Choice::default() }
}

#[test]
fn a_frozen_node_keeps_its_weights_and_the_others_are_balanced() {
    let file = file();
    let model = open(&file, &freezing(&["node_d"]));
    assert!(model.frozen().iter().any(|f| f.node == "node_d" && f.reason.contains("--freeze node_d")));
    let new = balanced(&file, &model, &[]);
    assert_eq!(tensor(&new, "w2"), tensor(&model, "w2"));
    for name in ["w1", "gamma"] {
        assert_ne!(tensor(&new, name), tensor(&model, name), "{name}");
    }
}

#[test]
fn only_the_named_nodes_change() {
    let file = file();
    let only = |p: &str| Choice { only: vec![p.into()], ..Choice::default() };
    let all = open(&file, &Choice::default());
    let some = open(&file, &only("node_?"));
    assert_eq!(all.free(), some.free());
    let last = open(&file, &Choice { only: vec!["node_d".into(), "node_y".into()], ..Choice::default() });
    let new = balanced(&file, &last, &[]);
    for name in ["w1", "gamma", "beta", "mean", "variance"] {
        assert_eq!(tensor(&new, name), tensor(&all, name), "{name}");
    }
    for name in ["w2", "w3"] {
        assert_ne!(tensor(&new, name), tensor(&all, name), "{name}");
    }
}

#[test]
fn a_pattern_that_matches_no_node_is_an_error() {
    let file = file();
    for choice in [freezing(&["conv*"]), Choice { only: vec!["conv*".into()], ..Choice::default() }] {
        let error = OnnxModel::open_with(&file.path, &choice).expect_err("no such node").to_string();
        assert!(error.contains("conv*") && error.contains("model.onnx"), "{error}");
    }
    let other = [("conv*".to_string(), Regularizer::lp(1.0).unwrap())];
    let model = open(&file, &Choice::default());
    assert!(model.lower_with(&Regularizer::lp(2.0).unwrap(), true, &other).unwrap_err().to_string().contains("conv*"));
}

#[test]
fn a_fixed_batch_normalization_passes_scales_through_and_costs_nothing() {
    let file = file();
    let fixed = Choice { batchnorm_fixed: true, ..Choice::default() };
    let (free, tied) = (open(&file, &Choice::default()), open(&file, &fixed));
    assert_eq!((free.free(), tied.free()), (12, 8));
    let count = |m: &OnnxModel| m.lower(&Regularizer::lp(2.0).unwrap(), true).unwrap().weights;
    assert_eq!((count(&free), count(&tied)), (44, 40));
    let new = balanced(&file, &tied, &[]);
    assert_eq!(tensor(&new, "gamma"), tensor(&tied, "gamma"));
    assert_ne!(tensor(&new, "mean"), tensor(&tied, "mean"));
}

#[test]
fn weights_of_named_nodes_have_a_norm_of_their_own() {
    let file = file();
    let model = open(&file, &Choice::default());
    let one = [("node_d".to_string(), Regularizer::lp(1.0).unwrap())];
    let new = balanced(&file, &model, &one);
    // at every channel between w2 and w3 the slopes agree: p times the cost, p = 1 in front and 2 behind
    let (w2, w3) = (tensor(&new, "w2"), tensor(&new, "w3"));
    for c in 0..4 {
        let into: f64 = (0..4).map(|i| w2[4 * c + i].abs()).sum();
        let out: f64 = (0..2).map(|o| 2.0 * w3[4 * o + c].powi(2)).sum();
        assert!((into / out - 1.0).abs() < 1e-5, "channel {c}: {into} {out}");
    }
}

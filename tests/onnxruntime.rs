//! An independent engine agrees that balanced models compute the same function.
//!
//! `SYNBAL_PYTHON` names a Python with the packages of `tests/onnxruntime/requirements.txt`, `SYNBAL_MODELS` a folder of models.
#![cfg(feature = "cli")]

mod cli_support;
mod onnx_support;

use cli_support::Desk;
use onnx_support::numbers;
use onnx_support::onnx_writer::{Attr, Model};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

fn python() -> Option<OsString> {
    let python = std::env::var_os("SYNBAL_PYTHON");
    if python.is_none() {
        println!("skipped: SYNBAL_PYTHON names no Python with onnxruntime");
    }
    python
}

/// The exit code of the comparison, and what it printed.
fn compare(python: &OsString, a: &Path, b: &Path, tolerance: &str) -> (Option<i32>, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnxruntime/check.py");
    let output = Command::new(python).arg(script).arg(a).arg(b).args(["--tolerance", tolerance]).output();
    let output = output.expect("the Python of SYNBAL_PYTHON runs");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code(), text.concat())
}

/// 5 inputs, two hidden layers of 8 and 7 units whose scales are far apart, 3 outputs.
fn perceptron() -> Model {
    let spread = |seed, rows: usize, columns: usize| -> Vec<f32> {
        let numbers = numbers(seed, rows * columns);
        numbers.iter().enumerate().map(|(k, w)| w * 2f32.powi((k / columns) as i32 % 7 - 3)).collect()
    };
    let gemm = [("transB", Attr::Int(1))];
    Model::new()
        .input("x", &[None, Some(5)])
        .output("y", &[None, Some(3)])
        .weight("w1", &[8, 5], &spread(1, 8, 5))
        .weight("b1", &[8], &spread(2, 8, 1))
        .weight("w2", &[7, 8], &spread(3, 7, 8))
        .weight("b2", &[7], &spread(4, 7, 1))
        .weight("w3", &[3, 7], &numbers(5, 21))
        .full_node("", "Gemm", &["x", "w1", "b1"], "a", &gemm)
        .node("Relu", &["a"], "b")
        .full_node("", "Gemm", &["b", "w2", "b2"], "c", &gemm)
        .full_node("", "LeakyRelu", &["c"], "d", &[("alpha", Attr::Float(0.2))])
        .full_node("", "Gemm", &["d", "w3"], "y", &gemm)
}

#[test]
fn onnxruntime_accepts_a_balanced_perceptron_and_rejects_an_altered_one() {
    let Some(python) = python() else { return };
    let desk = Desk::new();
    desk.put("a.onnx", perceptron().bytes());
    let report = desk.json("balance a.onnx -o b.onnx", 0);
    assert_eq!(report["dimension"], 15);
    assert!(report["residual_after"].as_f64().unwrap() <= 1e-12, "{report}");
    assert!(report["cost_after"].as_f64().unwrap() < 0.9 * report["cost_before"].as_f64().unwrap(), "{report}");
    let (code, text) = compare(&python, &desk.path("a.onnx"), &desk.path("b.onnx"), "1e-5");
    assert_eq!(code, Some(0), "{text}");
    let model = synbal::model::OnnxModel::open(&desk.path("b.onnx")).unwrap();
    let place = model.tensors().iter().find(|t| t.name == "w2").unwrap().places[0].start;
    let mut bytes = desk.bytes("b.onnx");
    bytes[place + 3] ^= 0x80;
    desk.put("c.onnx", bytes);
    let (code, text) = compare(&python, &desk.path("a.onnx"), &desk.path("c.onnx"), "1e-5");
    assert_eq!(code, Some(1), "one sign was changed: {text}");
}

#[test]
fn onnxruntime_accepts_the_balanced_surfaces_model() {
    let Some(python) = python() else { return };
    let Some(folder) = std::env::var_os("SYNBAL_MODELS") else {
        println!("skipped: SYNBAL_MODELS names no folder with models");
        return;
    };
    let model = Path::new(&folder).join("surfaces_mlp.onnx");
    let desk = Desk::new();
    let report = desk.json(&format!("balance {} -o b.onnx", model.display()), 0);
    assert_eq!((report["status"].as_str(), report["dimension"].as_u64()), (Some("converged"), Some(128)));
    assert!(report["residual_after"].as_f64().unwrap() <= 1e-12, "{report}");
    let (code, text) = compare(&python, &model, &desk.path("b.onnx"), "1e-5");
    assert_eq!(code, Some(0), "{text}");
}

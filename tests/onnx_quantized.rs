//! Quantized models: what is stored as integers keeps its values, and the report names every node that does that.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::families::between;
use onnx_support::onnx_writer::{Message, Model};
use onnx_support::{numbers, open, powers_of_two};

const INTEGERS: [u8; 16] = [1, 2, 250, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// Integers of 8 bits; `kind` is 2 without and 3 with a sign.
fn bytes(name: &str, kind: i64, shape: &[usize], values: &[u8]) -> Message {
    let dims = shape.iter().fold(Message::default(), |m, &d| m.int(1, d as i64));
    dims.int(2, kind).text(8, name).bytes(9, values)
}

/// Another layer of 4 channels in front, then `middle` with integer weights `w3`, their scale and zero point.
fn quantized(middle: impl FnOnce(Model) -> Model) -> Model {
    between(|m| {
        let m = m.weight("w0", &[4, 4], &numbers(31, 16)).node("Relu", &["a"], "b").node("MatMul", &["b", "w0"], "c");
        let m = m.tensor(bytes("w3", 3, &[4, 4], &INTEGERS));
        middle(m.weight("step", &[], &[0.25]).tensor(bytes("none", 3, &[], &[0])))
    })
}

/// The free log-scales, and the reasons for what is left alone.
fn outcome(model: &Model) -> (usize, Vec<String>) {
    let model = open(model);
    let (new, report) = model.apply(&powers_of_two(&model, 1)).expect("no overflow");
    assert!(report.changed > 0 && new.windows(16).any(|w| w == INTEGERS));
    (model.free(), model.frozen().iter().map(|f| f.reason.clone()).collect())
}

#[test]
fn weights_that_are_dequantized_are_kept_and_named() {
    let model = quantized(|m| {
        m.node("DequantizeLinear", &["w3", "step", "none"], "w").node("MatMul", &["c", "w"], "d").node(
            "Relu",
            &["d"],
            "h",
        )
    });
    let reasons = [
        "DequantizeLinear: a result of constants alone is not rewritten",
        "MatMul: its constant operand is not a stored tensor",
    ];
    // the four channels behind w1 stay free
    assert_eq!(outcome(&model), (4, reasons.map(str::to_owned).to_vec()));
}

#[test]
fn operators_on_integers_freeze_by_name_and_float_layers_in_front_stay_free() {
    let convert = |m: Model| m.node("QuantizeLinear", &["c", "step", "none"], "q");
    let product = quantized(|m| {
        let inputs = ["q", "step", "none", "w3", "step", "none", "step", "none"];
        convert(m).node("QLinearMatMul", &inputs, "r").node("DequantizeLinear", &["r", "step", "none"], "h")
    });
    let convolution = quantized(|m| {
        let inputs = ["q", "step", "none", "w3", "step", "none", "step", "none"];
        convert(m).node("QLinearConv", &inputs, "r").node("DequantizeLinear", &["r", "step", "none"], "h")
    });
    let integers = quantized(|m| {
        let m =
            m.node("DynamicQuantizeLinear", &["c"], "q,scale,zero").node("MatMulInteger", &["q", "w3", "zero"], "r");
        m.full_node("", "Cast", &["r"], "f", &[("to", onnx_support::onnx_writer::Attr::Int(1))]).node(
            "Mul",
            &["f", "scale"],
            "h",
        )
    });
    let cases = [
        (product, ["QuantizeLinear", "QLinearMatMul", "DequantizeLinear"].as_slice()),
        (convolution, &["QuantizeLinear", "QLinearConv", "DequantizeLinear"]),
        (integers, &["DynamicQuantizeLinear", "MatMulInteger"]),
    ];
    for (model, operators) in cases {
        let (free, reasons) = outcome(&model);
        assert_eq!(free, 4, "{reasons:?}");
        assert_eq!(reasons.len(), operators.len(), "{reasons:?}");
        assert!(reasons.iter().zip(operators).all(|(r, op)| r.starts_with(&format!("{op}: "))), "{reasons:?}");
    }
}

#[test]
fn integers_where_weights_are_due_freeze_with_the_name_of_the_tensor() {
    for (op, first) in [("MatMul", "c"), ("Gemm", "c"), ("Add", "c"), ("Mul", "c")] {
        let (free, reasons) = outcome(&quantized(|m| m.node(op, &[first, "w3"], "h")));
        assert_eq!((free, reasons.len()), (4, 1), "{reasons:?}");
        assert_eq!(reasons[0], format!("{op}: the constant \"w3\" does not hold real numbers"));
    }
}

#[test]
fn a_model_of_quantized_numbers_alone_is_refused_by_name() {
    let model = Model::new().input("x", &[None, Some(4)]).output("y", &[None, Some(4)]);
    let model = model.weight("step", &[], &[0.25]).tensor(bytes("none", 3, &[], &[0]));
    let model =
        model.node("QuantizeLinear", &["x", "step", "none"], "q").node("DequantizeLinear", &["q", "step", "none"], "y");
    let folder = tempfile::tempdir().unwrap();
    let (path, output) = (folder.path().join("m.onnx"), folder.path().join("o.onnx"));
    std::fs::write(&path, model.bytes()).unwrap();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_synbal"))
        .arg("balance")
        .args([&path])
        .arg("-o")
        .arg(&output)
        .output();
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(3), "{said}");
    assert!(said.contains("node_q") && said.contains("before it is quantized") && !output.exists(), "{said}");
}

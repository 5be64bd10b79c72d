//! The largest weight of a model, and what no scaling brings it below.
#![cfg(feature = "model")]

mod cli_support;
mod onnx_support;

use cli_support::Desk;
use onnx_support::onnx_writer::Model;
use onnx_support::{numbers, open, open_bytes, tensor};
use synbal::regularizer::Regularizer;
use synbal::solve::{largest_weight, minimax};

fn two_layers(into: &[f32], out: &[f32]) -> Model {
    Model::new()
        .input("x", &[Some(1), Some(into.len())])
        .output("y", &[Some(1), Some(out.len())])
        .weight("w", &[into.len(), 1], into)
        .weight("v", &[1, out.len()], out)
        .node("MatMul", &["x", "w"], "h")
        .node("Relu", &["h"], "r")
        .node("MatMul", &["r", "v"], "y")
}

/// Two convolutions, whose kernel places share their ends.
fn convolutions() -> Model {
    Model::new()
        .input("x", &[Some(1), Some(2), Some(8), Some(8)])
        .output("y", &[Some(1), Some(2), Some(4), Some(4)])
        .weight("w", &[3, 2, 3, 3], &numbers(3, 54))
        .weight("v", &[2, 3, 3, 3], &numbers(8, 54))
        .node("Conv", &["x", "w"], "h")
        .node("Relu", &["h"], "r")
        .node("Conv", &["r", "v"], "y")
}

#[test]
fn the_least_possible_largest_weight_is_that_of_single_weights_and_not_of_their_sums() {
    let desk = Desk::new();
    // 8 and 2 meet at 4, whatever else enters and leaves; the sums 13 and 5 would meet at 8
    desk.put("a.onnx", two_layers(&[8.0, 4.0, 1.0], &[2.0, 1.5, 1.5]).bytes());
    let report = desk.json("balance a.onnx -o b.onnx --norm inf", 0);
    let number = |what: &str| report[what].as_f64().unwrap();
    assert!((number("cost_before") - 8.0).abs() < 1e-12 && (number("cost_after") - 4.0).abs() < 1e-9, "{report}");
    let written = open_bytes(&desk.bytes("b.onnx")).unwrap();
    let largest = ["w", "v"].iter().flat_map(|name| tensor(&written, name)).fold(0.0, |m: f64, w| m.max(w.abs()));
    assert!((largest - 4.0).abs() < 1e-6, "{largest}");
    assert!(report["residual_written"].as_f64().unwrap() < 1e-6, "{report}");
}

#[test]
fn of_convolutions_every_kernel_place_is_a_weight_of_its_own() {
    let desk = Desk::new();
    let model = convolutions();
    desk.put("a.onnx", model.bytes());
    let report = desk.json("balance a.onnx -o b.onnx --norm inf", 0);
    let largest = |model: &synbal::model::OnnxModel, name: &str| -> Vec<f64> {
        // of every middle channel: w has it first, v second
        let values = tensor(model, name);
        let channel = |k: usize| if name == "w" { k / 18 } else { k / 9 % 3 };
        let most = |c: usize| (0..54).filter(|&k| channel(k) == c).map(|k| values[k].abs()).fold(0.0, f64::max);
        (0..3).map(most).collect()
    };
    let (read, written) = (open(&model), open_bytes(&desk.bytes("b.onnx")).unwrap());
    let (into, out) = (largest(&read, "w"), largest(&read, "v"));
    // two layers: the channels do not meet, and each has the root of its products
    let least = into.iter().zip(&out).map(|(a, b)| (a * b).sqrt()).fold(0.0, f64::max);
    assert!((report["cost_after"].as_f64().unwrap() - least).abs() < 1e-6 * least, "{report}");
    let after = ["w", "v"].iter().flat_map(|name| largest(&written, name)).fold(0.0, f64::max);
    assert!((after - least).abs() < 1e-6 * least, "{after} {least}");
}

#[test]
fn sums_over_kernel_places_do_not_tell_the_largest_weight() {
    let model = open(&convolutions());
    let one = Regularizer::lp(1.0).unwrap();
    let summed = model.lower(&one, true).unwrap().problem;
    for error in [minimax(&summed).unwrap_err(), largest_weight(&summed, &[0.0; 3]).unwrap_err()] {
        assert!(error.to_string().contains("summed") && error.to_string().contains("lower_apart"), "{error}");
    }
    let apart = model.lower_apart(&one, true, &[]).unwrap().problem;
    assert_eq!(apart.entries(), 108);
    // and costs are the same
    assert!((apart.cost_at(&[0.3, -0.2, 0.1]) / summed.cost_at(&[0.3, -0.2, 0.1]) - 1.0).abs() < 1e-12);
}

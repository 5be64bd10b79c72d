//! Corners of the command line in which a user once fell.
#![cfg(feature = "cli")]

mod cli_support;

use cli_support::{Desk, layers, matrix, with_dead_units};
use serde_json::json;

/// A ring of two units without inputs and outputs, with initial states.
const RING: &str = r#"{"format": "synbal-network", "version": 1, "units": [
    {"name": "a", "role": "hidden", "activation": "relu", "state": 1},
    {"name": "b", "role": "hidden", "activation": "relu", "state": 1}],
    "connections": {"tails": [0, 1], "heads": [1, 0]}, "weights": [4, 1]}"#;

#[test]
fn the_largest_weight_is_minimized_where_units_may_shift_together_and_where_some_are_dead() {
    let desk = Desk::new();
    desk.put("ring.json", RING).put("dead.json", with_dead_units());
    let ring = desk.json("balance ring.json --norm inf --scales s.json", 0);
    assert!((ring["cost_after"].as_f64().unwrap() - 2.0).abs() < 1e-9);
    let scales = String::from_utf8(desk.bytes("s.json")).unwrap();
    let scales: serde_json::Value = serde_json::from_str(&scales).unwrap();
    let sum: f64 = scales["units"].as_array().unwrap().iter().map(|u| u["log_scale"].as_f64().unwrap()).sum();
    assert!(sum.abs() < 1e-9, "mean log-scale zero: {sum}");
    desk.json("balance dead.json --norm inf", 6);
}

#[test]
fn the_largest_weight_counts_those_that_cannot_move() {
    let desk = Desk::new();
    let relu = (json!("relu"), json!([[4]]), None);
    let out = (json!("linear"), json!([[1]]), Some(json!([100])));
    desk.put("a.json", layers(1, &[relu, out]));
    let report = desk.json("balance a.json --norm inf -o b.json", 0);
    for cost in ["cost_before", "cost_after"] {
        assert!((report[cost].as_f64().unwrap() - 100.0).abs() < 1e-11, "{cost}");
    }
    // the ones that can are balanced all the same
    let written: serde_json::Value = serde_json::from_slice(&desk.bytes("b.json")).unwrap();
    for layer in written["layers"].as_array().unwrap() {
        assert!((layer["weights"][0][0].as_f64().unwrap() - 2.0).abs() < 1e-9, "{written}");
    }
}

#[test]
fn walks_through_one_node_span_all_cycles_of_a_strongly_connected_matrix() {
    let desk = Desk::new();
    let all: Vec<(usize, usize, f64)> =
        (1..=3).flat_map(|i| (1..=3).filter(move |&j| j != i).map(move |j| (i, j, (i + 2 * j) as f64))).collect();
    desk.put("m.mtx", matrix(3, &all));
    let report = desk.json("manifold m.mtx", 0);
    assert_eq!(
        (&report["rank_walks"], &report["rank_cycles"], &report["walks_span"]),
        (&json!(4), &json!(4), &json!(true))
    );
}

#[test]
fn scales_never_replace_a_network_and_threads_have_a_limit() {
    let desk = Desk::new();
    desk.put("ring.json", RING);
    for line in ["--scales ring.json --force", "--scales ./ring.json --force", "--threads 100000"] {
        assert_eq!(desk.run(&format!("balance ring.json {line}")).code, 2, "{line}");
    }
    assert_eq!(desk.bytes("ring.json"), RING.as_bytes());
}

#[test]
fn a_network_in_single_precision_is_checked_as_it_is_written_and_verified_at_that_precision() {
    let desk = Desk::new();
    let values: Vec<u8> = [0.3f32, -1.7, 2.9, 0.8].iter().flat_map(|w| w.to_le_bytes()).collect();
    let view = |part: &'static [usize], bytes| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, part.to_vec(), bytes).unwrap()
    };
    let tensors = [("in", view(&[2, 1], &values[..8])), ("out", view(&[1, 2], &values[8..]))];
    desk.put("t.safetensors", safetensors::serialize(tensors, None).unwrap());
    let at = |name: &str| json!({"file": "t.safetensors", "tensor": name});
    desk.put("a.json", layers(1, &[(json!("relu"), at("in"), None), (json!("linear"), at("out"), None)]));
    let report = desk.json("balance a.json -o b.json", 0);
    let difference = report["function_difference"].as_f64().unwrap();
    assert!(difference > 1e-12 && difference < 1e-6, "{difference} is that of single precision");
    assert!(report["function_rounding"].as_f64().unwrap() > 1e-9);
    assert_eq!(desk.json("verify a.json b.json", 0)["status"], "verified");
}

#[test]
fn a_network_whose_own_outputs_overflow_is_unchecked_and_not_called_another_function() {
    let desk = Desk::new();
    let matrix = "%%MatrixMarket matrix coordinate real general\n3 3 2\n2 1 1e200\n3 2 1e190\n";
    desk.put("far.mtx", matrix.as_bytes());
    let report = desk.json("balance far.mtx --inputs 1 --outputs 3", 0);
    assert_eq!(report["status"], "converged");
    assert!(report["function_difference"].is_null());
    assert!(report["unchecked"].as_str().unwrap().contains("beyond the range"), "{}", report["unchecked"]);
}

//! The commands that describe a network and change nothing: inspect, manifold, demo.
#![cfg(feature = "cli")]

mod cli_support;

use cli_support::{Desk, small};
use serde_json::json;
use synbal::network::Activation;
use synbal::network::build::recurrent;

#[test]
fn inspect_tells_layers_and_the_distance_from_the_optimum() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu")));
    for norm in ["1", "2", "inf"] {
        let seen = desk.json(&format!("inspect a.json --norm {norm}"), 0);
        let done = desk.json(&format!("balance a.json --norm {norm}"), 0);
        assert_eq!((&seen["cost"], &seen["optimum"]), (&done["cost_before"], &done["cost_after"]), "{norm}");
        let above = seen["cost"].as_f64().unwrap() / seen["optimum"].as_f64().unwrap() - 1.0;
        assert!((seen["above_optimum"].as_f64().unwrap() - above).abs() < 1e-12, "{norm}");
    }
    let report = desk.json("inspect a.json", 0);
    assert_eq!(report["layers"][0]["variables"], 3);
    assert_eq!(report["layers"][0]["inflow"].as_f64(), Some(9.0 + 1.0 + 0.0625 + 4.0 + 25.0 + 0.25 + 0.25 + 1.0 + 4.0));
    assert!(desk.text("inspect a.json", 0).contains("above the optimum"));
}

#[test]
fn inspect_counts_free_tied_frozen_and_dead_units_of_every_layer() {
    let desk = Desk::new();
    // units 0 to 5: x, y, and the hidden a, b (tied), c (frozen) and d (feeds nothing)
    let hidden = |name: &str, more: serde_json::Value| {
        let mut unit = json!({"name": name, "role": "hidden", "activation": "relu"});
        unit.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        unit
    };
    let units = json!([
        {"name": "x", "role": "input"}, {"name": "y", "role": "output"},
        hidden("a", json!({"group": 1})), hidden("b", json!({"group": 1})),
        hidden("c", json!({"frozen": true})), hidden("d", json!({})),
    ]);
    let connections = json!({"tails": [0, 0, 0, 0, 2, 3, 4], "heads": [2, 3, 4, 5, 1, 1, 1]});
    let weights = json!([1, 2, 3, 4, 1, 1, 1]);
    let file = json!({
        "format": "synbal-network", "version": 1, "units": units, "connections": connections, "weights": weights
    });
    desk.put("a.json", file.to_string());
    let report = desk.json("inspect a.json", 0);
    let layer = &report["layers"][0];
    let counts: Vec<_> = ["units", "variables", "tied", "frozen", "dead"].iter().map(|n| layer[n].as_u64()).collect();
    assert_eq!(counts, [4, 2, 1, 1, 1].map(Some), "{report}");
}

#[test]
fn manifold_counts_connections_once_and_gives_orthogonal_matrices() {
    let desk = Desk::new();
    desk.put_network("a.json", &recurrent(2, 3, 1, &[Activation::Relu], 3).unwrap());
    let report = desk.json("manifold a.json --matrices", 0);
    // 2 * 3 from inputs, 3 biases, 3 * 3 recurrent, 3 to the output
    assert_eq!((&report["connections"], &report["nonzero_connections"]), (&json!(21), &json!(21)));
    assert_eq!(report["basis"].as_array().unwrap().len(), 21);
    assert_eq!((&report["dimension"], &report["dimension_structural"]), (&json!(3), &json!(3)));
    assert_eq!((&report["rank_cycles"], &report["walks_span"]), (&json!(18), &json!(true)));
    assert!(report["violation"].as_f64().unwrap() < 1e-12);
    assert!(desk.text("manifold a.json", 0).contains("rank 18 from walks"));
}

#[test]
fn the_network_that_the_readme_begins_with_has_the_dimension_and_the_optimum_that_it_names() {
    let desk = Desk::new();
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/network.json");
    std::fs::copy(network, desk.path("network.json")).unwrap();
    assert_eq!(desk.json("manifold network.json", 0)["dimension"], 6);
    let report = desk.json("balance network.json -o balanced.json", 0);
    let cost = |name: &str| report[name].as_f64().unwrap();
    let less = 1.0 - cost("cost_after") / cost("cost_before");
    assert!(include_str!("../README.md").contains(&format!("{:.2} % less cost", 100.0 * less)), "{less}");
    assert!(cost("residual_after") < 1e-12);
    desk.json("verify network.json balanced.json", 0);
}

#[test]
fn the_demo_recognizes_the_same_digits_before_and_after() {
    let desk = Desk::new();
    let report = desk.json("demo", 0);
    assert_eq!(report["status"], "converged");
    assert_eq!(report["correct_before"], report["correct_after"]);
    assert!(report["correct_after"].as_u64().unwrap() > 90);
    assert!(desk.text("demo", 0).contains("digits recognized"));
    assert!(desk.names().is_empty());
}

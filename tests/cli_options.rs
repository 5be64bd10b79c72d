//! Options that keep the result from the optimum, and what the command says of the distance.
#![cfg(feature = "cli")]

mod cli_support;

use cli_support::Desk;
use serde_json::Value;
use synbal::network::Activation;
use synbal::network::build::{Layered, layered, random_dag};

fn desk() -> Desk {
    let desk = Desk::new();
    let mut wide = layered(&Layered::new(&[3, 6, 5, 2], Activation::Relu), 8).unwrap();
    for unit in 4..8 {
        wide.scale(unit, 4e3).unwrap();
    }
    desk.put_network("wide.json", &wide);
    desk.put_network("dag.json", &random_dag(3, 8, 2, 0.5, Activation::LeakyRelu { slope: 0.2 }, 2).unwrap());
    desk
}

fn scales(desk: &Desk, name: &str) -> Vec<f64> {
    let file: Value = serde_json::from_slice(&desk.bytes(name)).unwrap();
    file["units"].as_array().unwrap().iter().map(|u| u["log_scale"].as_f64().unwrap()).collect()
}

#[test]
fn powers_of_two_keep_every_bit_of_the_outputs_and_the_distance_is_reported() {
    let desk = desk();
    for name in ["wide", "dag"] {
        for norm in ["1", "2", "inf"] {
            let optimum = desk.json(&format!("balance {name}.json --norm {norm}"), 0);
            let line = format!("balance {name}.json --norm {norm} --power-of-two --scales s.json --force");
            let report = desk.json(&line, 0);
            assert_eq!(report["function_difference"], 0.0, "{name}, norm {norm}");
            for scale in scales(&desk, "s.json") {
                let power = scale / std::f64::consts::LN_2;
                assert!((power - power.round()).abs() < 1e-12, "{scale} is no power of two");
            }
            let [least, cost] = [&optimum, &report].map(|r| r["cost_after"].as_f64().unwrap());
            let above = report["above_optimum"].as_f64().unwrap();
            assert!((above - (cost / least - 1.0)).abs() < 1e-9 && above < 1.0, "{above}: {cost} for {least}");
            assert!(optimum["above_optimum"].is_null());
        }
    }
    assert!(desk.text("balance wide.json --power-of-two", 0).contains("above optimum"));
}

#[test]
fn scales_stay_inside_the_range_that_was_asked_for() {
    let desk = desk();
    let mut last = f64::INFINITY;
    for range in [1.5f64, 10.0, 1e3, 1e9] {
        let report = desk.json(&format!("balance wide.json --scale-range {range} --scales s.json --force"), 0);
        let widest = scales(&desk, "s.json").iter().fold(0.0f64, |m, x| m.max(x.abs()));
        assert!(widest <= range.ln() * (1.0 + 1e-12), "{widest} for {range}");
        let above = report["above_optimum"].as_f64().unwrap();
        assert!(above <= last, "a wider range costs more: {above} after {last}");
        last = above;
    }
    assert_eq!(last, 0.0, "the widest range holds the optimum");
}

#[test]
fn powers_of_two_stay_within_the_range_that_was_asked_for() {
    let desk = desk();
    for (range, most) in [(1.5, 0.0), (3.0, 1.0), (1000.0, 9.0)] {
        desk.json(&format!("balance wide.json --scale-range {range} --power-of-two --scales s.json --force"), 0);
        let scales: Value = serde_json::from_slice(&desk.bytes("s.json")).unwrap();
        for unit in scales["units"].as_array().unwrap() {
            let log2 = unit["log_scale"].as_f64().unwrap() / std::f64::consts::LN_2;
            assert!(log2.abs() <= most + 1e-12 && (log2 - log2.round()).abs() < 1e-12, "{range}: {unit}");
        }
    }
}

#[test]
fn where_nothing_can_be_scaled_every_weight_is_exact_as_it_is() {
    let desk = desk();
    desk.put("tanh.json", cli_support::small(serde_json::json!("tanh")));
    let report = desk.json("balance tanh.json -o b.json --exact", 0);
    assert_eq!((&report["weights_tied"], &report["weights_undecided"]), (&Value::from(0), &Value::from(0)), "{report}");
    assert!(report["weights_proved"].as_u64() > Some(0) && report["certified_width"] == 0.0, "{report}");
    let weights = |name: &str| synbal::network::json::read(&desk.path(name)).unwrap().network().parameters().to_vec();
    assert_eq!(weights("tanh.json"), weights("b.json"));
}

#[test]
fn a_range_that_is_no_factor_above_one_is_a_usage_error() {
    let desk = desk();
    for wrong in ["--scale-range 1", "--scale-range -3", "--scale-range nan", "--norm inf --scale-range 10"] {
        let ran = desk.run(&format!("balance dag.json {wrong}"));
        assert!(ran.code == 2 && ran.err.contains("--scale-range"), "{wrong}: {ran:?}");
    }
}

#[test]
fn a_schedule_that_no_local_method_follows_is_not_passed_over_in_silence() {
    let desk = desk();
    let notes = |line: &str| desk.json(line, 0)["notes"].to_string();
    assert!(notes("balance dag.json --schedule greedy").contains("--schedule is not used"));
    assert!(!notes("balance dag.json --schedule greedy --method local").contains("--schedule"));
    assert!(!notes("balance dag.json").contains("--schedule"));
}

#[test]
fn the_norm_inf_names_the_cycle_that_bounds_the_largest_weight() {
    let desk = desk();
    // x -> h -> y with weights 8 and 2: no scaling brings both below 4
    desk.put("chain.mtx", "%%MatrixMarket matrix coordinate real general\n3 3 2\n2 1 8\n3 2 2\n");
    let report = desk.json("balance chain.mtx --inputs 1 --outputs 3 --norm inf", 0);
    let notes = report["notes"].to_string();
    assert!((report["cost_after"].as_f64().unwrap() - 4.0).abs() < 1e-9);
    assert!(notes.contains("no scaling has a smaller largest weight: 4") && notes.contains("outside"), "{notes}");
}

#[test]
fn without_the_check_what_was_written_is_not_read_again_and_the_bytes_are_the_same() {
    let desk = desk();
    let checked = desk.json("balance wide.json -o a.json", 0);
    let unchecked = desk.json("balance wide.json -o b.json --no-check", 0);
    assert!(checked["residual_written"].as_f64().unwrap() < 1e-12);
    assert_eq!((&unchecked["residual_written"], &unchecked["unchecked"]), (&Value::Null, &Value::from("--no-check")));
    assert_eq!(desk.bytes("a.json"), desk.bytes("b.json"));
    let text = desk.text("balance wide.json -o c.json --no-check", 0);
    assert!(text.contains("c.json, not read again"), "{text}");
}

#[test]
fn weights_that_lead_to_some_units_have_a_norm_of_their_own() {
    let desk = desk();
    // x -> h -> y with weights 8 and 2: 64 t^2 + 2 / t is least, 12, at t = 1/4
    desk.put("chain.mtx", "%%MatrixMarket matrix coordinate real general\n3 3 2\n2 1 8\n3 2 2\n");
    let line = "balance chain.mtx --inputs 1 --outputs 3 --norm-for *3=1 --scales s.json";
    let report = desk.json(line, 0);
    assert!((report["cost_after"].as_f64().unwrap() - 12.0).abs() < 1e-12, "{report}");
    let scale = scales(&desk, "s.json").into_iter().find(|s| *s != 0.0).unwrap();
    assert!((scale.exp() - 0.25).abs() < 1e-14, "{scale}");
    // the first pattern that matches counts; one that is left nothing is an error, as for an input
    for patterns in ["--norm-for *=1 --norm-for *3=2", "--norm-for *1=1", "--norm-for nothing=1"] {
        let ran = desk.run(&format!("balance chain.mtx --inputs 1 --outputs 3 {patterns}"));
        assert!(ran.code == 2 && ran.err.contains("matches no unit"), "{patterns}: {} {}", ran.code, ran.err);
    }
    // one weight cannot have two norms
    let shared = r#"{"format": "synbal-network", "version": 1, "weights": [3, 5],
        "units": [{"name": "x", "role": "input"}, {"name": "h", "role": "hidden", "activation": "relu"},
                  {"name": "g", "role": "hidden", "activation": "relu"}, {"name": "y", "role": "output"}],
        "connections": {"tails": [0, 0, 1, 2], "heads": [1, 2, 3, 3], "parameters": [0, 0, 1, 1]}}"#;
    desk.put("shared.json", shared);
    assert!(desk.run("balance shared.json --norm-for g=1").err.contains("shared"));
    desk.json("balance shared.json --norm-for ?=1", 0);
}

#[test]
fn a_norm_may_be_a_sum_of_powers_with_coefficients() {
    let desk = desk();
    // x -> h -> y with weights 4 and 1: 4 t + 16 t^2 + 1 / t + 1 / t^2 is least, 12, at t = 1/2
    desk.put("chain.mtx", "%%MatrixMarket matrix coordinate real general\n3 3 2\n2 1 4\n3 2 1\n");
    let ends = "--inputs 1 --outputs 3";
    for (norm, least, shown) in [
        ("1+2", 12.0, "1*1+1*2"),
        ("3*1+3*2", 36.0, "3*1+3*2"),
        ("0.5*1+0.5*2", 6.0, "0.5*1+0.5*2"),
        ("5*2", 40.0, "5*2"),
    ] {
        let report = desk.json(&format!("balance chain.mtx {ends} --norm {norm} -o b.mtx --scales s.json --force"), 0);
        assert!((report["cost_after"].as_f64().unwrap() / least - 1.0).abs() < 1e-13, "{norm}: {report}");
        assert_eq!(report["norm"], shown);
        let scale = scales(&desk, "s.json").into_iter().find(|s| *s != 0.0).unwrap();
        assert!((scale.exp() - 0.5).abs() < 1e-13, "{norm}: {scale}");
        assert_eq!(desk.json(&format!("verify chain.mtx b.mtx {ends} --norm {norm}"), 0)["status"], "verified");
        let exact = desk.json(&format!("balance chain.mtx {ends} --norm {norm} --exact -o c.mtx --force"), 0);
        assert_eq!(exact["status"], "converged");
        assert!(desk.bytes("c.mtx").ends_with(b"2 1 2.0\n3 2 2.0\n"), "{:?}", String::from_utf8(desk.bytes("c.mtx")));
    }
    // coefficients for the weights that lead to some units: t^2 * 16 + c / t^2 is least, 8 sqrt c
    let report = desk.json(&format!("balance chain.mtx {ends} --norm-for *3=9*2"), 0);
    assert!((report["cost_after"].as_f64().unwrap() / 24.0 - 1.0).abs() < 1e-13, "{report}");
    for wrong in ["1+", "*2", "0*2", "2*inf", "1++2", "-1*2", "1*2*3", "1e9"] {
        let ran = desk.run(&format!("balance chain.mtx {ends} --norm {wrong}"));
        assert!(
            ran.code == 2 && ran.err.contains("--norm: ") && ran.err.contains("0.1*1+0.5*2"),
            "{wrong}: {}",
            ran.err
        );
        let ran = desk.run(&format!("balance chain.mtx {ends} --norm-for *={wrong}"));
        assert!(ran.code == 2 && ran.err.contains("--norm-for: "), "{wrong}: {}", ran.err);
    }
}

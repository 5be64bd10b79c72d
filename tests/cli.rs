//! The command line as a user meets it: exit codes, JSON objects, files.
#![cfg(feature = "cli")]

mod cli_support;
mod onnx_support;

use cli_support::{Desk, IRREDUCIBLE, entries, layers, matrix, small, with_a_unit_fed_by_its_bias, with_dead_units};
use onnx_support::families::{between, families};
use onnx_support::onnx_writer::{Attr, Model};
use serde_json::{Value, json};
use synbal::network::build::{Layered, layered, recurrent, shared_depth, tied_autoencoder};
use synbal::network::{Activation, Network, Role};

fn bipu() -> Activation {
    Activation::Bipu { exponent: 2.0, negative: -0.5, positive: 1.5 }
}

/// Networks of every kind that have a minimum.
fn networks() -> Vec<(&'static str, Network)> {
    let skips = Layered {
        widths: vec![3, 4, 3, 2],
        activations: vec![Activation::Relu, bipu(), Activation::Tanh],
        biases: true,
        skips: true,
    };
    vec![
        ("layered", layered(&Layered::new(&[3, 5, 4, 2], Activation::Relu), 1).unwrap()),
        ("skips", layered(&skips, 2).unwrap()),
        ("recurrent", recurrent(2, 4, 2, &[Activation::Relu], 3).unwrap()),
        ("tied", tied_autoencoder(&[4, 3, 2], Activation::Relu, 4).unwrap()),
        ("shared", shared_depth(3, 3, 2, 2, Activation::Relu, 5).unwrap()),
    ]
}

#[test]
fn balance_reports_every_promised_field_with_its_type() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu"))).put("t.json", small(json!("tanh")));
    let report = desk.json("balance a.json", 0);
    let numbers = ["cost_before", "cost_after", "residual_before", "residual_after", "error_bound", "passes"];
    for name in numbers.iter().chain(&["function_difference", "function_rounding"]) {
        assert!(report[name].is_f64() || report[name].is_u64(), "{name}: {}", report[name]);
    }
    for name in ["schema", "units", "variables", "dimension", "weights", "iterations", "escaping_count"] {
        assert!(report[name].is_u64(), "{name}: {}", report[name]);
    }
    for name in ["read", "solve", "pass", "write", "total"] {
        assert!(report["seconds"][name].as_f64().unwrap() >= 0.0, "{name}");
    }
    if cfg!(target_os = "linux") {
        assert!(report["memory"]["balance"].as_u64().unwrap() > 1 << 20, "{report}");
    }
    for name in ["frozen", "dead", "escaping", "notes"] {
        assert_eq!(report[name], json!([]), "{name}");
    }
    assert_eq!((&report["status"], &report["existence"]), (&json!("converged"), &json!("attained")));
    assert_eq!((&report["residual_written"], &report["reason"]), (&Value::Null, &Value::Null));
    assert_eq!((&report["weights"], &report["dimension"]), (&json!(17), &json!(3)));
    assert!(report["cost_after"].as_f64().unwrap() < report["cost_before"].as_f64().unwrap());
    assert!(report["residual_after"].as_f64().unwrap() <= 1e-12);
    let frozen = &desk.json("balance t.json", 0)["frozen"];
    assert_eq!(frozen.as_array().unwrap().len(), 3);
    assert!(frozen[0]["node"].is_string() && frozen[0]["reason"].as_str().unwrap().contains("tanh"));
}

#[test]
fn whole_norms_are_printed_without_a_fraction() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu")));
    for norm in ["0.5", "1", "2", "3", "inf"] {
        let ran = desk.run(&format!("balance a.json --norm {norm} --json"));
        let shown = if norm == "inf" { "\"inf\"" } else { norm };
        assert!(ran.out.contains(&format!("\"norm\": {shown},")), "{}", ran.out);
        let text = desk.text(&format!("balance a.json --norm {norm}"), 0);
        assert!(text.lines().any(|line| line.split_whitespace().eq(["norm", norm])), "{text}");
    }
}

#[test]
fn every_norm_is_balanced_on_disk_and_verified() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu")));
    for norm in ["0.5", "1", "3", "inf"] {
        let report = desk.json(&format!("balance a.json --norm {norm} -o {norm}.json"), 0);
        let allowed = if norm == "inf" { 1e-6 } else { 1e-12 };
        assert!(report["residual_written"].as_f64().unwrap() <= allowed, "{norm}: {report}");
        assert_eq!(desk.json(&format!("verify a.json {norm}.json --norm {norm}"), 0)["status"], "verified");
        let other = if norm == "3" { "1" } else { "3" };
        assert_eq!(desk.json(&format!("verify a.json {norm}.json --norm {other}"), 5)["balanced"], false);
    }
}

#[test]
fn nothing_is_written_without_an_output_and_an_existing_file_needs_force() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu")));
    desk.json("balance a.json", 0);
    desk.json("inspect a.json", 0);
    desk.json("manifold a.json", 0);
    assert_eq!(desk.names(), ["a.json"]);
    desk.put("b.json", "mine").put("s.json", "mine");
    for line in
        ["balance a.json -o b.json", "balance a.json --scales s.json", "balance a.json -o c.json --scales s.json"]
    {
        let ran = desk.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{line}: {ran:?}");
        assert!(ran.err.contains("exists already") && ran.err.contains("--force"), "{}", ran.err);
    }
    assert_eq!(desk.names(), ["a.json", "b.json", "s.json"]);
    assert_eq!(desk.bytes("b.json"), b"mine");
    desk.json("balance a.json -o b.json --scales s.json --force", 0);
    assert_eq!(desk.run("apply s.json a.json -o b.json").code, 3);
    let balanced = desk.bytes("b.json");
    desk.json("apply s.json a.json -o b.json --force", 0);
    assert_eq!(desk.bytes("b.json"), balanced);
    desk.json("balance a.json -o a.json --force", 0);
    assert_eq!(desk.bytes("a.json"), balanced);
}

#[test]
fn scales_applied_give_the_bytes_that_balance_writes() {
    for (name, network) in networks() {
        let desk = Desk::new();
        desk.put_network("a.json", &network);
        desk.json("balance a.json -o b.json --scales s.json", 0);
        desk.json("apply s.json a.json -o c.json", 0);
        assert!(desk.bytes("b.json") == desk.bytes("c.json"), "{name}");
        assert!(desk.bytes("b.json") != desk.bytes("a.json"), "{name}");
    }
    for (name, model) in families() {
        let desk = Desk::new();
        desk.put("a.onnx", model.bytes());
        desk.json("balance a.onnx -o b.onnx --scales s.json", 0);
        desk.json("apply s.json a.onnx -o c.onnx", 0);
        assert!(desk.bytes("b.onnx") == desk.bytes("c.onnx"), "{name}");
        assert_eq!(desk.json("verify a.onnx b.onnx", 0)["status"], "verified", "{name}");
    }
}

#[test]
fn scales_of_another_network_are_refused() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu"))).put("t.json", small(json!("tanh"))).put("m.mtx", matrix(3, &IRREDUCIBLE));
    desk.json("balance a.json --scales s.json", 0);
    let frozen = desk.run("apply s.json t.json -o x.json");
    assert_eq!(frozen.code, 3, "{frozen:?}");
    assert!(frozen.err.contains("would change the function") && frozen.err.contains("s.json"), "{}", frozen.err);
    assert_eq!(desk.run("apply s.json m.mtx -o x.mtx").code, 3);
    assert_eq!(desk.run("apply a.json a.json -o x.json").code, 3);
    assert!(!desk.path("x.json").exists() && !desk.path("x.mtx").exists());
}

/// Multiplies the incoming weights of hidden unit `i` of the first layer of [`small`] by `2^k_i`, and undoes it behind.
fn rescaled(powers: [i32; 3]) -> String {
    let mut file: Value = serde_json::from_str(&small(json!("relu"))).unwrap();
    let times = |value: &mut Value, power: i32| *value = json!(value.as_f64().unwrap() * 2f64.powi(power));
    for (i, &power) in powers.iter().enumerate() {
        (0..2).for_each(|j| times(&mut file["layers"][0]["weights"][i][j], power));
        times(&mut file["layers"][0]["biases"][i], power);
        (0..2).for_each(|j| times(&mut file["layers"][1]["weights"][j][i], -power));
    }
    file.to_string()
}

#[test]
fn compare_recovers_the_scales_of_a_rescaling_by_powers_of_two() {
    let desk = Desk::new();
    let powers = [7, -3, 20];
    desk.put("a.json", small(json!("relu"))).put("b.json", rescaled(powers));
    let report = desk.json("compare a.json b.json", 0);
    assert_eq!((&report["same_up_to_scaling"], &report["limit"]), (&json!(true), &json!(false)));
    let scales: Vec<(&str, f64)> = report["scales"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["name"].as_str().unwrap(), s["log_scale"].as_f64().unwrap()))
        .collect();
    for (k, power) in powers.iter().enumerate() {
        let (_, x) = scales.iter().find(|(name, _)| *name == format!("layer 1.{k}")).unwrap();
        assert_eq!(*x, f64::from(*power) * std::f64::consts::LN_2, "{k}");
    }
    assert_eq!((&report["exact"], &report["distance"]), (&json!(true), &json!(0.0)));
    assert!(scales.iter().filter(|(name, _)| !name.starts_with("layer 1")).all(|(_, x)| *x == 0.0));
    assert!(desk.text("compare a.json b.json", 0).contains("same up to scaling"));
}

#[test]
fn compare_tells_what_sets_two_networks_apart() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu"))).put("t.json", small(json!("tanh"))).put("d.json", with_dead_units());
    desk.put("sign.json", small(json!("relu")).replace("-7", "7")).put("m.mtx", matrix(3, &IRREDUCIBLE));
    for (other, reason) in [
        ("t.json", "layer 1.0"),
        ("d.json", "zero in one network only"),
        ("sign.json", "(layer 1.1 -> layer 2.0)"),
        ("m.mtx", "units and"),
    ] {
        let report = desk.json(&format!("compare a.json {other}"), 5);
        assert_eq!(report["status"], "different", "{other}");
        assert!(report["reason"].as_str().unwrap().contains(reason), "{other}: {report}");
        // signs are no matter of scales
        let scaled = other == "sign.json";
        assert_eq!(report["scales"] == json!([]), !scaled, "{other}: {report}");
        assert_eq!(report["distance"].as_f64().map(|d| d < 1e-12), scaled.then_some(true), "{other}: {report}");
    }
}

#[test]
fn networks_that_differ_are_compared_in_least_squares() {
    let desk = Desk::new();
    let chain = |a: f64, b: f64| format!("%%MatrixMarket matrix coordinate real general\n3 3 2\n2 1 {a}\n3 2 {b}\n");
    desk.put("a.mtx", chain(8.0, 2.0)).put("b.mtx", chain(24.0, 2.0)).put("c.mtx", chain(24.0, 2.0 / 3.0));
    let ends = "--inputs 1 --outputs 3";
    // factors e^u and e^v differ from the manifold (t, -t) by (u + v) / 2 each
    let report = desk.json(&format!("compare a.mtx b.mtx {ends}"), 5);
    let (u, distance) = (3f64.ln(), report["distance"].as_f64().unwrap());
    assert!((distance - u / 2f64.sqrt()).abs() < 1e-14, "{report}");
    assert!((report["scales"][1]["log_scale"].as_f64().unwrap() - u / 2.0).abs() < 1e-14, "{report}");
    assert_eq!(report["exact"], false);
    assert!(desk.text(&format!("compare a.mtx b.mtx {ends}"), 5).contains("distance"));
    let report = desk.json(&format!("compare a.mtx c.mtx {ends}"), 0);
    assert!((report["scales"][1]["log_scale"].as_f64().unwrap() - u).abs() < 1e-14, "{report}");
}

#[test]
fn kernels_that_differ_are_compared_weight_by_weight() {
    let desk = Desk::new();
    let model = |factor: f32| {
        Model::new()
            .input("x", &[None, Some(1), Some(4), Some(4)])
            .output("y", &[None, Some(1), Some(3), Some(3)])
            .weight("k", &[1, 1, 2, 2], &[1.0 * factor, 2.0 / factor, 3.0, -4.0])
            .weight("l", &[1, 1, 1, 1], &[5.0])
            .node("Conv", &["x", "k"], "a")
            .node("Relu", &["a"], "b")
            .node("Conv", &["b", "l"], "y")
            .bytes()
    };
    desk.put("a.onnx", model(1.0)).put("b.onnx", model(2.0));
    // factors 2, 1/2, 1, 1 and 1: no scaling comes nearer than none
    let report = desk.json("compare a.onnx b.onnx", 5);
    let expected = 2f64.sqrt() * std::f64::consts::LN_2;
    assert!((report["distance"].as_f64().unwrap() - expected).abs() < 1e-12, "{report}");
    assert!(report["scales"][0]["log_scale"].as_f64().unwrap().abs() < 1e-12, "{report}");
}

#[test]
fn onnx_files_that_differ_outside_of_weights_are_different() {
    let desk = Desk::new();
    let bytes = families()[1].1.bytes();
    let mut other = bytes.clone();
    let name = b"synbal tests";
    let at = bytes.windows(name.len()).position(|w| w == name).unwrap();
    other[at] = b'S';
    desk.put("a.onnx", &bytes).put("b.onnx", &other).put("n.json", small(json!("relu")));
    assert_eq!(desk.json("compare a.onnx a.onnx", 0)["weight_difference"].as_f64(), Some(0.0));
    let report = desk.json("compare a.onnx b.onnx", 5);
    assert!(report["reason"].as_str().unwrap().starts_with(&format!("byte {at} differs and is no part of a weight: ")));
    assert!(desk.json("verify a.onnx b.onnx", 5)["reasons"][0].as_str().unwrap().contains("no part of a weight"));
    assert!(desk.json("compare a.onnx n.json", 5)["reason"].as_str().unwrap().contains("different kinds"));
}

#[test]
fn verify_rejects_what_is_unbalanced_or_altered() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu")));
    desk.json("balance a.json -o b.json", 0);
    assert_eq!(desk.json("verify a.json b.json", 0)["reasons"], json!([]));
    let unbalanced = desk.json("verify a.json a.json", 5);
    assert_eq!((&unbalanced["same_up_to_scaling"], &unbalanced["balanced"]), (&json!(true), &json!(false)));
    // a sign leaves all magnitudes, and with them the balance, as they are
    let mut file: Value = serde_json::from_slice(&desk.bytes("b.json")).unwrap();
    let weight = &mut file["layers"][1]["weights"][0][1];
    *weight = json!(-weight.as_f64().unwrap());
    desk.put("c.json", file.to_string());
    let altered = desk.json("verify a.json c.json", 5);
    assert_eq!((&altered["balanced"], &altered["same_up_to_scaling"]), (&json!(true), &json!(false)));
    assert!(altered["function_difference"].as_f64().unwrap() > 1e-3);
    // a matrix has no function that could be run
    desk.put("m.mtx", matrix(3, &IRREDUCIBLE));
    desk.json("balance m.mtx -o n.mtx", 0);
    assert_eq!(desk.json("verify m.mtx n.mtx", 0)["function_difference"], Value::Null);
    let flipped = String::from_utf8(desk.bytes("n.mtx")).unwrap().replace("1 2 ", "1 2 -");
    desk.put("f.mtx", flipped);
    assert_eq!(desk.json("verify m.mtx f.mtx", 5)["same_up_to_scaling"], false);
}

#[test]
fn the_limit_is_granted_where_only_dead_units_escape() {
    let desk = Desk::new();
    desk.put("a.json", with_dead_units());
    let without = desk.json("balance a.json", 6);
    assert_eq!((&without["status"], &without["escaping_count"]), (&json!("no minimum"), &json!(5)));
    assert_eq!(without["dead"], json!(["layer 1.1", "layer 1.2"]));
    assert!(without["escaping"][0].as_str().unwrap().contains("(input.0 -> layer 1.2)"), "{without}");
    assert!(without["reason"].as_str().unwrap().contains("--limit"));
    assert!(without["residual_after"].as_f64().unwrap() <= 1e-12, "the rest is balanced");
    let limit = desk.json("balance a.json --limit -o b.json --scales s.json", 0);
    assert_eq!(limit["status"], "limit");
    assert!(limit["function_difference"].as_f64().unwrap() < 1e-14, "{limit}");
    let file: Value = serde_json::from_slice(&desk.bytes("b.json")).unwrap();
    assert_eq!(file["layers"][0]["weights"][2], json!([0.0, 0.0]));
    assert_eq!(file["layers"][1]["weights"][0][1], json!(0.0));
    assert_eq!(desk.json("verify a.json b.json", 0)["status"], "verified");
    assert_eq!(desk.json("compare a.json b.json", 0)["limit"], true);
    desk.json("apply s.json a.json -o c.json", 0);
    assert_eq!(desk.bytes("b.json"), desk.bytes("c.json"));
}

#[test]
fn the_limit_is_refused_where_it_changes_the_function() {
    let desk = Desk::new();
    desk.put("a.json", with_a_unit_fed_by_its_bias());
    assert_eq!(desk.json("balance a.json", 0)["status"], "converged");
    let refused = desk.json("balance a.json --biases free --limit -o b.json", 6);
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("limit is refused") && reason.contains("layer 1.1 -> layer 2.0"), "{reason}");
    assert_eq!(refused["status"], "no minimum");
    assert!(refused["function_difference"].as_f64().unwrap() < 1e-14, "what is written keeps the function");
    assert!(desk.path("b.json").exists());
    // the second unit is fed by a constant unit; the ring of third and fourth is fed through it
    desk.put("m.mtx", matrix(4, &[(1, 2, 1.0), (2, 1, 100.0), (3, 2, 5.0), (3, 4, 0.1), (4, 3, 7.0)]));
    let matrix = desk.json("balance m.mtx --limit", 6);
    assert_eq!(matrix["escaping"], json!(["connection 2 (2 -> 3)"]));
    assert!(matrix["reason"].as_str().unwrap().contains("limit is refused"));
    assert!(desk.text("balance m.mtx", 6).contains("connection 2 (2 -> 3)"));
}

/// Osborne's iteration on squares: D A D^-1 with equal norms of each row and column.
fn balanced_twin(entries: &[(usize, usize, f64)], rows: usize) -> Vec<f64> {
    let mut weights: Vec<f64> = entries.iter().map(|e| e.2).collect();
    for _ in 0..10_000 {
        for i in 1..=rows {
            let sum = |row: bool| -> f64 {
                let mine = |e: &(usize, usize, f64)| e.0 != e.1 && if row { e.0 == i } else { e.1 == i };
                entries.iter().zip(&weights).filter(|(e, _)| mine(e)).map(|(_, w)| w * w).sum()
            };
            let factor = (sum(false) / sum(true)).powf(0.25);
            for (e, w) in entries.iter().zip(&mut weights) {
                *w *= if e.0 == i { factor } else { 1.0 } / if e.1 == i { factor } else { 1.0 };
            }
        }
    }
    weights
}

#[test]
fn a_matrix_without_inputs_and_outputs_is_balanced_as_by_osborne() {
    let desk = Desk::new();
    let mut all = IRREDUCIBLE.to_vec();
    all.push((3, 3, 2.0));
    desk.put("a.mtx", matrix(3, &all));
    let report = desk.json("balance a.mtx -o b.mtx", 0);
    assert_eq!(report["dimension"], 2);
    let twin = balanced_twin(&all, 3);
    for ((row, column, weight), twin) in entries(&desk.bytes("b.mtx")).iter().zip(&twin) {
        assert!((weight / twin - 1.0).abs() < 1e-12, "({row}, {column}): {weight} {twin}");
    }
}

#[test]
fn every_method_and_schedule_writes_the_same_weights() {
    let desk = Desk::new();
    // in single precision to the last bit, in double precision to the tolerance of the solvers
    desk.put("a.onnx", families()[0].1.bytes());
    desk.json("balance a.onnx -o first.onnx", 0);
    desk.put("a.json", small(json!("relu")));
    desk.json("balance a.json -o first.json", 0);
    let weights = |name: &str| -> Vec<f64> {
        let file = synbal::network::json::parse(&desk.bytes(name)).unwrap();
        file.network().parameters().to_vec()
    };
    let first = weights("first.json");
    let methods = ["local", "newton", "cg", "lbfgs", "trust-region", "newton-cg"].map(|m| format!("--method {m}"));
    let schedules = ["permutation", "uniform", "greedy", "forward", "backward", "parallel", "poisson"];
    let schedules = schedules.map(|s| format!("--method local --schedule {s} --seed 7"));
    for options in methods.iter().chain(&schedules) {
        let report = desk.json(&format!("balance a.json -o b.json --force {options}"), 0);
        assert!(options.contains(report["method"].as_str().unwrap()), "{options}: {}", report["method"]);
        for (a, b) in first.iter().zip(weights("b.json")) {
            assert!((a - b).abs() <= 1e-11 * a.abs(), "{options}: {a} {b}");
        }
        desk.json(&format!("balance a.onnx -o b.onnx --force {options}"), 0);
        assert!(desk.bytes("first.onnx") == desk.bytes("b.onnx"), "{options}");
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_byte() {
    let desk = Desk::new();
    desk.put_network("a.json", &layered(&Layered::new(&[40, 120, 80, 10], Activation::Relu), 1).unwrap());
    for threads in [1, 2] {
        desk.json(&format!("balance a.json --threads {threads} -o {threads}.json --scales s{threads}.json"), 0);
    }
    assert!(desk.bytes("1.json") == desk.bytes("2.json"));
    assert!(desk.bytes("s1.json") == desk.bytes("s2.json"));
}

#[test]
fn a_network_without_freedom_is_a_valid_answer() {
    let desk = Desk::new();
    let none = layers(2, &[(json!("linear"), json!([[1, 2], [3, 4]]), None)]);
    desk.put("tanh.json", small(json!("tanh"))).put("none.json", none).put("one.mtx", matrix(1, &[(1, 1, 3.0)]));
    for name in ["tanh.json", "none.json", "one.mtx"] {
        let report = desk.json(&format!("balance {name} -o out-{name}"), 0);
        assert_eq!((&report["status"], &report["dimension"]), (&json!("converged"), &json!(0)), "{name}");
        assert_eq!(report["cost_before"], report["cost_after"], "{name}");
        let scaled = desk.json(&format!("compare {name} out-{name}"), 0);
        assert_eq!(scaled["weight_difference"].as_f64(), Some(0.0), "{name}");
        assert_eq!(desk.json(&format!("inspect {name}"), 0)["above_optimum"].as_f64(), Some(0.0), "{name}");
    }
    let text = desk.text("balance tanh.json", 0);
    assert!(text.contains("tanh is not positively homogeneous") && text.contains("nothing can be scaled"), "{text}");
}

#[test]
fn too_few_iterations_end_with_code_four_and_say_so() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu")));
    let report = desk.json("balance a.json --max-iterations 1", 4);
    assert_eq!(report["status"], "iteration limit");
    assert!(report["reason"].as_str().unwrap().contains("--max-iterations"));
    assert!(report["residual_after"].as_f64().unwrap() > 1e-12);
}

#[test]
fn a_matrix_with_inputs_and_outputs_is_a_network() {
    let desk = Desk::new();
    let net = [(3, 1, 2.0), (3, 2, 1.0), (4, 1, 0.5), (4, 2, 9.0), (5, 3, 4.0), (5, 4, 1.0)];
    desk.put("a.mtx", matrix(5, &net));
    let report = desk.json("balance a.mtx --inputs 1-2 --outputs 5 -o b.mtx", 0);
    assert_eq!((&report["dimension"], report["function_difference"].is_number()), (&json!(2), true));
    let new = entries(&desk.bytes("b.mtx"));
    // unit 3: 5 in, 16 out; the factor to balance squares is (16 / 5)^(1/4)
    assert!((new[0].2 - 2.0 * 3.2f64.powf(0.25)).abs() < 1e-14);
    let file = synbal::network::mtx::parse(&desk.bytes("b.mtx"), &synbal::network::mtx::Visible::default()).unwrap();
    assert_eq!(file.of_role(Role::Hidden).count(), 5);
}

#[test]
fn activations_that_a_model_rounds_to_half_precision_are_not_a_changed_function() {
    let to = |code: i64| [("to", Attr::Int(code))];
    let model = between(|m| {
        let m = m.node("Relu", &["a"], "b").full_node("", "Cast", &["b"], "c", &to(10));
        m.full_node("", "Cast", &["c"], "h", &to(1))
    });
    let desk = Desk::new();
    desk.put("a.onnx", model.bytes());
    let report = desk.json("balance a.onnx -o b.onnx", 0);
    assert!(report["function_difference"].as_f64() > Some(1e-5), "{report}");
    assert_eq!(desk.json("verify a.onnx b.onnx", 0)["status"], "verified");
}

#[test]
fn a_chain_whose_signals_vanish_is_unchecked_and_not_called_changed() {
    let desk = Desk::new();
    let chain = "%%MatrixMarket matrix coordinate real general\n5 5 4\n2 1 1e-200\n3 2 1e-200\n4 3 1e200\n5 4 1e200\n";
    desk.put("a.mtx", chain);
    let report = desk.json("balance a.mtx --inputs 1 --outputs 5 -o b.mtx", 0);
    assert!(report["unchecked"].as_str().is_some_and(|why| why.contains("signals vanish")), "{report}");
}

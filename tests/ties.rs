//! Scales that a user ties: groups, one scale for each layer, and linear constraints.
#![cfg(feature = "cli")]

mod cli_support;
mod onnx_support;
mod support;

use approx::assert_relative_eq;
use cli_support::Desk;
use onnx_support::numbers;
use onnx_support::onnx_writer::Model;
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use support::{AnyNetwork, agree, outputs};
use synbal::balance::{Balanced, balance};
use synbal::lowered::Lowered;
use synbal::manifold::Form;
use synbal::network::json::NetworkFile;
use synbal::network::{Activation, Biases, Network, Role, build};
use synbal::regularizer::Regularizer;
use synbal::solve::Settings;

fn balanced(network: &Network) -> (Lowered, Balanced) {
    let lowered = network.lower(&Regularizer::lp(2.0).unwrap(), Biases::Counted).unwrap();
    let settings = Settings { max_iterations: 300, ..Settings::default() };
    let balanced = balance(&lowered.problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    (lowered, balanced)
}

fn relation(terms: &[(usize, f64)]) -> Form {
    Form::from_terms(terms.iter().map(|&(unit, c)| (unit as u32, c)))
}

/// Up to two relations between three hidden units each.
fn relations(network: &Network, seed: u16) -> Vec<Form> {
    let hidden: Vec<usize> = network.of_role(Role::Hidden).collect();
    let unit = |k: u16| hidden[(seed / (k + 1)) as usize % hidden.len()];
    let coefficient = |k: u16| [1.0, -1.0, 2.0, -0.5][usize::from(seed >> k & 3)];
    (0..if hidden.is_empty() { 0 } else { 1 + seed % 2 })
        .map(|r| relation(&[0, 1, 2].map(|k| (unit(3 * r + k), coefficient(2 * k + r)))))
        .collect()
}

#[quickcheck]
fn a_constrained_optimum_obeys_its_constraints_keeps_the_function_and_is_least(
    any: AnyNetwork,
    seed: u16,
) -> TestResult {
    let forms = relations(&any.0, seed);
    let network = any.0.constrained(forms.clone()).unwrap();
    let (lowered, answer) = balanced(&network);
    if answer.existence.direction().is_some() {
        return TestResult::discard();
    }
    let x = &answer.solution.log_scales;
    let of_unit: Vec<f64> = lowered.units.iter().map(|u| u.form.at(x)).collect();
    for form in &forms {
        let size: f64 = form.terms().iter().map(|&(i, c)| (c * of_unit[i as usize]).abs()).sum();
        assert!(form.at(&of_unit).abs() <= 1e-12 * (1.0 + size), "{form:?}: {of_unit:?}");
    }
    let after = network.apply(&answer.scaling(false)).unwrap();
    assert!(agree(&outputs(&network), &outputs(&after)));
    let least = lowered.problem.cost_at(x);
    for v in 0..x.len() {
        for step in [-1e-3, 1e-3, -1.0, 1.0] {
            let mut other = x.clone();
            other[v] += step;
            assert!(least <= lowered.problem.cost_at(&other) * (1.0 + 1e-12), "variable {v}, step {step}");
        }
    }
    // fewer constraints, lower cost
    let free = balanced(&network.with_parameters(network.parameters().to_vec()).unwrap()).1;
    assert!(free.solution.cost <= answer.solution.cost * (1.0 + 1e-12));
    TestResult::passed()
}

#[quickcheck]
fn equal_log_scales_as_constraints_and_as_a_group_lead_to_the_same_weights(seed: u64, pick: [u8; 3]) -> bool {
    let network = build::layered(&build::Layered::new(&[3, 4, 4, 2], Activation::Relu), seed).unwrap();
    let hidden: Vec<usize> = network.of_role(Role::Hidden).collect();
    let [a, b, c] = pick.map(|k| hidden[usize::from(k) % hidden.len()]);
    let ties = [relation(&[(a, 1.0), (b, -1.0)]), relation(&[(b, 1.0), (c, -1.0)])];
    let by_constraints = network.clone().constrained(ties).unwrap();
    let tied = |(i, unit): (usize, &synbal::network::Unit)| match [a, b, c].contains(&i) {
        true => unit.clone().in_group(7),
        false => unit.clone(),
    };
    let units = network.units().iter().enumerate().map(tied).collect();
    let by_group = Network::new(units, network.parameters().to_vec(), network.connections().clone()).unwrap();
    let weights = |n: &Network| n.apply(&balanced(n).1.scaling(false)).unwrap().parameters().to_vec();
    weights(&by_constraints).iter().zip(weights(&by_group)).all(|(a, b)| (a - b).abs() <= 1e-12 * a.abs())
}

/// x -> a -> b -> y with weights 8, 1 and 1.
fn chain() -> Network {
    let shape = build::Layered { biases: false, ..build::Layered::new(&[1, 1, 1, 1], Activation::Relu) };
    build::layered(&shape, 1).unwrap().with_parameters(vec![8.0, 1.0, 1.0]).unwrap()
}

#[test]
fn a_scale_that_is_the_square_of_another_has_its_closed_form() {
    // x_a = 2 x_b: 64 exp(4 t) + exp(-2 t) + exp(-2 t) is least at exp(6 t) = 1/64
    let network = chain();
    let units: Vec<usize> = network.of_role(Role::Hidden).collect();
    let network = network.constrained([relation(&[(units[0], 1.0), (units[1], -2.0)])]).unwrap();
    let (lowered, answer) = balanced(&network);
    let of = |unit: usize| lowered.units[unit].form.at(&answer.solution.log_scales);
    assert_relative_eq!(of(units[1]).exp(), 0.5, max_relative = 1e-13);
    assert_relative_eq!(of(units[0]).exp(), 0.25, max_relative = 1e-13);
    assert_relative_eq!(answer.solution.cost, 4.0 + 4.0 + 4.0, max_relative = 1e-13);
    // one unit alone cannot be scaled any more
    let error = network.clone().scale(units[0], 2.0).unwrap_err().to_string();
    assert!(error.contains("constraint 0"), "{error}");
}

#[test]
fn constraints_of_a_file_hold_and_are_written_back() {
    let desk = Desk::new();
    let text = r#"{"format": "synbal-network", "version": 1, "inputs": 1,
        "layers": [{"activation": "relu", "weights": [[8]]}, {"activation": "relu", "weights": [[1]]},
                   {"activation": "linear", "weights": [[1]]}],
        "constraints": [[{"unit": "layer 1.0", "coefficient": 1}, {"unit": "layer 2.0", "coefficient": -2}]]}"#;
    desk.put("a.json", text);
    let report = desk.json("balance a.json -o b.json --scales s.json", 0);
    assert_relative_eq!(report["cost_after"].as_f64().unwrap(), 12.0, max_relative = 1e-13);
    let written: Value = serde_json::from_slice(&desk.bytes("b.json")).unwrap();
    let given: Value = serde_json::from_str(text).unwrap();
    let number = |v: &Value| v["constraints"][0][1]["coefficient"].as_f64();
    assert_eq!((number(&written), &written["constraints"][0][0]["unit"]), (number(&given), &"layer 1.0".into()));
    desk.json("verify a.json b.json", 0);
    for (wrong, words) in [
        (r#"[[{"unit": "nobody", "coefficient": 1}]]"#, "no unit is named"),
        (r#"[[]]"#, "constrains nothing"),
        (
            r#"[[{"unit": "layer 1.0", "coefficient": 1e300}, {"unit": "layer 2.0", "coefficient": 1}]]"#,
            "coefficients from 1e-100",
        ),
        (
            r#"[[{"unit": "layer 1.0", "coefficient": 1}, {"unit": "layer 1.0", "coefficient": -1}]]"#,
            "constrains nothing",
        ),
        (r#"[[{"unit": "layer 1.0"}]]"#, "coefficient"),
        (r#"[{"unit": "layer 1.0", "coefficient": 1}]"#, "line"),
    ] {
        let broken = text.split("\"constraints\"").next().unwrap().to_string() + "\"constraints\": " + wrong + "}";
        desk.put("broken.json", broken);
        let ran = desk.run("balance broken.json");
        assert!(ran.code == 3 && ran.err.contains(words) && ran.err.contains("broken.json"), "{wrong}: {}", ran.err);
    }
}

#[test]
fn one_scale_for_each_layer_makes_all_layers_cost_their_geometric_mean() {
    let desk = Desk::new();
    let shape = build::Layered { biases: false, ..build::Layered::new(&[3, 5, 4, 2], Activation::Relu) };
    let network = build::layered(&shape, 9).unwrap();
    desk.put_network("a.json", &network);
    desk.json("balance a.json --tie-layers -o b.json", 0);
    let after = synbal::network::json::read(&desk.path("b.json")).unwrap();
    let costs = |n: &Network| [0..15, 15..35, 35..43].map(|r| n.parameters()[r].iter().map(|w| w * w).sum::<f64>());
    let mean = costs(&network).iter().product::<f64>().cbrt();
    costs(after.network()).iter().for_each(|cost| assert_relative_eq!(*cost, mean, max_relative = 1e-12));
    assert!(after.network().constraints().is_empty());
    desk.json("verify a.json b.json --tie-layers", 0);
    assert_eq!(desk.json("verify a.json b.json", 5)["balanced"], false);
    for wrong in ["--tie nothing*", "--tie input*"] {
        let ran = desk.run(&format!("balance a.json {wrong}"));
        assert!(ran.code == 2 && ran.err.contains("--tie") && ran.err.contains("a.json"), "{}", ran.err);
    }
}

#[test]
fn channels_of_a_model_are_tied_by_name_or_layer_by_layer() {
    let desk = Desk::new();
    let model = Model::new()
        .input("x", &[None, Some(3)])
        .output("y", &[None, Some(2)])
        .weight("w1", &[3, 4], &numbers(1, 12))
        .weight("w2", &[4, 4], &numbers(2, 16))
        .weight("w3", &[4, 2], &numbers(3, 8))
        .node("MatMul", &["x", "w1"], "a")
        .node("Relu", &["a"], "b")
        .node("MatMul", &["b", "w2"], "c")
        .node("Relu", &["c"], "d")
        .node("MatMul", &["d", "w3"], "y");
    desk.put("m.onnx", model.bytes());
    let distinct = |options: &str| -> usize {
        desk.json(&format!("balance m.onnx {options} -o b.onnx --force --scales s.json"), 0);
        desk.json(&format!("verify m.onnx b.onnx {options}"), 0);
        let scales: Value = serde_json::from_slice(&desk.bytes("s.json")).unwrap();
        let mut values: Vec<u64> =
            scales["units"].as_array().unwrap().iter().map(|u| u["log_scale"].as_f64().unwrap().to_bits()).collect();
        values.retain(|bits| f64::from_bits(*bits) != 0.0);
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    assert_eq!(distinct(""), 8);
    assert_eq!(distinct("--tie-layers"), 2);
    assert_eq!(distinct("--tie a*"), 5);
    assert_eq!(distinct("--tie a* --tie c*"), 2);
    assert_eq!(distinct("--tie *"), 1);
    let cost = |options: &str| desk.json(&format!("balance m.onnx {options}"), 0)["cost_after"].as_f64().unwrap();
    let squares = |seed: u64, n: usize| numbers(seed, n).iter().map(|w| f64::from(*w).powi(2)).sum::<f64>();
    let mean = (squares(1, 12) * squares(2, 16) * squares(3, 8)).cbrt();
    assert_relative_eq!(cost("--tie-layers"), 3.0 * mean, max_relative = 1e-12);
    let ran = desk.run("balance m.onnx --tie a[0]");
    assert!(ran.code == 2 && ran.err.contains("matches 1"), "{}", ran.err);
}

#[test]
fn decimal_coefficients_are_taken_as_they_are_written() {
    let desk = Desk::new();
    let shape = build::Layered { biases: false, ..build::Layered::new(&[3, 4, 4, 4, 2], Activation::Relu) };
    let network = build::layered(&shape, 5).unwrap();
    let mut file: Value = serde_json::from_str(&NetworkFile::new(network.clone()).to_json(&network).unwrap()).unwrap();
    let name = |layer: usize, unit: usize| network.units()[network.hidden_layers()[layer][unit] as usize].name.clone();
    let term = |layer, unit, c: f64| json!({"unit": name(layer, unit), "coefficient": c});
    let cost = |desk: &Desk, options: &str| {
        let report = desk.json(&format!("balance a.json {options}"), 0);
        assert_eq!(report["existence"], "attained", "{report}");
        report["cost_after"].as_f64().unwrap()
    };
    let coupled = |c: &[f64]| {
        json!([
            [term(0, 0, c[0]), term(1, 0, c[1])],
            [term(1, 0, c[2]), term(2, 0, c[3])],
            [term(2, 0, c[4]), term(0, 1, c[5])],
            [term(0, 2, c[6]), term(1, 2, c[7]), term(2, 2, c[8])]
        ])
    };
    file["constraints"] = coupled(&[7.0, -3.0, 9.0, -11.0, 7.0, -6.0, 1.0, 2.0, -3.0]);
    desk.put("a.json", file.to_string());
    let whole = cost(&desk, "");
    file["constraints"] = coupled(&[0.7, -0.3, 0.9, -1.1, 0.7, -0.6, 0.1, 0.2, -0.3]);
    desk.put("a.json", file.to_string());
    assert_relative_eq!(cost(&desk, ""), whole, max_relative = 1e-12);
    // the largest weight is a linear program over the same constraints
    let largest = desk.json("balance a.json --norm inf", 0);
    assert_eq!(largest["status"], "converged", "{largest}");
}

#[test]
fn coefficients_of_any_size_that_is_allowed_do_not_panic() {
    let desk = Desk::new();
    let text = |c: &str| {
        r#"{"format": "synbal-network", "version": 1, "inputs": 1,
            "layers": [{"activation": "relu", "weights": [[8]]}, {"activation": "relu", "weights": [[1]]},
                       {"activation": "linear", "weights": [[1]]}],
            "constraints": [[{"unit": "layer 1.0", "coefficient": 1}, {"unit": "layer 2.0", "coefficient": C}]]}"#
            .replace('C', c)
    };
    for c in ["1e100", "-1e100", "1e-100", "-1e60", "1e30", "-1e-30", "1e16", "-0.1"] {
        desk.put("a.json", text(c));
        for options in ["", "--method local", "--norm inf", "--exact"] {
            let ran = desk.run(&format!("balance a.json {options}"));
            assert!([0, 3, 4].contains(&ran.code) && !ran.err.contains("panicked"), "{c} {options}: {ran:?}");
        }
    }
}

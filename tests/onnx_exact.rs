//! `--exact`: every stored weight is the exact optimum, rounded once. Exact rationals are the witness.
#![cfg(feature = "model")]

mod cli_support;
mod onnx_support;

use cli_support::Desk;
use dashu::base::Abs;
use dashu::rational::RBig;
use half::f16;
use onnx_support::families::families;
use onnx_support::image_families::image_families;
use onnx_support::layout_families::layout_families;
use onnx_support::onnx_writer::{Message, Model, f16_tensor};
use onnx_support::recurrent_families::recurrent_families;
use onnx_support::{numbers, open_bytes, tensor};
use serde_json::json;

/// One input, one hidden unit for every pair of weights, one output.
fn pairs(into: Message, out: Message) -> Model {
    Model::new()
        .input("x", &[Some(1), Some(1)])
        .output("y", &[Some(1), Some(1)])
        .tensor(into)
        .tensor(out)
        .node("MatMul", &["x", "w"], "h")
        .node("Relu", &["h"], "r")
        .node("MatMul", &["r", "v"], "y")
}

/// Whether `candidate` is the number of its type next to the square root of `square`; `below` and `above` are its neighbours.
fn is_nearest_root(candidate: f64, (below, above): (f64, f64), square: &RBig) -> bool {
    let exact = |x: f64| RBig::try_from(x).unwrap();
    let half = RBig::from(2);
    let (low, high) = ((exact(candidate) + exact(below)) / &half, (exact(candidate) + exact(above)) / &half);
    &low * &low <= *square && *square <= &high * &high
}

/// A unit with one weight on either side has both at the root of their product, under every norm.
#[test]
fn weights_of_units_with_two_connections_are_correctly_rounded_roots() {
    let desk = Desk::new();
    let count = 300;
    let (into, out) = (numbers(5, count), numbers(9, count));
    type Neighbours = fn(f64) -> (f64, f64);
    let f32_of: Neighbours = |x| (f64::from((x as f32).next_down()), f64::from((x as f32).next_up()));
    let f16_of: Neighbours = |x| {
        let bits = f16::from_f64(x).to_bits();
        (f16::from_bits(bits - 1).to_f64(), f16::from_bits(bits + 1).to_f64())
    };
    let halves = |values: &[f32]| values.iter().map(|&v| f16::from_f32(v).to_bits()).collect::<Vec<u16>>();
    let single = Model::new()
        .input("x", &[Some(1), Some(1)])
        .output("y", &[Some(1), Some(1)])
        .weight("w", &[1, count], &into)
        .weight("v", &[count, 1], &out)
        .node("MatMul", &["x", "w"], "h")
        .node("Relu", &["h"], "r")
        .node("MatMul", &["r", "v"], "y");
    let half = pairs(f16_tensor("w", &[1, count], &halves(&into)), f16_tensor("v", &[count, 1], &halves(&out)));
    for (name, model, neighbours) in [("single", single, f32_of), ("half", half, f16_of)] {
        desk.put("a.onnx", model.bytes());
        for norm in ["0.5", "1", "1.5", "2", "3", "4.5"] {
            let line = format!("balance a.onnx -o b.onnx --force --exact --no-check --norm {norm}");
            let report = desk.json(&line, 0);
            assert_eq!(
                (&report["weights_proved"], &report["weights_undecided"]),
                (&json!(2 * count), &json!(0)),
                "{name}"
            );
            let read = |file: &str, which: &str| tensor(&open_bytes(&desk.bytes(file)).unwrap(), which);
            let (w, v) = (read("a.onnx", "w"), read("a.onnx", "v"));
            for which in ["w", "v"] {
                for (k, new) in read("b.onnx", which).into_iter().enumerate() {
                    let square = (RBig::try_from(w[k]).unwrap() * RBig::try_from(v[k]).unwrap()).abs();
                    let near = neighbours(new.abs());
                    assert!(is_nearest_root(new.abs(), near, &square), "{name}, norm {norm}, {which} {k}: {new}");
                }
            }
        }
    }
}

/// The files of all methods, seeds and numbers of threads agree, byte for byte.
#[test]
fn exact_files_do_not_depend_on_method_seed_or_threads() {
    let desk = Desk::new();
    let (mut models, mut proved) = (0, 0);
    let all = families().into_iter().chain(image_families()).chain(layout_families()).chain(recurrent_families());
    for (name, model) in all {
        desk.put("a.onnx", model.bytes());
        let mut first: Option<Vec<u8>> = None;
        for options in [
            "--method newton",
            "--method cg --threads 1",
            "--method cg --threads 2",
            "--method local --schedule uniform --seed 7",
        ] {
            let line = format!("balance a.onnx -o b.onnx --force --exact --no-check {options} --json");
            let ran = desk.run(&line);
            if ran.code != 0 {
                assert!(ran.err.contains("exact rounding cannot be proved"), "{name}: {ran:?}");
                println!("refused: {name}: {}", ran.err.trim());
                break;
            }
            let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
            assert_eq!(report["weights_undecided"], json!(0), "{name}, {options}");
            proved += report["weights_proved"].as_u64().unwrap();
            let bytes = desk.bytes("b.onnx");
            assert!(first.get_or_insert_with(|| bytes.clone()) == &bytes, "{name}, {options}");
        }
        models += usize::from(first.is_some());
    }
    println!("{models} models, {proved} weights proved");
    assert!(models >= 20 && proved > 1000, "{models} models, {proved} weights");
}

#[test]
fn exact_rounding_is_refused_with_the_reason_before_anything_is_written() {
    let desk = Desk::new();
    desk.put("a.onnx", families()[0].1.bytes()).put("a.json", cli_support::small(json!("relu")));
    for (line, part) in [
        ("balance a.json -o b.json --exact", "only models in .onnx files"),
        ("balance a.onnx -o b.onnx --exact --norm 1.7", "half integers p up to 20"),
        ("balance a.onnx -o b.onnx --exact --norm inf", "not unique"),
    ] {
        let ran = desk.run(line);
        assert_eq!(ran.code, 3, "{line}: {}", ran.err);
        assert!(ran.err.contains(part) && ran.err.contains("leave the option out"), "{line}: {}", ran.err);
        assert_eq!(desk.names(), ["a.json", "a.onnx"], "{line}");
    }
    assert_eq!(desk.run("balance a.onnx -o b.onnx --exact --power-of-two").code, 2);
}

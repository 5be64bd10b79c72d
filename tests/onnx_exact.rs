//! `--exact`: every stored weight is the exact optimum, rounded once. Exact rationals are the witness.
#![cfg(feature = "model")]

mod cli_support;
mod onnx_support;

use cli_support::Desk;
use dashu::base::Abs;
use dashu::rational::RBig;
use half::{bf16, f16};
use onnx_support::attention_families::attention_families;
use onnx_support::families::families;
use onnx_support::image_families::image_families;
use onnx_support::layout_families::layout_families;
use onnx_support::onnx_writer::{Message, Model, Storage, bf16_tensor, f16_tensor, f32_tensor};
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
    let bf16_of: Neighbours = |x| {
        let bits = bf16::from_f64(x).to_bits();
        (bf16::from_bits(bits - 1).to_f64(), bf16::from_bits(bits + 1).to_f64())
    };
    let brain = |values: &[f32]| values.iter().map(|&v| bf16::from_f32(v).to_bits()).collect::<Vec<u16>>();
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
    let brain = pairs(bf16_tensor("w", &[1, count], &brain(&into)), bf16_tensor("v", &[count, 1], &brain(&out)));
    let all = [("single", single, f32_of), ("half", half, f16_of), ("brain", brain, bf16_of)];
    for (name, model, neighbours) in all {
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

/// Whole numbers of so many binary digits whose squares add up to a number.
fn squares(mut rest: u128, digits: u32) -> Vec<u64> {
    let mut parts = vec![];
    while rest > 0 {
        let root = rest.isqrt() as u64;
        let extra = (u64::BITS - root.leading_zeros()).saturating_sub(digits);
        parts.push(root >> extra << extra);
        rest -= u128::from(root >> extra << extra).pow(2);
    }
    parts
}

/// One input, one unit whose scale is 3/2 but for what `more` adds, and the outputs that this takes: `m` is the incoming
/// weight in units of 2^-23, or 2^-10 in half precision, and the squares of the outgoing ones add up to 81/16 of its own.
fn one_and_a_half(m: u64, half: bool, more: Option<f32>) -> (Model, Vec<f64>) {
    let (digits, unit) = if half { (11, 2f64.powi(-10)) } else { (24, 2f64.powi(-23)) };
    let parts = squares(81 * u128::from(m).pow(2), digits);
    let mut out: Vec<f64> = parts.iter().map(|&n| n as f64 * unit / 4.0).collect();
    out.extend(more.map(f64::from));
    let shape = [1, out.len()];
    let tensor = |name: &str, shape: &[usize], values: &[f64]| match half {
        true => f16_tensor(name, shape, &values.iter().map(|&v| f16::from_f64(v).to_bits()).collect::<Vec<_>>()),
        false => f32_tensor(name, shape, &values.iter().map(|&v| v as f32).collect::<Vec<_>>(), Storage::Raw),
    };
    (pairs(tensor("w", &[1, 1], &[m as f64 * unit]), tensor("v", &shape, &out)), out)
}

#[test]
fn a_weight_halfway_between_two_neighbours_is_counted_as_a_tie_and_goes_to_the_even_one() {
    let desk = Desk::new();
    for (half, first) in [(true, 1025u64), (false, (1 << 23) + 12_345)] {
        for m in (0..8).map(|k| first + 2 * k * (first / 50)) {
            let (model, out) = one_and_a_half(m, half, None);
            desk.put("a.onnx", model.bytes());
            let report = desk.json("balance a.onnx -o b.onnx --force --exact --no-check", 0);
            let count = |what: &str| report[what].as_u64().unwrap();
            assert_eq!((count("weights_tied"), count("weights_undecided")), (1, 0), "{m}: {report}");
            assert_eq!(count("weights_proved"), out.len() as u64, "{m}");
            let unit = if half { 2f64.powi(-10) } else { 2f64.powi(-23) };
            // m is odd: 3 m / 2 lies between two whole numbers
            let below = 3 * m / 2;
            let even = below + (below & 1);
            let written = open_bytes(&desk.bytes("b.onnx")).unwrap();
            assert_eq!(tensor(&written, "w"), [even as f64 * unit], "{m}");
            for (new, old) in tensor(&written, "v").iter().zip(&out) {
                let near = if half { f16::from_f64(old / 1.5).to_f64() } else { f64::from((old / 1.5) as f32) };
                assert_eq!(*new, near, "{m}: {old}");
            }
        }
    }
}

#[test]
fn what_two_words_leave_open_is_decided_in_192_digits() {
    let desk = Desk::new();
    for m in (0..6u64).map(|k| (1 << 23) + 12_345 + 2 * k) {
        // 3 m / 2 is halfway; the more leaves the unit the larger is its scale: one more output of 2^-47 adds some 2^-98
        for exponent in [-40, -45, -47, -50] {
            let (model, out) = one_and_a_half(m, false, Some(2f32.powi(exponent)));
            desk.put("a.onnx", model.bytes());
            let report = desk.json("balance a.onnx -o b.onnx --force --exact --no-check", 0);
            let count = |what: &str| report[what].as_u64().unwrap();
            // what is not further than 2^-100 from the middle is presumed to lie there
            let tie = u64::from(exponent == -50);
            assert_eq!((count("weights_tied"), count("weights_undecided")), (tie, 0), "{m}, {exponent}: {report}");
            assert_eq!(count("weights_proved"), 1 + out.len() as u64 - tie);
            let below = 3 * m / 2;
            let expected = if tie == 1 { below + (below & 1) } else { below + 1 };
            let written = open_bytes(&desk.bytes("b.onnx")).unwrap();
            assert_eq!(tensor(&written, "w"), [expected as f64 * 2f64.powi(-23)], "{m}, {exponent}");
        }
    }
}

/// The files of all methods, seeds and numbers of threads agree, byte for byte.
#[test]
fn exact_files_do_not_depend_on_method_seed_or_threads() {
    let desk = Desk::new();
    let (mut models, mut proved) = (0, 0);
    let all = families().into_iter().chain(image_families()).chain(layout_families());
    let all = all.chain(recurrent_families()).chain(attention_families());
    for (name, model) in all {
        desk.put("a.onnx", model.bytes());
        let mut first: Option<Vec<u8>> = None;
        for options in [
            "--method newton",
            "--method cg --threads 1",
            "--method cg --threads 2",
            "--method local --schedule uniform --seed 7",
            "--method local --schedule uniform --seed 8",
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
        ("balance a.onnx -o b.onnx --exact --norm 1.7", "half integers p up to 64"),
        ("balance a.onnx -o b.onnx --exact --norm inf", "not unique"),
    ] {
        let ran = desk.run(line);
        assert_eq!(ran.code, 3, "{line}: {}", ran.err);
        assert!(ran.err.contains(part) && ran.err.contains("leave the option out"), "{line}: {}", ran.err);
        assert_eq!(desk.names(), ["a.json", "a.onnx"], "{line}");
    }
    assert_eq!(desk.run("balance a.onnx -o b.onnx --exact --power-of-two").code, 2);
}

#[test]
fn the_limit_of_a_model_is_exact_as_the_model_without_what_escapes() {
    let desk = Desk::new();
    // the third channel feeds nothing: what enters it escapes
    let model = |dead: &[f32; 3]| {
        let (mut into, mut out) = (numbers(3, 12), numbers(8, 8));
        (0..3).for_each(|k| into[k * 4 + 2] = dead[k]);
        (0..2).for_each(|k| out[4 + k] = 0.0);
        Model::new()
            .input("x", &[None, Some(3)])
            .output("y", &[None, Some(2)])
            .weight("w", &[3, 4], &into)
            .weight("v", &[4, 2], &out)
            .node("MatMul", &["x", "w"], "h")
            .node("Relu", &["h"], "r")
            .node("MatMul", &["r", "v"], "y")
            .bytes()
    };
    desk.put("a.onnx", model(&[0.5, 2.0, -1.0])).put("rest.onnx", model(&[0.0; 3]));
    let report = desk.json("balance a.onnx --exact --limit -o b.onnx", 0);
    assert_eq!((&report["status"], &report["weights_undecided"]), (&json!("limit"), &json!(0)));
    let rest = desk.json("balance rest.onnx --exact -o c.onnx", 0);
    assert_eq!(report["weights_proved"], rest["weights_proved"]);
    assert_eq!(desk.bytes("b.onnx"), desk.bytes("c.onnx"));
}

//! Faulty input: the message names file, place and remedy, the exit code is that of its kind, and nothing panics.
#![cfg(feature = "cli")]

mod cli_support;
mod onnx_support;

use cli_support::{Desk, IRREDUCIBLE, layers, matrix, small};
use onnx_support::families::families;
use onnx_support::{numbers, onnx_writer::Model};
use serde_json::{Value, json};
use synbal::lowered::Scaling;
use synbal::model::OnnxModel;
use synbal::network::mtx::{self, Visible};
use synbal::network::{Biases, Network};
use synbal::regularizer::Regularizer;
use synbal::solve::{Settings, Status};

/// Runs a faulty line; its message, after checking what holds of all messages.
fn message(desk: &Desk, line: &str, code: i32) -> String {
    let before = desk.names();
    for line in [line.to_string(), format!("{line} --json")] {
        let ran = desk.run(&line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert_eq!(ran.out, "", "{line}: nothing half-written on standard output");
        assert!(ran.err.starts_with("error: ") && !ran.err.contains("panicked"), "{line}: {}", ran.err);
    }
    assert_eq!(desk.names(), before, "{line}: no file came or went");
    desk.run(line).err
}

/// A message of a file: the name, the parts that must occur, and a remedy behind a semicolon.
fn names(desk: &Desk, line: &str, file: &str, parts: &[&str]) {
    let text = message(desk, line, 3);
    let (_, remedy) = text.rsplit_once("; ").unwrap_or_else(|| panic!("no remedy: {text}"));
    assert!(remedy.trim().len() > 5, "{text}");
    for part in [file].iter().chain(parts) {
        assert!(text.contains(part), "{line}: {part:?} is missing in {text}");
    }
}

fn general(units: Value, tails: Value, heads: Value, weights: Value) -> String {
    let connections = json!({"tails": tails, "heads": heads});
    let file = json!({"format": "synbal-network", "version": 1, "units": units, "connections": connections,
        "weights": weights});
    file.to_string()
}

#[test]
fn a_faulty_json_network_is_named_with_place_and_remedy() {
    let desk = Desk::new();
    let good = small(json!("relu"));
    let units = json!([{"name": "x", "role": "input"}, {"name": "h", "role": "hidden", "activation": "relu"},
        {"name": "y", "role": "output"}]);
    let with = |tails: Value, heads: Value, weights: Value| general(units.clone(), tails, heads, weights);
    let ragged = layers(2, &[(json!("relu"), json!([[1, 2], [3]]), None)]);
    let narrow = layers(2, &[(json!("relu"), json!([[1, 2, 3]]), None)]);
    let biases = layers(2, &[(json!("relu"), json!([[1, 2]]), Some(json!([1, 2])))]);
    for (name, text, parts) in [
        ("infinite.json", good.replace("0.25", "1e999"), &["line 1"][..]),
        ("nan.json", good.replace("0.25", "NaN"), &["line 1"]),
        ("cut.json", good[..good.len() - 9].to_string(), &["line 1"]),
        ("nothing.json", String::new(), &["line"]),
        ("other.json", "[1, 2]".into(), &["line 1"]),
        ("version.json", good.replace("\"version\":1", "\"version\":9"), &["version"]),
        ("unknown.json", good.replace("\"inputs\"", "\"imputs\""), &["imputs"]),
        ("ragged.json", ragged, &["layers[0].weights[1]"]),
        ("narrow.json", narrow, &["layers[0].weights[0]"]),
        ("biases.json", biases, &["layers[0].biases"]),
        ("empty.json", general(json!([]), json!([]), json!([]), json!([])), &["unit"]),
        ("range.json", with(json!([0, 7]), json!([1, 2]), json!([1, 2])), &["connection 1", "7"]),
        ("twice.json", with(json!([0, 1, 0]), json!([1, 2, 1]), json!([1, 2, 3])), &["connection 2 (x -> h)"]),
        ("lengths.json", with(json!([0, 1]), json!([1]), json!([1, 2])), &["connections"]),
        ("spare.json", with(json!([0, 1]), json!([1, 2]), json!([1, 2, 3])), &["parameter 2"]),
        ("into.json", with(json!([1]), json!([0]), json!([1])), &["connection 0 (h -> x)"]),
    ] {
        desk.put(name, text);
        for command in ["balance", "inspect", "manifold"] {
            names(&desk, &format!("{command} {name}"), name, parts);
        }
    }
}

#[test]
fn a_faulty_matrix_is_named_with_line_and_remedy() {
    let desk = Desk::new();
    let good = matrix(3, &IRREDUCIBLE);
    let banner = "%%MatrixMarket matrix coordinate real general\n";
    for (name, text, part) in [
        ("nan.mtx", good.replace("100.0", "NaN"), "line 4"),
        ("infinite.mtx", good.replace("100.0", "inf"), "line 4"),
        ("cut.mtx", good.lines().take(5).map(|l| format!("{l}\n")).collect(), "of 6 entries"),
        ("lies.mtx", good.replace("3 3 6", "3 3 4"), "line 7"),
        ("huge.mtx", good.replace("3 3 6", "3 3 999999999999999"), "of 999999999999999 entries"),
        ("wide.mtx", good.replace("3 3 6", "3 4 6"), "line 2"),
        ("range.mtx", good.replace("3 1 2.0", "4 1 2.0"), "line 8"),
        ("zero.mtx", good.replace("3 1 2.0", "0 1 2.0"), "line 8"),
        ("twice.mtx", good.replace("3 1 2.0", "1 2 2.0"), "line 8"),
        ("empty.mtx", format!("{banner}0 0 0\n"), "line 2"),
        ("banner.mtx", good[2..].to_string(), "line 1"),
        ("complex.mtx", good.replace("real", "complex"), "line 1"),
        ("nothing.mtx", String::new(), "line 1"),
        ("words.mtx", good.replace("100.0", "many"), "line 4"),
    ] {
        desk.put(name, text);
        names(&desk, &format!("balance {name}"), name, &[part]);
    }
    desk.put("good.mtx", good);
    names(&desk, "balance good.mtx --inputs 1 --outputs 3", "good.mtx", &["line 3", "row 1", "input"]);
}

#[test]
fn a_faulty_model_is_named_with_place_and_remedy() {
    let desk = Desk::new();
    let bytes = families()[1].1.bytes();
    desk.put("cut.onnx", &bytes[..bytes.len() - 40]).put("text.onnx", "hello").put("empty.onnx", "");
    for name in ["cut.onnx", "text.onnx", "empty.onnx"] {
        names(&desk, &format!("balance {name}"), name, &["byte"]);
    }
    for (name, value) in [("nan.onnx", f32::NAN), ("infinite.onnx", f32::INFINITY)] {
        let mut weights = numbers(1, 12);
        weights[5] = value;
        let model = Model::new().input("x", &[None, Some(3)]).output("y", &[]).weight("w1", &[3, 4], &weights);
        let model = model.weight("w2", &[4, 2], &numbers(2, 8)).node("MatMul", &["x", "w1"], "a");
        desk.put(name, model.node("Relu", &["a"], "h").node("MatMul", &["h", "w2"], "y").bytes());
        names(&desk, &format!("balance {name}"), name, &["tensor \"w1\"", "element 5"]);
    }
}

#[test]
fn files_that_cannot_be_read_or_written_are_named() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu")));
    std::fs::create_dir(desk.path("folder.json")).unwrap();
    std::fs::create_dir(desk.path("folder")).unwrap();
    for extension in ["json", "mtx", "onnx"] {
        names(&desk, &format!("inspect missing.{extension}"), &format!("missing.{extension}"), &["No such file"]);
    }
    names(&desk, "balance folder.json", "folder.json", &["directory"]);
    names(&desk, "balance a.json -o nowhere/b.json", "nowhere/b.json", &["there is no folder"]);
    names(&desk, "balance a.json -o folder.json", "folder.json", &["directory"]);
    names(&desk, "balance a.json -o folder.json --force", "folder.json", &["directory"]);
    names(&desk, "balance a.json --scales nowhere/s.json", "nowhere/s.json", &["there is no folder"]);
    names(&desk, "apply missing.json a.json -o b.json", "missing.json", &["No such file"]);
    names(&desk, "verify a.json missing.json", "missing.json", &["No such file"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_leaves_and_a_full_disk_do_not_cause_a_panic() {
    use std::process::{Command, Stdio};
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu")));
    let run = |out: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_synbal"));
        let child = command.arg("balance").arg(desk.path("a.json")).stdout(out).stderr(Stdio::piped()).spawn();
        child.unwrap()
    };
    let mut gone = run(Stdio::piped());
    drop(gone.stdout.take());
    let gone = gone.wait_with_output().unwrap();
    assert_eq!((gone.status.code(), gone.stderr.as_slice()), (Some(0), &b""[..]));
    let full = run(std::fs::File::options().write(true).open("/dev/full").unwrap().into());
    let full = full.wait_with_output().unwrap();
    assert_eq!(full.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&full.stderr).contains("standard output"));
}

#[test]
fn options_out_of_range_are_usage_errors() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu"))).put("m.mtx", matrix(3, &IRREDUCIBLE)).put("a.txt", "");
    for (line, part) in [
        ("balance a.json --norm 0", "--norm"),
        ("balance a.json --norm -1", "--norm"),
        ("balance a.json --norm nan", "--norm"),
        ("balance a.json --norm 1e300", "inf"),
        ("inspect a.json --norm two", "--norm"),
        ("balance a.json --tolerance 0", "--tolerance"),
        ("balance a.json --tolerance -1", "--tolerance"),
        ("balance a.json --tolerance nan", "--tolerance"),
        ("compare a.json a.json --tolerance -1", "--tolerance"),
        ("balance a.json --method fast", "trust-region"),
        ("balance a.json --schedule fast", "poisson"),
        ("balance a.json --threads 0", "--threads"),
        ("balance a.json --biases some", "counted"),
        ("balance a.json --inputs 1", "--inputs"),
        ("balance m.mtx --inputs 0", "from 1"),
        ("balance m.mtx --outputs 3-9", "3 rows"),
        ("balance m.mtx --inputs 1 --outputs 1-2", "before"),
        ("balance a.txt", ".json, .mtx or .onnx"),
        ("balance missing", ".json, .mtx or .onnx"),
        ("balance a.json -o b.onnx", ".json"),
        ("balance m.mtx -o b.json", ".mtx"),
        ("balance a.json -o b.json --scales b.json", "another file of this run"),
        ("balance", "INPUT"),
        ("solve a.json", "solve"),
        ("apply a.json a.json", "--output"),
    ] {
        let text = message(&desk, line, 2);
        assert!(text.contains(part), "{line}: {text}");
    }
}

/// Everything that the program does with a network in memory, as far as it goes without an error.
fn use_network(network: &Network) -> bool {
    let run = || -> synbal::error::Result<bool> {
        let lowered = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?;
        let settings = Settings { max_iterations: 20, ..Settings::default() };
        let go = &mut |_: &_| std::ops::ControlFlow::Continue(());
        let balanced = synbal::balance::balance(&lowered.problem, &settings, go)?;
        network.apply(&balanced.scaling(false))?;
        Ok(balanced.solution.status == Status::Converged)
    };
    run().unwrap_or(false)
}

/// A stream of numbers below a bound.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }

    fn damage(&mut self, bytes: &[u8], alphabet: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..1 + self.below(3) {
            let at = self.below(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes.insert(at, alphabet[self.below(alphabet.len())]),
                2 => drop(bytes.remove(at)),
                3 => bytes[at] = alphabet[self.below(alphabet.len())],
                // most damage is small: a digit stays a digit, a byte keeps seven bits
                _ if bytes[at].is_ascii_digit() => bytes[at] = b'0' + self.below(10) as u8,
                _ if alphabet.len() == 256 => bytes[at] ^= 1 << self.below(8),
                _ => {}
            }
            if bytes.is_empty() {
                bytes.push(b'x');
            }
        }
        bytes
    }
}

#[test]
fn damaged_networks_and_matrices_never_cause_a_panic() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let text: Vec<u8> = b"0123456789.-+eE,[]{}\": \n".to_vec();
    let (json, matrix) = (small(json!("relu")), matrix(3, &IRREDUCIBLE));
    let (mut read, mut refused, mut balanced) = (0, 0, 0);
    for _ in 0..1500 {
        let network = synbal::network::json::parse(&dice.damage(json.as_bytes(), &text));
        let network = network.map(|file| file.network().clone());
        let matrix = mtx::parse(&dice.damage(matrix.as_bytes(), &text), &Visible::default());
        for result in [network, matrix] {
            match result {
                Ok(network) => {
                    read += 1;
                    balanced += usize::from(use_network(&network));
                }
                Err(error) => {
                    refused += 1;
                    assert!(!error.place.is_empty() && !error.remedy.is_empty(), "{error}");
                }
            }
        }
    }
    assert!(read > 300 && refused > 300 && balanced > 100, "{read} read, {refused} refused, {balanced} balanced");
}

#[test]
fn damaged_models_never_cause_a_panic() {
    let desk = Desk::new();
    let mut dice = Dice(88_172_645_463_325_252);
    let all: Vec<u8> = (0..=255).collect();
    let bytes = families()[1].1.bytes();
    let (mut read, mut refused) = (0, 0);
    for _ in 0..1500 {
        desk.put("m.onnx", dice.damage(&bytes, &all));
        let run = || -> synbal::error::Result<()> {
            let model = OnnxModel::open(&desk.path("m.onnx"))?;
            let lowered = model.lower(&Regularizer::lp(2.0)?, true)?;
            let settings = Settings { max_iterations: 20, ..Settings::default() };
            let go = &mut |_: &_| std::ops::ControlFlow::Continue(());
            let balanced = synbal::balance::balance(&lowered.problem, &settings, go)?;
            let log_scales = balanced.solution.log_scales;
            model.apply(&Scaling::new(log_scales))?;
            Ok(())
        };
        match run() {
            Ok(()) => read += 1,
            Err(error) => {
                refused += 1;
                assert!(!error.place.is_empty() && !error.remedy.is_empty(), "{error}");
            }
        }
    }
    assert!(read > 100 && refused > 300, "{read} read, {refused} refused");
}

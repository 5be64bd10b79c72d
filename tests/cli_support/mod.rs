//! Runs the binary in a folder of its own, on networks that are made here.
#![allow(dead_code)]

use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use synbal::network::Network;
use synbal::network::json::NetworkFile;
use tempfile::TempDir;

/// A folder for the files of one test.
pub struct Desk(TempDir);

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, contents: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.path(name), contents).expect("the folder is writable");
        self
    }

    pub fn put_network(&self, name: &str, network: &Network) -> &Self {
        let text = NetworkFile::new(network.clone()).to_json(network).expect("finite weights");
        self.put(name, text)
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The names of all files in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("the folder can be read");
        let mut names: Vec<String> =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Runs the binary with the words of a line as its arguments.
    pub fn run(&self, line: &str) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_synbal"))
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let code = output.status.code().expect("the binary was not killed");
        Ran { code, out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Runs a line that must end with `code`, with `--json`; the one object that it printed.
    pub fn json(&self, line: &str, code: i32) -> Value {
        let ran = self.run(&format!("{line} --json"));
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert_eq!(ran.err, "", "{line}: nothing on standard error");
        let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{line}: {e}: {}", ran.out));
        assert_eq!(value["schema"], 1, "{line}");
        value
    }

    /// Runs a line that must end with `code`; the text for people.
    pub fn text(&self, line: &str, code: i32) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        for text in ran.out.lines() {
            assert_eq!(text, text.trim_end(), "{line}: no spaces at the ends of lines");
        }
        ran.out
    }
}

/// A file of completely connected layers; each is an activation, its rows of weights, its biases.
pub fn layers(inputs: usize, layers: &[(Value, Value, Option<Value>)]) -> String {
    let layer = |(activation, weights, biases): &(Value, Value, Option<Value>)| {
        let mut layer = json!({"activation": activation, "weights": weights});
        if let Some(biases) = biases {
            layer["biases"] = biases.clone();
        }
        layer
    };
    let layers: Vec<Value> = layers.iter().map(layer).collect();
    json!({"format": "synbal-network", "version": 1, "inputs": inputs, "layers": layers}).to_string()
}

/// Two inputs, three units of an activation, two outputs, with biases.
pub fn small(activation: Value) -> String {
    layers(
        2,
        &[
            (activation, json!([[3, -1], [0.25, 2], [5, 0.5]]), Some(json!([0.5, -1, 2]))),
            (json!("linear"), json!([[1, -7, 0.125], [2, 0.75, -1]]), Some(json!([0.1, -0.2]))),
        ],
    )
}

/// Like [`small`] with ReLU, but nothing enters the second unit and nothing leaves the third.
pub fn with_dead_units() -> String {
    layers(
        2,
        &[
            (json!("relu"), json!([[3, -1], [0, 0], [5, 0.5]]), Some(json!([0.5, 0, 2]))),
            (json!("linear"), json!([[1, -7, 0], [2, 0.75, 0]]), Some(json!([0.1, -0.2]))),
        ],
    )
}

/// A second unit that only its bias feeds; without a cost of biases its outgoing weights escape, and change the function.
pub fn with_a_unit_fed_by_its_bias() -> String {
    layers(
        2,
        &[
            (json!("relu"), json!([[3, -1], [0, 0], [5, 0.5]]), Some(json!([0.5, 4, 2]))),
            (json!("linear"), json!([[1, -7, 0.5], [2, 0.75, 1]]), Some(json!([0.1, -0.2]))),
        ],
    )
}

/// A matrix in coordinates, its entries as (row, column, weight) from 1.
pub fn matrix(units: usize, entries: &[(usize, usize, f64)]) -> String {
    let lines: String = entries.iter().map(|(r, c, w)| format!("{r} {c} {w:?}\n")).collect();
    format!("%%MatrixMarket matrix coordinate real general\n{units} {units} {}\n{lines}", entries.len())
}

/// A dense irreducible matrix of three rows without a diagonal.
pub const IRREDUCIBLE: [(usize, usize, f64); 6] =
    [(1, 2, 1.0), (2, 1, 100.0), (2, 3, 5.0), (3, 2, 0.1), (1, 3, -7.0), (3, 1, 2.0)];

/// The entries of a matrix file that the program wrote.
pub fn entries(bytes: &[u8]) -> Vec<(usize, usize, f64)> {
    let text = std::str::from_utf8(bytes).expect("text");
    let number = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[0].parse().expect("a row"), words[1].parse().expect("a column"), words[2].parse().expect("a weight"))
    };
    text.lines().skip(2).map(number).collect()
}

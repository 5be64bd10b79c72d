//! JSON network files: exact round trips, and a helpful error for whatever is malformed.

mod support;

use quickcheck_macros::quickcheck;
use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use support::{AnyNetwork, is_helpful, schema::misfit};
use synbal::files::write_atomic;
use synbal::network::json::NetworkFile;
use synbal::network::mtx::{self, Visible};
use synbal::network::{FeedForward, Network, json};
use tempfile::TempDir;

const LAYERED: &str = r#"{"format": "synbal-network", "version": 1, "inputs": 2, "layers": [
  {"activation": "relu", "weights": [[1.5, -2], [0.1, 1e-300]], "biases": [0.5, -0.0]},
  {"name": "y", "activation": {"leaky_relu": {"slope": 0.1}}, "weights": [[4, -1]]}]}"#;
const GENERAL: &str = r#"{"format": "synbal-network", "version": 1,
  "units": [{"name": "x", "count": 2, "role": "input"}, {"name": "h", "role": "hidden", "activation": "relu"},
            {"name": "y", "role": "output"}],
  "connections": {"tails": [0, 1, 2], "heads": [2, 2, 3], "parameters": [0, 0, 1]}, "weights": [0.5, -1]}"#;

/// What reading a file of this text says; it must name the file and the remedy.
fn json_error(text: impl AsRef<[u8]>) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("network.json");
    fs::write(&path, text).unwrap();
    let error = json::read(&path).unwrap_err();
    assert!(is_helpful(&error) && error.to_string().contains("network.json"), "{error}");
    error.to_string()
}

fn same(a: &Network, b: &Network) -> bool {
    let bits = |n: &Network| n.parameters().iter().map(|w| w.to_bits()).collect::<Vec<_>>();
    a.units() == b.units() && a.connections() == b.connections() && bits(a) == bits(b)
}

#[quickcheck]
fn a_network_comes_back_from_json_bit_for_bit(any: AnyNetwork) -> bool {
    let text = NetworkFile::new(any.0.clone()).to_json(&any.0).unwrap();
    let schema: Value = serde_json::from_str(&fs::read_to_string("docs/network.schema.json").unwrap()).unwrap();
    let fits = misfit(&schema, &schema, &serde_json::from_str(&text).unwrap()).is_none();
    fits && same(json::parse(text.as_bytes()).unwrap().network(), &any.0)
}

#[quickcheck]
fn layers_come_back_from_json_as_layers_with_the_new_weights(weights: Vec<f64>) -> bool {
    let file = json::parse(LAYERED.as_bytes()).unwrap();
    let finite = weights.iter().filter(|w| w.is_finite());
    let new: Vec<f64> = finite.chain(&[1.0, -0.0, 5e-324, f64::MAX, 0.1, 2.0, 3.0, 4.0]).take(8).copied().collect();
    let network = file.network().with_parameters(new).unwrap();
    let text = file.to_json(&network).unwrap();
    text.contains("\"layers\"") && same(json::parse(text.as_bytes()).unwrap().network(), &network)
}

#[test]
fn a_layered_file_computes_what_its_numbers_say() {
    let file = json::parse(LAYERED.as_bytes()).unwrap();
    let answer = FeedForward::new(file.network()).unwrap().evaluate(&[2.0, 1.0]).unwrap();
    assert_eq!(answer, [4.0 * 1.5 - 0.2]);
    assert_eq!(file.network().units()[3].name, "layer 1.0");
    assert_eq!(file.network().units()[5].name, "y.0");
}

#[test]
fn the_examples_of_the_schema_fit_the_schema_and_can_be_read() {
    let schema: Value = serde_json::from_str(&fs::read_to_string("docs/network.schema.json").unwrap()).unwrap();
    let examples = schema["examples"].as_array().unwrap().iter().cloned();
    let more = [LAYERED, GENERAL].map(|text| serde_json::from_str(text).unwrap());
    for example in examples.chain(more) {
        assert_eq!(misfit(&schema, &schema, &example), None);
        let file = json::parse(example.to_string().as_bytes()).unwrap();
        let written = file.to_json(file.network()).unwrap();
        assert_eq!(misfit(&schema, &schema, &serde_json::from_str(&written).unwrap()), None);
        assert!(same(json::parse(written.as_bytes()).unwrap().network(), file.network()));
    }
}

#[test]
fn what_the_schema_refuses_cannot_be_read() {
    let schema: Value = serde_json::from_str(&fs::read_to_string("docs/network.schema.json").unwrap()).unwrap();
    let examples = schema["examples"].as_array().unwrap().clone();
    let wrong = [json!("x"), json!(-1), json!([]), json!({}), json!(null), json!(true), json!(1.5), json!([["x"]])];
    let mut refused = 0;
    for example in examples {
        for pointer in pointers(&example) {
            for value in &wrong {
                let mut changed = example.clone();
                *changed.pointer_mut(&pointer).unwrap() = value.clone();
                if misfit(&schema, &schema, &changed).is_some() {
                    refused += 1;
                    assert!(json::parse(changed.to_string().as_bytes()).is_err(), "{pointer} = {value}");
                }
            }
            if let Some((parent, name)) = pointer.rsplit_once('/')
                && let Some(object) = example.pointer(parent).and_then(Value::as_object)
            {
                let mut changed = example.clone();
                let members = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
                members.insert(format!("{name}_"), object[name].clone());
                assert!(misfit(&schema, &schema, &changed).is_some());
                assert!(json::parse(changed.to_string().as_bytes()).is_err(), "{pointer}");
            }
        }
    }
    assert!(refused > 200);
}

fn pointers(value: &Value) -> Vec<String> {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, v)| (name.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(k, v)| (k.to_string(), v)).collect(),
        _ => vec![],
    };
    let below = |(name, v): (String, &Value)| {
        let inner = pointers(v).into_iter().map(|p| format!("/{name}{p}")).collect::<Vec<_>>();
        [vec![format!("/{name}")], inner].concat()
    };
    parts.into_iter().flat_map(below).collect()
}

#[test]
fn every_malformed_json_file_names_its_place() {
    for (text, words) in [
        (String::new(), "line 1, column 0"),
        (LAYERED[..100].to_string(), "line 2"),
        (LAYERED.replace("\"inputs\"", "\"imputs\""), "unknown field `imputs`"),
        (LAYERED.replace("\"relu\"", "\"rely\""), "line 2"),
        (LAYERED.replace("-0.0", "1e999"), "line 2"),
        (LAYERED.replace("-0.0", "NaN"), "line 2"),
        (LAYERED.replace("[0.1, 1e-300]", "[0.1]"), "layers[0].weights[1]"),
        (LAYERED.replace("[0.5, -0.0]", "[0.5]"), "layers[0].biases"),
        (LAYERED.replace("[[4, -1]]", "[[4]]"), "layers[1].weights[0]"),
        (LAYERED.replace("[[4, -1]]", "[]"), "layers[1]"),
        (LAYERED.replace("[[4, -1]]", "7"), "an array of numbers, or an object"),
        (LAYERED.replace("[[4, -1]]", "{\"file\": \"a\"}"), "missing field `tensor`"),
        (LAYERED.replace("\"inputs\": 2", "\"inputs\": 4000000000"), "4000000000"),
        (LAYERED.replace("\"inputs\": 2", "\"inputs\": 0"), "layers[0].weights[0]"),
        (LAYERED.replace("\"inputs\": 2, ", ""), "members"),
        (LAYERED.replace("\"version\": 1", "\"version\": 2"), "version"),
        (LAYERED.replace("synbal-network", "onnx"), "format"),
        (LAYERED.replace("\"y\"", "\"layer 1\""), "same name"),
        (LAYERED.replace("0.1}}", "1e400}}"), "line 3"),
        (GENERAL.replace("\"count\": 2", "\"count\": 4000000000"), "units"),
        (GENERAL.replace("\"count\": 2", "\"count\": 0"), "units[0].count"),
        (GENERAL.replace("[2, 2, 3]", "[2, 2, 4]"), "connection 2"),
        (GENERAL.replace("[2, 2, 3]", "[2, 2, 1]"), "into an input"),
        (GENERAL.replace("[2, 2, 3]", "[2, 2]"), "connections"),
        (GENERAL.replace("[2, 2, 3]", "[2, 2, -3]"), "line 4"),
        (GENERAL.replace("[0, 1, 2]", "[0, 0, 2]"), "same tail and head"),
        (GENERAL.replace("[0.5, -1]", "[0.5]"), "parameter"),
        (GENERAL.replace("[0.5, -1]", "[0.5, -1, 3]"), "parameter 2"),
        (GENERAL.replace("[0.5, -1]", "[0.5, null]"), "line 4"),
        ("[".repeat(100_000), "line 1"),
        (GENERAL.to_string() + "}", "line 4"),
    ] {
        let error = json_error(&text);
        assert!(error.contains(words), "{words}: {error}");
    }
    json_error([0xff, 0xfe, 0x00]);
}

#[quickcheck]
fn mutated_json_never_panics(general: bool, changes: Vec<(usize, u8)>) -> bool {
    let mut bytes = if general { GENERAL } else { LAYERED }.as_bytes().to_vec();
    for (place, byte) in changes.into_iter().take(4) {
        let place = place % bytes.len();
        bytes[place] = byte;
    }
    json::parse(&bytes).map_or_else(|e| !e.place.is_empty() && !e.remedy.is_empty(), |_| true)
}

/// A folder with a safetensors file of the given tensors, and a layered network that refers to it.
fn with_tensors(dtype: Dtype, shape: &[usize], bytes: &[u8], file: &str) -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    let view = TensorView::new(dtype, shape.to_vec(), bytes).unwrap();
    fs::write(folder.path().join("weights.safetensors"), safetensors::serialize([("w", view)], None).unwrap()).unwrap();
    let path = folder.path().join("network.json");
    let reference = json!({"file": file, "tensor": "w"}).to_string();
    fs::write(&path, LAYERED.replace("[[1.5, -2], [0.1, 1e-300]]", &reference)).unwrap();
    (folder, path)
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn weights_elsewhere_are_read_and_written_to_a_new_file_of_the_same_type() {
    let values = [1.5f32, -2.0, 0.1, 1e-30];
    let (folder, path) = with_tensors(Dtype::F32, &[2, 2], &f32_bytes(&values), "./weights.safetensors");
    let file = json::read(&path).unwrap();
    assert_eq!(file.network().parameters()[..4], values.map(f64::from));
    let third: Vec<f64> = file.network().parameters().iter().map(|w| w / 3.0).collect();
    let new = file.network().with_parameters(third.clone()).unwrap();
    let target = folder.path().join("balanced.json");
    file.write(&new, &target, false).unwrap();
    let text = fs::read_to_string(&target).unwrap();
    assert!(text.contains(r#"{"file":"balanced.safetensors","tensor":"w"}"#), "{text}");
    let back = json::read(&target).unwrap();
    assert_eq!(back.network().parameters()[..4], values.map(|v| f64::from((f64::from(v) / 3.0) as f32)));
    assert_eq!(back.network().parameters()[4..], third[4..]);
    assert!(is_helpful(&file.write(&new, &target, false).unwrap_err()));
    fs::remove_file(folder.path().join("balanced.safetensors")).unwrap();
    assert!(is_helpful(&file.write(&new, &target, false).unwrap_err()));
    assert!(!folder.path().join("balanced.safetensors").exists());
    file.write(&new, &target, true).unwrap();
}

#[test]
fn f64_tensors_come_back_bit_for_bit() {
    let values = [0.1, -1e300, 5e-324, 2.0];
    let bytes: Vec<u8> = values.iter().flat_map(|v: &f64| v.to_le_bytes()).collect();
    let (folder, path) = with_tensors(Dtype::F64, &[2, 2], &bytes, "weights.safetensors");
    let file = json::read(&path).unwrap();
    let target = folder.path().join("copy.json");
    file.write(file.network(), &target, false).unwrap();
    assert!(same(json::read(&target).unwrap().network(), file.network()));
}

#[test]
fn a_weight_that_does_not_fit_f32_is_named() {
    let (folder, path) = with_tensors(Dtype::F32, &[2, 2], &f32_bytes(&[1.0; 4]), "weights.safetensors");
    let file = json::read(&path).unwrap();
    for value in [1e300, 1e-300] {
        let mut weights = file.network().parameters().to_vec();
        weights[2] = value;
        let new = file.network().with_parameters(weights).unwrap();
        let error = file.write(&new, &folder.path().join("new.json"), false).unwrap_err();
        assert!(is_helpful(&error) && error.place.contains("element 2"), "{error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn tensors_that_are_wrong_or_elsewhere_are_refused() {
    let ones = f32_bytes(&[1.0; 4]);
    let refused = |dtype, shape: &[usize], bytes: &[u8], file: &str, words: &str| {
        let (_folder, path) = with_tensors(dtype, shape, bytes, file);
        let error = json::read(&path).unwrap_err();
        assert!(is_helpful(&error) && error.to_string().contains(words), "{words}: {error}");
    };
    let ordinary = "weights.safetensors";
    for escape in ["../weights.safetensors", "/etc/hosts", "a/../../b", "", "C:\\weights", "..\\b"] {
        refused(Dtype::F32, &[2, 2], &ones, escape, "leaves the folder");
    }
    refused(Dtype::F32, &[2, 2], &ones, "missing.safetensors", "missing.safetensors");
    refused(Dtype::F32, &[2, 2], &ones, "network.json", "no valid safetensors file");
    refused(Dtype::F32, &[4], &ones, ordinary, "shape [4]");
    refused(Dtype::F32, &[4, 1], &ones, ordinary, "shape [4, 1]");
    refused(Dtype::I32, &[2, 2], &ones, ordinary, "I32");
    refused(Dtype::F8_E4M3, &[2, 2], &ones[..4], ordinary, "F8_E4M3");
    refused(Dtype::F32, &[2, 2], &f32_bytes(&[1.0, f32::NAN, 1.0, 1.0]), ordinary, "element 1");
    refused(Dtype::F32, &[0, 2], &[], ordinary, "layers[0]");
    let (_folder, path) = with_tensors(Dtype::F32, &[2, 2], &ones, ordinary);
    let text = fs::read_to_string(&path).unwrap().replace("\"w\"", "\"v\"");
    fs::write(&path, text).unwrap();
    assert!(json::read(&path).unwrap_err().to_string().contains("there is no such tensor"));
    assert!(json::parse(&fs::read(&path).unwrap()).unwrap_err().to_string().contains("without a folder"));
}

#[quickcheck]
fn mutated_tensors_never_panic(changes: Vec<(usize, u8)>, keep: usize) -> bool {
    let (folder, path) = with_tensors(Dtype::F32, &[2, 2], &f32_bytes(&[1.0; 4]), "weights.safetensors");
    let tensors = folder.path().join("weights.safetensors");
    let mut bytes = fs::read(&tensors).unwrap();
    for (place, byte) in changes.into_iter().take(3) {
        let place = place % bytes.len();
        bytes[place] = byte;
    }
    bytes.truncate(bytes.len() - keep % 3);
    fs::write(&tensors, bytes).unwrap();
    json::read(&path).map_or_else(|e| is_helpful(&e), |_| true)
}

#[test]
fn two_tensors_of_one_name_are_not_written() {
    let (folder, path) = with_tensors(Dtype::F32, &[2, 2], &f32_bytes(&[1.0; 4]), "weights.safetensors");
    let reference = json!({"file": "weights.safetensors", "tensor": "w"}).to_string();
    let text = fs::read_to_string(&path).unwrap().replace("[[4,-1]]", "[[4, -1]]").replace("[[4, -1]]", &reference);
    fs::write(&path, text).unwrap();
    let file = json::read(&path).unwrap();
    let error = file.write(file.network(), &folder.path().join("new.json"), false).unwrap_err();
    assert!(is_helpful(&error) && error.place.contains("\"w\""), "{error}");
}

#[test]
fn the_network_of_another_file_is_not_written() {
    let (a, b) = (json::parse(LAYERED.as_bytes()).unwrap(), json::parse(GENERAL.as_bytes()).unwrap());
    assert!(a.to_json(b.network()).unwrap_err().problem.contains("other units"));
}

#[test]
fn a_missing_file_is_named() {
    let path = Path::new("no/such/file");
    assert!(
        is_helpful(&json::read(path).unwrap_err()) && is_helpful(&mtx::read(path, &Visible::default()).unwrap_err())
    );
}

#[test]
fn a_file_is_replaced_only_by_force_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    write_atomic(&path, b"one", false).unwrap();
    assert!(is_helpful(&write_atomic(&path, b"two", false).unwrap_err()));
    assert_eq!(fs::read(&path).unwrap(), b"one");
    write_atomic(&path, b"two", true).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(is_helpful(&write_atomic(&folder.path().join("none/file"), b"", true).unwrap_err()));
}

#[test]
fn the_demo_network_recognizes_its_test_images() {
    let file = json::parse(include_bytes!("../src/demo/digits.json")).unwrap();
    let test: Value = serde_json::from_str(include_str!("../src/demo/digits_test.json")).unwrap();
    let forward = FeedForward::new(file.network()).unwrap();
    let labels = test["labels"].as_array().unwrap();
    let mut right = 0;
    for (image, label) in test["images"].as_array().unwrap().iter().zip(labels) {
        let image: Vec<f64> = image.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() / 16.0).collect();
        let scores = forward.evaluate(&image).unwrap();
        let best = (0..10).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
        right += u64::from(best as u64 == label.as_u64().unwrap());
    }
    assert_eq!(labels.len(), 100);
    assert!(right > 95, "{right} of 100");
    assert!(test["attribution"].as_str().unwrap().contains("CC BY 4.0"));
}

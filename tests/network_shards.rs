//! Networks whose weights lie in several safetensors files: balanced to a new set, in place, or not at all.

mod cli_support;
mod support;

use cli_support::Desk;
use half::{bf16, f16};
use quickcheck_macros::quickcheck;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use support::is_helpful;
use synbal::network::json;
use tempfile::TempDir;

const INDEX: &str = "model.safetensors.index.json";
const FIRST: &str = "model-00001-of-00003.safetensors";
const SECOND: &str = "model-00002-of-00003.safetensors";
/// A shard that holds nothing of the network.
const THIRD: &str = "model-00003-of-00003.safetensors";

/// Three inputs, four hidden units, two outputs; every tensor of another type.
const WEIGHTS: [(&str, Dtype, &[usize]); 4] = [
    ("a.weight", Dtype::F16, &[4, 3]),
    ("a.bias", Dtype::F64, &[4]),
    ("b.weight", Dtype::F32, &[2, 4]),
    ("b.bias", Dtype::BF16, &[2]),
];

fn encode(dtype: Dtype, value: f64) -> Vec<u8> {
    match dtype {
        Dtype::F16 => f16::from_f64(value).to_le_bytes().to_vec(),
        Dtype::BF16 => bf16::from_f64(value).to_le_bytes().to_vec(),
        Dtype::F32 => (value as f32).to_le_bytes().to_vec(),
        Dtype::F64 => value.to_le_bytes().to_vec(),
        other => panic!("{other:?}"),
    }
}

fn decode(dtype: Dtype, bytes: &[u8]) -> Vec<f64> {
    let two = |b: &[u8]| [b[0], b[1]];
    match dtype {
        Dtype::F16 => bytes.chunks(2).map(|b| f16::from_le_bytes(two(b)).to_f64()).collect(),
        Dtype::BF16 => bytes.chunks(2).map(|b| bf16::from_le_bytes(two(b)).to_f64()).collect(),
        Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
        Dtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        other => panic!("{other:?}"),
    }
}

fn shard(path: &Path, tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) {
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (*name, TensorView::new(*dtype, shape.to_vec(), bytes).unwrap()));
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
}

/// A folder with the network, its index and three shards; weight `k` of a tensor is `value(k)`.
fn set(value: impl Fn(usize) -> f64) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let tensor = |&(name, dtype, shape): &(&'static str, Dtype, &'static [usize])| {
        let count = shape.iter().product::<usize>();
        (name, dtype, shape, (0..count).flat_map(|k| encode(dtype, value(k))).collect::<Vec<u8>>())
    };
    let [a, a_bias, b, b_bias] = WEIGHTS.each_ref().map(tensor);
    let steps = ("steps", Dtype::I64, &[3usize] as &[usize], (0..24).collect());
    shard(&at(FIRST), &[a, b_bias, steps.clone()]);
    shard(&at(SECOND), &[a_bias, b]);
    shard(&at(THIRD), &[("unused", steps.1, steps.2, steps.3)]);
    let map = json!({"a.weight": FIRST, "b.bias": FIRST, "steps": FIRST, "a.bias": SECOND, "b.weight": SECOND,
                     "unused": THIRD});
    fs::write(at(INDEX), json!({"metadata": {"total_size": 1234}, "weight_map": map}).to_string()).unwrap();
    let reference = |tensor: &str| json!({"file": INDEX, "tensor": tensor});
    let network = json!({"format": "synbal-network", "version": 1, "inputs": 3, "layers": [
        {"activation": "relu", "weights": reference("a.weight"), "biases": reference("a.bias")},
        {"activation": "linear", "weights": reference("b.weight"), "biases": reference("b.bias")}]});
    fs::write(at("network.json"), network.to_string()).unwrap();
    let path = at("network.json");
    (folder, path)
}

fn ordinary() -> (TempDir, PathBuf) {
    set(|k| (k as f64 - 2.25) * 0.5)
}

/// The bytes of every file below a folder, by its name there.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match path.is_dir() {
            true => found.extend(files(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes))),
            false => found.push((name, fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

/// The weights as the files hold them, in the order of the network.
fn weights(folder: &Path, of: impl Fn(&str) -> &'static str) -> Vec<f64> {
    let read = |(name, dtype, _): (&str, Dtype, &[usize])| {
        let bytes = fs::read(folder.join(of(name))).unwrap();
        decode(dtype, SafeTensors::deserialize(&bytes).unwrap().tensor(name).unwrap().data())
    };
    WEIGHTS.into_iter().flat_map(read).collect()
}

fn own(name: &str) -> &'static str {
    if matches!(name, "a.weight" | "b.bias") { FIRST } else { SECOND }
}

/// Both files are the same but for the bytes of the named tensors.
fn differ_only_in(a: &[u8], b: &[u8], tensors: &[&str]) -> bool {
    let blank = |bytes: &[u8]| {
        let (header, metadata) = SafeTensors::read_metadata(bytes).unwrap();
        let mut bytes = bytes.to_vec();
        for tensor in tensors {
            let (from, to) = metadata.info(tensor).unwrap().data_offsets;
            bytes[8 + header + from..8 + header + to].fill(0);
        }
        bytes
    };
    a != b && blank(a) == blank(b)
}

#[test]
fn a_set_of_shards_is_balanced_to_a_new_set_with_its_own_index() {
    let (folder, path) = ordinary();
    let before = files(folder.path());
    let file = json::read(&path).unwrap();
    assert_eq!(file.network().parameters(), weights(folder.path(), own));
    let third: Vec<f64> = file.network().parameters().iter().map(|w| w / 3.0).collect();
    let new = file.network().with_parameters(third).unwrap();
    file.write(&new, &folder.path().join("balanced.json"), false).unwrap();

    let old: Vec<_> = files(folder.path()).into_iter().filter(|(name, _)| !name.starts_with("balanced")).collect();
    assert_eq!(old, before, "the original is as it was");
    let renamed = |name: &str| match own(name) {
        FIRST => "balanced-00001-of-00003.safetensors",
        _ => "balanced-00002-of-00003.safetensors",
    };
    let written = weights(folder.path(), renamed);
    assert_eq!(written, file.rounded(&new).unwrap().parameters());
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert!(differ_only_in(&read(FIRST), &read("balanced-00001-of-00003.safetensors"), &["a.weight", "b.bias"]));
    assert!(differ_only_in(&read(SECOND), &read("balanced-00002-of-00003.safetensors"), &["a.bias", "b.weight"]));
    assert_eq!(read(THIRD), read("balanced-00003-of-00003.safetensors"));
    let index: Value = serde_json::from_slice(&read("balanced.safetensors.index.json")).unwrap();
    assert_eq!(index["metadata"]["total_size"], 1234);
    for (tensor, k) in [("a.weight", 1), ("steps", 1), ("a.bias", 2), ("unused", 3)] {
        assert_eq!(index["weight_map"][tensor], format!("balanced-0000{k}-of-00003.safetensors"));
    }
    let back = json::read(&folder.path().join("balanced.json")).unwrap();
    assert_eq!(back.network().parameters(), written);
}

#[test]
fn in_place_the_shards_keep_their_names_and_what_does_not_change_is_not_written() {
    let (folder, path) = ordinary();
    let before = files(folder.path());
    let unused = fs::metadata(folder.path().join(THIRD)).unwrap().modified().unwrap();
    let file = json::read(&path).unwrap();
    let third: Vec<f64> = file.network().parameters().iter().map(|w| w / 3.0).collect();
    let new = file.network().with_parameters(third).unwrap();
    assert!(is_helpful(&file.write(&new, &path, false).unwrap_err()));
    assert_eq!(files(folder.path()), before, "nothing is replaced without being asked to");
    file.write(&new, &path, true).unwrap();
    let after = files(folder.path());
    for ((name, old), (same, new)) in before.iter().zip(&after) {
        assert_eq!(name, same);
        let changed: &[&str] = match name.as_str() {
            FIRST => &["a.weight", "b.bias"],
            SECOND => &["a.bias", "b.weight"],
            "network.json" => {
                assert_eq!(
                    serde_json::from_slice::<Value>(old).unwrap(),
                    serde_json::from_slice::<Value>(new).unwrap()
                );
                continue;
            }
            _ => &[],
        };
        assert!(old == new && changed.is_empty() || differ_only_in(old, new, changed), "{name}");
    }
    assert_eq!(fs::metadata(folder.path().join(THIRD)).unwrap().modified().unwrap(), unused);
    assert_eq!(json::read(&path).unwrap().network().parameters(), file.rounded(&new).unwrap().parameters());
}

/// Whether a number of a type is the one next to `value`, of two as near the even one.
fn is_nearest(dtype: Dtype, value: f64, stored: f64) -> bool {
    let half = |bits: u16, number: fn(u16) -> f64| {
        // differences of numbers so near each other are exact
        let away = |bits: u16| (value.abs() - number(bits)).abs();
        let (below, above) = (away(bits - 1), away(bits + 1));
        let beside = below.min(above);
        stored.signum() == value.signum() && (away(bits) < beside || away(bits) == beside && bits & 1 == 0)
    };
    match dtype {
        Dtype::F16 => half(f16::from_f64(stored.abs()).to_bits(), |bits| f16::from_bits(bits).to_f64()),
        Dtype::BF16 => half(bf16::from_f64(stored.abs()).to_bits(), |bits| bf16::from_bits(bits).to_f64()),
        Dtype::F32 => f64::from(value as f32) == stored,
        _ => value == stored,
    }
}

/// Writes weights over the ordinary network's and asks whether each was rounded once; where there are too few, thirds of
/// the old ones follow.
fn rounds_once(weights: impl IntoIterator<Item = f64>) -> bool {
    let (folder, path) = ordinary();
    let file = json::read(&path).unwrap();
    let mut weights = weights.into_iter();
    let new: Vec<f64> = file.network().parameters().iter().map(|w| weights.next().unwrap_or(w / 3.0)).collect();
    let target = folder.path().join("new.json");
    file.write(&file.network().with_parameters(new.clone()).unwrap(), &target, false).unwrap();
    let types = WEIGHTS.iter().flat_map(|(_, dtype, shape)| vec![*dtype; shape.iter().product()]);
    let stored = json::read(&target).unwrap();
    new.iter().zip(types).zip(stored.network().parameters()).all(|((v, dtype), s)| is_nearest(dtype, *v, *s))
}

#[quickcheck]
fn every_weight_is_rounded_once_to_the_type_of_its_tensor(values: Vec<f64>) -> bool {
    rounds_once(values.into_iter().filter(|v| v.is_finite()).map(|v| v % 1000.0).filter(|v| v.abs() > 1e-3))
}

#[test]
fn what_lies_just_beside_the_middle_of_two_neighbours_is_rounded_to_the_nearer_one() {
    // neighbours are 736 and 740 in bfloat16, 738.0 and 738.5 in half precision; single precision cannot tell the last two
    let middles = [738.0, 738.25];
    let beside = |by: f64| middles.map(|middle| [middle - by, middle, middle + by]).into_iter().flatten();
    for by in [0.00040274052, 1e-9, f64::EPSILON * 512.0] {
        assert!(rounds_once(beside(by).cycle().take(26)), "{by}");
        assert!(rounds_once(beside(by).map(|v| -v).cycle().take(26).skip(1)), "{by}");
    }
    // the last two weights are of bfloat16
    assert!(rounds_once([1.0; 24].into_iter().chain([738.00040274052, 738.0])));
}

#[test]
fn half_precision_that_overflows_is_named_and_subnormal_results_are_counted() {
    let (folder, path) = ordinary();
    let file = json::read(&path).unwrap();
    let with = |k: usize, value: f64| {
        let mut weights = file.network().parameters().to_vec();
        weights[k] = value;
        file.network().with_parameters(weights).unwrap()
    };
    let before = files(folder.path());
    let error = file.write(&with(5, 70_000.0), &folder.path().join("new.json"), false).unwrap_err();
    let named = error.place.contains("a.weight") && error.place.contains("element 5");
    assert!(is_helpful(&error) && named && error.remedy.contains("--scale-range"), "{error}");
    assert!(is_helpful(&file.write(&with(5, 1e-9), &folder.path().join("new.json"), false).unwrap_err()));
    assert_eq!(files(folder.path()), before, "nothing is left behind");
    assert_eq!((file.subnormal(&with(5, 1e-6)), file.subnormal(&with(5, 1e-3))), (1, 0));
    assert!(file.floats().contains(&synbal::numeric::Float::Bf16));
}

#[test]
fn the_shards_of_the_original_are_never_written_over() {
    let (folder, path) = ordinary();
    fs::rename(folder.path().join(FIRST), folder.path().join("new-00001-of-00003.safetensors")).unwrap();
    let index = fs::read_to_string(folder.path().join(INDEX)).unwrap();
    fs::write(folder.path().join(INDEX), index.replace(FIRST, "new-00001-of-00003.safetensors")).unwrap();
    let before = files(folder.path());
    let file = json::read(&path).unwrap();
    let error = file.write(file.network(), &folder.path().join("new.json"), true).unwrap_err();
    assert!(is_helpful(&error) && error.problem.contains("keeps its weights"), "{error}");
    assert_eq!(files(folder.path()), before);
}

#[test]
fn the_index_of_the_original_is_never_written_over() {
    let (folder, path) = ordinary();
    // the output model.json would have an index of this very name
    let before = files(folder.path());
    let file = json::read(&path).unwrap();
    let error = file.write(file.network(), &folder.path().join("model.json"), true).unwrap_err();
    assert!(is_helpful(&error) && error.file.is_some(), "{error}");
    assert_eq!(files(folder.path()), before);
    // also where only the index has the name
    for name in [FIRST, SECOND, THIRD] {
        fs::rename(folder.path().join(name), folder.path().join(name.replace("model", "part"))).unwrap();
    }
    let index = fs::read_to_string(folder.path().join(INDEX)).unwrap().replace("model-", "part-");
    fs::write(folder.path().join(INDEX), index).unwrap();
    let before = files(folder.path());
    let file = json::read(&path).unwrap();
    let error = file.write(file.network(), &folder.path().join("model.json"), true).unwrap_err();
    assert!(error.to_string().contains(INDEX) && error.problem.contains("index"), "{error}");
    assert_eq!(files(folder.path()), before);
}

/// What reading the network says after `spoil` was done to its folder.
fn error_after(spoil: impl Fn(&Path)) -> String {
    let (folder, path) = ordinary();
    spoil(folder.path());
    let error = json::read(&path).unwrap_err();
    assert!(is_helpful(&error) && error.file.is_some(), "{error}");
    error.to_string()
}

#[test]
fn damaged_sets_are_named_errors() {
    let index = |text: &'static str| error_after(|folder| fs::write(folder.join(INDEX), text).unwrap());
    let replace = |what: &'static str, with: &'static str| {
        error_after(|folder| {
            let text = fs::read_to_string(folder.join(INDEX)).unwrap();
            assert!(text.contains(what));
            fs::write(folder.join(INDEX), text.replace(what, with)).unwrap();
        })
    };
    let cut = |name: &'static str, keep: usize| {
        error_after(|folder| {
            let bytes = fs::read(folder.join(name)).unwrap();
            fs::write(folder.join(name), &bytes[..keep.min(bytes.len() - 1)]).unwrap();
        })
    };
    for (error, words) in [
        (error_after(|folder| fs::remove_file(folder.join(INDEX)).unwrap()), &["network.json", INDEX] as &[&str]),
        (error_after(|folder| fs::remove_file(folder.join(SECOND)).unwrap()), &[INDEX, SECOND, "weight_map"]),
        (index(""), &[INDEX, "line 1"]),
        (index("[1]"), &[INDEX, "line 1"]),
        (index("{}"), &[INDEX, "weight_map"]),
        (index(r#"{"weight_map": 3}"#), &[INDEX, "weight_map"]),
        (index(r#"{"weight_map": {"a": 3}}"#), &[INDEX, "weight_map[\"a\"]"]),
        (index(r#"{"weight_map": {}}"#), &[INDEX, "a.weight", "no such tensor"]),
        (replace("\"a.bias\"", "\"a.biases\""), &[INDEX, "a.bias", "no such tensor"]),
        (replace(SECOND, FIRST), &[FIRST, "a.bias", "no such tensor"]),
        (replace(SECOND, "../model.safetensors"), &[INDEX, "weight_map", "leaves the folder"]),
        (replace(SECOND, "/etc/hosts"), &[INDEX, "weight_map", "leaves the folder"]),
        (replace(SECOND, INDEX), &[INDEX, "no valid safetensors file"]),
        (cut(SECOND, usize::MAX), &[SECOND, "truncated"]),
        (cut(SECOND, 20), &[SECOND, "truncated"]),
        (cut(SECOND, 0), &[SECOND, "empty"]),
        (cut(THIRD, usize::MAX), &[THIRD, "truncated"]),
    ] {
        assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
    }
}

#[test]
fn a_shard_behind_a_link_that_leaves_the_folder_is_refused() {
    let elsewhere = TempDir::new().unwrap();
    let error = error_after(|folder| {
        let target = elsewhere.path().join("shard");
        fs::rename(folder.join(SECOND), &target).unwrap();
        std::os::unix::fs::symlink(target, folder.join(SECOND)).unwrap();
    });
    assert!(error.contains("a link that leaves") && error.contains("weight_map"), "{error}");
}

#[test]
fn the_tool_balances_a_set_and_verifies_it() {
    let (folder, path) = ordinary();
    let new = folder.path().join("balanced.json");
    let (path, new) = (path.display(), new.display());
    let desk = Desk::new();
    let report = desk.json(&format!("balance {path} -o {new}"), 0);
    assert_eq!(report["status"], "converged");
    assert!(report["residual_after"].as_f64().unwrap() < 1e-12);
    let verified = desk.json(&format!("verify {path} {new}"), 0);
    assert_eq!((&verified["same_up_to_scaling"], &verified["balanced"]), (&json!(true), &json!(true)));
}

//! Weights that are not plainly inside the model file: in files beside it, or as varints.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::onnx_writer::{Message, Model, Storage, f32_tensor};
use onnx_support::{numbers, open, powers_of_two, tensor};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use synbal::lowered::Scaling;
use synbal::model::{FunctionCheck, OnnxModel};

/// A tensor in another file.
fn outside(name: &str, shape: [i64; 2], location: &str, offset: usize, length: usize) -> Message {
    let entry = |key: &str, value: &str| Message::default().text(1, key).text(2, value);
    shape
        .iter()
        .fold(Message::default(), |m, &d| m.int(1, d))
        .int(2, 1)
        .text(8, name)
        .message(13, entry("location", location))
        .message(13, entry("offset", &offset.to_string()))
        .message(13, entry("length", &length.to_string()))
        .int(14, 1)
}

fn perceptron(first: Message, second: Message) -> Model {
    let model = Model::new().input("x", &[None, Some(3)]).output("y", &[None, Some(2)]).tensor(first).tensor(second);
    model.node("MatMul", &["x", "w1"], "a").node("Relu", &["a"], "b").node("MatMul", &["b", "w2"], "y")
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A perceptron with 3, 5 and 2 channels, the first matrix in `part/weights.bin` from byte 8 on, the second inside.
fn split(folder: &Path) -> (OnnxModel, Vec<u8>) {
    let data = [vec![7; 8], bytes_of(&numbers(1, 15)), vec![9; 3]].concat();
    fs::create_dir_all(folder.join("part")).unwrap();
    fs::write(folder.join("part/weights.bin"), &data).unwrap();
    let inside = f32_tensor("w2", &[5, 2], &numbers(2, 10), Storage::Raw);
    let model = perceptron(outside("w1", [3, 5], "part/weights.bin", 8, 60), inside);
    fs::write(folder.join("model.onnx"), model.bytes()).unwrap();
    (OnnxModel::open(&folder.join("model.onnx")).unwrap(), data)
}

#[test]
fn external_data_are_copied_and_only_their_weights_change() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (model, data) = split(from.path());
    let whole = open(&perceptron(
        f32_tensor("w1", &[3, 5], &numbers(1, 15), Storage::Raw),
        f32_tensor("w2", &[5, 2], &numbers(2, 10), Storage::Raw),
    ));
    assert_eq!((model.free(), tensor(&model, "w1")), (5, tensor(&whole, "w1")));
    let scaling = powers_of_two(&model, 3);
    let target = to.path().join("model.onnx");
    let report = model.save(&scaling, Some(&target), false).unwrap();
    assert_eq!(report, whole.apply(&scaling).unwrap().1);
    let written = OnnxModel::open(&target).unwrap();
    let scaled = onnx_support::open_bytes(&whole.apply(&scaling).unwrap().0).unwrap();
    for name in ["w1", "w2"] {
        assert_eq!(tensor(&written, name), tensor(&scaled, name));
    }
    let new = fs::read(to.path().join("part/weights.bin")).unwrap();
    assert_eq!((new.len(), &new[..8], &new[68..]), (data.len(), &data[..8], &data[68..]));
    assert_eq!(model.difference_outside_weights(&written), None);
    assert_eq!(model.weight_difference(&scaling, &written).0, 0.0);
    for check in [model.check_against(&written, 1), model.check_scaled(&scaling, 1)] {
        let FunctionCheck::Compared { difference, .. } = check else { panic!("{check:?}") };
        assert_eq!(difference, 0.0);
    }
    let other = Scaling::new(vec![0.5; model.free()]);
    assert!(model.weight_difference(&other, &written).0 > 0.01);
}

#[test]
fn files_beyond_two_gigabytes_are_read_and_rewritten_like_small_ones() {
    let large = std::env::var_os("SYNBAL_LARGE").is_some();
    if !large {
        println!("SYNBAL_LARGE is not set: weights behind a megabyte instead of 2^32 bytes");
    }
    let offset = if large { (1 << 32) + 8 } else { 1 << 20 };
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // a hole in the file takes no space on the disk
    let mut file = fs::File::create(from.path().join("weights.bin")).unwrap();
    file.set_len(offset as u64).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(&[bytes_of(&numbers(1, 15)), vec![9; 3]].concat()).unwrap();
    let inside = f32_tensor("w2", &[5, 2], &numbers(2, 10), Storage::Raw);
    let model = perceptron(outside("w1", [3, 5], "weights.bin", offset, 60), inside);
    fs::write(from.path().join("model.onnx"), model.bytes()).unwrap();
    let model = OnnxModel::open(&from.path().join("model.onnx")).unwrap();
    let scaling = powers_of_two(&model, 3);
    model.save(&scaling, Some(&to.path().join("model.onnx")), false).unwrap();
    let written = OnnxModel::open(&to.path().join("model.onnx")).unwrap();
    let small = open(&perceptron(
        f32_tensor("w1", &[3, 5], &numbers(1, 15), Storage::Raw),
        f32_tensor("w2", &[5, 2], &numbers(2, 10), Storage::Raw),
    ));
    let scaled = onnx_support::open_bytes(&small.apply(&scaling).unwrap().0).unwrap();
    for name in ["w1", "w2"] {
        assert_eq!(tensor(&written, name), tensor(&scaled, name));
    }
    assert_eq!(fs::metadata(to.path().join("weights.bin")).unwrap().len(), offset as u64 + 63);
    assert_eq!(model.difference_outside_weights(&written), None);
}

#[test]
fn external_data_are_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = split(folder.path());
    let scaling = powers_of_two(&model, 3);
    for force in [false, true] {
        let error = model.save(&scaling, Some(&folder.path().join("new.onnx")), force).unwrap_err();
        assert!(error.to_string().contains("weights.bin") && error.to_string().contains("another folder"), "{error}");
    }
    assert_eq!(fs::read(folder.path().join("part/weights.bin")).unwrap(), data);
    assert!(!folder.path().join("new.onnx").exists());
}

#[test]
fn files_outside_the_folder_and_files_that_do_not_fit_are_named_errors() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    for name in ["home/w.bin", "w.bin"] {
        fs::write(folder.path().join(name), bytes_of(&numbers(1, 15))).unwrap();
    }
    std::os::unix::fs::symlink(folder.path().join("w.bin"), home.join("link.bin")).unwrap();
    let absolute = folder.path().join("w.bin").display().to_string();
    let cases = [
        ("w.bin", 0, 60, None),
        ("../w.bin", 0, 60, Some("leaves the folder")),
        ("sub/../../w.bin", 0, 60, Some("leaves the folder")),
        (&absolute, 0, 60, Some("leaves the folder")),
        ("", 0, 60, Some("leaves the folder")),
        ("link.bin", 0, 60, Some("a link that leaves")),
        ("none.bin", 0, 60, Some("none.bin")),
        ("w.bin", 4, 60, Some("reach beyond the end")),
        ("w.bin", usize::MAX - 3, 60, Some("reach beyond the end")),
        ("w.bin", 0, 56, Some("has 15 elements")),
    ];
    for (location, offset, length, expected) in cases {
        let inside = f32_tensor("w2", &[5, 2], &numbers(2, 10), Storage::Raw);
        let model = perceptron(outside("w1", [3, 5], location, offset, length), inside);
        let path = home.join("model.onnx");
        fs::write(&path, model.bytes()).unwrap();
        match (OnnxModel::open(&path), expected) {
            (Ok(model), None) => assert_eq!(model.free(), 5),
            (Err(error), Some(expected)) => {
                let text = error.to_string();
                let named = text.contains("model.onnx") && text.contains("tensor \"w1\"") && text.contains(expected);
                assert!(named, "{location:?}: {text}");
            }
            (result, _) => panic!("{location:?}: {result:?}"),
        }
    }
}

/// A tensor of half-precision numbers stored as varints, in lists of the given sizes; 0 stands for a single number.
fn varints(name: &str, shape: [i64; 2], values: &[f32], lists: &[usize]) -> Message {
    let bits = |v: &f32| half::f16::from_f32(*v).to_bits();
    let mut tensor = shape.iter().fold(Message::default(), |m, &d| m.int(1, d)).int(2, 10).text(8, name);
    let mut rest = values;
    for &size in lists {
        let (now, later) = rest.split_at(size.max(1));
        rest = later;
        tensor = if size == 0 {
            tensor.int(5, bits(&now[0]).into())
        } else {
            let list = now.iter().fold(vec![], |mut list, v| {
                let one = Message::default().int(1, bits(v).into()).0;
                list.extend_from_slice(&one[1..]);
                list
            });
            tensor.bytes(5, &list)
        };
    }
    assert!(rest.is_empty());
    tensor
}

#[test]
fn half_precision_in_varints_changes_its_length_and_the_lengths_around_it_alone() {
    // bits of 1.0 take two bytes, those of 2.0 and of negative numbers three
    let (first, second) = ([1.0, -1.5, 0.25, 0.0, 3.0, 1.75], [0.5, -2.0, 8.0, 1.25, -0.125, 1.0]);
    let lists: [&[usize]; 3] = [&[6], &[2, 4], &[0, 3, 0, 1]];
    for list in lists {
        let model = Model::new().input("x", &[None, Some(2)]).output("y", &[None, Some(2)]);
        let constant = onnx_support::onnx_writer::Attr::Tensor(varints("", [3, 2], &second, list));
        let model = model
            .tensor(varints("w1", [2, 3], &first, list))
            .node("MatMul", &["x", "w1"], "a")
            .node("Relu", &["a"], "b")
            .full_node("", "Constant", &[], "w2", &[("value", constant)])
            .node("MatMul", &["b", "w2"], "y");
        let model = open(&model);
        let widened: Vec<f64> = first.iter().map(|&v| f64::from(v)).collect();
        assert_eq!((model.free(), tensor(&model, "w1")), (3, widened));
        let ln2 = std::f64::consts::LN_2;
        let scaling = Scaling::new(vec![6.0 * ln2, -9.0 * ln2, 0.0]);
        let (bytes, report) = model.apply(&scaling).unwrap();
        assert_ne!(bytes.len(), model.bytes().len());
        let scaled = onnx_support::open_bytes(&bytes).unwrap();
        let expected = [64.0, -1.5 / 512.0, 0.25, 0.0, 3.0 / 512.0, 1.75];
        assert_eq!(tensor(&scaled, "w1"), expected);
        assert_eq!(tensor(&scaled, "w2"), [0.5 / 64.0, -2.0 / 64.0, 4096.0, 640.0, -0.125, 1.0]);
        assert_eq!((model.difference_outside_weights(&scaled), report.changed), (None, 7));
        // and back again, byte for byte
        let back = Scaling::new(scaling.scales.rest().iter().map(|x| -x).collect());
        assert_eq!(scaled.apply(&back).unwrap().0, model.bytes());
        assert_eq!(model.apply(&Scaling::new(vec![0.0; 3])).unwrap().0, model.bytes());
    }
}

#[test]
fn varints_that_overflow_are_named_errors() {
    let model = perceptron(
        varints("w1", [3, 5], &[1000.0; 15], &[15]),
        f32_tensor("w2", &[5, 2], &numbers(2, 10), Storage::Raw),
    );
    let model = open(&model);
    let error = model.apply(&Scaling::new(vec![8.0; model.free()])).unwrap_err().to_string();
    assert!(error.contains("\"w1\"") && error.contains("--scale-range"), "{error}");
}

#[test]
fn one_file_under_two_names_is_one_file() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(from.path().join("w.bin"), [bytes_of(&numbers(1, 15)), bytes_of(&numbers(2, 10))].concat()).unwrap();
    let model = perceptron(outside("w1", [3, 5], "./w.bin", 0, 60), outside("w2", [5, 2], "w.bin", 60, 40));
    fs::write(from.path().join("model.onnx"), model.bytes()).unwrap();
    let model = OnnxModel::open(&from.path().join("model.onnx")).unwrap();
    let scaling = powers_of_two(&model, 3);
    let target = to.path().join("model.onnx");
    model.save(&scaling, Some(&target), false).unwrap();
    let written = OnnxModel::open(&target).unwrap();
    let FunctionCheck::Compared { difference, .. } = model.check_against(&written, 1) else { panic!("it runs") };
    assert!(difference < 1e-5, "{difference}");
    assert_ne!(tensor(&written, "w1"), tensor(&model, "w1"));
    assert_ne!(tensor(&written, "w2"), tensor(&model, "w2"));
}

#[test]
fn tensors_in_the_same_bytes_are_shared_and_others_may_not_overlap() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("w.bin"), bytes_of(&numbers(1, 20))).unwrap();
    let square = |name: &str, offset| outside(name, [3, 3], "w.bin", offset, 36);
    let model = |second: Message| {
        let model = Model::new().input("x", &[None, Some(3)]).output("y", &[None, Some(3)]);
        let model = model.tensor(square("w1", 0)).tensor(second).tensor(f32_tensor(
            "w3",
            &[3, 3],
            &numbers(2, 9),
            Storage::Raw,
        ));
        let model = model.node("MatMul", &["x", "w1"], "a").node("Relu", &["a"], "b").node("MatMul", &["b", "w3"], "c");
        model.node("Relu", &["c"], "d").node("MatMul", &["d", "w2"], "y")
    };
    let open = |second: Message| {
        fs::write(folder.path().join("model.onnx"), model(second).bytes()).unwrap();
        OnnxModel::open(&folder.path().join("model.onnx"))
    };
    // what the first use multiplies, for inputs keep their scale, the second one must, for outputs do: one scale is left
    let shared = open(square("w2", 0)).unwrap();
    assert_eq!(shared.free(), 1);
    let target = tempfile::tempdir().unwrap();
    let target = target.path().join("model.onnx");
    shared.save(&Scaling::new(vec![0.7]), Some(&target), false).unwrap();
    let written = OnnxModel::open(&target).unwrap();
    let FunctionCheck::Compared { difference, .. } = shared.check_against(&written, 1) else { panic!("it runs") };
    assert!(difference < 1e-5 && tensor(&written, "w1") != tensor(&shared, "w1"), "{difference}");
    let error = open(square("w2", 32)).unwrap_err();
    assert!(error.to_string().contains("shares some of its bytes"), "{error}");
}

#[test]
fn no_file_of_the_model_is_lost_to_a_copy_of_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = |seed| bytes_of(&numbers(seed, 15));
    fs::create_dir_all(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("w.bin"), data(1)).unwrap();
    fs::write(folder.path().join("sub/w.bin"), &data(2)[..40]).unwrap();
    let model = perceptron(outside("w1", [3, 5], "w.bin", 0, 60), outside("w2", [5, 2], "sub/w.bin", 0, 40));
    fs::write(folder.path().join("model.onnx"), model.bytes()).unwrap();
    let model = OnnxModel::open(&folder.path().join("model.onnx")).unwrap();
    // in that folder the copy of w.bin would be sub/w.bin, another file of the model
    for target in ["sub/model.onnx", "w.bin", "sub/w.bin"] {
        let error = model.save(&powers_of_two(&model, 1), Some(&folder.path().join(target)), true).unwrap_err();
        assert!(error.to_string().contains("keeps weights in this file"), "{error}");
    }
    assert_eq!(fs::read(folder.path().join("w.bin")).unwrap(), data(1));
    assert_eq!(fs::read(folder.path().join("sub/w.bin")).unwrap(), data(2)[..40]);
}

#[test]
fn a_model_whose_numbers_are_said_to_be_in_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inside = f32_tensor("w2", &[5, 2], &numbers(2, 10), Storage::Raw);
    let model = perceptron(outside("w1", [3, 5], "model.onnx", 0, 60), inside);
    fs::write(folder.path().join("model.onnx"), model.bytes()).unwrap();
    let error = OnnxModel::open(&folder.path().join("model.onnx")).unwrap_err();
    assert!(error.to_string().contains("the model file itself"), "{error}");
}

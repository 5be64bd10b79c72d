//! Damaged ONNX files never panic, and the error says where the damage is.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::onnx_writer::{Attr, Message, Model, Storage, f32_tensor, i64_tensor};
use onnx_support::{numbers, open_bytes};
use synbal::error::{Error, ErrorKind};
use synbal::lowered::Scaling;

fn rich() -> Model {
    Model::new()
        .input("x", &[None, Some(3)])
        .output("y", &[None, Some(2)])
        .weight("w1", &[3, 4], &numbers(1, 12))
        .tensor(f32_tensor("b1", &[4], &numbers(2, 4), Storage::Unpacked))
        .weight("w2", &[2, 4], &numbers(3, 8))
        .weight("m", &[4], &numbers(4, 4))
        .tensor(i64_tensor("shape", &[3], &[0, 2, 2]))
        .tensor(i64_tensor("back", &[2], &[0, -1]))
        .full_node("", "Constant", &[], "s", &[("value", Attr::Tensor(f32_tensor("", &[1], &[0.25], Storage::Packed)))])
        .node("MatMul", &["x", "w1"], "a")
        .node("Add", &["a", "b1"], "b")
        .node("PRelu", &["b", "s"], "c")
        .node("Mul", &["c", "m"], "d")
        .full_node("", "Transpose", &["d"], "e", &[("perm", Attr::Ints(vec![1, 0]))])
        .full_node("", "Transpose", &["e"], "f", &[("perm", Attr::Ints(vec![1, 0]))])
        .node("Reshape", &["f", "shape"], "g")
        .full_node("", "Flatten", &["g"], "h", &[("axis", Attr::Int(1))])
        .node("Reshape", &["h", "back"], "i")
        .full_node("", "Gemm", &["i", "w2"], "y", &[("transB", Attr::Int(1))])
}

/// Opens damaged bytes; what opens must also be rewritten without a panic.
fn attempt(bytes: &[u8]) -> Option<Error> {
    match open_bytes(bytes) {
        Err(error) => {
            assert!(error.file.is_some() && !error.place.is_empty() && !error.remedy.is_empty(), "{error}");
            Some(error)
        }
        Ok(model) => {
            let scaling = Scaling::new(vec![0.5; model.free()]);
            let _ = model.apply(&scaling);
            None
        }
    }
}

#[test]
fn every_truncation_is_an_error_that_names_the_file_and_the_place() {
    let bytes = rich().bytes();
    for length in 0..bytes.len() {
        assert!(attempt(&bytes[..length]).is_some(), "{length}");
    }
    assert!(attempt(&bytes).is_none());
}

#[test]
fn random_bytes_in_a_file_never_cause_a_panic() {
    let bytes = rich().bytes();
    let mut state = 88_172_645_463_325_252u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below
    };
    let mut errors = 0;
    for round in 0..4000 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + round % 3 {
            let at = random(damaged.len());
            damaged[at] = if random(2) == 0 { random(256) as u8 } else { damaged[at] ^ 1 << random(8) };
        }
        errors += usize::from(attempt(&damaged).is_some());
    }
    assert!(errors > 400, "{errors}");
}

fn error_of(model: &Model) -> Error {
    open_bytes(&model.bytes()).expect_err("a faulty model")
}

fn dense(tensor: Message) -> Model {
    Model::new().input("x", &[None, Some(3)]).output("y", &[]).tensor(tensor).node("MatMul", &["x", "w"], "y")
}

#[test]
fn a_shape_that_lies_about_its_payload_names_the_tensor() {
    let good = f32_tensor("w", &[3, 4], &numbers(1, 12), Storage::Raw);
    assert!(open_bytes(&dense(good).bytes()).is_ok());
    for shape in [&[3, 5][..], &[3, 1 << 40], &[1 << 32, 1 << 32], &[0, 1 << 40], &[usize::MAX, 12]] {
        let error = error_of(&dense(f32_tensor("w", shape, &numbers(1, 12), Storage::Raw)));
        assert!(error.to_string().contains("tensor \"w\""), "{error}");
        assert_eq!(error.kind, ErrorKind::Format);
    }
}

#[test]
fn a_tensor_in_another_file_without_its_name_is_refused() {
    let external = Message::default().int(1, 3).int(1, 4).int(2, 1).text(8, "w").int(14, 1);
    let error = error_of(&dense(external));
    assert_eq!(error.kind, ErrorKind::Format);
    assert!(error.to_string().contains("tensor \"w\""), "{error}");
}

#[test]
fn two_payloads_are_refused() {
    let both = f32_tensor("w", &[3, 4], &numbers(1, 12), Storage::Raw).float(4, 1.0);
    assert!(error_of(&dense(both)).to_string().contains("two payloads"));
}

#[test]
fn operands_of_different_sizes_name_the_node() {
    let model = Model::new()
        .input("x", &[None, Some(3)])
        .output("y", &[])
        .weight("w1", &[3, 4], &numbers(1, 12))
        .weight("w2", &[5, 2], &numbers(2, 10))
        .node("MatMul", &["x", "w1"], "a")
        .node("MatMul", &["a", "w2"], "y");
    let error = error_of(&model);
    assert!(error.to_string().contains("node_y"), "{error}");
    assert_eq!(error.kind, ErrorKind::Network);
}

#[test]
fn windows_that_make_no_sense_name_the_attribute() {
    let model = |op: &str, name: &'static str, list: &[i64]| {
        let kernel = ("kernel_shape", Attr::Ints(vec![3, 3]));
        let attrs = match (op, name) {
            ("Conv", _) | (_, "kernel_shape") => vec![(name, Attr::Ints(list.to_vec()))],
            _ => vec![kernel, (name, Attr::Ints(list.to_vec()))],
        };
        let inputs = if op == "Conv" { &["x", "w"][..] } else { &["x"] };
        Model::new()
            .input("x", &[None, Some(2), None, None])
            .output("y", &[])
            .weight("w", &[4, 2, 3, 3], &numbers(1, 72))
            .full_node("", op, inputs, "y", &attrs)
    };
    let wrong = [("strides", &[0, 1][..]), ("strides", &[2]), ("dilations", &[1, -1]), ("pads", &[1, 1, 1])];
    for (name, list) in wrong {
        for op in ["Conv", "MaxPool"] {
            let error = error_of(&model(op, name, list));
            assert_eq!(error.kind, ErrorKind::Network);
            assert!(error.to_string().contains(name) && error.place.contains("node_y"), "{op}: {error}");
        }
    }
    assert!(error_of(&model("Conv", "kernel_shape", &[3, 1])).to_string().contains("kernel_shape"));
    for op in ["Conv", "MaxPool"] {
        open_bytes(&model(op, "kernel_shape", &[3, 3]).bytes()).expect("sound");
        open_bytes(&model(op, "strides", &[]).bytes()).expect("an empty list is the default");
    }
}

#[test]
fn a_circle_of_nodes_an_undefined_tensor_and_two_definitions_are_errors() {
    let circle = Model::new().output("b", &[]).node("Relu", &["b"], "a").node("Relu", &["a"], "b");
    assert!(error_of(&circle).to_string().contains("circle"));
    let undefined = Model::new().output("b", &[]).node("Relu", &["a"], "b");
    assert!(error_of(&undefined).to_string().contains("\"a\""));
    let twice = Model::new().input("x", &[]).output("b", &[]).node("Relu", &["x"], "b").node("Abs", &["x"], "b");
    assert!(error_of(&twice).to_string().contains("\"b\""));
}

#[test]
fn random_bytes_in_models_of_every_family_never_cause_a_panic() {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below
    };
    for (_, model) in onnx_support::families::families() {
        let bytes = model.bytes();
        for _ in 0..150 {
            let mut damaged = bytes.clone();
            for _ in 0..1 + random(2) {
                let at = random(damaged.len());
                damaged[at] = if random(2) == 0 { random(16) as u8 } else { damaged[at] ^ 1 << random(8) };
            }
            attempt(&damaged);
        }
    }
}

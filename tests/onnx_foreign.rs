//! Parts of a model that are not followed: left alone, with a reason, and with the rest balanced.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::onnx_writer::{Message, Model, Storage, f32_tensor, i64_tensor};
use onnx_support::{numbers, open_bytes, powers_of_two, tensor};

/// A perceptron with 3, 5, 4 and 2 channels whose middle is made by `middle`.
fn around(middle: impl FnOnce(Model) -> Model) -> Model {
    let start = Model::new()
        .input("x", &[None, Some(3)])
        .output("y", &[None, Some(2)])
        .weight("w1", &[3, 5], &numbers(11, 15))
        .weight("w3", &[4, 2], &numbers(13, 8))
        .node("MatMul", &["x", "w1"], "a")
        .node("Relu", &["a"], "b");
    middle(start).node("Relu", &["c"], "d").node("MatMul", &["d", "w3"], "y")
}

#[test]
fn a_sparse_initializer_freezes_the_product_that_reads_it() {
    let values = f32_tensor("w2", &[3], &[1.0, 2.0, 3.0], Storage::Raw);
    let indices = i64_tensor("", &[3], &[0, 7, 19]);
    let sparse = Message::default().message(1, values).message(2, indices).int(3, 5).int(3, 4);
    let model = around(|m| m.sparse(sparse).node("MatMul", &["b", "w2"], "c"));
    let model = open_bytes(&model.bytes()).unwrap();
    // nothing goes around the product: its inputs and outputs are held
    assert_eq!(model.free(), 0);
    let reasons: Vec<String> = model.frozen().iter().map(|f| format!("{}: {}", f.node, f.reason)).collect();
    assert!(reasons.iter().any(|r| r.starts_with("node_c: ") && r.contains("MatMul")), "{reasons:?}");
}

#[test]
fn a_function_that_the_file_defines_is_left_alone_and_what_is_around_it_is_not() {
    let model = around(|m| {
        m.weight("w2", &[5, 4], &numbers(12, 20)).node("MatMul", &["b", "w2"], "e").full_node(
            "own",
            "Squash",
            &["e"],
            "c",
            &[],
        )
    });
    let function = Message::default().text(1, "Squash").text(4, "in").text(5, "out").text(10, "own");
    let bytes = [model.bytes(), Message::default().message(25, function).0].concat();
    let model = open_bytes(&bytes).unwrap();
    assert_eq!(model.free(), 5);
    let [frozen] = model.frozen() else { panic!("{:?}", model.frozen()) };
    assert!(frozen.node == "node_c" && frozen.reason.contains("Squash"), "{frozen:?}");
    // channels in front are scaled, those at the function are not
    let scaled = open_bytes(&model.apply(&powers_of_two(&model, 3)).unwrap().0).unwrap();
    assert_ne!(tensor(&scaled, "w1"), tensor(&model, "w1"));
    assert_eq!(tensor(&scaled, "w3"), tensor(&model, "w3"));
}

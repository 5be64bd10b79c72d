//! Matrix products of two activations: which log-scales stay free.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::attention_families::{attention, attention_families, softmax_families, two_heads};
use onnx_support::onnx_writer::{Attr, Model};
use onnx_support::{numbers, open, open_bytes, powers_of_two, use_of};
use synbal::model::FunctionCheck;

fn keeps_every_bit(name: &str, model: &Model) {
    let model = open(model);
    for seed in 1..4 {
        let (bytes, report) = model.apply(&powers_of_two(&model, seed)).expect("no overflow");
        assert!(report.changed > 0, "{name}");
        match model.check(&bytes, seed) {
            FunctionCheck::Compared { difference, .. } => assert_eq!(difference, 0.0, "{name}"),
            FunctionCheck::Unchecked { reason } => panic!("{name}: {reason}"),
        }
    }
}

#[test]
fn queries_balance_against_keys_and_values_against_the_output() {
    for (name, model) in softmax_families() {
        keeps_every_bit(name, &model);
        let model = open(&model);
        // one for every contracted channel of queries and keys, one for every channel of the values
        assert_eq!((model.free(), model.frozen().len(), model.dead().len()), (8, 1, 0), "{name}");
        assert!(model.frozen()[0].reason.starts_with("Softmax"), "{name}");
    }
    let model = open(&two_heads());
    let heads = |name: &str| use_of(&model, name).heads.forms.clone();
    assert!(heads("wq").iter().zip(heads("wk").iter()).all(|(q, k)| q.plus(1.0, k).is_zero()));
    assert_eq!(use_of(&model, "o").tails.forms, heads("wv"));
}

#[test]
fn without_a_softmax_the_scores_have_a_scale_of_their_own() {
    let (name, model) = &attention_families()[0];
    keeps_every_bit(name, model);
    let model = open(model);
    assert_eq!((model.free(), model.frozen().len(), model.dead().len()), (9, 0, 0));
}

#[test]
fn vectors_are_single_rows_and_columns() {
    let vector = |left: bool| {
        Model::new()
            .input("x", &[Some(2), Some(3)])
            .input("z", &[Some(3)])
            .output("y", &[None])
            .weight("w1", &[3, 4], &numbers(1, 12))
            .weight("w2", &[3, 4], &numbers(2, 12))
            .weight("w3", &[2, 3], &numbers(3, 6))
            .node("MatMul", &["x", "w1"], "a")
            .node("MatMul", &["z", "w2"], "b")
            .full_node("", "Transpose", &["a"], "t", &[("perm", Attr::Ints(vec![1, 0]))])
            .node("MatMul", if left { &["b", "t"] } else { &["a", "b"] }, "c")
            .node("MatMul", &["c", "w3"], "y")
    };
    for left in [true, false] {
        keeps_every_bit("a vector", &vector(left));
        // what w1 adds, w2 takes away, and one for all of them
        assert_eq!(open(&vector(left)).free(), 5);
    }
}

#[test]
fn operands_that_do_not_fit_name_the_node() {
    for pair in [["q", "k"], ["q", "x"]] {
        let model = attention(|m| m.node("MatMul", &pair, "p").node("MatMul", &["p", "v"], "h"));
        let error = open_bytes(&model.bytes()).expect_err("the sizes contradict each other");
        assert!(error.to_string().contains("node_p"), "{error}");
    }
}

//! Recurrent layers: which log-scales stay free, and why others freeze.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::onnx_writer::{Attr, Model};
use onnx_support::recurrent_families::{Layer, recurrent_families};
use onnx_support::{open, open_bytes, powers_of_two, use_of};
use synbal::model::{FunctionCheck, Role};

fn single(model: Model) -> Model {
    model.node("Squeeze", &["p", "one"], "h")
}

#[test]
fn every_unit_of_a_rectified_state_has_one_log_scale() {
    let free: Vec<usize> = recurrent_families().iter().map(|(_, m)| open(m).free()).collect();
    // 5 inputs, 4 units per direction, 4 channels that put both directions together
    assert_eq!(free, [9, 17, 9, 9, 9, 17]);
    let model = open(&recurrent_families()[3].1);
    let (w, r, b) = (use_of(&model, "W"), use_of(&model, "R"), use_of(&model, "B"));
    assert_eq!((w.heads.forms.len(), w.tails.forms.len()), (12, 5));
    assert!(w.heads.forms[..8].iter().all(|f| f.is_zero()));
    assert_eq!(w.heads.forms[8..], r.tails.forms[..]);
    assert_eq!(w.heads.forms, r.heads.forms);
    assert_eq!(b.heads.forms[..], [&w.heads.forms[..], &w.heads.forms].concat()[..]);
    assert_eq!(use_of(&model, "w2").tails.forms, r.tails.forms);
    assert_eq!((use_of(&model, "start").role, b.role, w.role), (Role::Statistic, Role::Bias, Role::Weight));
    assert!(model.dead().is_empty());
}

#[test]
fn other_states_freeze_with_their_reason_and_inputs_stay_free() {
    let mut clipped = Layer::new("GRU", "forward", &["Sigmoid", "Relu"]);
    clipped.extra = vec![("clip", Attr::Float(1.0))];
    let cases = [
        (Layer::new("GRU", "forward", &[]), "GRU: the candidate for its state passes through Tanh"),
        (Layer::new("RNN", "forward", &["LeakyRelu"]), "RNN: the candidate for its state passes through LeakyRelu"),
        (
            Layer::new("LSTM", "forward", &[]),
            "LSTM: the functions of its gates and its state are not positively homogeneous",
        ),
        (clipped, "GRU: it clips at fixed values"),
    ];
    for (layer, reason) in cases {
        let model = open(&layer.model(single));
        let reasons: Vec<&str> = model.frozen().iter().map(|f| f.reason.as_str()).collect();
        assert_eq!((reasons, model.free()), (vec![reason], 5));
        assert_eq!([use_of(&model, "W").role, use_of(&model, "R").role], [Role::Weight; 2]);
        assert!(model.dead().is_empty() && model.apply(&powers_of_two(&model, 1)).is_ok());
    }
    let mut batch_first = Layer::new("GRU", "forward", &["Sigmoid", "Relu"]);
    batch_first.extra = vec![("layout", Attr::Int(1))];
    let model = open(&batch_first.model(single));
    assert_eq!((model.frozen()[0].reason.as_str(), model.free()), ("GRU: its batch axis comes first", 0));
    assert_eq!(use_of(&model, "W").role, Role::Weight);
}

#[test]
fn one_direction_may_freeze_alone() {
    let model = Layer::new("RNN", "bidirectional", &["Relu", "Tanh"]).model(|m| {
        let m = m.full_node("", "Transpose", &["p"], "t", &[("perm", Attr::Ints(vec![0, 2, 1, 3]))]);
        let m = m.node("Reshape", &["t", "flat"], "f").weight("w3", &[8, 4], &[0.5; 32]);
        m.node("MatMul", &["f", "w3"], "h")
    });
    let model = open(&model);
    assert_eq!((model.free(), model.frozen().len()), (13, 1));
}

#[test]
fn an_initial_state_that_is_an_input_holds_the_state() {
    let layer = Layer { initial: "late", ..Layer::new("GRU", "forward", &["Sigmoid", "Relu"]) };
    let model = open(&layer.model(single).input("late", &[Some(1), Some(2), Some(4)]));
    assert_eq!((model.free(), model.frozen().len()), (5, 0));
}

#[test]
fn sizes_that_do_not_fit_name_the_node() {
    let wrong = [
        vec![("hidden_size", Attr::Int(5))],
        vec![("hidden_size", Attr::Int(-1))],
        vec![("direction", Attr::Text("bidirectional"))],
    ];
    for extra in wrong {
        let layer = Layer { extra, ..Layer::new("GRU", "forward", &["Sigmoid", "Relu"]) };
        let error = open_bytes(&layer.model(single).bytes()).expect_err("the sizes contradict each other");
        assert!(error.to_string().contains("node_p,q"), "{error}");
    }
}

#[test]
fn the_function_check_names_what_the_engine_cannot_run() {
    let different = Layer::new("RNN", "bidirectional", &["Relu", "Tanh"]).model(|m| {
        let m = m.weight("w3", &[4, 4], &[0.5; 16]).full_node(
            "",
            "ReduceMax",
            &["p"],
            "f",
            &[("axes", Attr::Ints(vec![1])), ("keepdims", Attr::Int(0))],
        );
        m.node("MatMul", &["f", "w3"], "h")
    });
    let leaky = Layer::new("RNN", "forward", &["LeakyRelu"]).model(single);
    for (model, part) in [(different, "directions with different functions"), (leaky, "the function leakyrelu")] {
        let model = open(&model);
        let FunctionCheck::Unchecked { reason } = model.check(model.bytes(), 1) else { panic!("{part}") };
        assert!(reason.contains(part), "{reason}");
    }
}

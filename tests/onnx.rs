//! Scales through ONNX files, operator by operator.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::families::{BATCH, OUT, between, families};
use onnx_support::onnx_writer::{Attr, Model, f64_tensor, i64_tensor};
use onnx_support::{numbers, open, open_bytes, powers_of_two, tensor, use_of};
use synbal::lowered::Scaling;
use synbal::model::{FunctionCheck, Role};

#[test]
fn the_free_log_scales_are_as_many_as_hidden_channels_without_ties() {
    let free: Vec<usize> = families().iter().map(|(_, m)| open(m).free()).collect();
    // Mul and Div add four each; a skip ties two layers
    assert_eq!(free[..7], [4, 4, 4, 4, 12, 4, 4]);
}

#[test]
fn biases_are_scaled_with_their_channel() {
    let model = open(&families()[1].1);
    let (bias, w1) = (use_of(&model, "b"), use_of(&model, "w1"));
    assert_eq!((bias.role, w1.role), (Role::Bias, Role::Weight));
    assert_eq!(bias.heads.forms, w1.heads.forms);
    assert!(bias.tails.forms.iter().chain(w1.tails.forms.iter()).all(|f| f.is_zero()));
    let scaling = powers_of_two(&model, 3);
    let new = open_bytes(&model.apply(&scaling).expect("no overflow").0).expect("valid");
    for (c, (old, new)) in tensor(&model, "b").iter().zip(tensor(&new, "b")).enumerate() {
        assert_eq!(new, old * bias.heads.forms[c].at(scaling.scales.rest()).exp2_of_ln());
    }
}

trait Exp2OfLn {
    fn exp2_of_ln(self) -> f64;
}

impl Exp2OfLn for f64 {
    /// exp of a multiple of ln 2, exactly.
    fn exp2_of_ln(self) -> f64 {
        (self / std::f64::consts::LN_2).round().exp2()
    }
}

#[test]
fn a_weight_sits_between_its_input_and_output_channels() {
    let model = open(&families()[0].1);
    let (w1, w2) = (use_of(&model, "w1"), use_of(&model, "w2"));
    assert_eq!(w1.heads.forms.len(), 4);
    assert_eq!(w2.tails.forms, w1.heads.forms);
    assert!(w2.heads.forms.iter().all(|f| f.is_zero()));
    assert_eq!(model.units().len(), 6);
    assert_eq!(model.units()[1].name, "a[1]");
    let layers: Vec<_> = model.layers().iter().map(|l| (l.name.as_str(), l.units.len(), l.variables.len())).collect();
    assert_eq!(layers, [("node_a", 4, 4), ("node_y", 2, 0)]);
}

#[test]
fn a_shared_tensor_has_one_multiplier_at_all_uses() {
    let model = open(&families()[7].1);
    let uses: Vec<_> = model.uses().filter(|u| model.tensors()[u.tensor()].name == "w3").collect();
    assert_eq!(uses.len(), 2);
    let multiplier = |u: usize, o: usize, i: usize| uses[u].heads.forms[o].plus(-1.0, &uses[u].tails.forms[i]);
    for (o, i) in (0..16).map(|k| (k / 4, k % 4)) {
        assert_eq!(multiplier(0, o, i), multiplier(1, o, i));
    }
    // b, c = b + t, d = b + 2 t with one t for all channels
    assert_eq!(model.free(), 5);
}

#[test]
fn zero_entries_of_a_shared_tensor_constrain_nothing() {
    let mut diagonal = vec![0.0; 16];
    (0..4).for_each(|i| diagonal[5 * i] = 1.5);
    let model = open(&between(|m| {
        m.weight("w3", &[4, 4], &diagonal).node("MatMul", &["a", "w3"], "c").node("Relu", &["c"], "d").node(
            "MatMul",
            &["d", "w3"],
            "h",
        )
    }));
    assert_eq!(model.free(), 8);
}

#[test]
fn a_tensor_that_is_also_used_in_a_fixed_way_keeps_its_numbers() {
    let model = open(&between(|m| {
        m.weight("v", &[4], &numbers(20, 4)).node("PRelu", &["a", "v"], "b").node("Mul", &["b", "v"], "h")
    }));
    let v = use_of(&model, "v");
    assert_eq!(v.role, Role::Weight);
    assert_eq!(v.heads.forms, v.tails.forms);
    assert_eq!(model.free(), 4);
}

#[test]
fn a_function_that_is_not_homogeneous_freezes_its_channels_and_is_reported() {
    for op in ["Sigmoid", "Tanh", "Softmax", "Blub"] {
        let model = open(&between(|m| m.node(op, &["a"], "h")));
        assert_eq!(model.free(), 0, "{op}");
        assert_eq!(model.frozen().len(), 1, "{op}");
        assert_eq!(model.frozen()[0].node, "node_h");
        assert!(model.frozen()[0].reason.starts_with(op), "{op}");
        assert!(model.dead().is_empty(), "{op}");
    }
}

#[test]
fn operators_of_other_sets_freeze() {
    let other = open(&between(|m| m.full_node("my.own", "Relu", &["a"], "h", &[])));
    assert_eq!(other.frozen()[0].reason, "Relu: no rule for this operator of my.own");
}

#[test]
fn adding_a_scalar_freezes_unless_it_is_zero_or_the_bias_of_one_unit() {
    let with = |value: f32| open(&between(|m| m.weight("s", &[], &[value]).node("Add", &["a", "s"], "h")));
    assert_eq!((with(1.0).free(), with(1.0).frozen().len()), (0, 1));
    assert_eq!((with(0.0).free(), with(0.0).frozen().len()), (4, 0));
    let one = Model::new()
        .input("x", BATCH)
        .output("y", OUT)
        .weight("w1", &[3, 1], &numbers(22, 3))
        .weight("b", &[1], &[0.5])
        .weight("w2", &[1, 2], &numbers(23, 2))
        .node("MatMul", &["x", "w1"], "a")
        .node("Add", &["a", "b"], "c")
        .node("Relu", &["c"], "h")
        .node("MatMul", &["h", "w2"], "y");
    let one = open(&one);
    assert_eq!((one.free(), one.frozen().len()), (1, 0));
    assert_eq!(use_of(&one, "b").role, Role::Bias);
}

#[test]
fn a_bias_entry_that_meets_several_channels_ties_them() {
    let model = open(&between(|m| {
        m.tensor(i64_tensor("shape", &[3], &[0, 4, 1]))
            .tensor(i64_tensor("back", &[2], &[0, 4]))
            .weight("b", &[1, 1, 2], &[0.5, 0.25])
            .node("Reshape", &["a", "shape"], "c")
            .node("Add", &["c", "b"], "d")
            .tensor(i64_tensor("pick", &[2], &[-1, 4]))
            .node("Reshape", &["d", "pick"], "h")
    }));
    assert!(model.free() <= 1, "{}", model.free());
}

#[test]
fn an_attribute_scaler_is_reported_and_not_a_weight() {
    let scaler = [("offset", Attr::Floats(vec![0.5, 0.25, 1.0])), ("scale", Attr::Floats(vec![2.0, 1.0, 3.0]))];
    let model = Model::new()
        .input("in", BATCH)
        .output("y", OUT)
        .full_node("ai.onnx.ml", "Scaler", &["in"], "x", &scaler)
        .weight("w1", &[3, 4], &numbers(1, 12))
        .weight("w2", &[4, 2], &numbers(2, 8))
        .node("MatMul", &["x", "w1"], "a")
        .node("Relu", &["a"], "h")
        .node("MatMul", &["h", "w2"], "y");
    let model = open(&model);
    assert_eq!(model.free(), 4);
    assert_eq!(model.frozen().len(), 1);
    let (bytes, _) = model.apply(&powers_of_two(&model, 1)).expect("no overflow");
    let FunctionCheck::Compared { difference, notes, .. } = model.check(&bytes, 1) else { panic!("it runs") };
    assert_eq!(difference, 0.0);
    assert_eq!(notes, ["the Scaler \"node_x\" was run as (x - offset) * scale"]);
}

#[test]
fn a_weight_behind_a_cast_is_not_rewritten_and_that_is_reported() {
    let model = Model::new()
        .input("x", BATCH)
        .output("y", &[None, Some(4)])
        .tensor(f64_tensor("w", &[3, 4], &[0.5; 12]))
        .full_node("", "Cast", &["w"], "c", &[("to", Attr::Int(1))])
        .node("MatMul", &["x", "c"], "y");
    let model = open(&model);
    let nodes: Vec<&str> = model.frozen().iter().map(|f| f.node.as_str()).collect();
    assert_eq!(nodes, ["node_c", "node_y"]);
    assert_eq!(use_of(&model, "w").role, Role::Fixed);
}

#[test]
fn bodies_of_control_flow_freeze_what_they_read() {
    let body = Model::new().node("Relu", &["a"], "inner").output("inner", &[]).body();
    let model = open(&between(|m| {
        m.input("c", &[]).full_node("", "If", &["c"], "b", &[("then_branch", Attr::Graph(body))]).node(
            "Add",
            &["a", "b"],
            "h",
        )
    }));
    assert_eq!(model.free(), 0);
    assert_eq!(model.frozen()[0].node, "node_b");
}

#[test]
fn nodes_may_come_in_any_order_and_initializers_may_be_listed_as_inputs() {
    let model = Model::new()
        .node("MatMul", &["h", "w2"], "y")
        .node("Relu", &["a"], "h")
        .node("MatMul", &["x", "w1"], "a")
        .input("w1", &[Some(3), Some(4)])
        .input("x", BATCH)
        .output("y", OUT)
        .weight("w1", &[3, 4], &numbers(1, 12))
        .weight("w2", &[4, 2], &numbers(2, 8));
    assert_eq!(open(&model).free(), 4);
}

#[test]
fn channels_without_input_or_outside_of_every_path_to_an_output_are_named_dead() {
    let (mut w1, mut w2) = (numbers(1, 12), numbers(2, 8));
    for k in 0..3 {
        w1[4 * k + 1] = 0.0; // channel 1 is not fed
    }
    (w2[6], w2[7]) = (0.0, 0.0); // channel 3 is not seen
    let model = Model::new()
        .input("x", BATCH)
        .output("y", OUT)
        .weight("w1", &[3, 4], &w1)
        .weight("w2", &[4, 2], &w2)
        .node("MatMul", &["x", "w1"], "a")
        .node("Relu", &["a"], "h")
        .node("MatMul", &["h", "w2"], "y");
    let model = open(&model);
    assert_eq!(model.dead(), ["a[1]", "a[3]"]);
    // the weights into channel 3 may vanish, those out of channel 1 too; those into channel 0 may not
    let direction = |c: usize, d: f64| {
        let variable = model.units()[c].form.terms()[0].0 as usize;
        (0..model.free()).map(|v| if v == variable { d } else { 0.0 }).collect::<Vec<f64>>()
    };
    assert_eq!(model.limit_refusal(&direction(3, -1.0)).expect("right size"), None);
    assert_eq!(model.limit_refusal(&direction(1, 1.0)).expect("right size"), None);
    assert!(model.limit_refusal(&direction(0, -1.0)).expect("right size").is_some());
    assert!(model.limit_refusal(&[0.0]).is_err());
    let named = |list: [&str; 2]| (list.map(String::from).to_vec(), 3);
    assert_eq!(model.escaping(&direction(3, -1.0), 2), named(["w1[0, 3]", "w1[1, 3]"]));
    let scaling = Scaling::new(vec![0.0; model.free()]).along(direction(3, -1.0));
    let (bytes, report) = model.apply(&scaling).expect("no overflow");
    assert_eq!((report.escaped, report.changed), (3, 3));
    let FunctionCheck::Compared { difference, .. } = model.check(&bytes, 1) else { panic!("it runs") };
    assert_eq!(difference, 0.0);
}

#[test]
fn channels_that_are_an_output_as_well_keep_their_scale_and_say_so() {
    let inside = between(|m| m.output("a", &[]).node("Relu", &["a"], "h"));
    let model = open(&inside);
    assert_eq!(model.free(), 0);
    assert_eq!(model.frozen().len(), 1);
    assert_eq!(model.frozen()[0].node, "node_a");
    assert!(model.frozen()[0].reason.contains("\"a\" is an output"), "{}", model.frozen()[0].reason);
    assert!(open(&between(|m| m.node("Relu", &["a"], "h"))).frozen().is_empty());
}

#[test]
fn a_gemm_whose_bias_is_an_activation_ties_it_to_the_output() {
    let model = open(&between(|m| m.weight("w3", &[4, 4], &numbers(30, 16)).node("Gemm", &["a", "w3", "a"], "h")));
    assert_eq!((model.free(), model.frozen().len()), (4, 0));
}

#[test]
fn numbers_in_attributes_of_constant_nodes_are_stored_tensors() {
    let model = open(&between(|m| {
        m.full_node("", "Constant", &[], "two", &[("value_float", Attr::Float(2.0))])
            .full_node("", "Constant", &[], "b", &[("value_floats", Attr::Floats(numbers(50, 4)))])
            .full_node("", "Constant", &[], "s", &[("value_ints", Attr::Ints(vec![0, -1]))])
            .node("Mul", &["a", "two"], "c")
            .node("Add", &["c", "b"], "d")
            .node("Reshape", &["d", "s"], "h")
    }));
    assert_eq!((model.free(), model.frozen()), (4, &[][..]));
    assert_eq!(use_of(&model, "b").role, Role::Bias);
    assert_eq!(use_of(&model, "two").role, Role::Fixed);
}

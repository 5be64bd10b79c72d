//! ONNX files as balancing problems.
#![cfg(feature = "model")]

mod onnx_support;

use onnx_support::families::families;
use onnx_support::open;
use synbal::regularizer::Regularizer;

#[test]
fn every_weight_and_bias_has_a_cost_and_every_variable_a_layer() {
    let regularizer = Regularizer::lp(2.0).expect("a valid exponent");
    let flat = [26, 24, 20, 20, 32, 20, 36, 36, 24, 24];
    let images = [230, 224, 134, 32, 72, 56, 56, 56, 56, 64, 84, 56, 56, 56];
    let layouts = [88, 56, 56, 56, 88, 72, 208, 208, 20];
    let (recurrent, attention) = ([67, 143, 155, 155, 155, 319], [52]);
    let weights = [&flat[..], &images, &layouts, &recurrent, &attention].concat();
    assert_eq!(weights.len(), families().len());
    for ((name, model), expected) in families().iter().zip(weights) {
        let model = open(model);
        let lowered = model.lower(&regularizer, true).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(lowered.weights, expected, "{name}");
        let mut variables: Vec<u32> = lowered.layers.iter().flat_map(|l| l.variables.clone()).collect();
        variables.sort_unstable();
        assert_eq!(variables, (0..model.free() as u32).collect::<Vec<u32>>(), "{name}");
        assert!(lowered.dead.is_empty() && lowered.frozen.is_empty(), "{name}");
    }
}

#[test]
fn biases_may_be_free_of_cost() {
    let model = open(&families()[1].1);
    let regularizer = Regularizer::lp(1.0).expect("a valid exponent");
    assert_eq!(model.lower(&regularizer, false).expect("valid").weights, 20);
}

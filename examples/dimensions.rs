//! The dimension of the manifold of rescaled weights, for a zoo of architectures.
//!
//!     cargo run --release --example dimensions

mod figure;

use synbal::manifold::Space;
use synbal::network::{Activation, Biases, Network, Role, build};
use synbal::problem::Gauge;
use synbal::regularizer::Regularizer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let relu = Activation::Relu;
    let bipu = Activation::Bipu { exponent: 2.0, negative: -1.0, positive: 1.0 };
    let layered = |widths: &[usize], activation| build::Layered::new(widths, activation);
    let conv = build::Convolution {
        size: [6, 6],
        channels: vec![1, 3, 4],
        kernel: [3, 3],
        activations: vec![relu],
        outputs: 2,
    };
    let mixed = build::Layered { activations: vec![relu, Activation::Tanh], ..layered(&[4, 8, 8, 3], relu) };
    let zoo: Vec<(&str, Network)> = vec![
        ("layered 4-8-8-3", build::layered(&layered(&[4, 8, 8, 3], relu), 1)?),
        ("the same with skips", build::layered(&build::Layered { skips: true, ..layered(&[4, 8, 8, 3], relu) }, 1)?),
        ("ReLU and tanh in turn", build::layered(&mixed, 1)?),
        ("BiPU of degree 2", build::layered(&layered(&[4, 8, 8, 3], bipu), 1)?),
        ("random acyclic", build::random_dag(4, 16, 3, 0.3, relu, 1)?),
        ("recurrent, 10 units", build::recurrent(3, 10, 2, &[relu], 1)?),
        ("convolutional 1-3-4", build::convolutional(&conv, 1)?),
        ("autoencoder 9-6-3, tied", build::tied_autoencoder(&[9, 6, 3], relu, 1)?),
        ("one matrix at 4 depths", build::shared_depth(3, 6, 4, 2, relu, 1)?),
    ];
    println!("{:26} {:>7} {:>12} {:>10}", "architecture", "hidden", "connections", "dimension");
    let mut items = vec![];
    for (name, network) in &zoo {
        let problem = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?.problem;
        let hidden = network.of_role(Role::Hidden).count();
        let dimension = Gauge::of(&problem)?.dimension;
        // the same by singular values, as a witness
        let mut forms = vec![];
        problem.for_each_place(|e| forms.push(problem.form(&e)));
        assert_eq!(Space::of(&forms, problem.variables()).dimension, dimension, "{name}");
        println!("{name:26} {hidden:>7} {:>12} {dimension:>10}", network.connections().len());
        items.push(((*name).to_string(), [hidden as f64, dimension as f64]));
    }
    figure::bars(
        "dimensions",
        "Dimension of the manifold: hidden units that scale freely, ties and frozen units aside",
        "number",
        ["hidden units", "dimension"],
        &items,
    )
}

//! Mixed activations: homogeneous units are balanced, the others stay; a unit of degree c pays c times for what leaves it.
//!
//!     cargo run --release --example mixed_activations

mod figure;

use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::network::{Activation, Biases, FeedForward, build};
use synbal::regularizer::Regularizer;
use synbal::solve::Settings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let activations = vec![
        Activation::Relu,
        Activation::Tanh,
        Activation::LeakyRelu { slope: 0.1 },
        Activation::Bipu { exponent: 2.0, negative: -0.5, positive: 1.0 },
    ];
    let shape = build::Layered { activations, ..build::Layered::new(&[5, 12, 12, 3], Activation::Relu) };
    let network = build::layered(&shape, 9)?;
    let lowered = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?;
    let balanced = balance(&lowered.problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
    let solution = &balanced.solution;
    println!("{} free log-scales; left alone:", lowered.problem.variables());
    for frozen in lowered.frozen.iter().filter(|f| f.reason.contains("homogeneous")).take(3) {
        println!("  {}: {}", frozen.node, frozen.reason);
    }
    println!("cost {:.9} -> {:.9}, residual {:.1e}", balanced.cost_before, solution.cost, solution.residual);
    let after = network.apply(&balanced.scaling(false))?;
    let input = [0.3, -0.7, 0.2, 1.1, -0.4];
    let [a, b] = [&network, &after].map(|n| FeedForward::new(n).and_then(|f| f.evaluate(&input)));
    let difference = a?.iter().zip(b?).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f64::max);
    println!("largest relative difference of an output {difference:.1e}");
    figure::flows(
        "mixed_activations",
        "ReLU, leaky ReLU, BiPU (degree 2) and tanh units",
        &lowered.problem,
        &solution.log_scales,
    )
}

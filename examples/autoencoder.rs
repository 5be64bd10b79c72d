//! An autoencoder whose decoder has the transposed matrices of its encoder: what enters the encoder's unit leaves the decoder's.
//!
//!     cargo run --release --example autoencoder

mod figure;

use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::network::{Activation, Biases, FeedForward, build};
use synbal::regularizer::Regularizer;
use synbal::solve::Settings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = build::tied_autoencoder(&[12, 8, 5, 3], Activation::Relu, 4)?;
    let lowered = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?;
    let balanced = balance(&lowered.problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
    let solution = &balanced.solution;
    println!("{} connections share {} weights", network.connections().len(), network.parameters().len());
    println!("{} free log-scales: the innermost layer has none", lowered.problem.variables());
    println!("cost {:.9} -> {:.9}, residual {:.1e}", balanced.cost_before, solution.cost, solution.residual);
    let after = network.apply(&balanced.scaling(false))?;
    let input: Vec<f64> = (0..12).map(|k| (f64::from(k) * 1.3).sin()).collect();
    let [a, b] = [&network, &after].map(|n| FeedForward::new(n).and_then(|f| f.evaluate(&input)));
    let difference = a?.iter().zip(b?).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("largest difference of an output {difference:.1e}");
    figure::flows("autoencoder", "An autoencoder with tied weights", &lowered.problem, &solution.log_scales)
}

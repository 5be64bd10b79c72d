//! A recurrent network: self-connections keep their weights, initial states are scaled, and outputs stay the same at all times.
//!
//!     cargo run --release --example recurrent

mod figure;

use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::network::{Activation, Biases, build};
use synbal::regularizer::Regularizer;
use synbal::solve::Settings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = build::recurrent(3, 12, 2, &[Activation::Relu], 6)?;
    let lowered = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?;
    let balanced = balance(&lowered.problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
    let solution = &balanced.solution;
    println!("cost {:.9} -> {:.9}, residual {:.1e}", balanced.cost_before, solution.cost, solution.residual);
    let after = network.apply(&balanced.scaling(false))?;
    let kept = network.connections().iter().filter(|(tail, head, _)| tail == head);
    let same = kept.clone().filter(|&(_, _, k)| network.parameters()[k] == after.parameters()[k]).count();
    println!("{} self-connections, {same} of them unchanged", kept.count());
    let signal: Vec<Vec<f64>> = (0..20).map(|t| (0..3).map(|k| (f64::from(t * 3 + k) * 0.9).sin()).collect()).collect();
    let [a, b] = [&network, &after].map(|n| n.evaluate_recurrent(&signal));
    let (a, b) = (a?, b?);
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    let worst = pairs.map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f64::max);
    println!("20 time steps: largest relative difference of an output {worst:.1e}");
    figure::flows("recurrent", "A recurrent network", &lowered.problem, &solution.log_scales)
}

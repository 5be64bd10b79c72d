//! One scale per layer: all layer costs become their geometric mean (without biases and skips).
//!
//!     cargo run --release --example tied_layers

mod figure;

use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::network::{Activation, Biases, Network, Role, build};
use synbal::regularizer::Regularizer;
use synbal::solve::Settings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let widths = [6, 10, 14, 8, 3];
    let shape = build::Layered { biases: false, ..build::Layered::new(&widths, Activation::Relu) };
    let random = build::layered(&shape, 11)?;
    // all hidden units of a layer in one group
    let layer = |k: usize| {
        widths
            .iter()
            .scan(0, |sum, w| {
                *sum += w;
                Some(*sum)
            })
            .take_while(|&end| end <= k)
            .count()
    };
    let tied = |(k, unit): (usize, &synbal::network::Unit)| match unit.role {
        Role::Hidden => unit.clone().in_group(layer(k) as u32),
        _ => unit.clone(),
    };
    let units = random.units().iter().enumerate().map(tied).collect();
    let network = Network::new(units, random.parameters().to_vec(), random.connections().clone())?;
    let lowered = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?;
    let balanced = balance(&lowered.problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
    let after = network.apply(&balanced.scaling(false))?;
    let costs = |network: &Network| {
        let mut costs = vec![0.0; widths.len() - 1];
        for (tail, _, parameter) in network.connections().iter() {
            costs[layer(tail)] += network.parameters()[parameter].powi(2);
        }
        costs
    };
    let (old, new) = (costs(&network), costs(&after));
    let mean = (old.iter().map(|c| c.ln()).sum::<f64>() / old.len() as f64).exp();
    println!("{} free log-scales; geometric mean of the layer costs {mean:.12}", lowered.problem.variables());
    for (k, (a, b)) in old.iter().zip(&new).enumerate() {
        println!("layer {}: cost {a:.6} -> {b:.12}", k + 1);
    }
    let items: Vec<_> =
        old.iter().zip(&new).enumerate().map(|(k, (a, b))| (format!("layer {}", k + 1), [*a, *b])).collect();
    let title = format!("One scale per layer: every layer costs the geometric mean, {mean:.3}");
    figure::bars("tied_layers", &title, "cost of the layer (sum of squares)", ["as given", "balanced"], &items)
}

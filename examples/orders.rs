//! The paper's central experiment in small: local balancing in any order reaches the same weights, those of Newton's method.
//!
//!     cargo run --release --example orders

use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::error::Result;
use synbal::network::{Activation, Biases, build};
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Schedule, Settings};

fn main() -> Result<()> {
    let shape = build::Layered { skips: true, ..build::Layered::new(&[8, 16, 16, 4], Activation::Relu) };
    let network = build::layered(&shape, 1)?;
    let lowered = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?;
    let run = |settings: &Settings| balance(&lowered.problem, settings, &mut |_| ControlFlow::Continue(()));
    let exact = run(&Settings::default())?.solution;
    println!("newton: cost {:.12}, residual {:.1e}, {} iterations", exact.cost, exact.residual, exact.iterations);

    let layers: Vec<Vec<usize>> =
        lowered.layers.iter().map(|l| l.variables.iter().map(|&v| v as usize).collect()).collect();
    let schedules = [
        ("uniform random", Schedule::Uniform),
        ("random permutations", Schedule::Permutation),
        ("cyclic", Schedule::Cyclic),
        ("greedy", Schedule::Greedy),
        ("layers forwards", Schedule::Forward(layers.clone())),
        ("layers backwards", Schedule::Backward(layers)),
        ("Poisson clocks", Schedule::Poisson),
    ];
    for (name, schedule) in schedules {
        let local = run(&Settings { method: Method::Local, schedule, ..Settings::default() })?.solution;
        let pairs = local.log_scales.iter().zip(&exact.log_scales);
        let distance = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("{name}: {} sweeps, largest distance of a log-scale {distance:.1e}", local.iterations);
    }
    Ok(())
}

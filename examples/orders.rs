//! The paper's central experiment in small: local balancing in any order reaches the same weights, those of Newton's method.
//!
//!     cargo run --release --example orders

mod figure;

use figure::{chart, line, linear, log};
use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::network::{Activation, Biases, build};
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Schedule, Settings};

const RUNS: u64 = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shape = build::Layered { skips: true, ..build::Layered::new(&[8, 16, 16, 4], Activation::Relu) };
    let network = build::layered(&shape, 1)?;
    let lowered = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?;
    let run = |settings: &Settings| balance(&lowered.problem, settings, &mut |_| ControlFlow::Continue(()));
    let exact = run(&Settings::default())?.solution;
    println!("newton: cost {:.12}, residual {:.1e}, {} iterations", exact.cost, exact.residual, exact.iterations);
    let distance = |x: &[f64]| x.iter().zip(&exact.log_scales).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);

    let layers: Vec<Vec<usize>> =
        lowered.layers.iter().map(|l| l.variables.iter().map(|&v| v as usize).collect()).collect();
    let schedules = [
        ("random permutations", Schedule::Permutation),
        ("cyclic", Schedule::Cyclic),
        ("greedy", Schedule::Greedy),
        ("layers forwards", Schedule::Forward(layers.clone())),
        ("layers backwards", Schedule::Backward(layers)),
        ("Poisson clocks", Schedule::Poisson),
    ];
    for (name, schedule) in schedules {
        let local = run(&Settings { method: Method::Local, schedule, ..Settings::default() })?.solution;
        let far = distance(&local.log_scales);
        println!("{name}: {} sweeps, largest distance of a log-scale {far:.1e}", local.iterations);
    }

    // uniformly random units, in another order for every run
    let (mut farthest, mut traces) = (0.0f64, vec![]);
    for seed in 0..RUNS {
        let settings = Settings { method: Method::Local, schedule: Schedule::Uniform, seed, ..Settings::default() };
        let local = run(&settings)?.solution;
        farthest = farthest.max(distance(&local.log_scales));
        traces.push(local.trace.iter().map(|step| step.cost / exact.cost - 1.0).collect::<Vec<f64>>());
    }
    println!("{RUNS} runs in random order: all within {farthest:.1e} of Newton's log-scales");
    let sweeps = traces.iter().map(Vec::len).min().unwrap_or(0);
    let quantile = |share: f64| {
        let at = |k: usize| {
            let mut above: Vec<f64> = traces.iter().map(|trace| trace[k]).collect();
            above.sort_by(f64::total_cmp);
            (k as f64, above[((above.len() - 1) as f64 * share) as usize])
        };
        (0..sweeps).map(at).filter(|p| p.1 > 1e-14).collect::<Vec<_>>()
    };
    chart(
        "orders",
        "1000 runs of stochastic balancing, each in its own order, reach one optimum",
        linear("sweeps (as many local steps as units)"),
        log("cost above the optimum (relative)"),
        &[
            line("highest of all runs", quantile(1.0)),
            line("median", quantile(0.5)),
            line("lowest of all runs", quantile(0.0)),
        ],
    )
}

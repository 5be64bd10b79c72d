//! A local step lowers the cost by (sqrt A - sqrt B)^2, where A and B are the costs that enter and leave the unit.
//!
//!     cargo run --release --example decrease

mod figure;

use figure::{chart, line, log, points};
use std::ops::ControlFlow;
use synbal::network::{Activation, Biases, build};
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Schedule, Settings, solve};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = build::layered(&build::Layered::new(&[6, 12, 12, 3], Activation::Relu), 7)?;
    let p = 2.0;
    let problem = network.lower(&Regularizer::lp(p)?, Biases::Counted)?.problem;
    let n = problem.variables();
    let (mut x, mut steps) = (vec![0.0; n], vec![]);
    for k in 0..4 * n {
        let unit = (k * 7) % n;
        let point = problem.point(&x);
        let flows = point.flows();
        let (a, b) = (flows.inflow(unit).to_f64() / p, flows.outflow(unit).to_f64() / p);
        let settings = Settings {
            method: Method::Local,
            schedule: Schedule::Sequence(vec![unit]),
            subset: Some(vec![unit]),
            max_iterations: 1,
            start: Some(x.clone()),
            ..Settings::default()
        };
        let solution = solve(&problem, &settings, &mut |_| ControlFlow::Continue(()))?;
        steps.push(((a.sqrt() - b.sqrt()).powi(2), flows.cost.to_f64() - solution.cost));
        x = solution.log_scales;
    }
    // what is above the rounding of the whole cost
    steps.retain(|s| s.0 > 1e-10);
    let worst = steps.iter().map(|s| (s.1 / s.0 - 1.0).abs()).fold(0.0, f64::max);
    println!("{} local steps, largest relative difference from the formula {worst:.1e}", steps.len());
    let ends = [steps.iter().map(|s| s.0).fold(f64::INFINITY, f64::min), steps.iter().map(|s| s.0).fold(0.0, f64::max)];
    chart(
        "decrease",
        "The decrease of the cost in a local step",
        log("(sqrt A - sqrt B)^2 (cost)"),
        log("observed decrease (cost)"),
        &[line("equality", ends.map(|v| (v, v))), points("local steps", steps)],
    )
}

//! How the balanced weights change with the weights: implicit differentiation against finite differences.
//!
//!     cargo run --release --example sensitivity

mod figure;

use figure::{chart, line, log};
use std::ops::ControlFlow;
use synbal::analysis::Sensitivity;
use synbal::network::{Activation, Biases, Network, build};
use synbal::problem::Problem;
use synbal::regularizer::Regularizer;
use synbal::solve::{Settings, solve};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = build::layered(&build::Layered::new(&[4, 8, 8, 3], Activation::Relu), 8)?;
    let (problem, start) = optimum(&network)?;
    let sensitivity = Sensitivity::at(&problem, &start)?;
    // one weight changes: which balanced weights follow?
    let logs = |problem: &Problem, x: &[f64]| {
        let mut logs = vec![];
        problem.for_each_entry(|e| {
            let log = problem.blocks()[e.block].values.get(e.index).ln() / 2.0;
            logs.push(log + problem.form(&e).at(x));
        });
        logs
    };
    let before = logs(&problem, &vec![0.0; start.len()]);
    let change = |h: f64| -> synbal::error::Result<(Vec<f64>, Vec<f64>)> {
        let mut weights = network.parameters().to_vec();
        weights[0] *= h.exp();
        let (problem, x) = optimum(&network.with_parameters(weights)?)?;
        let given = logs(&problem, &vec![0.0; x.len()]);
        Ok((given.iter().zip(&before).map(|(a, b)| (a - b) / h).collect(), logs(&problem, &x)))
    };
    let mut off = vec![];
    for k in 1..=10 {
        let h = 10f64.powi(-k);
        let (direction, up) = change(h)?;
        let (_, down) = change(-h)?;
        let exact = sensitivity.forward(&direction);
        let error = up.iter().zip(&down).zip(&exact).map(|((u, d), e)| ((u - d) / (2.0 * h) - e).abs());
        off.push((h, error.fold(0.0, f64::max)));
        if k == 4 {
            let moved = exact.iter().filter(|e| e.abs() > 0.01).count();
            println!("one weight grows: {moved} of {} balanced weights follow by more than a hundredth", exact.len());
        }
    }
    let best = off.iter().map(|o| o.1).fold(f64::INFINITY, f64::min);
    println!("finite differences agree within {best:.1e}");
    let title = "Finite differences approach the derivative until rounding takes over";
    let x = log("step of the finite difference (logarithm of a weight)");
    chart("sensitivity", title, x, log("largest difference"), &[line("difference", off)])
}

fn optimum(network: &Network) -> synbal::error::Result<(Problem, Vec<f64>)> {
    let problem = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?.problem;
    let x = solve(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?.log_scales;
    Ok((problem, x))
}

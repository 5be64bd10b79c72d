//! How the balanced weights change with the weights: implicit differentiation against finite differences.
//!
//!     cargo run --release --example sensitivity

mod figure;

use figure::{chart, line, log};
use std::ops::ControlFlow;
use synbal::analysis::Sensitivity;
use synbal::balance::balance;
use synbal::error::Result;
use synbal::network::{Activation, Biases, Network, build};
use synbal::regularizer::Regularizer;
use synbal::solve::Settings;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let network = balanced(&build::layered(&build::Layered::new(&[4, 8, 8, 3], Activation::Relu), 8)?)?;
    let sensitivity = Sensitivity::of_network(&network, &Regularizer::lp(2.0)?, Biases::Counted)?;
    // one weight changes: which balanced weights follow?
    let mut change = vec![0.0; network.parameters().len()];
    change[0] = 1.0;
    let exact = sensitivity.forward(&change);
    let moved = exact.iter().filter(|e| e.abs() > 0.01).count();
    println!("one weight grows: {moved} of {} balanced weights follow by more than a hundredth", exact.len());
    let logs = |h: f64| -> Result<Vec<f64>> {
        let mut weights = network.parameters().to_vec();
        weights[0] *= h.exp();
        Ok(balanced(&network.with_parameters(weights)?)?.parameters().iter().map(|w| w.abs().ln()).collect())
    };
    let mut off = vec![];
    for k in 1..=10 {
        let h = 10f64.powi(-k);
        let error = logs(h)?
            .iter()
            .zip(logs(-h)?)
            .zip(&exact)
            .map(|((u, d), e)| ((u - d) / (2.0 * h) - e).abs())
            .fold(0.0, f64::max);
        off.push((h, error));
    }
    let best = off.iter().map(|o| o.1).fold(f64::INFINITY, f64::min);
    println!("finite differences agree within {best:.1e}");
    let title = "Finite differences approach the derivative until rounding takes over";
    let x = log("step of the finite difference (logarithm of a weight)");
    chart("sensitivity", title, x, log("largest difference"), &[line("difference", off)])
}

fn balanced(network: &Network) -> Result<Network> {
    let problem = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?.problem;
    let answer = balance(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
    network.apply(&answer.scaling(false))
}

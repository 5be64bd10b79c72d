//! How fast local balancing is: the spectrum at the optimum predicts the factor by which a cyclic sweep shrinks the distance.
//!
//!     cargo run --release --example rates

mod figure;

use figure::{chart, line, linear, points};
use std::ops::ControlFlow;
use synbal::analysis::{Spectrum, observed_rate};
use synbal::network::{Activation, Biases, build};
use synbal::problem::Problem;
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Settings, solve};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut predicted, mut observed) = (vec![], vec![]);
    println!("hidden layers  condition  rate predicted  observed");
    for depth in 2..=10 {
        let widths = [vec![6], vec![8; depth], vec![4]].concat();
        let shape = build::Layered { biases: false, ..build::Layered::new(&widths, Activation::Relu) };
        let problem = build::layered(&shape, 2)?.lower(&Regularizer::lp(2.0)?, Biases::Counted)?.problem;
        let optimum = solve(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?.log_scales;
        let spectrum = Spectrum::at(&problem, &optimum)?;
        let rate = watch(&problem, &optimum, spectrum.sweep_rate)?;
        println!("{depth:13}  {:9.2}  {:14.5}  {rate:8.5}", spectrum.condition, spectrum.sweep_rate);
        predicted.push((depth as f64, spectrum.sweep_rate));
        observed.push((depth as f64, rate));
    }
    chart(
        "rates",
        "The rate of cyclic local balancing: deep networks are slow",
        linear("hidden layers of 8 units"),
        linear("distance after a sweep / before"),
        &[line("predicted by the spectrum", predicted), points("observed", observed)],
    )
}

/// The mean factor of a sweep.
fn watch(problem: &Problem, optimum: &[f64], rate: f64) -> Result<f64, synbal::error::Error> {
    let distance = |sweeps: usize| -> Result<f64, synbal::error::Error> {
        let settings =
            Settings { method: Method::Local, max_iterations: sweeps, tolerance: 1e-300, ..Settings::default() };
        let x = solve(problem, &settings, &mut |_| ControlFlow::Continue(()))?.log_scales;
        Ok(x.iter().zip(optimum).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt())
    };
    // as many sweeps as the prediction takes to 1e-9
    let most = (1e-9f64.ln() / rate.max(1e-3).ln()).ceil() as usize;
    let distances: Result<Vec<f64>, _> = (0..=most).map(distance).collect();
    Ok(observed_rate(&distances?).unwrap_or(f64::NAN))
}

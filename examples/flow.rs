//! Balancing in continuous time: the gradient flow in log-scales ends at the same weights, at the rate that the spectrum predicts.
//!
//!     cargo run --release --example flow

mod figure;

use figure::{chart, line, linear, log, points};
use std::ops::ControlFlow;
use synbal::analysis::{Spectrum, gradient_flow, observed_rate};
use synbal::network::{Activation, Biases, build};
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Schedule, Settings, solve};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = build::layered(&build::Layered::new(&[4, 8, 8, 3], Activation::Relu), 12)?;
    let problem = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?.problem;
    let exact = solve(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
    let spectrum = Spectrum::at(&problem, &exact.log_scales)?;
    let (rate, smallest) = (spectrum.eigenvalues[0], spectrum.smallest);
    let times: Vec<f64> = (0..=60).map(|k| f64::from(k) / 60.0 * 18.0 / rate).collect();
    let states = gradient_flow(&problem, &vec![0.0; exact.log_scales.len()], &times, 1e-11)?;
    let distance = |x: &[f64]| x.iter().zip(&exact.log_scales).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let flow: Vec<(f64, f64)> = times.iter().zip(&states).map(|(&t, x)| (t, distance(x))).collect();
    println!("at time {:.2} the flow is within {:.1e} of the optimum", times[60], flow[60].1);
    let observed = (flow[30].1 / flow[40].1).ln() / (times[40] - times[30]);
    println!("rate: predicted {rate:.5}, observed {observed:.5}");
    // through the state in the middle, so that the two lines can be told apart at the start
    let (half, then) = flow[30];
    let predicted = times.iter().map(|t| (*t, then * (-rate * (t - half)).exp()));
    chart(
        "flow",
        "Gradient flow approaches the optimum at the rate of the smallest eigenvalue",
        linear("time"),
        log("largest distance of a log-scale"),
        &[line("gradient flow", flow), line("predicted rate", predicted)],
    )?;
    // stochastic local balancing with Poisson clocks: time is measured in the mean ticks of a unit
    let settings = Settings { method: Method::Local, schedule: Schedule::Poisson, ..Settings::default() };
    let mut clocks: Vec<(f64, f64)> = vec![];
    for ticks in 0..=30 {
        let settings = Settings { max_iterations: ticks, tolerance: 1e-300, ..settings.clone() };
        let x = solve(&problem, &settings, &mut |_| ControlFlow::Continue(()))?.log_scales;
        clocks.push((ticks as f64, distance(&x)));
    }
    // a sweep of all units at once shrinks the slowest part by 1 - s, where s is the smallest scaled eigenvalue
    let expected = |ticks: f64| clocks[0].1 * (1.0 - smallest).powf(ticks);
    let (far, near) = (observed_rate(&clocks.iter().map(|c| c.1).collect::<Vec<_>>()), 1.0 - smallest);
    println!(
        "Poisson clocks: a factor of {:.3} for every mean tick; all units at once: {near:.3}",
        far.unwrap_or(f64::NAN)
    );
    let expected: Vec<(f64, f64)> = (0..=30).map(|k| (f64::from(k), expected(f64::from(k)))).collect();
    chart(
        "clocks",
        "Local steps whenever a unit's Poisson clock ticks, and sweeps of all units at once",
        linear("time (mean ticks of a unit)"),
        log("largest distance of a log-scale"),
        &[points("Poisson clocks, observed", clocks), line("all units at once, predicted", expected)],
    )
}

//! The optima over the exponent p, from the expansion for small p to the max-balanced limit.
//!
//!     cargo run --release --example norms

mod figure;

use figure::{chart, line, linear, log, points};
use synbal::analysis::{max_balanced, norm_path, small_norms};
use synbal::network::{Activation, Biases, build};
use synbal::regularizer::Regularizer;
use synbal::solve::Settings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = build::layered(&build::Layered::new(&[3, 4, 4, 2], Activation::Relu), 5)?;
    let lower = |p: f64| Ok(network.lower(&Regularizer::lp(p)?, Biases::Counted)?.problem);
    let exponents: Vec<f64> = (-16..=18).map(|k| 2f64.powf(f64::from(k) / 4.0)).collect();
    let path = norm_path(&exponents, &Settings::default(), lower)?;
    let expansion = small_norms(&lower(1.0)?, &Settings::default())?;
    let limit = max_balanced(&lower(1.0)?)?;
    let off = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    for (p, balanced) in exponents.iter().zip(&path).step_by(5) {
        let x = &balanced.solution.log_scales;
        let (small, large) = (off(x, &expansion.at(*p)), off(x, &limit.log_scales));
        println!("p {p:7.3}: off the expansion for small p by {small:.1e}, off the max-balanced limit by {large:.1e}");
    }
    let right = exponents[exponents.len() - 1] * 1.6;
    let mut series = vec![];
    for unit in 0..3 {
        let at = |x: &[f64]| x[unit];
        let optima = exponents.iter().zip(&path).map(|(&p, b)| (p, at(&b.solution.log_scales)));
        series.push(line(format!("unit {unit}"), optima));
    }
    for unit in 0..3 {
        let small = exponents.iter().take(10).map(|&p| (p, expansion.at(p)[unit]));
        series.push(points(format!("unit {unit}, expansion for small p"), small).like(unit));
    }
    for unit in 0..3 {
        let limit = [(right, limit.log_scales[unit])];
        series.push(points(format!("unit {unit}, max-balanced (p to infinity)"), limit).like(unit));
    }
    chart("norms", "Log-scales of the optimum over the norm", log("exponent p"), linear("log-scale"), &series)
}

//! As p grows, the optima approach the max-balanced weights; the largest weight is the largest geometric cycle mean.
//!
//!     cargo run --release --example max_balanced

mod figure;

use figure::{chart, line, log};
use synbal::analysis::{largest_cycle_mean, max_balanced, norm_path};
use synbal::network::{Activation, Biases, build};
use synbal::regularizer::Regularizer;
use synbal::solve::{Settings, largest_weight};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // weights within a few percent, so that at p = 400 even the least of them costs what double precision can see
    let shape = build::Layered { biases: false, ..build::Layered::new(&[2, 3, 3, 2], Activation::Relu) };
    let random = build::layered(&shape, 3)?;
    let mild = random.parameters().iter().map(|w| w.abs().powf(0.03)).collect();
    let network = random.with_parameters(mild)?;
    let lower = |p: f64| Ok(network.lower(&Regularizer::lp(p)?, Biases::Counted)?.problem);
    let problem = lower(2.0)?;
    let limit = max_balanced(&problem)?;
    let cycle = largest_cycle_mean(&problem)?.expect("every connection is on a cycle through the ground");
    println!("least possible largest weight {:.9}", largest_weight(&problem, &limit.log_scales)?);
    println!("largest geometric cycle mean  {:.9}, along {:?}", cycle.mean, cycle.nodes);
    println!("{} levels: {:.6?}", limit.levels.len(), limit.levels);
    let exponents: Vec<f64> = (2..=17).map(|k| 2f64.powf(f64::from(k) / 2.0)).chain([400.0]).collect();
    let path = norm_path(&exponents, &Settings::default(), lower)?;
    let off = path.iter().map(|balanced| {
        let pairs = balanced.solution.log_scales.iter().zip(&limit.log_scales);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    });
    let off: Vec<(f64, f64)> = exponents.iter().copied().zip(off).collect();
    println!("p = 40: off by about {:.1e}; p = 400: off by {:.1e}", at(&off, 40.0), at(&off, 400.0));
    let title = "Optima of growing norms approach the max-balanced weights";
    chart("max_balanced", title, log("exponent p"), log("largest distance of a log-scale"), &[line("distance", off)])
}

/// The value at the exponent that is nearest.
fn at(points: &[(f64, f64)], p: f64) -> f64 {
    let nearest = points.iter().min_by(|a, b| (a.0 - p).abs().total_cmp(&(b.0 - p).abs()));
    nearest.map_or(f64::NAN, |point| point.1)
}

//! Two networks that are the same up to scaling: the scales are recovered, exactly or in least squares.
//!
//!     cargo run --release --example same_network

mod figure;

use figure::{chart, line, log, points};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::f64::consts::LN_2;
use synbal::compare::compare;
use synbal::lowered::Scaling;
use synbal::network::{Activation, Biases, Network, build};
use synbal::regularizer::Regularizer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = build::layered(&build::Layered::new(&[6, 10, 10, 4], Activation::Relu), 3)?;
    let lower = |n: &Network| n.lower(&Regularizer::lp(2.0)?, Biases::Counted);
    let problem = lower(&network)?.problem;
    let mut random = StdRng::seed_from_u64(1);
    let hidden: Vec<f64> = (0..problem.variables()).map(|_| random.random_range(-2.0..2.0)).collect();
    let scaled = network.apply(&Scaling::new(hidden.clone()))?;
    let off = |x: &[f64]| x.iter().zip(&hidden).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let found = compare(&problem, &lower(&scaled)?.problem).expect("one architecture");
    println!(
        "scaled at random: scales recovered within {:.1e}, mismatch {:.1e}",
        off(&found.log_scales),
        found.mismatch
    );
    let powers: Vec<i32> = (0..problem.variables()).map(|_| random.random_range(-9..10)).collect();
    let doubled = network.apply(&Scaling::new(powers.iter().map(|&k| f64::from(k) * LN_2).collect()))?;
    let recovered =
        compare(&problem, &lower(&doubled)?.problem).and_then(|c| c.powers_of_two()).expect("powers of two");
    println!("scaled by powers of two: all {} recovered exactly: {}", powers.len(), recovered.exponents() == powers);
    let (mut scales, mut mismatch, mut distance) = (vec![], vec![], vec![]);
    for k in -9..=-1 {
        let noise = 10f64.powi(k);
        let noisy = scaled.parameters().iter().map(|w| w * (1.0 + noise * random.random_range(-1.0..1.0))).collect();
        let noisy = scaled.with_parameters(noisy)?;
        let found = compare(&problem, &lower(&noisy)?.problem).expect("one architecture");
        scales.push((noise, off(&found.log_scales)));
        mismatch.push((noise, found.mismatch));
        distance.push((noise, found.distance));
    }
    chart(
        "same_network",
        "Comparing up to scaling: what noise in the weights does",
        log("relative noise in every weight"),
        log("largest distance (logarithm)"),
        &[
            line("distance: root of the sum of squares", distance),
            line("largest mismatch of a weight", mismatch),
            points("error of the recovered log-scales", scales),
        ],
    )
}

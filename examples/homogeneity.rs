//! Which activations are homogeneous: the degree measured from f(2z) / f(z) is one number for BiLU and BiPU units only.
//!
//!     cargo run --release --example homogeneity

mod figure;

use figure::{chart, line, linear};
use synbal::network::Activation;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let list = [
        ("leaky ReLU (BiLU)", Activation::LeakyRelu { slope: 0.1 }),
        ("BiPU of degree 2", Activation::Bipu { exponent: 2.0, negative: -0.5, positive: 1.0 }),
        ("BiPU of degree 1/2", Activation::Bipu { exponent: 0.5, negative: -1.0, positive: 1.0 }),
        ("tanh", Activation::Tanh),
        ("SiLU", Activation::Silu),
        ("softplus", Activation::Softplus),
        ("ReLU6", Activation::Relu6),
    ];
    // both sides of zero, but not zero itself
    let places: Vec<f64> = (-30..=60).filter(|k| *k != 0).map(|k| f64::from(k) / 12.0).collect();
    let mut series = vec![];
    for (name, f) in list {
        // f(2z) = 2^c f(z) where f is homogeneous of degree c
        let degree = |z: f64| (f.apply(2.0 * z) / f.apply(z)).log2();
        let measured = places.iter().map(|&z| (z, degree(z))).filter(|(_, c)| c.is_finite());
        let measured: Vec<(f64, f64)> = measured.collect();
        let least = measured.iter().map(|m| m.1).fold(f64::INFINITY, f64::min);
        let most = measured.iter().map(|m| m.1).fold(f64::NEG_INFINITY, f64::max);
        let verdict = match f.degree() {
            Some(c) => format!("homogeneous of degree {c}"),
            None => "not homogeneous".into(),
        };
        println!("{name:20} degrees from {least:.4} to {most:.4}: {verdict}");
        assert_eq!(f.degree().is_some(), most - least < 1e-12, "{name}");
        series.push(line(name, measured));
    }
    chart(
        "homogeneity",
        "Of a homogeneous activation the measured degree is one number, of others it is not",
        linear("weighted input z (no unit)"),
        linear("measured degree log2 (f(2z) / f(z))"),
        &series,
    )
}

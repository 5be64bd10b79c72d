//! What several tests of networks share.
#![allow(dead_code)]

pub mod schema;
pub mod tied;

use quickcheck::{Arbitrary, Gen};
use synbal::error::Error;
use synbal::network::build::{
    Convolution, Layered, convolutional, layered, random_dag, recurrent, shared_depth, tied_autoencoder,
};
use synbal::network::{Activation, FeedForward, Network, Role};

/// Activations of every kind.
pub const KINDS: [Activation; 13] = [
    Activation::Linear,
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.1 },
    Activation::Prelu { slope: -0.3 },
    Activation::Bilu { negative: 0.5, positive: -2.0 },
    Activation::Bipu { exponent: 2.0, negative: -0.5, positive: 1.5 },
    Activation::Bipu { exponent: 0.5, negative: 1.0, positive: -1.0 },
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Silu,
    Activation::Softplus,
    Activation::Elu { alpha: 0.7 },
    Activation::Relu6,
];

/// A network of any builder, with any mix of activations.
#[derive(Clone, Debug)]
pub struct AnyNetwork(pub Network);

impl Arbitrary for AnyNetwork {
    fn arbitrary(g: &mut Gen) -> Self {
        let seed = u64::arbitrary(g);
        let mix: Vec<Activation> = (0..4).map(|_| *g.choose(&KINDS).unwrap()).collect();
        let size = |g: &mut Gen| 1 + usize::arbitrary(g) % 4;
        let sizes: Vec<usize> = (0..5).map(|_| size(g)).collect();
        let shape = |skips| Layered { widths: sizes.clone(), activations: mix.clone(), biases: true, skips };
        let network = match u8::arbitrary(g) % 7 {
            0 => layered(&shape(false), seed),
            1 => layered(&shape(true), seed),
            2 => recurrent(sizes[0], sizes[1] + 1, sizes[2], &mix, seed),
            3 => random_dag(sizes[0], 3 * sizes[1], sizes[2], 0.4, mix[0], seed),
            4 => convolutional(
                &Convolution {
                    size: [4, 3 + sizes[0]],
                    channels: sizes[1..4].to_vec(),
                    kernel: [2, 2],
                    activations: mix,
                    outputs: sizes[4],
                },
                seed,
            ),
            5 => tied_autoencoder(&sizes[..3], mix[0], seed),
            _ => shared_depth(sizes[0], sizes[1], sizes[2], sizes[3], mix[0], seed),
        };
        Self(network.unwrap())
    }
}

/// The outputs of a network for some fixed inputs: feed-forward, or over four time steps where it is recurrent.
pub fn outputs(network: &Network) -> Vec<f64> {
    let inputs = network.of_role(Role::Input).count();
    let at = |t: usize| -> Vec<f64> { (0..inputs).map(|k| ((k * 7 + t * 3) as f64 * 0.61).sin()).collect() };
    match FeedForward::new(network) {
        Ok(forward) => (0..4).flat_map(|t| forward.evaluate(&at(t)).unwrap()).collect(),
        Err(_) => network.evaluate_recurrent(&[at(0), at(1), at(2), at(3)]).unwrap().concat(),
    }
}

/// Whether two answers agree up to rounding, measured against the largest number in the answer.
pub fn agree(a: &[f64], b: &[f64]) -> bool {
    let size = a.iter().chain(b).fold(1.0f64, |m, v| m.max(v.abs()));
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| approx::abs_diff_eq!(*x, *y, epsilon = 1e-9 * size))
}

/// An error message of a file says which file, where, what and what to do.
pub fn is_helpful(error: &Error) -> bool {
    error.file.is_some() && !error.place.is_empty() && !error.problem.is_empty() && !error.remedy.is_empty()
}

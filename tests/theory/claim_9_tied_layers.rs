//! Claim 9: with one scale per layer all layer costs become their geometric mean (without biases and skips).

use super::tied_layers::TiedLayers;
use super::{balanced, lowered};
use quickcheck_macros::quickcheck;

#[quickcheck]
fn with_one_scale_per_layer_every_layer_costs_the_geometric_mean(widths: Vec<u8>, p: u8, seed: u64) {
    let p = 0.5 + f64::from(p) / 64.0;
    let widths: Vec<usize> = [3, 4, 2].into_iter().chain(widths.iter().take(4).map(|w| 1 + *w as usize % 6)).collect();
    let tied = TiedLayers::new(&widths, seed);
    let lowered = lowered(&tied.network, p);
    assert_eq!(lowered.problem.variables(), widths.len() - 2);
    tied.assert_mean(&tied.network.apply(&balanced(&lowered).scaling(false)).unwrap(), p);
}

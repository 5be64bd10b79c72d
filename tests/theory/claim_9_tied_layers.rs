//! Claim 9: with one scale per layer all layer costs become their geometric mean (without biases and skips).

use super::{balanced, lowered};
use quickcheck_macros::quickcheck;
use synbal::network::{Activation, Network, Role, build};

#[quickcheck]
fn with_one_scale_per_layer_every_layer_costs_the_geometric_mean(widths: Vec<u8>, p: u8, seed: u64) {
    let p = 0.5 + f64::from(p) / 64.0;
    let widths: Vec<usize> = [3, 4, 2].into_iter().chain(widths.iter().take(4).map(|w| 1 + *w as usize % 6)).collect();
    let shape = build::Layered { biases: false, ..build::Layered::new(&widths, Activation::Relu) };
    let network = build::layered(&shape, seed).unwrap();
    let layer_of: Vec<usize> = widths.iter().enumerate().flat_map(|(l, &w)| vec![l; w]).collect();
    let tied = network.units().iter().zip(&layer_of).map(|(unit, &layer)| match unit.role {
        Role::Hidden => unit.clone().in_group(layer as u32),
        _ => unit.clone(),
    });
    let network = Network::new(tied.collect(), network.parameters().to_vec(), network.connections().clone()).unwrap();
    let lowered = lowered(&network, p);
    assert_eq!(lowered.problem.variables(), widths.len() - 2);
    let after = network.apply(&balanced(&lowered).scaling(false)).unwrap();
    let costs = |network: &Network| {
        let mut costs = vec![0.0; widths.len() - 1];
        network
            .connections()
            .iter()
            .for_each(|(tail, _, k)| costs[layer_of[tail]] += network.parameters()[k].abs().powf(p));
        costs
    };
    let mean = (costs(&network).iter().map(|c| c.ln()).sum::<f64>() / (widths.len() - 1) as f64).exp();
    for cost in costs(&after) {
        assert!((cost / mean - 1.0).abs() < 1e-11, "{cost} {mean}");
    }
}

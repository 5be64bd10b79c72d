//! Networks whose layers have one scale each.

use synbal::network::{Activation, Network, Role, build};

/// A layered network without biases, whose hidden layers have one scale each.
pub struct TiedLayers {
    pub network: Network,
    /// Layer of every unit.
    layer_of: Vec<usize>,
}

impl TiedLayers {
    pub fn new(widths: &[usize], seed: u64) -> Self {
        let shape = build::Layered { biases: false, ..build::Layered::new(widths, Activation::Relu) };
        let network = build::layered(&shape, seed).unwrap();
        let layer_of: Vec<usize> = widths.iter().enumerate().flat_map(|(l, &w)| vec![l; w]).collect();
        let tied = network.units().iter().zip(&layer_of).map(|(unit, &layer)| match unit.role {
            Role::Hidden => unit.clone().in_group(layer as u32),
            _ => unit.clone(),
        });
        let (parameters, connections) = (network.parameters().to_vec(), network.connections().clone());
        Self { network: Network::new(tied.collect(), parameters, connections).unwrap(), layer_of }
    }

    /// Whether every layer of weights of the balanced network costs what is the geometric mean of their costs before.
    pub fn assert_mean(&self, balanced: &Network, p: f64) {
        let costs = |network: &Network| {
            let mut costs = vec![0.0; self.layer_of[self.layer_of.len() - 1]];
            let connections = network.connections().iter();
            connections.for_each(|(tail, _, k)| costs[self.layer_of[tail]] += network.parameters()[k].abs().powf(p));
            costs
        };
        let before = costs(&self.network);
        let mean = (before.iter().map(|c| c.ln()).sum::<f64>() / before.len() as f64).exp();
        for cost in costs(balanced) {
            assert!((cost / mean - 1.0).abs() < 1e-11, "{cost} {mean}");
        }
    }
}

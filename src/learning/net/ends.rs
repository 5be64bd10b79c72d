//! Which units a weight connects: what balancing needs to know of a network.

use super::{Kind, Net};

/// The unit of what is visible: it has no scale.
pub const GROUND: u32 = u32::MAX;

/// The units at both ends of all weights of a parameter tensor, seen as rows and columns.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The unit that a row leads to.
    pub heads: Vec<u32>,
    /// The unit in which column `c` of row `r` starts: entry `(r / group) * columns + c`.
    pub tails: Vec<u32>,
    /// Rows that have their starts in common.
    pub group: usize,
    /// Numbers in a row.
    pub columns: usize,
}

impl Ends {
    /// The starts of a row.
    #[must_use]
    pub fn tails_of(&self, row: usize) -> &[u32] {
        &self.tails[row / self.group * self.columns..][..self.columns]
    }
}

/// The ends of every parameter tensor. Biases start in the ground.
///
/// Complexity: O(units) for dense and convolutional layers, O(weights / channels) for locally connected ones.
#[must_use]
pub fn ends(net: &Net) -> Vec<Ends> {
    let mut answer = vec![];
    let last = net.layers.len() - 1;
    let mut first = 0;
    // the unit of every number that the layer reads
    let mut read = vec![GROUND; net.input.len()];
    for (l, layer) in net.layers.iter().enumerate() {
        let unit = |output: usize| if l == last { GROUND } else { (first + layer.kind.unit(output)) as u32 };
        let scales = layer.kind.scales();
        let heads: Vec<u32> = (0..scales).map(unit).collect();
        let bias = Ends { heads: heads.clone(), tails: vec![GROUND], group: scales, columns: 1 };
        let all = |tails: Vec<u32>| Ends { columns: tails.len(), heads: heads.clone(), tails, group: scales };
        match layer.kind {
            Kind::Dense { .. } => answer.push(all(read)),
            Kind::Window { window, shared: true, .. } => {
                // every position reads the same channels
                answer.push(all(layer.table[..window.len()].iter().map(|&k| read[k as usize]).collect()));
            }
            Kind::Window { window, channels, shared: false } => {
                let tails = layer.table.iter().map(|&k| read[k as usize]).collect();
                answer.push(Ends { heads: heads.clone(), tails, group: channels, columns: window.len() });
            }
            Kind::Recurrent { step, .. } => {
                answer.push(all(vec![GROUND; step]));
                answer.push(all(heads.clone()));
            }
        }
        answer.push(bias);
        read = (0..layer.kind.outputs()).map(unit).collect();
        first += scales;
    }
    answer
}

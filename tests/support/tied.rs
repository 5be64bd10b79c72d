//! Networks at random whose units share scales, whose connections share weights, and some of whose units are frozen.

use super::KINDS;
use quickcheck::{Arbitrary, Gen};
use synbal::network::{Activation, Connections, Network, Unit};

/// Any directed graph of units of any activations, with self-connections and cycles; groups of units, or of whole layers,
/// have one scale; some weights are used at several connections; some units are frozen.
#[derive(Clone, Debug)]
pub struct AnyTied(pub Network);

impl Arbitrary for AnyTied {
    fn arbitrary(g: &mut Gen) -> Self {
        let (inputs, hidden, outputs) = (1 + below(g, 2), 2 + below(g, 7), 1 + below(g, 2));
        // degree 1 alone, or any
        let kinds = if bool::arbitrary(g) { &KINDS[..5] } else { &KINDS[..8] };
        let (layered, grouped, freezes, shares) = (below(g, 4) == 0, chance(g, 2), chance(g, 2), chance(g, 2));
        let mut units: Vec<Unit> = (0..inputs).map(|k| Unit::input(format!("input.{k}"))).collect();
        for k in 0..hidden {
            let mut unit = Unit::hidden(format!("hidden.{k}"), *g.choose(kinds).unwrap());
            unit.frozen = freezes && chance(g, 4);
            unit.group = match (layered, grouped) {
                (true, _) => Some(k as u32 / 3),
                (false, true) if chance(g, 2) => Some(below(g, 2) as u32),
                _ => None,
            };
            units.push(unit);
        }
        units.extend((0..outputs).map(|k| Unit::output(format!("output.{k}"), Activation::Linear)));
        let (mut weights, mut connections) = (vec![], Connections::new());
        for (tail, head) in pattern(g, [inputs, hidden, outputs]) {
            let parameter = match weights.len() {
                0 => 0,
                n if shares && chance(g, 6) => below(g, n),
                n => n,
            };
            if parameter == weights.len() {
                weights.push(weight(g));
            }
            connections.push(tail as u32, head as u32, parameter as u32);
        }
        Self(Network::new(units, weights, connections).unwrap())
    }
}

fn below(g: &mut Gen, n: usize) -> usize {
    usize::arbitrary(g) % n
}

/// True once in `n` times.
fn chance(g: &mut Gen, n: usize) -> bool {
    below(g, n) == 0
}

/// A weight, log-uniform between 0.01 and 100, of any sign; sometimes zero.
fn weight(g: &mut Gen) -> f64 {
    let sign = *g.choose(&[1.0, -1.0]).unwrap();
    if chance(g, 20) { 0.0 } else { sign * 10f64.powf((below(g, 4001) as f64 - 2000.0) / 1000.0) }
}

/// Connections `(tail, head)`, none twice: every hidden unit has one from an input and one to an output, or their like
/// between hidden units.
fn pattern(g: &mut Gen, [inputs, hidden, outputs]: [usize; 3]) -> Vec<(usize, usize)> {
    let mut list = vec![];
    for unit in inputs..inputs + hidden {
        let before = if chance(g, 3) { unit.saturating_sub(1) } else { below(g, inputs) };
        let after = if chance(g, 3) { unit + 1 } else { inputs + hidden + below(g, outputs) };
        list.extend([(before, unit), (unit, after)]);
    }
    let any = |g: &mut Gen| (below(g, inputs + hidden), inputs + below(g, hidden + outputs));
    (0..below(g, 3 * hidden)).for_each(|_| list.push(any(g)));
    list.sort_unstable();
    list.dedup();
    // in any order, for the first connection speaks for those that share its weight
    for k in (1..list.len()).rev() {
        list.swap(k, below(g, k + 1));
    }
    list
}

//! The order in which local balancing visits the units.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp1};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An order of local steps. All but a given sequence and greedy visit every unit again and again for certain (or almost
/// surely), which convergence needs; a sequence is repeated, and must name every unit to reach the optimum. Greedy needs
/// no such thing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Schedule {
    /// A unit chosen uniformly at random, again and again: the paper's stochastic balancing.
    Uniform,
    /// A new random order for every sweep.
    Permutation,
    /// The same order in every sweep.
    #[default]
    Cyclic,
    /// The unit whose step lowers the cost most.
    Greedy,
    /// Layer by layer, from the first to the last; variables in no layer come at the end.
    Forward(Vec<Vec<usize>>),
    /// Layer by layer, from the last to the first; variables in no layer come at the end.
    Backward(Vec<Vec<usize>>),
    /// Layer by layer, from the first to the last, the units of a layer at once, on all threads; variables in no layer come at
    /// the end, as one. Units that a connection joins take turns, so that no step is spoiled by another.
    Parallel(Vec<Vec<usize>>),
    /// The given variables in the given order, repeated.
    Sequence(Vec<usize>),
    /// Every unit rings at the events of its own Poisson process of rate 1.
    Poisson,
}

impl Schedule {
    /// Every variable that the user listed, in a sequence or in layers.
    pub(super) fn given(&self) -> impl Iterator<Item = usize> + '_ {
        let (layers, list): (&[Vec<usize>], &[usize]) = match self {
            Self::Forward(layers) | Self::Backward(layers) | Self::Parallel(layers) => (layers, &[]),
            Self::Sequence(list) => (&[], list),
            _ => (&[], &[]),
        };
        layers.iter().flatten().chain(list).copied()
    }
}

/// An endless stream of variables.
pub(super) struct Order {
    variables: Vec<usize>,
    next: usize,
    rng: StdRng,
    kind: Kind,
}

enum Kind {
    Repeat,
    Shuffle,
    Random,
    Clocks(BinaryHeap<Reverse<(Time, usize)>>),
    /// The number of variables in each layer.
    Layers(Vec<usize>),
}

#[derive(PartialEq)]
struct Time(f64);

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Order {
    /// The stream over the variables that move.
    pub fn new(schedule: &Schedule, moves: &[bool], seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let moving: Vec<usize> = (0..moves.len()).filter(|&v| moves[v]).collect();
        let by_layer = |layers: &mut dyn Iterator<Item = &Vec<usize>>| {
            let mut rest = moves.to_vec();
            let mut lists: Vec<Vec<usize>> =
                layers.map(|layer| layer.iter().copied().filter(|&v| std::mem::take(&mut rest[v])).collect()).collect();
            lists.push((0..rest.len()).filter(|&v| rest[v]).collect());
            lists
        };
        let layered = |layers: &mut dyn Iterator<Item = &Vec<usize>>| by_layer(layers).concat();
        let (variables, kind) = match schedule {
            Schedule::Uniform => (moving, Kind::Random),
            Schedule::Permutation => (moving, Kind::Shuffle),
            Schedule::Cyclic | Schedule::Greedy => (moving, Kind::Repeat),
            Schedule::Forward(layers) => (layered(&mut layers.iter()), Kind::Repeat),
            Schedule::Backward(layers) => (layered(&mut layers.iter().rev()), Kind::Repeat),
            Schedule::Parallel(layers) => {
                let layers = by_layer(&mut layers.iter());
                (layers.concat(), Kind::Layers(layers.iter().map(Vec::len).collect()))
            }
            Schedule::Sequence(list) => (list.iter().copied().filter(|&v| moves[v]).collect(), Kind::Repeat),
            Schedule::Poisson => {
                let first = |v: &usize| Reverse((Time(Exp1.sample(&mut rng)), *v));
                let clocks = moving.iter().map(first).collect();
                (moving, Kind::Clocks(clocks))
            }
        };
        Self { variables, next: 0, rng, kind }
    }

    /// Steps of one sweep.
    pub fn len(&self) -> usize {
        self.variables.len()
    }

    /// The layers whose units step at once; none where one unit follows the other.
    pub fn layers(&self) -> Option<Vec<&[usize]>> {
        let Kind::Layers(lengths) = &self.kind else { return None };
        let mut rest = &self.variables[..];
        let layer = |&length: &usize| {
            let (layer, after) = rest.split_at(length);
            rest = after;
            layer
        };
        Some(lengths.iter().map(layer).collect())
    }

    /// The next variable.
    pub fn next(&mut self) -> usize {
        let at = self.next;
        self.next = (at + 1) % self.variables.len();
        match &mut self.kind {
            Kind::Repeat | Kind::Layers(_) => self.variables[at],
            Kind::Random => self.variables[self.rng.random_range(0..self.variables.len())],
            Kind::Shuffle => {
                if at == 0 {
                    self.variables.shuffle(&mut self.rng);
                }
                self.variables[at]
            }
            Kind::Clocks(clocks) => {
                let Reverse((Time(now), v)) = clocks.pop().expect("every variable has a clock");
                let pause: f64 = Exp1.sample(&mut self.rng);
                clocks.push(Reverse((Time(now + pause), v)));
                v
            }
        }
    }
}

//! The replaced problem at a point: flows of ports and blocks, and its own minimum.

use super::clusters::{Clusters, LARGEST};
use super::core::Core;
use crate::problem::{Block, Pattern, Point, Problem};

/// The side of a block as groups of rows or columns that scale alike: variable and coefficient; none for the ground.
type Groups = Vec<Option<(u32, f64)>>;

/// Which rows and columns of every block scale alike.
pub(in crate::solve) struct Layout {
    blocks: Vec<BlockLayout>,
    core: Core,
}

struct BlockLayout {
    exponent: f64,
    heads: Groups,
    tails: Groups,
    head_of: Vec<u32>,
    tail_of: Vec<u32>,
    /// Whether it is replaced by a matrix of rank one that couples: where one side has no variables nothing is coupled, and
    /// within clusters the entries are.
    couples: bool,
    /// The entries that stay as they are, within clusters.
    entries: Vec<Entry>,
}

/// An entry of a block: its number there, its ports and its groups, those of the head first.
struct Entry {
    index: usize,
    ports: [u32; 2],
    groups: [u32; 2],
}

impl Layout {
    /// The layout of a problem; none where mean fields do not exist.
    pub fn new(problem: &Problem) -> Option<Self> {
        if !problem.is_powers() || problem.ports().iter().any(|f| f.terms().len() > 1) {
            return None;
        }
        // the group of every port on the side that is looked at
        let mut known = vec![None; problem.ports().len()];
        let mut side = |ports: &[u32]| {
            let (mut groups, mut of) = (vec![], Vec::with_capacity(ports.len()));
            for &port in ports {
                of.push(*known[port as usize].get_or_insert_with(|| {
                    groups.push(problem.ports()[port as usize].terms().first().copied());
                    groups.len() as u32 - 1
                }));
            }
            ports.iter().for_each(|&port| known[port as usize] = None);
            (groups, of)
        };
        let mut blocks: Vec<BlockLayout> = problem
            .blocks()
            .iter()
            .map(|block| {
                let ((heads, head_of), (tails, tail_of)) = (side(&block.heads), side(&block.tails));
                let exponent = block.exponent(problem).expect("all costs are powers");
                let couples = [&heads, &tails].iter().all(|side| side.iter().any(Option::is_some));
                let mut layout = BlockLayout { exponent, heads, tails, head_of, tail_of, couples, entries: vec![] };
                // of 32 variables at most 16 heads and 16 tails meet: blocks with more entries are not listed in vain
                let few = block.values.len() <= LARGEST as usize / 4 * (block.heads.len() + block.tails.len());
                if couples && few && matches!(block.pattern, Pattern::Diagonal | Pattern::Sparse { .. }) {
                    layout.entries = layout.all_entries(block);
                }
                layout
            })
            .collect();
        let pairs: Vec<Vec<[u32; 2]>> =
            blocks.iter().map(|b| b.entries.iter().filter_map(|e| b.ends(e)).collect()).collect();
        let (clusters, joined) = Clusters::new(problem.variables(), &pairs);
        for (block, joined) in blocks.iter_mut().zip(joined) {
            if joined && !block.entries.is_empty() {
                block.couples = false;
            } else {
                block.entries = vec![];
            }
        }
        let columns = blocks.iter().map(|b| {
            let variables = |side: &Groups| side.iter().flatten().map(|g| g.0).collect::<Vec<u32>>();
            if b.couples { [variables(&b.heads), variables(&b.tails)] } else { [vec![], vec![]] }
        });
        let core = Core::new(clusters, &columns.collect::<Vec<_>>())?;
        Some(Self { blocks, core })
    }

    /// The replaced problem at a point; none where numbers leave the range of `f64`.
    pub fn at<'a>(&'a self, point: &Point, moves: &'a [bool]) -> Option<Model<'a>> {
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for (b, (layout, (rows, columns))) in self.blocks.iter().zip(point.plain_curvatures()?).enumerate() {
            let square = layout.exponent * layout.exponent;
            let gather = |count: usize, of: &[u32], sums: &[f64]| {
                let mut flows = vec![0.0; count];
                of.iter().zip(sums).for_each(|(&group, sum)| flows[group as usize] += sum / square);
                flows
            };
            let heads = gather(layout.heads.len(), &layout.head_of, rows);
            let tails = gather(layout.tails.len(), &layout.tail_of, columns);
            let entry = |e: &Entry| Some(point.plain_curvature(b, e.index, e.ports)? / square);
            let entries = layout.entries.iter().map(entry).collect::<Option<_>>()?;
            blocks.push(Flows { total: heads.iter().sum(), heads, tails, entries });
        }
        Some(Model { layout: self, moves, blocks })
    }
}

impl BlockLayout {
    /// All entries that are not zero.
    fn all_entries(&self, block: &Block) -> Vec<Entry> {
        let mut entries = vec![];
        block.for_each(|r, c, k| {
            if block.has(k) {
                let (ports, groups) = ([block.heads[r], block.tails[c]], [self.head_of[r], self.tail_of[c]]);
                entries.push(Entry { index: k, ports, groups });
            }
        });
        entries
    }

    /// The head's and the tail's group of an entry.
    fn groups(&self, entry: &Entry) -> [Option<(u32, f64)>; 2] {
        [self.heads[entry.groups[0] as usize], self.tails[entry.groups[1] as usize]]
    }

    /// The variables that an entry couples, if it does.
    fn ends(&self, entry: &Entry) -> Option<[u32; 2]> {
        let [head, tail] = self.groups(entry);
        Some([head?.0, tail?.0])
    }

    /// The change of the logarithm of an entry's cost along `d`.
    fn change(&self, entry: &Entry, d: &[f64]) -> f64 {
        let [head, tail] = self.groups(entry).map(|group| group.map_or(0.0, |(v, c)| c * d[v as usize]));
        self.exponent * (head - tail)
    }
}

/// What flows into and out of the groups of a block.
#[derive(Clone)]
struct Flows {
    heads: Vec<f64>,
    tails: Vec<f64>,
    total: f64,
    /// The costs of the entries that stay as they are.
    entries: Vec<f64>,
}

/// The replaced problem at a point.
#[derive(Clone)]
pub(in crate::solve) struct Model<'a> {
    layout: &'a Layout,
    moves: &'a [bool],
    blocks: Vec<Flows>,
}

/// Most Newton steps to the minimum of the replaced problem.
const MOST: usize = 60;
/// No step changes the logarithm of a cost by more.
const FARTHEST: f64 = 30.0;
/// A full step that changes no logarithm of a cost by more leaves that part of the way, and is the last.
const PRECISE: f64 = 1e-3;

impl Model<'_> {
    fn zeros(&self) -> Vec<f64> {
        vec![0.0; self.layout.core.clusters().variables()]
    }

    /// Gradient and diagonal of the Hessian.
    pub fn slopes(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut gradient, mut diagonal) = (self.zeros(), self.zeros());
        for (layout, flows) in self.layout.blocks.iter().zip(&self.blocks) {
            for (groups, flows, sign) in [(&layout.heads, &flows.heads, 1.0), (&layout.tails, &flows.tails, -1.0)] {
                for (&group, flow) in groups.iter().zip(flows) {
                    let Some((v, c)) = group else { continue };
                    let slope = layout.exponent * c;
                    gradient[v as usize] += sign * slope * flow;
                    diagonal[v as usize] += slope * slope * flow;
                }
            }
        }
        (gradient, diagonal)
    }

    /// The solver for systems with the Hessian of the replaced problem; `diagonal` as in [`slopes`](Self::slopes).
    pub fn hessian(&self, diagonal: &[f64]) -> Hessian<'_> {
        let moving: Vec<f64> =
            diagonal.iter().zip(self.moves).map(|(&d, &moves)| if moves { d } else { 0.0 }).collect();
        let couplings = self.layout.blocks.iter().zip(&self.blocks).flat_map(|(layout, flows)| {
            let coupling = |(entry, flow): (&Entry, &f64)| {
                let [head, tail] = layout.groups(entry);
                let ((a, x), (b, y)) = (head?, tail?);
                Some(([a, b], layout.exponent * layout.exponent * x * y * flow))
            };
            layout.entries.iter().zip(&flows.entries).filter_map(coupling)
        });
        let inverse = self.layout.core.clusters().inverse(&moving, couplings);
        let mut entries = Vec::with_capacity(self.layout.core.entries());
        for (layout, flows) in self.layout.blocks.iter().zip(&self.blocks).filter(|(layout, _)| layout.couples) {
            let unit = if flows.total > 0.0 { layout.exponent / flows.total.sqrt() } else { 0.0 };
            for (groups, flows) in [(&layout.heads, &flows.heads), (&layout.tails, &flows.tails)] {
                entries.extend(groups.iter().zip(flows).filter_map(|(g, flow)| g.map(|(_, c)| unit * c * flow)));
            }
        }
        let factor = self.layout.core.factorize(entries, &inverse);
        Hessian { clusters: self.layout.core.clusters(), inverse, factor }
    }

    /// The way to the minimum of the replaced problem.
    pub fn minimize(mut self) -> Vec<f64> {
        let mut way = self.zeros();
        for _ in 0..MOST {
            let (gradient, diagonal) = self.slopes();
            let step = self.hessian(&diagonal).solve(&gradient);
            let longest = self.longest(&step);
            if !longest.is_finite() {
                break;
            }
            // far away a part of Newton's step surely lowers the cost, and mostly more of it does
            let sure = if longest > 0.5 { longest.ln_1p() / longest } else { 1.0 };
            let (length, moved) = match self.farther(&step, longest, sure) {
                Some((length, moved)) => (length, Some(moved)),
                None => (sure, None),
            };
            way.iter_mut().zip(&step).for_each(|(w, s)| *w -= length * s);
            // a step of this size leaves its square
            if longest <= PRECISE {
                break;
            }
            match moved {
                Some(next) => self = next,
                None => self.advance(&step, -length),
            }
        }
        way
    }

    /// A longer part of a step against the gradient that lowers the cost, and the problem there.
    fn farther(&self, step: &[f64], longest: f64, sure: f64) -> Option<(f64, Self)> {
        let lengths = (0..).map(|k| (FARTHEST / longest).min(1.0) * 0.25f64.powi(k));
        lengths.take_while(|&length| length > 1.2 * sure).find_map(|length| {
            let mut next = self.clone();
            next.advance(step, -length);
            (next.cost() < self.cost()).then_some((length, next))
        })
    }

    /// A bound on the change of the logarithm of any cost along `d`.
    fn longest(&self, d: &[f64]) -> f64 {
        let mut most = 0.0f64;
        for layout in &self.layout.blocks {
            if !layout.entries.is_empty() {
                most = layout.entries.iter().map(|e| layout.change(e, d).abs()).fold(most, f64::max);
                continue;
            }
            let change = |group: &Option<(u32, f64)>| group.map_or(0.0, |(v, c)| c * d[v as usize]);
            let range = |groups: &Groups| {
                let ends = (f64::INFINITY, f64::NEG_INFINITY);
                groups.iter().map(change).fold(ends, |(a, b), x| (a.min(x), b.max(x)))
            };
            let ((head_low, head_high), (tail_low, tail_high)) = (range(&layout.heads), range(&layout.tails));
            most = most.max(layout.exponent * (head_high - tail_low).max(tail_high - head_low));
        }
        if d.iter().all(|x| x.is_finite()) { most } else { f64::INFINITY }
    }

    /// The cost of all blocks.
    fn cost(&self) -> f64 {
        self.blocks.iter().map(|block| block.total).sum()
    }

    /// Moves on along a direction.
    fn advance(&mut self, direction: &[f64], length: f64) {
        for (layout, flows) in self.layout.blocks.iter().zip(&mut self.blocks) {
            if !layout.entries.is_empty() {
                flows.heads.iter_mut().chain(&mut flows.tails).for_each(|f| *f = 0.0);
                for (entry, flow) in layout.entries.iter().zip(&mut flows.entries) {
                    *flow *= (length * layout.change(entry, direction)).exp();
                    flows.heads[entry.groups[0] as usize] += *flow;
                    flows.tails[entry.groups[1] as usize] += *flow;
                }
                flows.total = flows.entries.iter().sum();
                continue;
            }
            let scale = |groups: &Groups, flows: &mut Vec<f64>, sign: f64| -> f64 {
                for (group, flow) in groups.iter().zip(flows.iter_mut()) {
                    let change = group.map_or(0.0, |(v, c)| c * length * direction[v as usize]);
                    *flow *= (sign * layout.exponent * change).exp();
                }
                flows.iter().sum()
            };
            if flows.total == 0.0 {
                continue;
            }
            let (head, tail) =
                (scale(&layout.heads, &mut flows.heads, 1.0), scale(&layout.tails, &mut flows.tails, -1.0));
            let (by_tails, by_heads) = (tail / flows.total, head / flows.total);
            flows.heads.iter_mut().for_each(|f| *f *= by_tails);
            flows.tails.iter_mut().for_each(|f| *f *= by_heads);
            flows.total = head * by_tails;
        }
    }
}

/// The Hessian of the replaced problem, ready to be inverted.
pub(in crate::solve) struct Hessian<'a> {
    clusters: &'a Clusters,
    /// The inverses of all clusters.
    inverse: Vec<f64>,
    factor: Option<super::core::Factor<'a>>,
}

impl Hessian<'_> {
    /// `M^-1 b`; by the clusters alone where rounding keeps the core from being inverted.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let plain = self.clusters.apply(&self.inverse, b);
        let corrected = self.factor.as_ref().map(|factor| factor.correct(&plain, &self.inverse));
        corrected.filter(|x| x.iter().all(|v| v.is_finite())).unwrap_or(plain)
    }
}

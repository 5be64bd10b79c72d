//! The replaced problem at a point: flows of ports and blocks, and its own minimum.

use super::core::Core;
use crate::problem::{Point, Problem};
use std::collections::BTreeMap;

/// The side of a block as groups of rows or columns that scale alike: variable and coefficient; none for the ground.
type Groups = Vec<Option<(u32, f64)>>;

/// Which rows and columns of every block scale alike.
pub(in crate::solve) struct Layout {
    variables: usize,
    blocks: Vec<BlockLayout>,
    core: Core,
}

struct BlockLayout {
    exponent: f64,
    heads: Groups,
    tails: Groups,
    head_of: Vec<u32>,
    tail_of: Vec<u32>,
    /// Whether both sides have variables: a block that only leads from or to the ground couples nothing.
    couples: bool,
}

impl Layout {
    /// The layout of a problem; none where mean fields do not exist.
    pub fn new(problem: &Problem) -> Option<Self> {
        if !problem.is_powers() || problem.ports().iter().any(|f| f.terms().len() > 1) {
            return None;
        }
        let side = |ports: &[u32]| {
            let (mut groups, mut known, mut of) = (vec![], BTreeMap::new(), Vec::with_capacity(ports.len()));
            for &port in ports {
                of.push(*known.entry(port).or_insert_with(|| {
                    groups.push(problem.ports()[port as usize].terms().first().copied());
                    groups.len() as u32 - 1
                }));
            }
            (groups, of)
        };
        let blocks: Vec<BlockLayout> = problem
            .blocks()
            .iter()
            .map(|block| {
                let ((heads, head_of), (tails, tail_of)) = (side(&block.heads), side(&block.tails));
                let exponent = block.exponent(problem).expect("all costs are powers");
                let couples = [&heads, &tails].iter().all(|side| side.iter().any(Option::is_some));
                BlockLayout { exponent, heads, tails, head_of, tail_of, couples }
            })
            .collect();
        let columns = blocks.iter().map(|b| {
            let variables = |side: &Groups| side.iter().flatten().map(|g| g.0).collect::<Vec<u32>>();
            if b.couples { [variables(&b.heads), variables(&b.tails)] } else { [vec![], vec![]] }
        });
        let core = Core::new(problem.variables(), &columns.collect::<Vec<_>>())?;
        Some(Self { variables: problem.variables(), blocks, core })
    }

    /// The replaced problem at a point; none where numbers leave the range of `f64`.
    pub fn at<'a>(&'a self, point: &Point, moves: &'a [bool]) -> Option<Model<'a>> {
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for (layout, (rows, columns)) in self.blocks.iter().zip(point.plain_curvatures()?) {
            let square = layout.exponent * layout.exponent;
            let gather = |count: usize, of: &[u32], sums: &[f64]| {
                let mut flows = vec![0.0; count];
                of.iter().zip(sums).for_each(|(&group, sum)| flows[group as usize] += sum / square);
                flows
            };
            let heads = gather(layout.heads.len(), &layout.head_of, rows);
            let tails = gather(layout.tails.len(), &layout.tail_of, columns);
            blocks.push(Flows { total: heads.iter().sum(), heads, tails });
        }
        Some(Model { layout: self, moves, blocks })
    }
}

/// What flows into and out of the groups of a block.
#[derive(Clone)]
struct Flows {
    heads: Vec<f64>,
    tails: Vec<f64>,
    total: f64,
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
    /// Gradient and diagonal of the Hessian.
    pub fn slopes(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut gradient, mut diagonal) = (vec![0.0; self.layout.variables], vec![0.0; self.layout.variables]);
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
        let inverse: Vec<f64> = diagonal
            .iter()
            .zip(self.moves)
            .map(|(&d, &moves)| if moves && d > 0.0 { d.recip() } else { 0.0 })
            .collect();
        let mut entries = Vec::with_capacity(self.layout.core.entries());
        for (layout, flows) in self.layout.blocks.iter().zip(&self.blocks).filter(|(layout, _)| layout.couples) {
            let unit = if flows.total > 0.0 { layout.exponent / flows.total.sqrt() } else { 0.0 };
            for (groups, flows) in [(&layout.heads, &flows.heads), (&layout.tails, &flows.tails)] {
                entries.extend(groups.iter().zip(flows).filter_map(|(g, flow)| g.map(|(_, c)| unit * c * flow)));
            }
        }
        let factor = self.layout.core.factorize(entries, &inverse);
        Hessian { inverse, factor }
    }

    /// The way to the minimum of the replaced problem.
    pub fn minimize(mut self) -> Vec<f64> {
        let mut way = vec![0.0; self.layout.variables];
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
    inverse: Vec<f64>,
    factor: Option<super::core::Factor<'a>>,
}

impl Hessian<'_> {
    /// `M^-1 b`; by the diagonal alone where rounding keeps the core from being inverted.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let plain: Vec<f64> = b.iter().zip(&self.inverse).map(|(b, i)| b * i).collect();
        let corrected = self.factor.as_ref().map(|factor| factor.correct(&plain, &self.inverse));
        corrected.filter(|x| x.iter().all(|v| v.is_finite())).unwrap_or(plain)
    }
}

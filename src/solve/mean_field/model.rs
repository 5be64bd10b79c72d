//! The replaced problem at a point: flows of groups and entries, and its own minimum.

use super::Layout;
use super::core::Factor;
use super::layout::Entry;
use crate::problem::Point;
use crate::solve::warm::ratio_ln;

/// The replaced problem at a point.
pub(in crate::solve) struct Model<'a> {
    layout: &'a Layout,
    moves: &'a [bool],
    /// What flows into or out of every group.
    flows: Vec<f64>,
    /// The costs of the blocks of rank one, and of the entries that stay as they are.
    blocks: Vec<f64>,
    entries: Vec<f64>,
}

/// Sweeps before the first Newton step to the minimum of the replaced problem: where a flow is too small by many orders of
/// magnitude, Newton's steps gain one in logarithm each.
const SWEEPS: usize = 4;
/// Steps that change no logarithm of a cost by more are short: no further sweep follows, and Newton's step needs no shorter length.
const NEAR: f64 = 0.5;
/// Most Newton steps to the minimum of the replaced problem.
const MOST: usize = 60;
/// No step changes the logarithm of a cost by more.
const FARTHEST: f64 = 30.0;
/// A step leaves about its square; where that is no more than this part of the longest one it is the last.
const PRECISE: f64 = 5e-2;

impl Layout {
    /// The replaced problem at a point; none where numbers leave the range of `f64`.
    pub fn at<'a>(&'a self, point: &Point, moves: &'a [bool]) -> Option<Model<'a>> {
        let mut flows = vec![0.0; self.variable.len()];
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let (rows, columns) = point.plain_curvature_sums(block.number)?;
            let inverse = (block.exponent * block.exponent).recip();
            for (own, of, sums) in [(&block.heads, &block.head_of, rows), (&block.tails, &block.tail_of, columns)] {
                let flows = &mut flows[own.clone()];
                of.iter().zip(sums).for_each(|(&group, sum)| flows[group as usize] += sum * inverse);
            }
            blocks.push(flows[block.heads.clone()].iter().sum());
        }
        let entry = |e: &Entry| Some(point.plain_curvatures(e.block)?.at(e.index, e.ports) / (e.exponent * e.exponent));
        let entries: Vec<f64> = self.entries.iter().map(entry).collect::<Option<_>>()?;
        self.collect(&entries, &mut flows);
        Some(Model { layout: self, moves, flows, blocks, entries })
    }

    /// The flows of groups whose entries stay as they are: sums of these.
    fn collect(&self, entries: &[f64], flows: &mut [f64]) {
        flows[self.kept..].iter_mut().for_each(|f| *f = 0.0);
        for (entry, cost) in self.entries.iter().zip(entries) {
            entry.groups.iter().for_each(|&group| flows[group] += cost);
        }
    }
}

impl Model<'_> {
    /// The variables that entries which stay as they are couple, and what they take from the Hessian there.
    pub fn couplings(&self) -> impl Iterator<Item = ([u32; 2], f64)> + '_ {
        let Layout { variable, slope, .. } = self.layout;
        // an entry with one end at the ground couples nothing
        self.layout.entries.iter().zip(&self.entries).filter_map(move |(entry, cost)| {
            let product = slope[entry.groups[0]] * slope[entry.groups[1]];
            (product != 0.0).then(|| (entry.groups.map(|g| variable[g]), -product * cost))
        })
    }

    /// Gradient and diagonal of the Hessian.
    pub fn slopes(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.layout.variables();
        let (mut gradient, mut diagonal) = (vec![0.0; n], vec![0.0; n]);
        for stretch in &self.layout.stretches {
            let sums = gradient[stretch.variables()].iter_mut().zip(&mut diagonal[stretch.variables()]);
            let own = self.layout.slope[stretch.entries()].iter().zip(&self.flows[stretch.entries()]);
            for ((gradient, diagonal), (slope, flow)) in sums.zip(own) {
                *gradient += slope * flow;
                *diagonal += slope * slope * flow;
            }
        }
        (gradient, diagonal)
    }

    /// The solver for systems with the Hessian of the replaced problem; `diagonal` as in [`slopes`](Self::slopes).
    pub fn hessian(&self, diagonal: &[f64]) -> Hessian {
        let Layout { slope, core, .. } = self.layout;
        let moving: Vec<f64> =
            diagonal.iter().zip(self.moves).map(|(&d, &moves)| if moves { d } else { 0.0 }).collect();
        let inverse = core.clusters().inverse(&moving, self.couplings());
        let mut columns = Vec::with_capacity(self.layout.coupled);
        for (block, &total) in self.layout.blocks.iter().zip(&self.blocks) {
            let own = block.heads.start..block.tails.end;
            if own.start >= self.layout.coupled {
                break;
            }
            let unit = if total > 0.0 { total.sqrt().recip() } else { 0.0 };
            columns.extend(slope[own.clone()].iter().zip(&self.flows[own]).map(|(slope, flow)| unit * slope * flow));
        }
        let factor = core.factorize(columns, &inverse);
        Hessian { inverse, factor }
    }

    /// The way to the minimum of the replaced problem; `far` tells whether flows may differ by orders of magnitude.
    pub fn minimize(mut self, far: bool) -> Vec<f64> {
        let mut way = vec![0.0; self.layout.variables()];
        let mut reach = 0.0f64;
        for _ in 0..if far { SWEEPS } else { 0 } {
            let step = self.sweep();
            let longest = self.layout.longest(&step);
            reach = reach.max(longest);
            if longest <= NEAR || !longest.is_finite() {
                break;
            }
            // steep groups may step too far
            let next = self.moved(&step, 1.0);
            if next.cost().is_nan() || next.cost() >= self.cost() {
                break;
            }
            way.iter_mut().zip(&step).for_each(|(w, s)| *w += s);
            self = next;
        }
        for _ in 0..MOST {
            let (gradient, diagonal) = self.slopes();
            let step = self.hessian(&diagonal).solve(self.layout, &gradient);
            let longest = self.layout.longest(&step);
            if !longest.is_finite() {
                break;
            }
            reach = reach.max(longest);
            let last = longest <= NEAR && longest * longest <= PRECISE * reach;
            // far away a part of Newton's step surely lowers the cost, and mostly more of it does
            let sure = if longest > NEAR { longest.ln_1p() / longest } else { 1.0 };
            let farther = if !last { self.farther(&step, longest, sure) } else { None };
            let length = farther.as_ref().map_or(sure, |(length, _)| *length);
            way.iter_mut().zip(&step).for_each(|(w, s)| *w -= length * s);
            if last {
                break;
            }
            self = farther.map_or_else(|| self.moved(&step, -sure), |(_, next)| next);
        }
        way
    }

    /// Half of the exact local step of every variable, by which the cost never rises where all its slopes are of one magnitude;
    /// else that for their mean.
    fn sweep(&self) -> Vec<f64> {
        let n = self.moves.len();
        let (mut inflow, mut outflow, mut diagonal) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        for stretch in &self.layout.stretches {
            let sums = inflow[stretch.variables()].iter_mut().zip(&mut outflow[stretch.variables()]);
            let own = self.layout.slope[stretch.entries()].iter().zip(&self.flows[stretch.entries()]);
            for (((inflow, outflow), diagonal), (&slope, flow)) in sums.zip(&mut diagonal[stretch.variables()]).zip(own)
            {
                *inflow += slope.max(0.0) * flow;
                *outflow += (-slope).max(0.0) * flow;
                *diagonal += slope * slope * flow;
            }
        }
        let step = |v: usize| {
            let (i, o) = (inflow[v], outflow[v]);
            let both = self.moves[v] && i > 0.0 && o > 0.0;
            if both { ratio_ln(o, i) * (i + o) / (4.0 * diagonal[v]) } else { 0.0 }
        };
        (0..n).map(step).collect()
    }

    /// A longer part of a step against the gradient that lowers the cost, and the problem there.
    fn farther(&self, step: &[f64], longest: f64, sure: f64) -> Option<(f64, Self)> {
        let lengths = (0..).map(|k| (FARTHEST / longest).min(1.0) * 0.25f64.powi(k));
        lengths.take_while(|&length| length > 1.2 * sure).find_map(|length| {
            let next = self.moved(step, -length);
            (next.cost() < self.cost()).then_some((length, next))
        })
    }

    /// The cost of all blocks.
    fn cost(&self) -> f64 {
        self.blocks.iter().chain(&self.entries).sum()
    }

    /// The replaced problem farther along a direction.
    fn moved(&self, direction: &[f64], length: f64) -> Self {
        let Layout { variable, slope, exponentials, factor, .. } = self.layout;
        let mut table = Vec::with_capacity(2 * exponentials.len() + 1);
        for &(v, slope) in exponentials {
            let up = (slope * length * direction[v as usize]).exp();
            table.extend([up, up.recip()]);
        }
        table.push(1.0);
        let mut flows: Vec<f64> = self.flows.iter().zip(factor).map(|(flow, &k)| flow * table[k as usize]).collect();
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for (block, &total) in self.layout.blocks.iter().zip(&self.blocks) {
            let [head, tail] = [&block.heads, &block.tails].map(|own| flows[own.clone()].iter().sum::<f64>());
            // the cost of a block is the product of both sides' sums
            let (by_tails, by_heads) = if total > 0.0 { (tail / total, head / total) } else { (0.0, 0.0) };
            flows[block.heads.clone()].iter_mut().for_each(|f| *f *= by_tails);
            flows[block.tails.clone()].iter_mut().for_each(|f| *f *= by_heads);
            blocks.push(head * by_tails);
        }
        let change = |&g: &usize| slope[g] * length * direction[variable[g] as usize];
        let moved = self.layout.entries.iter().zip(&self.entries);
        let entries: Vec<f64> = moved.map(|(e, cost)| cost * e.groups.iter().map(change).sum::<f64>().exp()).collect();
        self.layout.collect(&entries, &mut flows);
        Self { layout: self.layout, moves: self.moves, flows, blocks, entries }
    }
}

/// The Hessian of the replaced problem, ready to be inverted.
pub(in crate::solve) struct Hessian {
    /// The inverses of all clusters.
    inverse: Vec<f64>,
    factor: Option<Factor>,
}

impl Hessian {
    /// `R M R` with the roots of a diagonal in R, where M is what [`solve`](Self::solve) multiplies with: for the Hessian that is
    /// divided by them on both sides.
    pub fn scaled(mut self, layout: &Layout, root: &[f64]) -> Self {
        layout.core.clusters().scale(&mut self.inverse, root);
        self.factor.iter_mut().for_each(|factor| factor.divide(&layout.variable, root));
        self
    }

    /// `M^-1 b` for the layout it was made of; by the clusters alone where rounding keeps the core from being inverted.
    pub fn solve(&self, layout: &Layout, b: &[f64]) -> Vec<f64> {
        let plain = layout.core.clusters().apply(&self.inverse, b);
        let corrected = self.factor.as_ref().map(|factor| layout.core.correct(factor, &plain, &self.inverse));
        corrected.filter(|x| x.iter().all(|v| v.is_finite())).unwrap_or(plain)
    }
}

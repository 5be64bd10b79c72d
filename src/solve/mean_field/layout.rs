//! Which rows and columns of every block scale alike, and what replaces the block.

use super::clusters::{Clusters, LARGEST};
use super::core::Core;
use super::stretches::Stretch;
use crate::numeric::extent;
use crate::problem::{Block, Pattern, Problem};
use std::ops::Range;

/// The groups of rows and of columns that scale alike, of all blocks in one row of numbers: for every block those of its heads,
/// then those of its tails. Blocks of rank one that couple come first, those that do not (a side has no variables) next, and
/// those whose entries stay as they are last.
pub(in crate::solve) struct Layout {
    /// The variable of every group; any for the ground.
    pub(super) variable: Vec<u32>,
    /// How the logarithm of its flow changes with the variable: the block's exponent times the coefficient, for tails against
    /// it; zero for the ground.
    pub(super) slope: Vec<f64>,
    /// The groups whose variables are consecutive.
    pub(super) stretches: Vec<Stretch>,
    /// The variable and the slope of every exponential that a step takes, and which one the flow of a group is multiplied by:
    /// `2 k` for that of number k, `2 k + 1` for its inverse, and past all of them 1.
    pub(super) exponentials: Vec<(u32, f64)>,
    pub(super) factor: Vec<u32>,
    pub(super) blocks: Vec<RankOne>,
    /// The groups before this one belong to blocks that couple, those from the other one on to entries that stay as they are.
    pub(super) coupled: usize,
    pub(super) kept: usize,
    pub(super) entries: Vec<Entry>,
    pub(super) core: Core,
}

/// A block that is replaced by a matrix of rank one.
pub(super) struct RankOne {
    /// Its number in the problem.
    pub number: usize,
    pub exponent: f64,
    pub heads: Range<usize>,
    pub tails: Range<usize>,
    /// The group of every row and of every column, counted from the first of its side.
    pub head_of: Vec<u32>,
    pub tail_of: Vec<u32>,
}

/// An entry that stays as it is: its block, its number there, its ports, and its groups, those of the head first.
pub(super) struct Entry {
    pub block: usize,
    pub index: usize,
    pub ports: [u32; 2],
    pub groups: [usize; 2],
    pub exponent: f64,
}

impl Layout {
    /// The layout of a problem; none where mean fields do not exist.
    pub fn new(problem: &Problem) -> Option<Self> {
        let n = problem.variables();
        if n == 0 || !problem.is_powers() || problem.ports().iter().any(|f| f.terms().len() > 1) {
            return None;
        }
        let blocks = problem.blocks();
        let mut known = vec![None; problem.ports().len()];
        let sides: Vec<[Side; 2]> =
            blocks.iter().map(|b| [&b.heads, &b.tails].map(|ports| Side::new(problem, ports, &mut known))).collect();
        let couples = |b: usize| sides[b].iter().all(|side| side.groups.iter().any(Option::is_some));
        let listed: Vec<bool> = (0..blocks.len()).map(|b| couples(b) && has_few(&blocks[b])).collect();
        let pairs: Vec<Vec<[u32; 2]>> =
            (0..blocks.len()).map(|b| if listed[b] { pairs(&blocks[b], &sides[b]) } else { vec![] }).collect();
        let (clusters, joined) = Clusters::new(n, &pairs);
        let stays = |b: usize| joined[b] && listed[b];

        let mut groups = Groups { last: vec![None; n], ..Groups::default() };
        let (mut replaced, mut entries, mut coupled, mut kept) = (vec![], vec![], 0, None);
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        order.sort_by_key(|&b| (stays(b), !couples(b)));
        for number in order {
            let exponent = blocks[number].exponent(problem).expect("all costs are powers");
            let [heads, tails] = [(0, exponent), (1, -exponent)].map(|(k, slope)| groups.add(&sides[number][k], slope));
            let [head_of, tail_of] = [0, 1].map(|k: usize| sides[number][k].of.clone());
            if stays(number) {
                kept.get_or_insert(heads.start);
                for_each_entry(&blocks[number], |r, c, index, ports| {
                    let groups = [heads.start + head_of[r] as usize, tails.start + tail_of[c] as usize];
                    entries.push(Entry { block: number, index, ports, groups, exponent });
                });
            } else {
                coupled = if couples(number) { tails.end } else { coupled };
                replaced.push(RankOne { number, exponent, heads, tails, head_of, tail_of });
            }
        }
        let Groups { variable, slope, exponentials, factor, .. } = groups;
        let factor = factor.into_iter().map(|k| k.unwrap_or(2 * exponentials.len() as u32)).collect();
        let columns = replaced.iter().flat_map(|b| [b.heads.clone(), b.tails.clone()]);
        let columns: Vec<Range<usize>> = columns.take_while(|own| own.start < coupled).collect();
        let core = Core::new(clusters, &columns, &variable[..coupled], &slope[..coupled])?;
        let kept = kept.unwrap_or(variable.len());
        let stretches = Stretch::all(0, &variable).collect();
        Some(Self { variable, slope, stretches, exponentials, factor, blocks: replaced, coupled, kept, entries, core })
    }

    /// Number of variables.
    pub(super) fn variables(&self) -> usize {
        self.core.clusters().variables()
    }

    /// How the logarithm of every group's flow changes along `d`.
    pub(super) fn changes(&self, d: &[f64]) -> Vec<f64> {
        let mut changes = self.slope.clone();
        for stretch in &self.stretches {
            changes[stretch.entries()].iter_mut().zip(&d[stretch.variables()]).for_each(|(change, d)| *change *= d);
        }
        changes
    }

    /// A bound on the change of the logarithm of any cost along `d`; infinite where that is not finite.
    pub fn longest(&self, d: &[f64]) -> f64 {
        let changes = self.changes(d);
        let entries = self.entries.iter().map(|e| (changes[e.groups[0]] + changes[e.groups[1]]).abs());
        let blocks = self.blocks.iter().map(|block| {
            let of = |groups: &Range<usize>| extent(changes[groups.clone()].iter().copied());
            let ((head_low, head_high), (tail_low, tail_high)) = (of(&block.heads), of(&block.tails));
            (head_high + tail_high).max(-(head_low + tail_low))
        });
        let most = blocks.chain(entries).fold(0.0, f64::max);
        if d.iter().all(|x| x.is_finite()) { most } else { f64::INFINITY }
    }
}

/// One side of a block: variable and coefficient of its groups, none for the ground, and the group of every row or column.
struct Side {
    groups: Vec<Option<(u32, f64)>>,
    of: Vec<u32>,
}

impl Side {
    /// `known` has the group of every port while this side is looked at, and nothing before and after.
    fn new(problem: &Problem, ports: &[u32], known: &mut [Option<u32>]) -> Self {
        let (mut groups, mut of) = (vec![], Vec::with_capacity(ports.len()));
        for &port in ports {
            of.push(*known[port as usize].get_or_insert_with(|| {
                groups.push(problem.ports()[port as usize].terms().first().copied());
                groups.len() as u32 - 1
            }));
        }
        ports.iter().for_each(|&port| known[port as usize] = None);
        Self { groups, of }
    }
}

/// The groups so far.
#[derive(Default)]
struct Groups {
    variable: Vec<u32>,
    slope: Vec<f64>,
    exponentials: Vec<(u32, f64)>,
    factor: Vec<Option<u32>>,
    /// The latest exponential of every variable.
    last: Vec<Option<u32>>,
}

impl Groups {
    /// Adds those of a side, whose flows change by `slope` with a log-multiplier.
    fn add(&mut self, side: &Side, slope: f64) -> Range<usize> {
        let first = self.variable.len();
        for group in &side.groups {
            let (variable, slope) = group.map_or((0, 0.0), |(v, c)| (v, slope * c));
            let factor = group.map(|_| {
                let last = self.last[variable as usize];
                let same = last.filter(|&k| self.exponentials[k as usize].1.abs() == slope.abs());
                let k = same.unwrap_or_else(|| {
                    self.exponentials.push((variable, slope));
                    self.exponentials.len() as u32 - 1
                });
                self.last[variable as usize] = Some(k);
                2 * k + u32::from(self.exponentials[k as usize].1 != slope)
            });
            self.variable.push(variable);
            self.slope.push(slope);
            self.factor.push(factor);
        }
        first..self.variable.len()
    }
}

/// Whether a block's entries may stay as they are: of 32 variables at most 16 heads and 16 tails meet, and blocks with more
/// entries are not listed in vain.
fn has_few(block: &Block) -> bool {
    let few = block.values.len() <= LARGEST as usize / 4 * (block.heads.len() + block.tails.len());
    few && matches!(block.pattern, Pattern::Diagonal | Pattern::Sparse { .. })
}

/// Calls `f(row, column, index, ports)` for every entry that is not zero.
fn for_each_entry(block: &Block, mut f: impl FnMut(usize, usize, usize, [u32; 2])) {
    block.for_each(|r, c, k| {
        if block.has(k) {
            f(r, c, k, [block.heads[r], block.tails[c]]);
        }
    });
}

/// The variables that the entries of a block couple.
fn pairs(block: &Block, [heads, tails]: &[Side; 2]) -> Vec<[u32; 2]> {
    let mut pairs = vec![];
    for_each_entry(block, |r, c, _, _| {
        let [head, tail] = [heads.groups[heads.of[r] as usize], tails.groups[tails.of[c] as usize]];
        pairs.extend(head.zip(tail).map(|((v, _), (w, _))| [v, w]));
    });
    pairs
}

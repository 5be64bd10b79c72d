//! Single connections: walking over the non-zero ones, and leaving some out.

use super::block::{Amplitudes, Cost, Pattern, Source};
use super::{Block, Problem};
use crate::manifold::Form;
use crate::numeric::Wide;
use std::sync::Arc;

/// One non-zero connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Index of the block.
    pub block: usize,
    /// Index among the block's entries.
    pub index: usize,
    /// Row in the block.
    pub row: u32,
    /// Column in the block.
    pub column: u32,
    /// Head port.
    pub head: u32,
    /// Tail port.
    pub tail: u32,
}

impl Problem {
    /// Calls `f` for every connection that has a cost: the non-zero ones.
    pub fn for_each_entry(&self, mut f: impl FnMut(Entry)) {
        self.for_each_place(|e| {
            if self.blocks[e.block].has(e.index) {
                f(e);
            }
        });
    }

    /// Calls `f` for every connection of the architecture, zero weights included.
    pub fn for_each_place(&self, mut f: impl FnMut(Entry)) {
        for (block, b) in self.blocks.iter().enumerate() {
            b.for_each(|r, c, index| {
                let (head, tail) = (b.heads[r], b.tails[c]);
                f(Entry { block, index, row: r as u32, column: c as u32, head, tail });
            });
        }
    }

    /// The linear form of the log-multiplier of a connection.
    #[must_use]
    pub fn form(&self, entry: &Entry) -> Form {
        self.ports[entry.head as usize].plus(-1.0, &self.ports[entry.tail as usize])
    }

    /// `ln |w|` of a connection, whatever its coefficient; of summed weights, of their norm.
    #[must_use]
    pub fn log_weight(&self, entry: &Entry) -> f64 {
        let block = &self.blocks[entry.block];
        match (block.exponent(self), &block.values) {
            (None, Amplitudes::Plain(logs)) => logs[entry.index],
            (p, values) => (values.get(entry.index) / Wide::from(block.coefficient())).ln() / p.unwrap_or(1.0),
        }
    }

    /// The logarithm of what a connection costs at log-scales zero; where costs are powers.
    #[must_use]
    pub fn log_cost(&self, entry: &Entry) -> f64 {
        self.blocks[entry.block].values.get(entry.index).ln()
    }

    /// Number of non-zero connections; under a sum of powers each counts once for every power.
    #[must_use]
    pub fn entries(&self) -> usize {
        let mut count = 0;
        self.for_each_entry(|_| count += 1);
        count
    }

    /// Number of connections of the architecture, zero weights included.
    #[must_use]
    pub fn places(&self) -> usize {
        self.blocks.iter().map(|b| b.values.len()).sum()
    }

    /// The problem without the connections whose log-multiplier falls along a direction.
    ///
    /// # Panics
    /// When the direction has fewer entries than the problem has variables.
    #[must_use]
    pub fn without_falling(&self, direction: &[f64]) -> Self {
        let along: Vec<f64> = self.ports.iter().map(|f| f.at(direction)).collect();
        let mut rest = self.clone();
        for block in &mut rest.blocks {
            let mut gone = vec![];
            block.for_each(|r, c, index| {
                if along[block.heads[r] as usize] < along[block.tails[c] as usize] {
                    gone.push(index);
                }
            });
            gone.into_iter().for_each(|k| block.remove(k));
        }
        rest
    }
}

impl Block {
    /// The exponent of the block's power; none for other costs.
    #[must_use]
    pub fn exponent(&self, problem: &Problem) -> Option<f64> {
        match self.cost {
            Cost::Power(k) => Some(problem.exponents()[k]),
            Cost::Convex(_) => None,
        }
    }

    /// Whether entry `k` has a cost.
    #[must_use]
    #[inline]
    pub fn has(&self, k: usize) -> bool {
        match (&self.cost, &self.values) {
            (Cost::Convex(_), Amplitudes::Plain(logs)) => logs[k] > f64::NEG_INFINITY,
            (_, Amplitudes::Plain(values)) => values[k] != 0.0,
            (_, Amplitudes::Wide(values)) => !values[k].is_zero(),
            (_, Amplitudes::Stored(lines)) => lines.has(k),
        }
    }

    /// Calls `f(row, column)` for non-zero entries that join the same rows and columns as all of them do.
    ///
    /// Complexity: of a dense block without zeros one entry for every row and column; else every entry.
    pub(super) fn spanning(&self, mut f: impl FnMut(usize, usize)) {
        let (lines, places, by_rows) = match self.pattern {
            Pattern::Dense => (self.heads.len(), self.tails.len(), true),
            Pattern::DenseColumns => (self.tails.len(), self.heads.len(), false),
            _ => {
                return self.for_each(|r, c, k| {
                    if self.has(k) {
                        f(r, c);
                    }
                });
            }
        };
        let mut join = |line: usize, place: usize| if by_rows { f(line, place) } else { f(place, line) };
        let full = matches!(&self.values, Amplitudes::Stored(all) if all.has_all());
        if full && lines > 0 && places > 0 {
            (0..places).for_each(|place| join(0, place));
            (1..lines).for_each(|line| join(line, 0));
            return;
        }
        // places that are joined with the first line that is not empty, and the others
        let (mut core, mut open): (Vec<usize>, Vec<usize>) = (vec![], (0..places).collect());
        for line in 0..lines {
            let has = |place: usize| self.has(line * places + place);
            let link = core.iter().copied().find(|&place| has(place));
            link.into_iter().for_each(|place| join(line, place));
            let (found, rest): (Vec<usize>, Vec<usize>) = open.iter().partition(|&&place| has(place));
            found.iter().for_each(|&place| join(line, place));
            if link.is_some() || core.is_empty() {
                core.extend(found);
                open = rest;
            }
        }
    }

    fn remove(&mut self, k: usize) {
        // weights in a file are copied before one of them goes
        if let Amplitudes::Stored(lines) = &self.values {
            let weights = Arc::new((0..lines.len()).map(|k| lines.weight(k)).collect());
            self.source = Some(Source::Weights { weights, coefficient: lines.coefficient() });
            self.values = Amplitudes::of((0..lines.len()).map(|k| lines.get(k)).collect());
        }
        match (&self.cost, &mut self.values) {
            (Cost::Convex(_), Amplitudes::Plain(logs)) => logs[k] = f64::NEG_INFINITY,
            (_, values) => values.clear(k),
        }
    }
}

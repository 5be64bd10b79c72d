//! Searches through the graph of log-scales, without a list of its connections.
//!
//! A dense block has far more connections than ports. What a search wants from it is the next port that was not visited
//! yet; each port is found once, so only zero weights make a search look at a place in vain.

use crate::problem::{Block, Entry, Pattern, Problem};

/// The ends of connections from which a search starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Follow connections from their tails to their heads.
    Tails,
    /// Follow them backwards.
    Heads,
}

/// The connections of every node, as lines of blocks: columns for tails, rows for heads.
pub(super) struct Fans<'a> {
    problem: &'a Problem,
    side: Side,
    start: Vec<usize>,
    /// Block and line.
    lines: Vec<(u32, u32)>,
    /// For sparse blocks searched by columns: their entries, column by column.
    columns: Vec<Columns>,
}

/// The entries of a sparse block by columns: offsets, and row and index of every entry.
#[derive(Default)]
struct Columns {
    start: Vec<usize>,
    entry: Vec<(u32, usize)>,
}

impl<'a> Fans<'a> {
    pub fn new(problem: &'a Problem, side: Side) -> Self {
        let nodes = problem.variables() + 1;
        let near = |block: &'a Block| if side == Side::Tails { &block.tails } else { &block.heads };
        let each = || {
            let blocks = problem.blocks().iter().enumerate();
            blocks
                .flat_map(move |(b, block)| near(block).iter().enumerate().map(move |(i, &q)| (q, b as u32, i as u32)))
        };
        let mut start = vec![0usize; nodes + 1];
        each().for_each(|(q, ..)| start[problem.node(q) + 1] += 1);
        (0..nodes).for_each(|i| start[i + 1] += start[i]);
        let mut cursor = start.clone();
        let mut lines = vec![(0, 0); start[nodes]];
        for (q, block, line) in each() {
            let at = &mut cursor[problem.node(q)];
            lines[*at] = (block, line);
            *at += 1;
        }
        let columns =
            problem.blocks().iter().map(|b| if side == Side::Tails { by_columns(b) } else { Columns::default() });
        let columns = columns.collect();
        Self { problem, side, start, lines, columns }
    }

    /// Number of nodes: the variables, and the ground.
    pub fn nodes(&self) -> usize {
        self.start.len() - 1
    }

    /// The ports at the far ends of a block's lines.
    fn far(&self, block: usize) -> &'a [u32] {
        let block = &self.problem.blocks()[block];
        if self.side == Side::Tails { &block.heads } else { &block.tails }
    }

    fn entry(&self, block: usize, line: u32, place: u32, index: usize) -> Entry {
        let (row, column) = if self.side == Side::Tails { (place, line) } else { (line, place) };
        let b = &self.problem.blocks()[block];
        Entry { block, index, row, column, head: b.heads[row as usize], tail: b.tails[column as usize] }
    }
}

fn by_columns(block: &Block) -> Columns {
    let Pattern::Sparse { start: rows, column } = &block.pattern else { return Columns::default() };
    let mut start = vec![0; block.tails.len() + 1];
    column.iter().for_each(|&c| start[c as usize + 1] += 1);
    (0..block.tails.len()).for_each(|c| start[c + 1] += start[c]);
    let mut cursor = start.clone();
    let mut entry = vec![(0, 0); column.len()];
    for r in 0..block.heads.len() {
        for k in rows[r]..rows[r + 1] {
            let at = &mut cursor[column[k] as usize];
            entry[*at] = (r as u32, k);
            *at += 1;
        }
    }
    Columns { start, entry }
}

/// A search in progress: which nodes were visited.
pub(super) struct Search<'a> {
    fans: &'a Fans<'a>,
    visited: Vec<bool>,
    /// For every place of a dense block a place that is not before the next one whose node was not visited.
    skip: Vec<Vec<u32>>,
}

/// Where a search stands among the connections of a node: line, and place in it.
#[derive(Clone, Copy)]
pub(super) struct Place {
    line: usize,
    end: usize,
    at: u32,
}

impl<'a> Search<'a> {
    pub fn new(fans: &'a Fans<'a>) -> Self {
        let dense = |b: &Block| matches!(b.pattern, Pattern::Dense | Pattern::DenseColumns);
        let skip = fans
            .problem
            .blocks()
            .iter()
            .enumerate()
            .map(|(b, block)| if dense(block) { (0..=fans.far(b).len() as u32).collect() } else { vec![] });
        Self { fans, visited: vec![false; fans.nodes()], skip: skip.collect() }
    }

    /// Marks a node as visited.
    pub fn visit(&mut self, node: usize) {
        self.visited[node] = true;
    }

    /// The place before all connections of a node.
    pub fn first(&self, node: usize) -> Place {
        Place { line: self.fans.start[node], end: self.fans.start[node + 1], at: 0 }
    }

    /// The next connection to a node that was not visited and is wanted.
    pub fn next(&mut self, place: &mut Place, wanted: impl Fn(usize) -> bool) -> Option<(usize, Entry)> {
        while place.line < place.end {
            let (block, line) = self.fans.lines[place.line];
            if let Some(found) = self.next_in(block as usize, line, &mut place.at, &wanted) {
                return Some(found);
            }
            place.line += 1;
            place.at = 0;
        }
        None
    }

    fn next_in(
        &mut self,
        block: usize,
        line: u32,
        at: &mut u32,
        wanted: &impl Fn(usize) -> bool,
    ) -> Option<(usize, Entry)> {
        let fans = self.fans;
        let b = &fans.problem.blocks()[block];
        let far = fans.far(block);
        loop {
            let (place, index) = match &b.pattern {
                Pattern::Dense | Pattern::DenseColumns => {
                    *at = self.unvisited(block, *at);
                    let by_lines = (fans.side == Side::Heads) == matches!(b.pattern, Pattern::Dense);
                    let lines = if fans.side == Side::Tails { b.tails.len() } else { b.heads.len() };
                    let (line, place) = (line as usize, *at as usize);
                    (*at, if by_lines { line * far.len() + place } else { place * lines + line })
                }
                Pattern::Sparse { start, column } => {
                    let (first, last) = match fans.side {
                        Side::Tails => {
                            (fans.columns[block].start[line as usize], fans.columns[block].start[line as usize + 1])
                        }
                        Side::Heads => (start[line as usize], start[line as usize + 1]),
                    };
                    let k = first + *at as usize;
                    if k >= last {
                        return None;
                    }
                    if fans.side == Side::Tails { fans.columns[block].entry[k] } else { (column[k], k) }
                }
                Pattern::Diagonal if *at == 0 => (line, line as usize),
                Pattern::Diagonal => return None,
            };
            let node = fans.problem.node(*far.get(place as usize)?);
            *at += 1;
            if !self.visited[node] && wanted(node) && b.has(index) {
                return Some((node, fans.entry(block, line, place, index)));
            }
        }
    }

    /// The first place of a dense block, from `at` on, whose node was not visited.
    fn unvisited(&mut self, block: usize, at: u32) -> u32 {
        let far = self.fans.far(block);
        let skip = &mut self.skip[block];
        let mut end = at;
        loop {
            let next = skip[end as usize];
            if next != end {
                end = next;
            } else if far.get(end as usize).is_some_and(|&q| self.visited[self.fans.problem.node(q)]) {
                skip[end as usize] = end + 1;
                end += 1;
            } else {
                break;
            }
        }
        // all places on the way lead there from now on
        let mut from = at;
        while from != end {
            from = std::mem::replace(&mut skip[from as usize], end).max(from + 1);
        }
        end
    }

    /// Visits what `root` reaches, and tells every node when the search leaves it; nothing when it was visited before.
    pub fn depth_first(&mut self, root: usize, mut leave: impl FnMut(usize)) {
        if self.visited[root] {
            return;
        }
        self.visit(root);
        let mut path = vec![(root, self.first(root))];
        while let Some((node, mut place)) = path.pop() {
            match self.next(&mut place, |_| true) {
                Some((to, _)) => {
                    self.visit(to);
                    path.push((node, place));
                    path.push((to, self.first(to)));
                }
                None => leave(node),
            }
        }
    }
}

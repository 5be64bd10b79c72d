//! The elimination tree of a supernodal factor cut into subtrees that do not touch each other, and a rest at its top.

use faer::sparse::linalg::cholesky::supernodal::SymbolicSupernodalCholesky;
use std::ops::Range;

/// Numbers of a factor below which threads do not pay.
const LEAST_WORK: usize = 1 << 20;
/// No subtree has more than one over this of all numbers of the factor.
const SHARE: usize = 16;

/// A subtree whose supernodes, and so its columns, follow each other.
#[derive(Clone, Debug)]
pub(super) struct Subtree {
    pub nodes: Range<usize>,
    pub columns: Range<usize>,
    /// Where its supernodes are in the postorder of the whole tree.
    pub steps: Range<usize>,
}

/// Subtrees, and the columns above them.
#[derive(Clone, Debug)]
pub(super) struct Subtrees {
    /// The subtrees, by their supernodes.
    pub parts: Vec<Subtree>,
    /// Supernodes above, by number: children come before their parents.
    pub top: Vec<usize>,
    /// The place of every column among those above; that of others is not used.
    pub place: Vec<u32>,
    /// How many columns there are above.
    pub above: usize,
    /// The supernode that takes what each leaves: the one of its first row below; `u32::MAX` where there is none.
    pub parent: Vec<u32>,
    /// All supernodes in postorder: what a subtree leaves comes just before its parent. Numbers alone do not tell: an ordering
    /// puts rows with many entries last, wherever they are in the tree.
    pub postorder: Vec<u32>,
}

impl Subtrees {
    /// The subtrees for threads: none in a small factor.
    pub fn of(symbolic: &SymbolicSupernodalCholesky<usize>) -> Self {
        let work = symbolic.col_ptr_for_val().last().copied().unwrap_or(0);
        Self::cut(symbolic, if work < LEAST_WORK { 0 } else { work / SHARE })
    }

    /// The largest subtrees of at most so many numbers.
    pub fn cut(symbolic: &SymbolicSupernodalCholesky<usize>, most: usize) -> Self {
        let (begin, end) = (symbolic.supernode_begin(), symbolic.supernode_end());
        let (nodes, columns) = (symbolic.n_supernodes(), end.last().copied().unwrap_or(0));
        let parent = parents(symbolic);
        // `first` is the lowest supernode of a subtree
        let (mut first, mut count, mut work): (Vec<usize>, _, Vec<usize>) = (
            (0..nodes).collect(),
            vec![1; nodes],
            symbolic.col_ptr_for_val().windows(2).map(|w| w[1] - w[0]).collect(),
        );
        for s in (0..nodes).filter(|&s| parent[s] != u32::MAX) {
            let p = parent[s] as usize;
            (first[p], count[p], work[p]) = (first[p].min(first[s]), count[p] + count[s], work[p] + work[s]);
        }
        let postorder = postorder(&parent, &count);
        let mut step = vec![0; nodes];
        postorder.iter().enumerate().for_each(|(at, &s)| step[s as usize] = at);
        let mut own = Self { parts: vec![], top: vec![], place: vec![u32::MAX; columns], above: 0, parent, postorder };
        let mut s = nodes;
        while s > 0 {
            let root = s - 1;
            if work[root] <= most && s - first[root] == count[root] {
                own.parts.push(Subtree {
                    nodes: first[root]..s,
                    columns: begin[first[root]]..end[root],
                    steps: step[root] + 1 - count[root]..step[root] + 1,
                });
                s = first[root];
            } else {
                own.top.push(root);
                s = root;
            }
        }
        own.parts.reverse();
        own.top.reverse();
        for column in own.top.iter().flat_map(|&s| begin[s]..end[s]) {
            own.place[column] = own.above as u32;
            own.above += 1;
        }
        own
    }
}

fn parents(symbolic: &SymbolicSupernodalCholesky<usize>) -> Vec<u32> {
    let (begin, end) = (symbolic.supernode_begin(), symbolic.supernode_end());
    let mut node_of = vec![0u32; end.last().copied().unwrap_or(0)];
    (0..begin.len()).for_each(|s| node_of[begin[s]..end[s]].fill(s as u32));
    let first_below = |s: usize| {
        let at = symbolic.col_ptr_for_row_idx()[s];
        symbolic.row_idx()[at..at + symbolic.nnz_per_super()[s]].first()
    };
    (0..begin.len()).map(|s| first_below(s).map_or(u32::MAX, |&row| node_of[row])).collect()
}

/// The postorder of a forest whose children have lower numbers than their parents; `count` tells the size of every subtree.
fn postorder(parent: &[u32], count: &[usize]) -> Vec<u32> {
    // from the last number on every subtree gets the places just below those that its parent has left
    let (mut order, mut free, mut roots) = (vec![0; parent.len()], vec![0; parent.len()], parent.len());
    for s in (0..parent.len()).rev() {
        let left = if parent[s] == u32::MAX { &mut roots } else { &mut free[parent[s] as usize] };
        let last = *left - 1;
        *left -= count[s];
        order[last] = s as u32;
        free[s] = last;
    }
    order
}

//! The elimination tree of a supernodal factor cut into subtrees that do not touch each other, and a rest at its top.

use faer::sparse::linalg::cholesky::supernodal::SymbolicSupernodalCholesky;
use std::ops::Range;

/// Numbers of a factor below which threads do not pay.
const LEAST_WORK: usize = 1 << 20;
/// No subtree has more than one over this of all numbers of the factor.
const SHARE: usize = 16;

/// Subtrees, and the columns above them.
#[derive(Clone, Debug)]
pub(super) struct Subtrees {
    /// Supernodes of every subtree, and their columns.
    pub parts: Vec<(Range<usize>, Range<usize>)>,
    /// Supernodes above, in order.
    pub top: Vec<usize>,
    /// The place of every column among those above; that of others is not used.
    pub place: Vec<u32>,
    /// The supernode that takes what each leaves: the one of its first row below; `u32::MAX` where there is none.
    pub parent: Vec<u32>,
    /// How many columns there are above.
    pub above: usize,
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
        let mut node_of = vec![0u32; columns];
        (0..nodes).for_each(|s| node_of[begin[s]..end[s]].fill(s as u32));
        let parent_of = |s: usize| {
            let at = symbolic.col_ptr_for_row_idx()[s];
            let rows = &symbolic.row_idx()[at..at + symbolic.nnz_per_super()[s]];
            rows.first().map_or(u32::MAX, |&row| node_of[row])
        };
        let parent: Vec<u32> = (0..nodes).map(parent_of).collect();
        // `first` is the lowest supernode of a subtree
        let (mut first, mut count, mut work): (Vec<usize>, _, Vec<usize>) = (
            (0..nodes).collect(),
            vec![1; nodes],
            symbolic.col_ptr_for_val().windows(2).map(|w| w[1] - w[0]).collect(),
        );
        for s in 0..nodes {
            if parent[s] != u32::MAX {
                let p = parent[s] as usize;
                (first[p], count[p], work[p]) = (first[p].min(first[s]), count[p] + count[s], work[p] + work[s]);
            }
        }
        let mut own = Self { parts: vec![], top: vec![], place: vec![u32::MAX; columns], parent, above: 0 };
        let mut s = nodes;
        while s > 0 {
            let root = s - 1;
            // in an order that is no postorder the numbers of a subtree are not consecutive
            if work[root] <= most && s - first[root] == count[root] {
                own.parts.push((first[root]..s, begin[first[root]]..end[root]));
                s = first[root];
            } else {
                own.top.push(root);
                s = root;
            }
        }
        own.parts.reverse();
        own.top.reverse();
        for &s in &own.top {
            for column in begin[s]..end[s] {
                own.place[column] = own.above as u32;
                own.above += 1;
            }
        }
        own
    }
}

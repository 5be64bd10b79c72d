//! The small part of a mean-field system that is solved exactly.
//!
//! The Hessian is `M = C + U K U^T` with the matrices C of all clusters, two columns of U for every block of rank one, r for its
//! heads and c, which is negative, for its tails, and K the exchange of the two: each block adds `r c^T + c r^T`. By Woodbury's
//! formula `M^-1 = C^-1 - C^-1 U (K + U^T C^-1 U)^-1 U^T C^-1`, for K is its own inverse. The core `K + U^T C^-1 U` is
//! indefinite, and as sparse as the graph of blocks.

use super::clusters::Clusters;
use crate::solve::pattern::sorted;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::linalg::lu::{LuRef, NumericLu, SymbolicLu, factorize_symbolic_lu};
use faer::sparse::{Pair, SparseColMatRef, SymbolicSparseColMat};
use faer::{Conj, Mat, Par};
use std::ops::Range;

/// Which columns meet in which clusters.
pub(super) struct Core {
    clusters: Clusters,
    /// The variable and the column of every entry, one column after the other.
    variable_of: Vec<u32>,
    column_of: Vec<u32>,
    /// Number of entries of every column.
    heights: Vec<usize>,
    /// The pairs of entries in one cluster and where its inverse couples them, by the columns that they belong to.
    pairs: Vec<([u32; 2], u32)>,
    /// The values of the core, of every two that are equal one.
    places: Vec<Place>,
    matrix: SymbolicSparseColMat<usize>,
    symbolic: SymbolicLu<usize>,
}

/// A value of the core.
struct Place {
    /// What it is where no clusters meet: 1 in the exchange.
    own: f64,
    /// The end of its pairs; they begin where those of the last one end.
    end: usize,
    /// Its positions on both sides of the diagonal.
    positions: [usize; 2],
}

impl Core {
    /// The pattern of the core and its symbolic factorization; none when it exceeds the memory that can be indexed.
    ///
    /// The columns are given as ranges of their entries, by the variables of these; entries of slope zero are zero.
    pub fn new(clusters: Clusters, columns: &[Range<usize>], variables: &[u32], slopes: &[f64]) -> Option<Self> {
        let (mut entries_at, mut column_of) = (vec![vec![]; clusters.variables()], vec![]);
        for (i, column) in columns.iter().enumerate() {
            for entry in column.clone().filter(|&entry| slopes[entry] != 0.0) {
                entries_at[variables[entry] as usize].push(entry as u32);
            }
            column_of.resize(column.end, i as u32);
        }
        // the core is symmetric: pairs below the diagonal, and all of those on it
        let ends = |&[a, b]: &[u32; 2]| [column_of[a as usize], column_of[b as usize]];
        let mut pairs = vec![];
        for (v, own) in (0..).zip(&entries_at) {
            for &w in clusters.partners(v) {
                let position = clusters.position(v, w);
                let all = own.iter().flat_map(|&a| entries_at[w as usize].iter().map(move |&b| [a, b]));
                pairs.extend(all.filter(|pair| ends(pair)[0] >= ends(pair)[1]).map(|pair| (pair, position)));
            }
        }
        let numbers = 0..u32::try_from(pairs.len()).ok()?;
        let by_second = sorted(numbers.collect(), columns.len(), |k| ends(&pairs[k as usize].0)[1]);
        let order = sorted(by_second, columns.len(), |k| ends(&pairs[k as usize].0)[0]);
        let pairs: Vec<_> = order.into_iter().map(|k| pairs[k as usize]).collect();
        let exchange = (0..columns.len() as u32).step_by(2).map(|i| [i + 1, i]);
        // pairs of the same columns follow each other
        let mut sites: Vec<[u32; 2]> = pairs.iter().map(|p| ends(&p.0)).collect();
        sites.dedup();
        sites.extend(exchange);
        sites.sort_unstable();
        sites.dedup();
        let both = sites.iter().flat_map(|&[i, j]| [(i, j), (j, i)]);
        let both: Vec<_> = both.map(|(row, col)| Pair { row: row as usize, col: col as usize }).collect();
        let (matrix, _) = SymbolicSparseColMat::try_new_from_indices(columns.len(), columns.len(), &both).ok()?;
        let position = |row: usize, col: usize| {
            let range = matrix.as_ref().col_range(col);
            range.start + matrix.as_ref().row_idx()[range].binary_search(&row).expect("the pattern holds all places")
        };
        let mut end = 0;
        let mut place = |&site: &[u32; 2]| {
            end += pairs[end..].iter().take_while(|p| ends(&p.0) == site).count();
            let [i, j] = site.map(|i| i as usize);
            Place { own: f64::from(i == j ^ 1), end, positions: [position(i, j), position(j, i)] }
        };
        let places = sites.iter().map(&mut place).collect();
        let symbolic = factorize_symbolic_lu(matrix.as_ref(), Default::default()).ok()?;
        let heights = columns.iter().map(Range::len).collect();
        Some(Self { clusters, variable_of: variables.to_vec(), column_of, heights, pairs, places, matrix, symbolic })
    }

    /// The clusters.
    pub fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    /// The core for these values of all columns, one after the other, and the inverses of all clusters, factorized; none where
    /// it is singular in floating point.
    pub fn factorize(&self, flat: Vec<f64>, inverse: &[f64]) -> Option<Factor<'_>> {
        let mut values = vec![0.0; self.matrix.compute_nnz()];
        let mut first = 0;
        for place in &self.places {
            let pairs = &self.pairs[first..place.end];
            let term = |&([a, b], position): &([u32; 2], u32)| {
                flat[a as usize] * inverse[position as usize] * flat[b as usize]
            };
            let sum: f64 = pairs.iter().map(term).sum();
            place.positions.iter().for_each(|&position| values[position] = place.own + sum);
            first = place.end;
        }
        let mut lu = NumericLu::new();
        // threads would wait longer for each other than the few numbers of a core take
        let scratch = self.symbolic.factorize_numeric_lu_scratch::<f64>(Par::Seq, Default::default());
        self.symbolic
            .factorize_numeric_lu(
                &mut lu,
                SparseColMatRef::new(self.matrix.as_ref(), &values),
                Par::Seq,
                MemStack::new(&mut MemBuffer::new(scratch)),
                Default::default(),
            )
            .ok()?;
        Some(Factor { core: self, flat, lu })
    }
}

/// A factorized core.
pub(super) struct Factor<'a> {
    core: &'a Core,
    flat: Vec<f64>,
    lu: NumericLu<usize, f64>,
}

impl Factor<'_> {
    /// `y - C^-1 U core^-1 U^T y`.
    pub fn correct(&self, y: &[f64], inverse: &[f64]) -> Vec<f64> {
        let core = self.core;
        let mut side = Mat::<f64>::zeros(core.heights.len(), 1);
        let sums = side.col_as_slice_mut(0);
        let mut rest = (&self.flat[..], &core.variable_of[..]);
        for (&height, sum) in core.heights.iter().zip(sums) {
            let ((own, values), (variables, after)) = (rest.0.split_at(height), rest.1.split_at(height));
            *sum = own.iter().zip(variables).map(|(u, &v)| u * y[v as usize]).sum();
            rest = (values, after);
        }
        let scratch = core.symbolic.solve_in_place_scratch::<f64>(1, Par::Seq);
        LuRef::new_unchecked(&core.symbolic, &self.lu).solve_in_place_with_conj(
            Conj::No,
            side.as_mut(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
        );
        let (mut image, sides) = (vec![0.0; y.len()], side.col_as_slice(0));
        for ((&v, &column), u) in core.variable_of.iter().zip(&core.column_of).zip(&self.flat) {
            image[v as usize] += u * sides[column as usize];
        }
        let correction = core.clusters.apply(inverse, &image);
        y.iter().zip(correction).map(|(y, c)| y - c).collect()
    }
}

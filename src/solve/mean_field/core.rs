//! The small part of a mean-field system that is solved exactly.
//!
//! The Hessian is `M = D - U K U^T` with two columns of U for every block, r for its heads and c for its tails, and K the
//! exchange of the two: each block takes `r c^T + c r^T` away. By Woodbury's formula
//! `M^-1 = D^-1 + D^-1 U (K - U^T D^-1 U)^-1 U^T D^-1`, for K is its own inverse. The core `K - U^T D^-1 U` is indefinite,
//! and as sparse as the graph of blocks.

use faer::prelude::Solve;
use faer::sparse::linalg::solvers::Lu;
use faer::sparse::{SparseColMat, Triplet};

/// Which columns meet in which variables.
pub(super) struct Core {
    /// The variable of every entry of every column.
    columns: Vec<Vec<u32>>,
    /// For every variable the entries that meet there: offsets, and places of entries in the list of all.
    start: Vec<usize>,
    entries: Vec<u32>,
    /// The column of every entry.
    column_of: Vec<u32>,
    /// For every variable, the places of all pairs of its entries among the core's values.
    pairs: Vec<u32>,
    /// Row and column of every value of the core.
    places: Vec<(u32, u32)>,
}

impl Core {
    pub fn new(variables: usize, blocks: &[[Vec<u32>; 2]]) -> Self {
        let columns: Vec<Vec<u32>> = blocks.iter().flatten().cloned().collect();
        let (mut start, mut column_of) = (vec![0usize; variables + 1], vec![]);
        for (i, column) in columns.iter().enumerate() {
            column.iter().for_each(|&v| start[v as usize + 1] += 1);
            column_of.resize(column_of.len() + column.len(), i as u32);
        }
        (0..variables).for_each(|v| start[v + 1] += start[v]);
        let (mut cursor, mut entries) = (start.clone(), vec![0; column_of.len()]);
        for (k, &v) in columns.iter().flatten().enumerate() {
            entries[cursor[v as usize]] = k as u32;
            cursor[v as usize] += 1;
        }
        // the exchange comes first: two values for every block
        let mut places: Vec<(u32, u32)> = (0..columns.len() as u32).map(|i| (i, i ^ 1)).collect();
        let mut known: std::collections::HashMap<(u32, u32), u32> =
            places.iter().enumerate().map(|(k, &place)| (place, k as u32)).collect();
        let mut pairs = vec![];
        for v in 0..variables {
            let own = &entries[start[v]..start[v + 1]];
            for &a in own {
                for &b in own {
                    let place = (column_of[a as usize], column_of[b as usize]);
                    pairs.push(*known.entry(place).or_insert_with(|| {
                        places.push(place);
                        places.len() as u32 - 1
                    }));
                }
            }
        }
        Self { columns, start, entries, column_of, pairs, places }
    }

    /// The core for these values of the columns, factorized; none where it is singular in floating point.
    pub fn factorize(&self, columns: Vec<Vec<f64>>, inverse: &[f64]) -> Option<Factor<'_>> {
        let mut flat = Vec::with_capacity(self.column_of.len());
        for (variables, values) in self.columns.iter().zip(&columns) {
            // blocks that couple nothing have no entries
            flat.extend_from_slice(&values[..variables.len().min(values.len())]);
        }
        let mut values = vec![0.0; self.places.len()];
        (0..self.columns.len()).for_each(|i| values[i] = 1.0);
        let mut pair = 0;
        for (ends, inverse) in self.start.windows(2).zip(inverse) {
            let own = &self.entries[ends[0]..ends[1]];
            for &a in own {
                let left = flat[a as usize] * inverse;
                for &b in own {
                    values[self.pairs[pair] as usize] -= left * flat[b as usize];
                    pair += 1;
                }
            }
        }
        let size = self.columns.len();
        let place = |(&(row, column), &value): (&(u32, u32), &f64)| Triplet::new(row as usize, column as usize, value);
        let triplets: Vec<_> = self.places.iter().zip(&values).map(place).collect();
        let matrix = SparseColMat::<usize, f64>::try_new_from_triplets(size, size, &triplets).ok()?;
        Some(Factor { core: self, flat, lu: matrix.sp_lu().ok()? })
    }
}

/// A factorized core.
pub(super) struct Factor<'a> {
    core: &'a Core,
    flat: Vec<f64>,
    lu: Lu<usize, f64>,
}

impl Factor<'_> {
    /// `y + D^-1 U core^-1 U^T y`.
    pub fn correct(&self, y: &[f64], inverse: &[f64]) -> Vec<f64> {
        let core = self.core;
        let mut side = faer::Mat::<f64>::zeros(core.columns.len(), 1);
        let variables = || core.columns.iter().flatten();
        for ((&column, &v), u) in core.column_of.iter().zip(variables()).zip(&self.flat) {
            side[(column as usize, 0)] += u * y[v as usize];
        }
        self.lu.solve_in_place(&mut side);
        let mut x = y.to_vec();
        for ((&column, &v), u) in core.column_of.iter().zip(variables()).zip(&self.flat) {
            x[v as usize] += inverse[v as usize] * u * side[(column as usize, 0)];
        }
        x
    }
}

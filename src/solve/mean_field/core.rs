//! The small part of a mean-field system that is solved exactly.
//!
//! The Hessian is `M = C + U K U^T` with the matrices C of all clusters, two columns of U for every block of rank one, r for its
//! heads and c, which is negative, for its tails, and K the exchange of the two: each block adds `r c^T + c r^T`. By Woodbury's
//! formula `M^-1 = C^-1 - C^-1 U (K + U^T C^-1 U)^-1 U^T C^-1`, for K is its own inverse. The core `K + U^T C^-1 U` is
//! indefinite, and as sparse as the graph of blocks.

use super::clusters::Clusters;
use super::stretches::Stretch;
use crate::numeric::{dot, weighted_dot};
use crate::solve::pattern::sorted;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::linalg::lu::{LuRef, NumericLu, SymbolicLu, factorize_symbolic_lu};
use faer::sparse::{Pair as Index, SparseColMatRef, SymbolicSparseColMat};
use faer::{Conj, Mat, Par};
use std::ops::Range;

/// Which columns meet in which clusters.
pub(super) struct Core {
    clusters: Clusters,
    /// Number of columns.
    columns: usize,
    /// All entries, one column after the other, and the columns.
    stretches: Vec<(Stretch, usize)>,
    pairs: Vec<Pair>,
    /// The values of the core, of every two that are equal one.
    places: Vec<Place>,
    matrix: SymbolicSparseColMat<usize>,
    symbolic: SymbolicLu<usize>,
}

/// Two entries in one cluster, and as many pairs of those after them.
struct Pair {
    entries: [usize; 2],
    /// Where the inverse of the cluster couples them.
    position: usize,
    length: usize,
    /// The number of the value that their products are a part of.
    place: u32,
}

/// A value of the core.
struct Place {
    /// What it is where no clusters meet: 1 in the exchange.
    own: f64,
    /// Its positions on both sides of the diagonal.
    positions: [usize; 2],
}

impl Core {
    /// The pattern of the core and its symbolic factorization; none when it exceeds the memory that can be indexed.
    ///
    /// The columns are given as ranges of their entries, by the variables of these; entries of slope zero are zero.
    pub fn new(clusters: Clusters, columns: &[Range<usize>], variables: &[u32], slopes: &[f64]) -> Option<Self> {
        let column_of: Vec<u32> = (0..).zip(columns).flat_map(|(i, own)| std::iter::repeat_n(i, own.len())).collect();
        let filled = (0..u32::try_from(variables.len()).ok()?).filter(|&entry| slopes[entry as usize] != 0.0);
        let by_variable = sorted(filled.collect(), clusters.variables(), |&entry: &u32| variables[entry as usize]);
        let mut entries_at = vec![0..0; clusters.variables()];
        let mut first = 0;
        for own in by_variable.chunk_by(|&a, &b| variables[a as usize] == variables[b as usize]) {
            entries_at[variables[own[0] as usize] as usize] = first..first + own.len();
            first += own.len();
        }
        // of how many variables from one on the entries are the next ones of the same columns
        let mut alike = vec![1; clusters.variables()];
        for v in (1..alike.len()).rev() {
            let [entries, next] = [v - 1, v].map(|v| &by_variable[entries_at[v].clone()]);
            let follows = |(&a, &b): (&u32, &u32)| b == a + 1 && column_of[a as usize] == column_of[b as usize];
            let alone = [v - 1, v].iter().all(|&v| clusters.partners(v as u32).len() == 1);
            if alone && entries.len() == next.len() && entries.iter().zip(next).all(follows) {
                alike[v - 1] = alike[v] + 1;
            }
        }
        // the core is symmetric: pairs below the diagonal, and all of those on it
        let (mut pairs, mut sites) = (vec![], vec![]);
        let mut place_of = vec![None; columns.len()];
        for (i, column) in columns.iter().enumerate() {
            let above = sites.len();
            let mut place = |sites: &mut Vec<[usize; 2]>, j: usize| {
                *place_of[j].get_or_insert_with(|| {
                    sites.push([i, j]);
                    sites.len() as u32 - 1
                })
            };
            let mut next = column.start;
            while next < column.end {
                let a = next;
                if slopes[a] == 0.0 {
                    next += 1;
                    continue;
                }
                let length = alike[variables[a] as usize];
                next += length;
                for &w in clusters.partners(variables[a]) {
                    let position = clusters.position(variables[a], w);
                    for &b in &by_variable[entries_at[w as usize].clone()] {
                        let j = column_of[b as usize] as usize;
                        if j <= i {
                            let (entries, place) = ([a, b as usize], place(&mut sites, j));
                            pairs.push(Pair { entries, position: position as usize, length, place });
                        }
                    }
                }
            }
            // the exchange is there in any case
            if i % 2 == 1 {
                place(&mut sites, i - 1);
            }
            sites[above..].iter().for_each(|&[_, j]| place_of[j] = None);
        }
        let both: Vec<_> =
            sites.iter().flat_map(|&[i, j]| [Index { row: i, col: j }, Index { row: j, col: i }]).collect();
        let (matrix, _) = SymbolicSparseColMat::try_new_from_indices(columns.len(), columns.len(), &both).ok()?;
        let position = |row: usize, col: usize| {
            let range = matrix.as_ref().col_range(col);
            range.start + matrix.as_ref().row_idx()[range].binary_search(&row).expect("the pattern holds all places")
        };
        let place = |&[i, j]: &[usize; 2]| Place {
            own: f64::from(u8::from(i == j ^ 1)),
            positions: [position(i, j), position(j, i)],
        };
        let places = sites.iter().map(place).collect();
        let symbolic = factorize_symbolic_lu(matrix.as_ref(), Default::default()).ok()?;
        let stretches = columns.iter().enumerate();
        let stretches = stretches
            .flat_map(|(i, own)| Stretch::all(own.start, &variables[own.clone()]).map(move |stretch| (stretch, i)));
        Some(Self { columns: columns.len(), stretches: stretches.collect(), clusters, pairs, places, matrix, symbolic })
    }

    /// The clusters.
    pub fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    /// The core for these values of all columns, one after the other, and the inverses of all clusters, factorized; none where
    /// it is singular in floating point.
    pub fn factorize(&self, flat: Vec<f64>, inverse: &[f64]) -> Option<Factor> {
        let mut sums: Vec<f64> = self.places.iter().map(|place| place.own).collect();
        for &Pair { entries, position, length, place } in &self.pairs {
            let [a, b] = entries.map(|entry| &flat[entry..entry + length]);
            sums[place as usize] += weighted_dot(&inverse[position..position + length], a, b);
        }
        let mut values = vec![0.0; self.matrix.compute_nnz()];
        for (place, sum) in self.places.iter().zip(sums) {
            place.positions.iter().for_each(|&position| values[position] = sum);
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
        Some(Factor { flat, lu })
    }

    /// `y - C^-1 U core^-1 U^T y`.
    pub fn correct(&self, Factor { flat, lu }: &Factor, y: &[f64], inverse: &[f64]) -> Vec<f64> {
        let mut side = Mat::<f64>::zeros(self.columns, 1);
        let sums = side.col_as_slice_mut(0);
        for (stretch, column) in &self.stretches {
            sums[*column] += dot(&flat[stretch.entries()], &y[stretch.variables()]);
        }
        let scratch = self.symbolic.solve_in_place_scratch::<f64>(1, Par::Seq);
        LuRef::new_unchecked(&self.symbolic, lu).solve_in_place_with_conj(
            Conj::No,
            side.as_mut(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
        );
        let (mut image, sides) = (vec![0.0; y.len()], side.col_as_slice(0));
        for (stretch, column) in &self.stretches {
            let own = image[stretch.variables()].iter_mut().zip(&flat[stretch.entries()]);
            own.for_each(|(image, u)| *image += u * sides[*column]);
        }
        let mut correction = self.clusters.apply(inverse, &image);
        correction.iter_mut().zip(y).for_each(|(c, y)| *c = y - *c);
        correction
    }
}

/// A factorized core.
pub(super) struct Factor {
    flat: Vec<f64>,
    lu: NumericLu<usize, f64>,
}

impl Factor {
    /// Divides the columns by the roots of their variables, where these are not zero; as the clusters are multiplied with them on
    /// both sides, the core stays the same.
    pub fn divide(&mut self, variables: &[u32], root: &[f64]) {
        for (value, &v) in self.flat.iter_mut().zip(variables) {
            let root = root[v as usize];
            *value = if root > 0.0 { *value / root } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{DMatrix, DVector};
    use quickcheck_macros::quickcheck;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    /// Columns of stretches that overlap, repeat and leave out variables, some of whose slopes are zero; pairs of variables in
    /// clusters, and variables with nothing on the diagonal.
    #[quickcheck]
    fn solutions_are_those_of_the_inverse_of_the_whole_core(seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let n = random.random_range(1..14);
        let pair = |random: &mut StdRng| [0, 1].map(|_| random.random_range(0..n) as u32);
        let groups: Vec<Vec<[u32; 2]>> = (0..random.random_range(0..3)).map(|_| vec![pair(&mut random)]).collect();
        let (clusters, joined) = Clusters::new(n, &groups);
        let (mut columns, mut variables) = (vec![], vec![]);
        for _ in 0..2 * random.random_range(1..4) {
            let first = variables.len();
            for _ in 0..random.random_range(0..3) {
                let start = random.random_range(0..n);
                variables.extend((start..random.random_range(start..=n)).map(|v| v as u32));
            }
            columns.push(first..variables.len());
        }
        let often = random.random_range(0..6);
        let slope =
            |random: &mut StdRng| if random.random_range(0..20) < often { 0.0 } else { random.random_range(-2.0..2.0) };
        let slopes: Vec<f64> = variables.iter().map(|_| slope(&mut random)).collect();
        let entry =
            |random: &mut StdRng| if random.random_range(0..8) == 0 { 0.0 } else { random.random_range(0.5..3.0) };
        let diagonal: Vec<f64> = (0..n).map(|_| entry(&mut random)).collect();
        let kept = groups.iter().zip(&joined).filter(|(group, joined)| **joined && group[0][0] != group[0][1]);
        let inverse = clusters.inverse(&diagonal, kept.map(|(group, _)| (group[0], 0.1)));
        let flat: Vec<f64> = slopes.iter().map(|slope| 0.2 * slope).collect();

        let unit = |k: usize| -> Vec<f64> { (0..n).map(|v| f64::from(u8::from(v == k))).collect() };
        let blocks: Vec<f64> = (0..n).flat_map(|k| clusters.apply(&inverse, &unit(k))).collect();
        let blocks = DMatrix::from_vec(n, n, blocks);
        let (mut sides, mut whole) = (DMatrix::zeros(n, columns.len()), DMatrix::zeros(columns.len(), columns.len()));
        for (i, own) in columns.iter().enumerate() {
            whole[(i, i ^ 1)] = 1.0;
            own.clone().for_each(|entry| sides[(variables[entry] as usize, i)] += flat[entry]);
        }
        whole += sides.transpose() * &blocks * &sides;
        // what is nearly singular tells nothing
        let Some(whole) = whole.try_inverse().filter(|inverse| inverse.amax() <= 1e4) else { return };
        let core = Core::new(clusters, &columns, &variables, &slopes).unwrap();
        let b = DVector::from_fn(n, |_, _| random.random_range(-1.0..1.0));
        let y = core.clusters().apply(&inverse, b.as_slice());
        let found = core.correct(&core.factorize(flat, &inverse).unwrap(), &y, &inverse);
        let expected = &blocks * &b - &blocks * &sides * whole * sides.transpose() * &blocks * &b;
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= 1e-8 * (1.0 + expected.abs()), "{found} instead of {expected}");
        }
    }
}

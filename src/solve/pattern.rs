//! Where the Hessian of a sparse problem has entries, and what is written there.
//!
//! The matrix is scaled to unit diagonal, so no cost leaves the range of `f64`.

use crate::numeric::Wide;
use crate::problem::{Entry, Point, Problem};
use faer::sparse::{Pair, SymbolicSparseColMat};

/// The lower triangle of the Hessian: which of its entries are not zero, and what connections add to each.
pub(super) struct Pattern {
    pub matrix: SymbolicSparseColMat<usize>,
    /// Position of every diagonal entry.
    pub diagonal: Vec<usize>,
    /// Every product of two coefficients of one connection.
    couplings: Vec<Coupling>,
}

struct Coupling {
    entry: Entry,
    /// Its number among the connections that have a cost.
    order: usize,
    a: u32,
    b: u32,
    product: f64,
    /// The position that it is added to.
    place: usize,
}

impl Pattern {
    /// The pattern of a problem; none when it exceeds the memory that can be indexed.
    pub fn new(problem: &Problem) -> Option<Self> {
        let n = problem.variables();
        let mut couplings = vec![];
        let mut order = 0;
        problem.for_each_entry(|entry| {
            let mut couple = |(a, x): (u32, f64), (b, y): (u32, f64)| {
                couplings.push(Coupling { entry, order, a, b, product: x * y, place: 0 });
            };
            match [entry.head, entry.tail].map(|port| problem.ports()[port as usize].terms()) {
                [&[], &[_]] | [&[_], &[]] => {}
                // most connections by far: no form has to be made for them
                [&[(a, x)], &[(b, y)]] if a != b => couple((a, x), (b, -y)),
                _ => {
                    let form = problem.form(&entry);
                    for (k, &one) in form.terms().iter().enumerate() {
                        form.terms()[..k].iter().for_each(|&other| couple(one, other));
                    }
                }
            }
            order += 1;
        });
        let ends = |c: &Coupling| Pair { row: c.a.max(c.b) as usize, col: c.a.min(c.b) as usize };
        let mut places: Vec<Pair<usize, usize>> = (0..n).map(|v| Pair { row: v, col: v }).collect();
        places.extend(couplings.iter().map(ends));
        let (matrix, _) = SymbolicSparseColMat::try_new_from_indices(n, n, &places).ok()?;
        let place = |row: usize, col: usize| {
            let range = matrix.as_ref().col_range(col);
            range.start + matrix.as_ref().row_idx()[range].binary_search(&row).expect("the pattern holds all places")
        };
        let diagonal = (0..n).map(|v| place(v, v)).collect();
        couplings.iter_mut().for_each(|c| {
            let Pair { row, col } = ends(c);
            c.place = place(row, col);
        });
        Some(Self { matrix, diagonal, couplings })
    }

    /// Number of variables.
    pub fn size(&self) -> usize {
        self.diagonal.len()
    }

    /// The entries of the Hessian at a point over the roots of its diagonal at both ends; on the diagonal nothing yet. Where a
    /// variable does not move there is nothing.
    pub fn hessian(&self, moves: &[bool], point: &Point) -> Vec<f64> {
        if let Some(diagonal) = point.plain_diagonal() {
            let inverse: Vec<f64> = diagonal.iter().map(|d| d.sqrt().recip()).collect();
            return self.values(moves, |c| {
                let Entry { block, row, column, index, .. } = c.entry;
                let curvature = point.plain_curvature(block, row as usize, column as usize, index);
                curvature.expect("the point is plain") * inverse[c.a as usize] * inverse[c.b as usize]
            });
        }
        let scale: Vec<Wide> = point.diagonal().into_iter().map(Wide::sqrt).collect();
        self.values(moves, |c| {
            let Entry { block, row, column, index, .. } = c.entry;
            let curvature = point.curvature(block, row as usize, column as usize, index);
            (curvature / (scale[c.a as usize] * scale[c.b as usize])).to_f64()
        })
    }

    /// The same of the sum over connections of a weight times the square of the form, where the weight is that of a block and
    /// the number of the connection among those that have a cost; `root` are the roots of its diagonal.
    pub fn weighted(&self, moves: &[bool], root: &[f64], weight: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        self.values(moves, |c| weight(c.entry.block, c.order) / (root[c.a as usize] * root[c.b as usize]))
    }

    fn values(&self, moves: &[bool], value: impl Fn(&Coupling) -> f64) -> Vec<f64> {
        let mut values = vec![0.0; self.matrix.compute_nnz()];
        for c in self.couplings.iter().filter(|c| moves[c.a as usize] && moves[c.b as usize]) {
            values[c.place] += c.product * value(c);
        }
        values
    }
}

//! Where the Hessian of a sparse problem has entries, and what is written there.
//!
//! The matrix is scaled to unit diagonal, so no cost leaves the range of `f64`.

use crate::numeric::Wide;
use crate::problem::{Entry, Point, Problem};
use faer::sparse::SymbolicSparseColMat;
use rayon::prelude::*;

/// Couplings that are worth a thread.
const AT_ONCE: usize = 1 << 13;

/// The lower triangle of the Hessian: which of its entries are not zero, and what connections add to each.
pub(super) struct Pattern {
    pub matrix: SymbolicSparseColMat<usize>,
    /// Position of every diagonal entry.
    pub diagonal: Vec<usize>,
    /// Every product of two coefficients of one connection.
    couplings: Vec<Coupling>,
}

/// As small as may be: reading all of them takes most of the time in which a matrix is made.
struct Coupling {
    block: u32,
    /// The place of its connection in the block.
    index: u32,
    /// The number of its connection among those that have a cost.
    order: u32,
    head: u32,
    tail: u32,
    a: u32,
    b: u32,
    /// The position that it is added to.
    place: u32,
    product: f64,
}

impl Pattern {
    /// The pattern of a problem; none when it exceeds the memory that can be indexed.
    pub fn new(problem: &Problem) -> Option<Self> {
        let n = problem.variables();
        // no number below is larger than that of all entries and places
        u32::try_from(problem.places()).ok()?;
        let mut couplings = vec![];
        let mut order = 0;
        problem.for_each_entry(|entry| {
            let Entry { head, tail, .. } = entry;
            let (block, index) = (entry.block as u32, entry.index as u32);
            let mut couple = |(a, x): (u32, f64), (b, y): (u32, f64)| {
                couplings.push(Coupling { block, index, order, head, tail, a, b, place: 0, product: x * y });
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
        // rows and columns: smaller than the couplings, which are read at random here
        let ends: Vec<[u32; 2]> = couplings.iter().map(|c: &Coupling| [c.a.max(c.b), c.a.min(c.b)]).collect();
        u32::try_from(n + couplings.len()).ok()?;
        let numbers = 0..couplings.len() as u32;
        let by_row = sorted(numbers.collect(), n, |k| ends[k as usize][0]);
        let mut order = sorted(by_row, n, |k| ends[k as usize][1]).into_iter().peekable();
        let (mut diagonal, mut first, mut rows) = (Vec::with_capacity(n), vec![0], Vec::with_capacity(n + order.len()));
        for col in 0..n {
            diagonal.push(rows.len());
            rows.push(col);
            while let Some(k) = order.next_if(|&k| ends[k as usize][1] as usize == col) {
                let row = ends[k as usize][0] as usize;
                if rows.last() != Some(&row) {
                    rows.push(row);
                }
                couplings[k as usize].place = rows.len() as u32 - 1;
            }
            first.push(rows.len());
        }
        let matrix = SymbolicSparseColMat::new_checked(n, n, first, None, rows);
        Some(Self { matrix, diagonal, couplings })
    }

    /// The entries of the Hessian at a point over the roots of its diagonal at both ends; on the diagonal nothing yet. Where a
    /// variable does not move there is nothing.
    pub fn hessian(&self, moves: &[bool], point: &Point) -> Vec<f64> {
        if let Some(diagonal) = point.plain_diagonal() {
            let inverse: Vec<f64> = diagonal.iter().map(|d| d.sqrt().recip()).collect();
            return self.values(moves, |c| {
                let curvature = point.plain_curvature(c.block as usize, c.index as usize, [c.head, c.tail]);
                curvature.expect("the point is plain") * inverse[c.a as usize] * inverse[c.b as usize]
            });
        }
        let scale: Vec<Wide> = point.diagonal().into_iter().map(Wide::sqrt).collect();
        self.values(moves, |c| {
            let curvature = point.curvature(c.block as usize, c.index as usize, [c.head, c.tail]);
            (curvature / (scale[c.a as usize] * scale[c.b as usize])).to_f64()
        })
    }

    /// The same of the sum over connections of a weight times the square of the form, where the weight is that of a block and
    /// the number of the connection among those that have a cost; `root` are the roots of its diagonal.
    pub fn weighted(&self, moves: &[bool], root: &[f64], weight: impl Fn(usize, usize) -> f64 + Sync) -> Vec<f64> {
        self.values(moves, |c| weight(c.block as usize, c.order as usize) / (root[c.a as usize] * root[c.b as usize]))
    }

    fn values(&self, moves: &[bool], value: impl Fn(&Coupling) -> f64 + Sync) -> Vec<f64> {
        let term = |c: &Coupling| {
            let both = moves[c.a as usize] && moves[c.b as usize];
            if both { c.product * value(c) } else { 0.0 }
        };
        let terms: Vec<f64> = self.couplings.par_iter().with_min_len(AT_ONCE).map(term).collect();
        let mut values = vec![0.0; self.matrix.compute_nnz()];
        self.couplings.iter().zip(terms).for_each(|(c, term)| values[c.place as usize] += term);
        values
    }
}

/// Numbers sorted by a key below `keys`, by counting; those with the same key stay in their order.
pub(super) fn sorted(numbers: Vec<u32>, keys: usize, key: impl Fn(u32) -> u32) -> Vec<u32> {
    let mut cursor = vec![0usize; keys + 1];
    numbers.iter().for_each(|&k| cursor[key(k) as usize + 1] += 1);
    (0..keys).for_each(|i| cursor[i + 1] += cursor[i]);
    let mut order = vec![0; numbers.len()];
    for k in numbers {
        let at = &mut cursor[key(k) as usize];
        order[*at] = k;
        *at += 1;
    }
    order
}

//! Where the Hessian of a sparse problem has entries, and what is written there.
//!
//! The matrix is scaled to unit diagonal, so no cost leaves the range of `f64`.

use crate::manifold::Form;
use crate::numeric::Wide;
use crate::problem::{Point, Problem};
use faer::sparse::SymbolicSparseColMat;
use rayon::prelude::*;

/// Couplings that are worth a thread.
const AT_ONCE: usize = 1 << 13;

/// The lower triangle of the Hessian: which of its entries are not zero, and what connections add to each.
pub(super) struct Pattern {
    pub matrix: SymbolicSparseColMat<usize>,
    /// Position of every diagonal entry.
    pub diagonal: Vec<usize>,
    /// Every pair of variables of one connection, those of one block after those of another.
    couplings: Vec<Coupling>,
    /// The products of their coefficients; nothing where all are -1, as they are for connections between single units.
    products: Vec<f64>,
    /// The end of the couplings of every block.
    ends: Vec<usize>,
    /// The variables of every coupling, the later one first: row and column.
    sites: Vec<[u32; 2]>,
    /// The position that each of them is added to.
    place: Vec<u32>,
}

/// As small as may be: reading all of them takes most of the time in which a matrix is made.
#[derive(Clone, Copy)]
struct Coupling {
    /// The place of its connection in the block.
    index: u32,
    /// The number of its connection among those that have a cost.
    order: u32,
    ports: [u32; 2],
}

/// What a port depends on, in as few bytes as may be: all connections ask for it in any order.
#[derive(Clone, Copy)]
enum Terms {
    None,
    One(u32),
    Many,
}

impl Pattern {
    /// The pattern of a problem; none when it exceeds the memory that can be indexed.
    pub fn new(problem: &Problem) -> Option<Self> {
        let n = problem.variables();
        // no number below is larger than that of all entries and places
        u32::try_from(problem.places()).ok()?;
        let terms_of = |form: &Form| match *form.terms() {
            [] => Terms::None,
            [(v, 1.0)] => Terms::One(v),
            _ => Terms::Many,
        };
        let terms: Vec<Terms> = problem.ports().iter().map(terms_of).collect();
        // most places of a sparse problem hold a coupling, of others perhaps few
        let likely = problem.places().min(1 << 22);
        let (mut couplings, mut sites) = (Vec::with_capacity(likely), Vec::with_capacity(likely));
        let mut ends = vec![0; problem.blocks().len()];
        let (mut order, mut products) = (0, vec![]);
        problem.for_each_entry(|entry| {
            let (index, ports) = (entry.index as u32, [entry.head, entry.tail]);
            let coupling = Coupling { index, order, ports };
            match ports.map(|port| terms[port as usize]) {
                [Terms::None, Terms::One(_)] | [Terms::One(_), Terms::None] => {}
                // most connections by far: no form has to be made for them
                [Terms::One(a), Terms::One(b)] if a != b => {
                    couplings.push(coupling);
                    sites.push([a.max(b), a.min(b)]);
                }
                _ => {
                    let form = problem.form(&entry);
                    for (k, &(a, x)) in form.terms().iter().enumerate() {
                        for &(b, y) in &form.terms()[..k] {
                            if x * y != -1.0 {
                                products.resize(couplings.len(), -1.0);
                                products.push(x * y);
                            }
                            couplings.push(coupling);
                            sites.push([a.max(b), a.min(b)]);
                        }
                    }
                }
            }
            order += 1;
            ends[entry.block] = couplings.len();
        });
        if !products.is_empty() {
            products.resize(couplings.len(), -1.0);
        }
        // blocks without a connection end where those before them do
        (1..ends.len()).for_each(|b| ends[b] = ends[b].max(ends[b - 1]));
        u32::try_from(n + couplings.len()).ok()?;
        // each takes its row and its column along: looking them up in the order of the other takes longer than to move them
        let all = (0..).zip(&sites).map(|(k, &[row, col])| [k, row, col]).collect();
        let by_row = sorted(all, n, |&[_, row, _]| row);
        let mut order = sorted(by_row, n, |&[_, _, col]| col).into_iter().peekable();
        let mut place = vec![0; couplings.len()];
        let (mut diagonal, mut first, mut rows) = (Vec::with_capacity(n), vec![0], Vec::with_capacity(n + order.len()));
        for col in 0..n {
            diagonal.push(rows.len());
            rows.push(col);
            while let Some([k, row, _]) = order.next_if(|next| next[2] as usize == col) {
                if rows.last() != Some(&(row as usize)) {
                    rows.push(row as usize);
                }
                place[k as usize] = rows.len() as u32 - 1;
            }
            first.push(rows.len());
        }
        let matrix = SymbolicSparseColMat::new_checked(n, n, first, None, rows);
        Some(Self { matrix, diagonal, couplings, products, ends, sites, place })
    }

    /// The entries of the Hessian at a point over the roots of its diagonal at both ends; on the diagonal nothing yet. Where a
    /// variable does not move there is nothing.
    pub fn hessian(&self, moves: &[bool], point: &Point) -> Vec<f64> {
        if let Some(diagonal) = point.plain_diagonal() {
            let scale = scales(moves, diagonal.iter().map(|d| d.sqrt()));
            return self.values(|block| {
                let (curvatures, scale) = (point.plain_curvatures(block).expect("the point is plain"), &scale);
                move |c, [a, b]| {
                    let both = scale[a as usize] * scale[b as usize];
                    if both == 0.0 { 0.0 } else { curvatures.at(c.index as usize, c.ports) * both }
                }
            });
        }
        let root: Vec<Wide> = point.diagonal().into_iter().map(Wide::sqrt).collect();
        self.values(|block| {
            let root = &root;
            move |c, site| {
                let [a, b] = site.map(|v| v as usize);
                if !(moves[a] && moves[b]) {
                    return 0.0;
                }
                let curvature = point.curvature(block, c.index as usize, c.ports);
                (curvature / (root[a] * root[b])).to_f64()
            }
        })
    }

    /// The same of the sum over connections of a weight times the square of the form, where the weight is that of a block and
    /// the number of the connection among those that have a cost; `root` are the roots of its diagonal.
    pub fn weighted(&self, moves: &[bool], root: &[f64], weight: impl Fn(usize, usize) -> f64 + Sync) -> Vec<f64> {
        let scale = scales(moves, root.iter().copied());
        self.values(|block| {
            let (weight, scale) = (&weight, &scale);
            move |c, [a, b]| {
                let both = scale[a as usize] * scale[b as usize];
                if both == 0.0 { 0.0 } else { weight(block, c.order as usize) * both }
            }
        })
    }

    /// The sums of the couplings' products, each times the value that its block gives it.
    fn values<F: Fn(&Coupling, [u32; 2]) -> f64 + Sync>(&self, of_block: impl Fn(usize) -> F) -> Vec<f64> {
        let mut terms = vec![0.0; self.couplings.len()];
        let (mut rest, mut first) = (&mut terms[..], 0);
        for (block, &end) in self.ends.iter().enumerate() {
            let (own, after) = std::mem::take(&mut rest).split_at_mut(end - first);
            let value = of_block(block);
            let couplings = self.couplings[first..end].par_iter().zip(&self.sites[first..end]);
            let all = own.par_iter_mut().with_min_len(AT_ONCE).zip(couplings);
            all.for_each(|(term, (c, site))| *term = value(c, *site));
            (rest, first) = (after, end);
        }
        let mut values = vec![0.0; self.matrix.compute_nnz()];
        if self.products.is_empty() {
            self.place.iter().zip(terms).for_each(|(&place, term)| values[place as usize] -= term);
        } else {
            let terms = terms.iter().zip(&self.products).map(|(term, product)| term * product);
            self.place.iter().zip(terms).for_each(|(&place, term)| values[place as usize] += term);
        }
        values
    }
}

/// The inverses of roots, zero where variables do not move, or nothing has a curvature.
fn scales(moves: &[bool], roots: impl Iterator<Item = f64>) -> Vec<f64> {
    moves.iter().zip(roots).map(|(&moves, root)| if moves && root > 0.0 { root.recip() } else { 0.0 }).collect()
}

/// What is sorted by a key below `keys`, by counting; what has the same key stays in its order.
pub(super) fn sorted<T: Copy + Default>(items: Vec<T>, keys: usize, key: impl Fn(&T) -> u32) -> Vec<T> {
    let mut cursor = vec![0usize; keys + 1];
    items.iter().for_each(|item| cursor[key(item) as usize + 1] += 1);
    (0..keys).for_each(|i| cursor[i + 1] += cursor[i]);
    let mut order = vec![T::default(); items.len()];
    for item in items {
        let at = &mut cursor[key(&item) as usize];
        order[*at] = item;
        *at += 1;
    }
    order
}

//! The numbers of a sparse Cholesky factor (faer), in double or in single precision.
//!
//! A factor that only preconditions need not be precise, and reading it takes most of the time of a solve: in single precision it
//! takes half the memory and half the time.

use super::multifrontal::Multifrontal;
use super::pattern::Pattern;
use super::supernodal::{Number, Supernodal};
use super::symbolic::Symbolic;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::LltRegularization;
use faer::sparse::SparseColMatRef;
use faer::sparse::linalg::cholesky::{LltRef, SymbolicCholeskyRaw};
use faer::traits::RealField;
use faer::{Conj, MatMut, Par, Side};

/// The numbers of the factor that was made last.
pub(super) enum Factor {
    Double(Vec<f64>),
    Single(Vec<f32>),
}

/// What the diagonal grows by, one after the other, where rounding makes the matrix indefinite.
const DOUBLE_SHIFTS: &[f64] = &[0.0, 1e-15, 1e-13, 1e-11, 1e-9, 1e-7];
const SINGLE_SHIFTS: &[f32] = &[0.0, 1e-7, 1e-6, 1e-5, 1e-4];

impl Factor {
    /// Factorizes a matrix of unit diagonal, whose other entries are given; false where it is not numerically definite.
    pub fn factorize(&mut self, symbolic: &Symbolic, pattern: &Pattern, mut values: Vec<f64>) -> bool {
        match self {
            Self::Double(factor) => factorize(symbolic, pattern, &mut values, DOUBLE_SHIFTS, factor),
            Self::Single(factor) => {
                let mut single: Vec<f32> = values.iter().map(|&v| v as f32).collect();
                drop(values);
                factorize(symbolic, pattern, &mut single, SINGLE_SHIFTS, factor)
            }
        }
    }

    /// Solves with the factor in place.
    pub fn solve(&self, symbolic: &Symbolic, side: &mut [f64]) {
        match self {
            Self::Double(factor) => solve(symbolic, factor, side, |s| s, |x| x),
            Self::Single(factor) => solve(symbolic, factor, side, |s| s as f32, f64::from),
        }
    }
}

fn factorize<T: RealField + Number>(
    symbolic: &Symbolic,
    pattern: &Pattern,
    values: &mut [T],
    shifts: &[T],
    factor: &mut Vec<T>,
) -> bool {
    let Symbolic { cholesky, supernodes } = symbolic;
    factor.resize(cholesky.len_val(), T::default());
    shifts.iter().any(|&shift| {
        pattern.diagonal.iter().for_each(|&place| values[place] = T::one_impl() + shift);
        if let (SymbolicCholeskyRaw::Supernodal(symbolic), Some((subtrees, assembly))) = (cholesky.raw(), supernodes) {
            return Multifrontal { symbolic, subtrees, assembly, matrix: values }.factorize(factor);
        }
        let mut memory = MemBuffer::new(cholesky.factorize_numeric_llt_scratch::<T>(Par::Seq, Default::default()));
        let done = cholesky.factorize_numeric_llt::<T>(
            factor,
            SparseColMatRef::<usize, T>::new(pattern.matrix.as_ref(), values),
            Side::Lower,
            LltRegularization::default(),
            Par::Seq,
            MemStack::new(&mut memory),
            Default::default(),
        );
        done.is_ok()
    })
}

fn solve<T: RealField + Number>(
    Symbolic { cholesky, supernodes }: &Symbolic,
    factor: &[T],
    side: &mut [f64],
    number: impl Fn(f64) -> T,
    double: impl Fn(T) -> f64,
) {
    if let (SymbolicCholeskyRaw::Supernodal(symbolic), Some((subtrees, _)), Some(order)) =
        (cholesky.raw(), supernodes, cholesky.perm())
    {
        let (of_factor, of_side) = order.arrays();
        let mut x: Vec<T> = of_factor.iter().map(|&v| number(side[v])).collect();
        Supernodal { symbolic, subtrees, values: factor }.solve(&mut x);
        side.iter_mut().zip(of_side).for_each(|(side, &i)| *side = double(x[i]));
        return;
    }
    let mut x: Vec<T> = side.iter().map(|&s| number(s)).collect();
    let mut memory = MemBuffer::new(cholesky.solve_in_place_scratch::<T>(1, Par::Seq));
    let column = MatMut::from_column_major_slice_mut(&mut x, side.len(), 1);
    let llt = LltRef::<usize, T>::new(cholesky, factor);
    llt.solve_in_place_with_conj(Conj::No, column, Par::Seq, MemStack::new(&mut memory));
    side.iter_mut().zip(x).for_each(|(side, x)| *side = double(x));
}

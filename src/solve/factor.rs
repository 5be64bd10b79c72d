//! The numbers of a sparse Cholesky factor (faer), in double or in single precision.
//!
//! A factor that only preconditions need not be precise, and reading it takes most of the time of a solve: in single precision it
//! takes half the memory and half the time.

use super::pattern::Pattern;
use super::supernodal::{Number, Supernodal};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::LltRegularization;
use faer::sparse::SparseColMatRef;
use faer::sparse::linalg::cholesky::{LltRef, SymbolicCholesky, SymbolicCholeskyRaw};
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
    pub fn factorize(&mut self, symbolic: &SymbolicCholesky<usize>, pattern: &Pattern, mut values: Vec<f64>) -> bool {
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
    pub fn solve(&self, symbolic: &SymbolicCholesky<usize>, side: &mut [f64]) {
        match self {
            Self::Double(factor) => solve(symbolic, factor, side, |s| s, |x| x),
            Self::Single(factor) => solve(symbolic, factor, side, |s| s as f32, f64::from),
        }
    }
}

fn factorize<T: RealField + Copy>(
    symbolic: &SymbolicCholesky<usize>,
    pattern: &Pattern,
    values: &mut [T],
    shifts: &[T],
    factor: &mut Vec<T>,
) -> bool {
    factor.resize(symbolic.len_val(), T::zero_impl());
    let mut memory = MemBuffer::new(symbolic.factorize_numeric_llt_scratch::<T>(Par::Seq, Default::default()));
    shifts.iter().any(|&shift| {
        let one = T::one_impl();
        pattern.diagonal.iter().for_each(|&place| values[place] = one + shift);
        let matrix = SparseColMatRef::<usize, T>::new(pattern.matrix.as_ref(), values);
        let done = symbolic.factorize_numeric_llt::<T>(
            factor,
            matrix,
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
    symbolic: &SymbolicCholesky<usize>,
    factor: &[T],
    side: &mut [f64],
    number: impl Fn(f64) -> T,
    double: impl Fn(T) -> f64,
) {
    if let (SymbolicCholeskyRaw::Supernodal(supernodal), Some(order)) = (symbolic.raw(), symbolic.perm()) {
        let (of_factor, of_side) = order.arrays();
        let mut x: Vec<T> = of_factor.iter().map(|&v| number(side[v])).collect();
        Supernodal { symbolic: supernodal, values: factor }.solve(&mut x);
        side.iter_mut().zip(of_side).for_each(|(side, &i)| *side = double(x[i]));
        return;
    }
    let mut x: Vec<T> = side.iter().map(|&s| number(s)).collect();
    let mut memory = MemBuffer::new(symbolic.solve_in_place_scratch::<T>(1, Par::Seq));
    let column = MatMut::from_column_major_slice_mut(&mut x, side.len(), 1);
    let llt = LltRef::<usize, T>::new(symbolic, factor);
    llt.solve_in_place_with_conj(Conj::No, column, Par::Seq, MemStack::new(&mut memory));
    side.iter_mut().zip(x).for_each(|(side, x)| *side = double(x));
}

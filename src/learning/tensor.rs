//! Arithmetic in place on the numbers of tensors, in single and in double precision.
//!
//! candle's own operations allocate their result. A step of training touches every weight several times, so those that run
//! once per step work in place. All tensors here are contiguous and on the CPU.

use crate::error::{Error, ErrorKind};
use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, InplaceOp3, Layout, Result, Tensor};
use num_traits::Float;

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::new(ErrorKind::Unsupported, "tensors", error.to_string(), "report this as a fault of the program")
    }
}

/// A real number: `f32` or `f64`.
pub trait Real: Float + Send + Sync + 'static {
    /// The nearest number of this type.
    fn of(value: f64) -> Self;
    /// The same as `f64`.
    fn wide(self) -> f64;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }

    fn wide(self) -> f64 {
        self.into()
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn wide(self) -> f64 {
        self
    }
}

/// Changes numbers.
pub trait Change {
    /// Changes all numbers of a tensor, row by row.
    fn apply<T: Real>(&self, values: &mut [T]);
}

/// Changes numbers by others.
pub trait ChangeBy {
    /// Changes all numbers of one tensor by those of another.
    fn apply<T: Real>(&self, values: &mut [T], by: &[T]);
}

/// Changes numbers by two tensors.
pub trait ChangeByTwo {
    /// Changes all numbers of one tensor by those of two others.
    fn apply<T: Real>(&self, values: &mut [T], by: &[T], and: &[T]);
}

/// Changes `values` in place.
pub fn change(values: &Tensor, how: &impl Change) -> Result<()> {
    values.inplace_op1(&InPlace(how))
}

/// Changes `values` in place by another tensor, of any length that `how` can work with.
pub fn change_by(values: &Tensor, by: &Tensor, how: &impl ChangeBy) -> Result<()> {
    values.inplace_op2(by, &InPlace(how))
}

/// Changes `values` in place by two other tensors.
pub fn change_by_two(values: &Tensor, by: &Tensor, and: &Tensor, how: &impl ChangeByTwo) -> Result<()> {
    values.inplace_op3(by, and, &InPlace(how))
}

struct InPlace<'a, C>(&'a C);

fn range(layout: &Layout) -> Result<std::ops::Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => candle_core::bail!("a tensor that is changed in place must be contiguous"),
    }
}

impl<C: Change> InplaceOp1 for InPlace<'_, C> {
    fn name(&self) -> &'static str {
        "change"
    }

    fn cpu_fwd(&self, a: &mut CpuStorage, la: &Layout) -> Result<()> {
        match a {
            CpuStorage::F32(a) => self.0.apply(&mut a[range(la)?]),
            CpuStorage::F64(a) => self.0.apply(&mut a[range(la)?]),
            _ => candle_core::bail!("tensors hold f32 or f64"),
        }
        Ok(())
    }
}

impl<C: ChangeBy> InplaceOp2 for InPlace<'_, C> {
    fn name(&self) -> &'static str {
        "change by"
    }

    fn cpu_fwd(&self, a: &mut CpuStorage, la: &Layout, b: &CpuStorage, lb: &Layout) -> Result<()> {
        match (a, b) {
            (CpuStorage::F32(a), CpuStorage::F32(b)) => self.0.apply(&mut a[range(la)?], &b[range(lb)?]),
            (CpuStorage::F64(a), CpuStorage::F64(b)) => self.0.apply(&mut a[range(la)?], &b[range(lb)?]),
            _ => candle_core::bail!("tensors hold f32 or f64, both the same"),
        }
        Ok(())
    }
}

impl<C: ChangeByTwo> InplaceOp3 for InPlace<'_, C> {
    fn name(&self) -> &'static str {
        "change by two"
    }

    fn cpu_fwd(
        &self,
        a: &mut CpuStorage,
        la: &Layout,
        b: &CpuStorage,
        lb: &Layout,
        c: &CpuStorage,
        lc: &Layout,
    ) -> Result<()> {
        let (la, lb, lc) = (range(la)?, range(lb)?, range(lc)?);
        match (a, b, c) {
            (CpuStorage::F32(a), CpuStorage::F32(b), CpuStorage::F32(c)) => {
                self.0.apply(&mut a[la], &b[lb], &c[lc]);
            }
            (CpuStorage::F64(a), CpuStorage::F64(b), CpuStorage::F64(c)) => {
                self.0.apply(&mut a[la], &b[lb], &c[lc]);
            }
            _ => candle_core::bail!("tensors hold f32 or f64, all the same"),
        }
        Ok(())
    }
}

/// All numbers of a tensor, row by row.
pub fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.flatten_all()?.to_dtype(candle_core::DType::F64)?.to_vec1()
}

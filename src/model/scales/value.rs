//! What inference knows about a tensor: the log-scale of each element, or that it is a stored constant.

use super::mixed::Mixture;
use super::size::{Size, Sizes};
use crate::manifold::{Form, Forms};
use std::collections::BTreeMap;

/// The log-scale of every element of a tensor: a sum of one form per axis that carries scales.
///
/// Axes are counted from the last one (0), as broadcasting aligns them. The forms of an axis are as many as its
/// elements, or one for all of them. No axis: all log-scales are zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scales {
    axes: BTreeMap<usize, Forms>,
}

impl Scales {
    /// All log-scales are zero.
    pub fn zero() -> Self {
        Self::default()
    }

    /// One axis carries scales.
    pub fn along(axis: usize, forms: impl Into<Forms>) -> Self {
        Self::zero().with(axis, forms)
    }

    /// The same, with other forms on one axis; forms that are all the same become one.
    pub fn with(mut self, axis: usize, forms: impl Into<Forms>) -> Self {
        let forms = forms.into();
        let uniform = forms.iter().skip(1).all(|f| f == &forms[0]);
        match forms.first() {
            Some(first) if uniform && !first.is_zero() => self.axes.insert(axis, [first.clone()].into()),
            Some(_) if !uniform => self.axes.insert(axis, forms),
            _ => self.axes.remove(&axis),
        };
        self
    }

    /// The same, without scales on one axis.
    pub fn without(mut self, axis: usize) -> Self {
        self.axes.remove(&axis);
        self
    }

    /// The axes that carry scales and their forms.
    pub fn axes(&self) -> impl Iterator<Item = (usize, &Forms)> {
        self.axes.iter().map(|(&a, f)| (a, f))
    }

    /// The forms on an axis; `None` where it carries none.
    pub fn axis(&self, axis: usize) -> Option<&[Form]> {
        self.axes.get(&axis).map(|f| &f[..])
    }

    /// Whether all log-scales are zero.
    pub fn is_zero(&self) -> bool {
        self.axes.is_empty()
    }

    /// Every form on every axis.
    pub fn forms(&self) -> impl Iterator<Item = &Form> {
        self.axes.values().flat_map(|f| f.iter())
    }

    /// The forms of an axis of `size` elements; `None` when it carries scales for another number of elements.
    pub fn expanded(&self, axis: usize, size: usize) -> Option<Forms> {
        match self.axes.get(&axis) {
            None => Some(vec![Form::zero(); size].into()),
            Some(forms) if forms.len() == size => Some(forms.clone()),
            Some(forms) if forms.len() == 1 => Some(vec![forms[0].clone(); size].into()),
            Some(_) => None,
        }
    }

    /// The same, with forms added to those on one axis; `None` when the axis carries another number of forms.
    pub fn added(self, axis: usize, forms: &[Form]) -> Option<Self> {
        let old = self.expanded(axis, forms.len())?;
        let sum = old.iter().zip(forms).map(|(a, b)| a.plus(1.0, b)).collect::<Forms>();
        Some(self.with(axis, sum))
    }

    /// The same, with one form added to all elements.
    pub fn shifted(mut self, by: &Form) -> Self {
        let forms = self.axes.remove(&0).unwrap_or_else(|| [Form::zero()].into());
        self.with(0, forms.iter().map(|f| f.plus(1.0, by)).collect::<Forms>())
    }

    /// The axes renamed; axes for which `rename` gives `None` must not carry scales.
    pub fn renamed(&self, rename: impl Fn(usize) -> Option<usize>) -> Self {
        Self { axes: self.axes.iter().filter_map(|(&a, f)| Some((rename(a)?, f.clone()))).collect() }
    }

    /// The forms of both where they and these carry scales on the same single axis, for as many elements.
    pub fn paired<'a>(&'a self, other: &'a Self) -> Option<impl Iterator<Item = (&'a Form, &'a Form)>> {
        let one = |of: &'a Self| of.axes.first_key_value().filter(|_| of.axes.len() == 1);
        let ((axis, own), (other_axis, others)) = one(self).zip(one(other))?;
        (axis == other_axis && own.len() == others.len()).then(|| own.iter().zip(others.iter()))
    }

    /// `self - other` for broadcast operands; `None` when an axis has two sizes.
    pub fn minus(&self, other: &Self) -> Option<Self> {
        let mut difference = Self::zero();
        let both: std::collections::BTreeSet<usize> = self.axes.keys().chain(other.axes.keys()).copied().collect();
        for axis in both {
            let size = |s: &Self| s.axis(axis).map_or(1, <[Form]>::len);
            let n = size(self).max(size(other));
            let (a, b) = (self.expanded(axis, n)?, other.expanded(axis, n)?);
            let own = a.iter().zip(b.iter()).map(|(a, b)| a.plus(-1.0, b));
            difference = difference.with(axis, own.collect::<Forms>());
        }
        Some(difference)
    }

    /// `self + other` for broadcast operands; `None` when an axis has two sizes.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        self.minus(&Self::zero().minus(other)?)
    }

    /// All log-scales times a factor.
    pub fn times(&self, factor: f64) -> Self {
        let scaled = |forms: &[Form]| forms.iter().map(|f| Form::zero().plus(factor, f)).collect();
        Self { axes: self.axes.iter().map(|(&a, f)| (a, scaled(f))).collect() }
    }

    /// Whether the elements along an axis have different log-scales.
    pub fn varies(&self, axis: usize) -> bool {
        self.axis(axis).is_some_and(|forms| forms.iter().any(|f| f != &forms[0]))
    }

    /// The log-scale of the first element of every axis.
    pub fn first(&self) -> Form {
        self.axes.values().fold(Form::zero(), |sum, forms| sum.plus(1.0, &forms[0]))
    }

    /// Forms that vanish if and only if all log-scales do: the first element, and its neighbours along each axis.
    pub fn spanning(&self) -> Vec<Form> {
        let first = self.first();
        let mut all = vec![first.clone()];
        for forms in self.axes.values() {
            let rest = first.plus(-1.0, &forms[0]);
            all.extend(forms.iter().skip(1).map(|f| rest.plus(1.0, f)));
        }
        all
    }
}

/// An activation: a tensor that is computed when the model runs.
#[derive(Clone, Debug)]
pub(crate) struct Activation {
    /// Its log-scales.
    pub scales: Scales,
    /// Log-scales on top of these that are no sum over axes.
    pub mixture: Option<Mixture>,
    /// Its shape, as far as it is known.
    pub shape: Option<Sizes>,
    /// The node of the flow graph that stands for the tensor as a whole.
    pub hub: u32,
    /// Whether it is computed from constants and shapes alone.
    pub constant: bool,
    /// Whether no element is ever negative.
    pub nonnegative: bool,
}

impl Activation {
    /// The size of the axis counted from the last; one beyond the first axis.
    pub fn size(&self, axis: usize) -> Size {
        let Some(shape) = &self.shape else { return Size::Open };
        shape.len().checked_sub(axis + 1).map_or(Size::Known(1), |i| shape[i])
    }
}

/// A stored tensor, seen through operators that only arrange its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// Index of the stored tensor.
    pub tensor: usize,
    /// Shape of the view.
    pub dims: Vec<usize>,
    /// Distance of neighbours along each axis, in stored elements.
    pub strides: Vec<usize>,
}

impl View {
    /// The stored tensor as it is.
    pub fn whole(tensor: usize, dims: &[usize]) -> Self {
        Self { tensor, dims: dims.to_vec(), strides: contiguous(dims) }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Size of the axis counted from the last; 1 beyond the first axis.
    pub fn size(&self, axis: usize) -> usize {
        self.dims.len().checked_sub(axis + 1).map_or(1, |i| self.dims[i])
    }

    /// Axes, counted from the last, with more than one element.
    pub fn wide_axes(&self) -> Vec<usize> {
        (0..self.dims.len()).filter(|&a| self.size(a) > 1).collect()
    }

    /// The view in another shape with as many elements; `None` where the elements are not stored in that order.
    pub fn reshaped(&self, dims: &[usize]) -> Option<Self> {
        let same = dims.iter().product::<usize>() == self.len();
        (same && self.strides == contiguous(&self.dims)).then(|| Self::whole(self.tensor, dims))
    }

    /// Calls `visit` with the sums of index times stride over all axes, for each of the `N` lists of strides.
    pub fn visit<const N: usize>(&self, strides: [&[usize]; N], mut visit: impl FnMut([usize; N])) {
        if self.len() == 0 {
            return;
        }
        let mut index = vec![0; self.dims.len()];
        let mut sums = [0; N];
        loop {
            visit(sums);
            let mut axis = self.dims.len();
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                index[axis] += 1;
                let carry = index[axis] == self.dims[axis];
                for (sum, stride) in sums.iter_mut().zip(strides) {
                    *sum = if carry { *sum - (index[axis] - 1) * stride[axis] } else { *sum + stride[axis] };
                }
                if !carry {
                    break;
                }
                index[axis] = 0;
            }
        }
    }
}

fn contiguous(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for i in (1..dims.len()).rev() {
        strides[i - 1] = strides[i] * dims[i];
    }
    strides
}

/// What a name in the graph stands for.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A stored tensor.
    Stored(View),
    /// Everything else.
    Activation(Activation),
}

impl Value {
    /// Whether its log-scales are no sum over axes.
    pub fn is_mixed(&self) -> bool {
        matches!(self, Self::Activation(a) if a.mixture.is_some())
    }
}

//! Log-scales that depend on several axes together: channels whose axis a reshape has split.

use super::inference::Inference;
use super::size::{Size, Sizes};
use super::value::{Activation, Scales, Value};
use crate::manifold::Form;
use crate::model::graph::Node;
use std::ops::Range;

/// One axis of a mixture, counted from the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    axis: usize,
    size: usize,
    stride: usize,
}

/// Log-scales that are no sum over axes: that of an element is `forms[sum of index * stride]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mixture {
    axes: Vec<Axis>,
    forms: Vec<Form>,
}

impl Mixture {
    /// The mixture over these axes of a tensor, whose elements come in order.
    pub fn new(forms: Vec<Form>, shape: &[Size], axes: Range<usize>) -> Option<Self> {
        let mut stride = forms.len();
        let mut all = vec![];
        for i in axes {
            let size = shape[i].known()?;
            stride = stride.checked_div(size)?;
            if size > 1 {
                all.push(Axis { axis: shape.len() - 1 - i, size, stride });
            }
        }
        Some(Self { axes: all, forms })
    }

    /// The mixture over two axes, counted from the last; the forms of one outer element come together.
    pub fn over(forms: Vec<Form>, outer: usize, inner: usize, inner_size: usize) -> Option<Self> {
        let outer_size = forms.len().checked_div(inner_size)?;
        let axes = [(outer, outer_size, inner_size), (inner, inner_size, 1)];
        let axes = axes.into_iter().filter(|a| a.1 > 1).map(|(axis, size, stride)| Axis { axis, size, stride });
        Some(Self { axes: axes.collect(), forms })
    }

    /// The mixture over these axes, counted from the last, with their sizes; the last one is fastest.
    pub fn along(axes: &[(usize, usize)], forms: Vec<Form>) -> Option<Self> {
        let mut stride = forms.len();
        let mut all = vec![];
        for &(axis, size) in axes {
            stride = stride.checked_div(size)?;
            all.push(Axis { axis, size, stride });
        }
        Some(Self { axes: all, forms }).filter(|m| m.forms.iter().any(|f| !f.is_zero()))
    }

    /// The axes, counted from the last, and their sizes.
    pub fn axes(&self) -> impl Iterator<Item = (usize, usize)> {
        self.axes.iter().map(|a| (a.axis, a.size))
    }

    /// Size of an axis on which it depends.
    pub fn size(&self, axis: usize) -> Option<usize> {
        self.axes().find(|a| a.0 == axis).map(|a| a.1)
    }

    /// All log-scales.
    pub fn forms(&self) -> impl Iterator<Item = &Form> {
        self.forms.iter()
    }

    /// The log-scale at an index, given for each axis.
    pub fn at(&self, index: impl Fn(usize) -> usize) -> &Form {
        &self.forms[self.axes.iter().map(|a| index(a.axis) * a.stride).sum::<usize>()]
    }

    /// Elements picked by their index on one axis; `None` where there is no such index. What is left may be a sum
    /// over axes.
    pub fn picked(&self, axis: usize, indices: &[usize]) -> Option<(Scales, Option<Self>)> {
        let Some(&own) = self.axes.iter().find(|a| a.axis == axis) else {
            return Some((Scales::zero(), Some(self.clone())));
        };
        if indices.is_empty() || indices.iter().any(|&i| i >= own.size) {
            return None;
        }
        let others: Vec<(usize, usize)> = self.axes().filter(|a| a.0 != axis).collect();
        let axes: Vec<(usize, usize)> = [(axis, indices.len())].into_iter().chain(others).collect();
        let count: usize = axes.iter().map(|a| a.1).product();
        let mut forms = Vec::with_capacity(count);
        for element in 0..count {
            let mut stride = count;
            let mut index = vec![];
            for &(axis, size) in &axes {
                stride /= size;
                index.push((axis, element / stride % size));
            }
            let place = |at: usize| index.iter().find(|i| i.0 == at).map_or(0, |i| i.1);
            forms.push(self.at(|at| if at == axis { indices[place(at)] } else { place(at) }).clone());
        }
        let wide: Vec<(usize, usize)> = axes.into_iter().filter(|a| a.1 > 1).collect();
        Some(match wide[..] {
            [] => (Scales::zero().shifted(&forms[0]), None),
            [(axis, _)] => (Scales::along(axis, forms), None),
            _ => (Scales::zero(), Self::along(&wide, forms)),
        })
    }

    /// Whether all axes are in the range, counted from the last; `None` where only some are.
    pub fn inside(&self, range: &Range<usize>) -> Option<bool> {
        let count = self.axes.iter().filter(|a| range.contains(&a.axis)).count();
        (count == 0 || count == self.axes.len()).then_some(count > 0)
    }

    /// Adds the log-scales to those of the elements of some neighbouring axes, in order.
    pub fn add_to(&self, joined: &mut [Form], source: &Sizes, axes: Range<usize>) -> Option<()> {
        let mut stride = joined.len();
        let mut strides = vec![0; source.len()];
        for i in axes {
            stride = stride.checked_div(source[i].known()?)?;
            strides[source.len() - 1 - i] = stride;
        }
        for (element, form) in joined.iter_mut().enumerate() {
            let place = |a: &Axis| Some(element.checked_div(*strides.get(a.axis)?)? % a.size * a.stride);
            let at = self.axes.iter().try_fold(0usize, |sum, a| sum.checked_add(place(a)?))?;
            *form = form.plus(1.0, self.forms.get(at)?);
        }
        Some(())
    }

    /// The same with other names of the axes; `None` where one is lost.
    pub fn renamed(&self, rename: impl Fn(usize) -> Option<usize>) -> Option<Self> {
        let axes: Option<Vec<Axis>> = self.axes.iter().map(|a| Some(Axis { axis: rename(a.axis)?, ..*a })).collect();
        Some(Self { axes: axes?, forms: self.forms.clone() })
    }

    /// As a sum over axes, and the forms that must vanish for that.
    fn settled(&self) -> (Scales, Vec<Form>) {
        let first = self.forms[0].clone();
        let mut scales = Scales::zero();
        for a in &self.axes {
            let own: Vec<Form> = (0..a.size).map(|k| self.forms[k * a.stride].plus(-1.0, &first)).collect();
            scales = scales.with(a.axis, own);
        }
        let sum = |element: usize| {
            self.axes.iter().fold(first.clone(), |sum, a| {
                sum.plus(1.0, &self.forms[element / a.stride % a.size * a.stride]).plus(-1.0, &first)
            })
        };
        let required = self.forms.iter().enumerate().map(|(e, form)| form.plus(-1.0, &sum(e))).collect();
        (scales.shifted(&first), required)
    }
}

/// The operators that follow mixtures; all others need a sum over axes.
const FOLLOW: &[&str] = &[
    "Reshape",
    "Flatten",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Relu",
    "LeakyRelu",
    "Neg",
    "Abs",
    "Identity",
    "Clip",
    "PRelu",
    "Cast",
    "Expand",
    "Dropout",
    "Split",
    "Slice",
    "Gather",
];

/// Whether a node follows mixtures: also a product of activations, and one with a single number.
fn follows(it: &Inference<'_>, node: &Node) -> bool {
    let stored = |i: usize| match it.input(node, i) {
        Some(Value::Stored(view)) => Some(view.len()),
        _ => None,
    };
    let op = node.op.as_str();
    let product = match (stored(0), stored(1)) {
        (None, None) => op == "MatMul",
        (None, Some(1)) => ["Mul", "Div"].contains(&op),
        (Some(1), None) => op == "Mul",
        _ => false,
    };
    node.domain.is_empty() && (product || FOLLOW.contains(&op))
}

/// Turns the mixtures among the inputs of a node into sums over axes, where the node does not follow them.
pub(super) fn settle_inputs(it: &mut Inference<'_>, node: &Node) {
    if follows(it, node) {
        return;
    }
    for name in node.inputs.iter().chain(&node.captures) {
        settle_named(it, name);
    }
}

/// Turns the mixture of a named tensor into a sum over axes.
pub(super) fn settle_named(it: &mut Inference<'_>, name: &str) {
    if let Some(Value::Activation(a)) = it.values.get(name).filter(|v| v.is_mixed()).cloned() {
        let settled = settle(it, a);
        it.values.insert(name.to_owned(), Value::Activation(settled));
    }
}

/// The tensor with a sum over axes instead of a mixture; log-scales that are none are tied.
pub(super) fn settle(it: &mut Inference<'_>, mut a: Activation) -> Activation {
    let Some(mixture) = a.mixture.take() else { return a };
    let (scales, required) = mixture.settled();
    required.iter().for_each(|form| it.manifold.require_zero(form));
    // the axes of a mixture have its sizes, so that the sum always fits
    let sum = a.scales.plus(&scales).unwrap_or(scales);
    Activation { scales: sum, ..a }
}

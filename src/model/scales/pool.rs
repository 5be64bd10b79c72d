//! Pooling and resizing: positively homogeneous functions of neighbouring elements.

use super::inference::{Inference, shapes_differ};
use super::shape::position;
use super::size::Size;
use super::value::{Activation, Value};
use super::window::{check, convolved};
use super::{Rule, Ruling};
use crate::error::Result;
use crate::model::graph::Node;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("MaxPool", pool),
    ("AveragePool", pool),
    ("GlobalAveragePool", global),
    ("GlobalMaxPool", global),
    ("Resize", resize),
    ("Upsample", resize),
];

fn operand(it: &Inference<'_>, node: &Node) -> Option<Activation> {
    match it.input(node, 0) {
        Some(Value::Activation(a)) => Some(a),
        _ => None,
    }
}

fn pool(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let kernel: Option<Vec<usize>> =
        node.ints("kernel_shape").unwrap_or(&[]).iter().map(|&k| usize::try_from(k).ok()).collect();
    let (Some(x), Some(kernel)) = (operand(it, node), kernel.filter(|k| !k.is_empty())) else {
        return Ruling::freeze(format!("{}: its input or its window is missing", node.op));
    };
    check(node, &kernel)?;
    let rank = kernel.len() + 2;
    let shape = x.shape.clone().unwrap_or_else(|| vec![Size::Open; rank]);
    if shape.len() != rank {
        return Err(shapes_differ(node));
    }
    let scales = (0..kernel.len()).fold(x.scales.clone(), |scales, axis| it.tied(&scales, x.hub, axis));
    let spatial = convolved(node, &kernel, &shape[2..]);
    let shape = shape[..2].iter().copied().chain(spatial).collect();
    Ruling::one(Value::Activation(Activation { scales, shape: Some(shape), ..x }))
}

fn global(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some((x, shape)) = operand(it, node).and_then(|x| x.shape.clone().map(|s| (x, s))) else {
        return Ruling::freeze(format!("{}: the rank of its input is not known", node.op));
    };
    let spatial = shape.len().saturating_sub(2);
    let scales = (0..spatial).fold(x.scales.clone(), |scales, axis| it.tied(&scales, x.hub, axis));
    let shape = shape.iter().enumerate().map(|(i, &s)| if i < 2 { s } else { Size::Known(1) }).collect();
    Ruling::one(Value::Activation(Activation { scales, shape: Some(shape), ..x }))
}

fn resize(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(x) = operand(it, node) else {
        return Ruling::freeze(format!("{}: its input is missing", node.op));
    };
    let crops = node.text("coordinate_transformation_mode") == "tf_crop_and_resize";
    if crops && node.float("extrapolation_value").unwrap_or(0.0) != 0.0 {
        return Ruling::freeze(format!("{}: it fills in a number other than zero", node.op));
    }
    let new = resized(it, node, &x);
    let rank = x.shape.as_ref().map(Vec::len);
    let mut scales = x.scales.clone();
    let carried: Vec<usize> = scales.axes().map(|(axis, _)| axis).collect();
    for axis in carried {
        let keeps = rank.and_then(|r| r.checked_sub(axis + 1)).zip(new.as_ref());
        let keeps = !crops && keeps.is_some_and(|(i, new)| new.get(i).is_some_and(|n| n.agrees(x.size(axis))));
        if !keeps {
            scales = it.tied(&scales, x.hub, axis);
        }
    }
    let shape = new.or_else(|| x.shape.as_ref().map(|s| vec![Size::Open; s.len()]));
    let nonnegative = x.nonnegative && node.text("mode") != "cubic";
    Ruling::one(Value::Activation(Activation { scales, shape, nonnegative, ..x }))
}

/// The sizes after resizing, as far as they are known.
fn resized(it: &mut Inference<'_>, node: &Node, x: &Activation) -> Option<Vec<Size>> {
    let old = x.shape.clone()?;
    // Upsample and the first version of Resize have no region of interest
    let factors_at = if node.inputs.len() > 2 { 2 } else { 1 };
    let factors = it.floats(node, "scales").or_else(|| it.reals(node, factors_at)).filter(|f| !f.is_empty());
    let sizes = it.numbers_of(node, 3);
    it.reals(node, 1);
    let axes: Option<Vec<usize>> = match node.ints("axes") {
        Some(axes) => axes.iter().map(|&a| position(a, old.len())).collect(),
        None => Some((0..old.len()).collect()),
    };
    let mut new = old.clone();
    for (k, axis) in axes?.into_iter().enumerate() {
        let size = match (&sizes, &factors) {
            (Some(sizes), _) => sizes.elements.get(k).map_or(Size::Open, |&n| n.into()),
            (None, Some(factors)) => match (factors.get(k), old[axis]) {
                (Some(1.0), size) => size,
                (Some(&f), Size::Known(n)) if f > 0.0 && f < 1e6 => Size::Known((n as f64 * f).floor() as usize),
                _ => Size::Open,
            },
            (None, None) => Size::Open,
        };
        // other policies than stretching change the sizes that are asked for
        new[axis] = if ["", "stretch"].contains(&node.text("keep_aspect_ratio_policy")) { size } else { Size::Open };
    }
    Some(new)
}

//! Padding, repeating, and blocks of pixels as channels.

use super::inference::{Inference, shapes_differ};
use super::join::shaped;
use super::linear::broadcast_shape;
use super::shape::position;
use super::size::{Size, Sizes};
use super::value::{Activation, Scales, Value};
use super::{Rule, Ruling};
use crate::error::Result;
use crate::manifold::Form;
use crate::model::graph::Node;

/// The rules of this family.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("Pad", pad),
    ("Expand", expand),
    ("Tile", tile),
    ("DepthToSpace", depth_to_space),
    ("SpaceToDepth", space_to_depth),
];

/// More channels than this after padding or repeating are frozen.
const MAX_CHANNELS: usize = 1 << 24;

fn pad(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (x, shape) = match shaped(it, node) {
        Ok(found) => found,
        Err(reason) => return Ruling::freeze(reason),
    };
    let mode = node.text("mode");
    let fills = ["", "constant"].contains(&mode);
    if !fills && !["reflect", "edge", "wrap"].contains(&mode) {
        return Ruling::freeze(format!("Pad: the mode {mode:?} is not followed"));
    }
    if fills {
        let value = if node.input(2).is_some() {
            it.reals(node, 2).and_then(|v| v.first().copied())
        } else {
            Some(node.float("value").unwrap_or(0.0))
        };
        if value != Some(0.0) {
            return Ruling::freeze("Pad: it fills in a number other than zero");
        }
    }
    let attribute = node.ints("pads").or_else(|| node.ints("paddings"));
    let pads = if node.input(1).is_some() { it.integers(node, 1) } else { attribute.map(<[i64]>::to_vec) };
    let axes = match node.input(3) {
        Some(_) => it.integers(node, 3),
        None => Some((0..shape.len() as i64).collect()),
    };
    let (Some(pads), Some(axes)) = (pads, axes) else {
        return Ruling::freeze("Pad: the widths are known only when the model runs");
    };
    if pads.len() != 2 * axes.len() {
        return Err(shapes_differ(node));
    }
    let (mut scales, mut new) = (x.scales.clone(), shape.clone());
    for (k, &axis) in axes.iter().enumerate() {
        let (before, after) = (pads[k], pads[k + axes.len()]);
        let Some(axis) = position(axis, shape.len()) else { return Err(shapes_differ(node)) };
        if (before, after) == (0, 0) {
            continue;
        }
        let from_end = shape.len() - 1 - axis;
        let size = shape[axis].known().and_then(|n| i64::try_from(n).ok());
        let padded = size.and_then(|n| n.checked_add(before)?.checked_add(after));
        let padded = padded.and_then(|n| usize::try_from(n).ok());
        new[axis] = Size::of(padded);
        if !scales.varies(from_end) {
            continue;
        }
        let forms = scales.axis(from_end).unwrap_or_default().to_vec();
        let Some(count) = padded.filter(|&n| n > 0 && n <= MAX_CHANNELS) else { return Err(shapes_differ(node)) };
        let places: Vec<Option<usize>> =
            (0..count as i64).map(|i| source(mode, i.saturating_sub(before), forms.len() as i64)).collect();
        // zeros take any scale
        let zeros = places.iter().filter(|place| place.is_none()).count();
        let filled = if zeros > 0 { it.channels(node, zeros) } else { [].into() };
        let mut filled = filled.iter();
        let form = |place: Option<usize>| place.map(|from| &forms[from]).or_else(|| filled.next()).cloned();
        let all: Vec<Form> = places.into_iter().filter_map(form).collect();
        scales = scales.with(from_end, all);
    }
    Ruling::one(Value::Activation(Activation { scales, shape: Some(new), ..x }))
}

/// The element that a place in front of, in or behind an axis of `size` elements repeats; `None` for a filled one.
fn source(mode: &str, place: i64, size: i64) -> Option<usize> {
    let last = size - 1;
    let inside = match mode {
        "edge" => place.clamp(0, last),
        "wrap" => place.rem_euclid(size),
        "reflect" if last > 0 => last - (place.rem_euclid(2 * last) - last).abs(),
        "reflect" => 0,
        _ => place,
    };
    usize::try_from(inside).ok().filter(|_| inside <= last)
}

fn expand(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let Some(Value::Activation(x)) = it.input(node, 0) else {
        return Ruling::freeze("Expand: its input is missing");
    };
    let wanted: Option<Sizes> =
        it.numbers_of(node, 1).map(|numbers| numbers.elements.iter().map(|&n| n.into()).collect());
    // elements are repeated along axes of one element: the log-scales of the others stay
    let shape = x.shape.as_ref().zip(wanted).map(|(shape, wanted)| broadcast_shape(shape, &wanted));
    Ruling::one(Value::Activation(Activation { shape, ..x }))
}

fn tile(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (x, shape) = match shaped(it, node) {
        Ok(found) => found,
        Err(reason) => return Ruling::freeze(reason),
    };
    let repeats: Option<Vec<usize>> =
        it.integers(node, 1).and_then(|list| list.iter().map(|&n| usize::try_from(n).ok()).collect());
    let mut scales = x.scales.clone();
    let mut new = vec![];
    for (axis, &size) in shape.iter().enumerate() {
        let times = repeats.as_ref().and_then(|r| r.get(axis).copied());
        let total = size.known().zip(times).and_then(|(n, t)| n.checked_mul(t));
        new.push(if times == Some(1) { size } else { Size::of(total) });
        let from_end = shape.len() - 1 - axis;
        if !scales.varies(from_end) {
            continue;
        }
        let forms = scales.axis(from_end).unwrap_or_default().to_vec();
        let Some(times) = times.filter(|&t| t > 0 && t <= MAX_CHANNELS / forms.len()) else {
            return Ruling::freeze("Tile: the repeats are known only when the model runs, or too many");
        };
        scales = scales.with(from_end, (0..times).flat_map(|_| forms.clone()).collect::<Vec<Form>>());
    }
    Ruling::one(Value::Activation(Activation { scales, shape: Some(new), ..x }))
}

/// Side of the blocks; only tensors of images have them.
fn block(node: &Node, shape: &Sizes) -> Result<usize> {
    let side = usize::try_from(node.int("blocksize", 0)).ok().filter(|&b| b > 0 && b < 1 << 16);
    side.filter(|_| shape.len() == 4).ok_or_else(|| shapes_differ(node))
}

fn depth_to_space(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (x, shape) = match shaped(it, node) {
        Ok(found) => found,
        Err(reason) => return Ruling::freeze(reason),
    };
    let side = block(node, &shape)?;
    let forms = x.scales.axis(2).unwrap_or_default().to_vec();
    let count = forms.len() / (side * side);
    let mut scales = x.scales.clone();
    if forms.len() > 1 {
        if count == 0 || forms.len() % (side * side) != 0 {
            return Err(shapes_differ(node));
        }
        // the channels that become the pixels of one channel share a scale
        let first = |c: usize| if node.text("mode") == "CRD" { c * side * side } else { c };
        let step = if node.text("mode") == "CRD" { 1 } else { count };
        for c in 0..count {
            let pixels: Vec<Form> = (0..side * side).map(|k| forms[first(c) + k * step].clone()).collect();
            it.merge(&pixels, x.hub);
        }
        scales = scales.with(2, (0..count).map(|c| forms[first(c)].clone()).collect::<Vec<Form>>());
    }
    scales = pixels_tied(it, &Activation { scales, ..x.clone() });
    let grown = |s: Size| Size::of(s.known().and_then(|n| n.checked_mul(side)));
    let channels = Size::of(shape[1].known().map(|n| n / (side * side)));
    let shape = Some(vec![shape[0], channels, grown(shape[2]), grown(shape[3])]);
    Ruling::one(Value::Activation(Activation { scales, shape, ..x }))
}

fn space_to_depth(it: &mut Inference<'_>, node: &Node) -> Result<Ruling> {
    let (x, shape) = match shaped(it, node) {
        Ok(found) => found,
        Err(reason) => return Ruling::freeze(reason),
    };
    let side = block(node, &shape)?;
    let mut scales = pixels_tied(it, &x);
    if let Some(forms) = x.scales.axis(2).filter(|f| f.len() > 1) {
        if side * side > MAX_CHANNELS / forms.len() {
            return Err(shapes_differ(node));
        }
        scales = scales.with(2, (0..side * side).flat_map(|_| forms.to_vec()).collect::<Vec<Form>>());
    }
    let shrunk = |s: Size| Size::of(s.known().map(|n| n / side));
    let channels = Size::of(shape[1].known().and_then(|n| n.checked_mul(side * side)));
    let shape = Some(vec![shape[0], channels, shrunk(shape[2]), shrunk(shape[3])]);
    Ruling::one(Value::Activation(Activation { scales, shape, ..x }))
}

fn pixels_tied(it: &mut Inference<'_>, x: &Activation) -> Scales {
    let rows = it.tied(&x.scales, x.hub, 1);
    it.tied(&rows, x.hub, 0)
}

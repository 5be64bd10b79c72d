//! Sliding windows: the sizes of what convolutions and poolings compute.

use super::size::Size;
use crate::error::{Error, ErrorKind, Result};
use crate::model::graph::Node;

/// Refuses attributes of a convolution or pooling that make no sense, or contradict the kernel.
pub(super) fn check(node: &Node, kernel: &[usize]) -> Result<()> {
    let axes = kernel.len();
    let natural = |list: &[i64]| list.len() == axes && list.iter().all(|&n| n > 0);
    let same = |list: &[i64]| list.iter().map(|&k| usize::try_from(k).ok()).eq(kernel.iter().map(|&k| Some(k)));
    let twice = |list: &[i64]| list.len() == 2 * axes;
    type Fits<'a> = &'a dyn Fn(&[i64]) -> bool;
    let rules: [(&str, Fits); 4] =
        [("kernel_shape", &same), ("pads", &twice), ("strides", &natural), ("dilations", &natural)];
    let odd = rules.into_iter().find_map(|(name, fits)| Some((name, given(node, name).filter(|list| !fits(list))?)));
    match odd {
        None => Ok(()),
        Some((name, list)) => Err(Error::new(
            ErrorKind::Network,
            format!("node {:?} ({})", node.name, node.op),
            format!("its attribute {name} is {list:?}, which does not fit a kernel of the shape {kernel:?}"),
            "check the model with another program",
        )),
    }
}

/// An attribute that is a list; an empty one is the default, like none.
fn given<'a>(node: &'a Node, name: &str) -> Option<&'a [i64]> {
    node.ints(name).filter(|list| !list.is_empty())
}

/// The window of a convolution or pooling along one axis.
#[derive(Clone, Copy, Debug)]
struct Window {
    kernel: usize,
    stride: usize,
    dilation: usize,
    /// Number of padded places in front, and at both ends together.
    before: i64,
    padding: i64,
}

/// The window along spatial axis `axis`; `None` for attributes that make no sense.
fn window(node: &Node, kernel: usize, axis: usize, axes: usize) -> Option<Window> {
    let natural =
        |name: &str| given(node, name).map_or(Some(1), |v| usize::try_from(*v.get(axis)?).ok().filter(|&n| n > 0));
    let pads = node.ints("pads").unwrap_or(&[]);
    let (before, padding) = match pads.len() {
        0 => (0, 0),
        n if n == 2 * axes => (pads[axis], pads[axis].checked_add(pads[axis + axes])?),
        _ => return None,
    };
    Some(Window { kernel, stride: natural("strides")?, dilation: natural("dilations")?, before, padding })
}

/// The spatial sizes of the result of a convolution or pooling.
pub(super) fn convolved(node: &Node, kernel: &[usize], sizes: &[Size]) -> Vec<Size> {
    let one = |(axis, &kernel): (usize, &usize)| {
        let window = window(node, kernel, axis, sizes.len())?;
        let size = *sizes.get(axis)?;
        let same = node.text("auto_pad").starts_with("SAME");
        let covered = window.dilation.checked_mul(window.kernel.checked_sub(1)?)?.checked_add(1)?;
        let covered = i64::try_from(covered).ok()?;
        let padding = if node.text("auto_pad") == "VALID" { 0 } else { window.padding };
        if window.stride == 1 && (same || padding == covered - 1) {
            return Some(size);
        }
        let size = size.known()?;
        if same {
            return Some(Size::Known(size.div_ceil(window.stride)));
        }
        let room = i64::try_from(size).ok()?.checked_add(padding)?.checked_sub(covered)?;
        let room = usize::try_from(room).ok()?;
        if node.int("ceil_mode", 0) == 0 {
            return Some(Size::Known(room / window.stride + 1));
        }
        // whether a window counts that would start in the padding behind the end is a matter of the version
        let steps = room.div_ceil(window.stride);
        let start = i64::try_from(steps.checked_mul(window.stride)?).ok()?;
        let inside = room % window.stride == 0 || start < i64::try_from(size).ok()?.checked_add(window.before)?;
        inside.then_some(Size::Known(steps + 1))
    };
    kernel.iter().enumerate().map(|k| one(k).unwrap_or(Size::Open)).collect()
}

/// The spatial sizes of the result of a transposed convolution.
pub(super) fn transposed(node: &Node, kernel: &[usize], sizes: &[Size]) -> Vec<Size> {
    let one = |(axis, &kernel): (usize, &usize)| {
        if let Some(given) = node.ints("output_shape") {
            let skipped = given.len().checked_sub(sizes.len())?;
            return usize::try_from(*given.get(axis + skipped)?).ok();
        }
        let window = window(node, kernel, axis, sizes.len())?;
        let size = sizes.get(axis)?.known()?;
        if node.text("auto_pad").starts_with("SAME") {
            return size.checked_mul(window.stride);
        }
        let covered = window.dilation.checked_mul(window.kernel.checked_sub(1)?)?.checked_add(1)?;
        let extra = node.ints("output_padding").map_or(Some(0), |v| v.get(axis).copied())?;
        let padding = if node.text("auto_pad") == "VALID" { 0 } else { window.padding };
        let length = window.stride.checked_mul(size.checked_sub(1)?)?.checked_add(covered)?;
        usize::try_from(i64::try_from(length).ok()?.checked_add(extra)?.checked_sub(padding)?).ok()
    };
    kernel.iter().enumerate().map(|k| Size::of(one(k))).collect()
}

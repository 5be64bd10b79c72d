//! The new numbers of a tensor.

use super::element::{ElementType, read, write};
use super::files::Files;
use super::patch::{PatchReport, Piece, Pieces};
use super::rule::{Entry, Rule};
use super::scales::WeightUse;
use super::tensor::{Tensor, write_varint};
use crate::error::{Error, ErrorKind, Result};
use crate::numeric::{Float, in_vector_units};
use std::ops::Range;

/// A tensor that is stored in one piece, with its bytes, its axes as they are stored, and what becomes of its numbers.
pub(super) struct Line<'a> {
    pub tensor: &'a Tensor,
    pub old: &'a [u8],
    pub axes: Vec<[usize; 3]>,
    pub rule: Rule<'a>,
}

/// Factors of an axis that are repeated for every entry of a short axis inside of it.
const MOST_REPEATED: usize = 1 << 15;

impl<'a> Line<'a> {
    /// A short innermost axis that shares its factors (kernel places) joins the axis around it: lines are long enough for
    /// vector units then.
    pub(super) fn new(tensor: &'a Tensor, old: &'a [u8], mut axes: Vec<[usize; 3]>, mut rule: Rule<'a>) -> Self {
        if let (Rule::Factors { up, down }, [.., [size, head, tail], [length, 0, 0]]) = (&mut rule, &axes[..])
            && (head | tail) == 1
            && size * length <= MOST_REPEATED
        {
            let [(size, length), repeated] = [(*size, *length), (*head, *tail)];
            axes.pop();
            for (which, step, factors) in [(1, repeated.0, up), (2, repeated.1, down)] {
                if step == 1 {
                    *factors = factors.iter().flat_map(|&factor| std::iter::repeat_n(factor, length)).collect();
                    axes.iter_mut().for_each(|axis| axis[which] *= length);
                }
            }
            *axes.last_mut().expect("one axis is left") = [size * length, repeated.0, repeated.1];
        }
        Self { tensor, old, axes, rule }
    }

    /// Runs along the fastest axis in parts of about so many bytes, and the bytes of each part.
    pub(super) fn parts(&self, size: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
        let run = self.axes.last().map_or(1, |axis| axis[0]) * self.tensor.element.width();
        let (runs, step) = (WeightUse::runs(&self.axes), (size / run.max(1)).max(1));
        let part = move |start: usize| start..(start + step).min(runs);
        (0..runs).step_by(step).map(move |start| (part(start), part(start).len() * run))
    }

    /// Writes the new bytes of some runs, all of `new`; tells what became of their numbers.
    pub(super) fn rewrite(&self, runs: Range<usize>, new: &mut [u8]) -> Result<PatchReport> {
        let Self { tensor, old, axes, rule } = self;
        let width = tensor.element.width();
        let [length, head_step, tail_step] = axes.last().copied().unwrap_or([1, 0, 0]);
        let mut rest = new;
        let mut counts = PatchReport::default();
        let report = &mut counts;
        let mut result = Ok(());
        WeightUse::visit_some_runs(axes, runs, |element, head, tail| {
            if result.is_err() {
                return;
            }
            let line = &old[element * width..(element + length) * width];
            let (to, after) = std::mem::take(&mut rest).split_at_mut(line.len());
            rest = after;
            let quick = match rule {
                Rule::Factors { up, down } if tensor.element == ElementType::F32 => {
                    quick(line, (&up[head..], head_step), (&down[tail..], tail_step), to)
                }
                _ => None,
            };
            match quick {
                Some(changed) => report.changed += changed,
                None => {
                    to.copy_from_slice(line);
                    result = to.chunks_exact_mut(width).enumerate().try_for_each(|(k, place)| {
                        let (head, tail) = (head + k * head_step, tail + k * tail_step);
                        change(tensor, place, rule, Entry { element: element + k, head, tail }, report)
                    });
                }
            }
        });
        result.map(|()| counts)
    }
}

/// Writes a line of single-precision numbers times factors at these distances; tells how many changed. None where a
/// product is subnormal, vanishes or overflows: such numbers are counted and named elsewhere.
fn quick(
    line: &[u8],
    (up, up_step): (&[f64], usize),
    (down, down_step): (&[f64], usize),
    to: &mut [u8],
) -> Option<u64> {
    let (numbers, to) = (line.as_chunks::<4>().0, to.as_chunks_mut::<4>().0);
    in_vector_units(
        (numbers, (up, up_step), (down, down_step), to),
        #[inline(always)]
        |(numbers, (up, up_step), (down, down_step), to)| match (up_step, down_step) {
            // the common steps, known to the compiler
            (0, 1) => multiply(numbers, down, up[0], to),
            (1, 0) => multiply(numbers, up, down[0], to),
            _ => {
                let mut changed = 0;
                for (part, (numbers, to)) in numbers.chunks(PART).zip(to.chunks_mut(PART)).enumerate() {
                    let mut factors = [0.0; PART];
                    for (k, factor) in factors[..numbers.len()].iter_mut().enumerate() {
                        let k = part * PART + k;
                        *factor = up[k * up_step] * down[k * down_step];
                    }
                    changed += multiply(numbers, &factors, 1.0, to)?;
                }
                Some(changed)
            }
        },
    )
}

/// Numbers whose factors are made at once.
const PART: usize = 256;

/// Writes numbers times a factor of each and one that all share.
#[inline(always)]
fn multiply(numbers: &[[u8; 4]], factors: &[f64], shared: f64, to: &mut [[u8; 4]]) -> Option<u64> {
    const SIGN: u32 = 1 << 31;
    const NORMAL: u32 = f32::MIN_POSITIVE.to_bits();
    const NORMALS: u32 = f32::INFINITY.to_bits() - NORMAL;
    let (mut changed, mut odd) = (0u32, 0u32);
    for ((number, to), factor) in numbers.iter().zip(to).zip(factors) {
        let old = f32::from_le_bytes(*number);
        let product = (f64::from(old) * (shared * factor)) as f32;
        let (old, new) = (old.to_bits(), product.to_bits());
        odd |= u32::from((new & !SIGN).wrapping_sub(NORMAL) >= NORMALS) & u32::from(old & !SIGN != 0);
        changed += u32::from(new != old);
        *to = product.to_le_bytes();
    }
    (odd == 0).then_some(changed.into())
}

/// Changes one stored number.
#[inline]
fn change(tensor: &Tensor, place: &mut [u8], rule: &Rule, entry: Entry, report: &mut PatchReport) -> Result<()> {
    let old = read(place, tensor.element);
    if old == 0.0 || !old.is_finite() {
        return Ok(());
    }
    let Some((value, escapes)) = rule.apply(old, entry, report) else { return Ok(()) };
    let stored = write(place, tensor.element, value);
    count(tensor, entry.element, (old, value, escapes), stored, report)
}

fn count(
    tensor: &Tensor,
    element: usize,
    (old, value, escapes): (f64, f64, bool),
    stored: f64,
    report: &mut PatchReport,
) -> Result<()> {
    report.changed += u64::from(stored != old);
    let size = stored.abs();
    if size < tensor.element.float().map_or(0.0, Float::smallest_normal) {
        match (size == 0.0, escapes) {
            (true, true) => report.escaped += 1,
            (true, false) => report.vanished += 1,
            (false, _) => report.subnormal += 1,
        }
    } else if !size.is_finite() {
        return Err(Error::new(
            ErrorKind::Network,
            format!("element {element} of the tensor {:?}", tensor.name),
            format!("it becomes {value:e}, too large for {:?}", tensor.element),
            "bound the scales (--scale-range), or store the model in a wider type (float32 or float64)",
        ));
    }
    Ok(())
}

/// The new bytes of a tensor that is stored in several pieces.
pub(super) fn scattered<'a>(
    one: &WeightUse,
    tensor: &Tensor,
    files: &Files,
    rule: &Rule,
    report: &mut PatchReport,
    pieces: &mut Pieces<'a>,
) -> Result<()> {
    let mut result = Ok(());
    let bytes = files.bytes(tensor.file);
    one.visit(|element, head, tail| {
        if result.is_err() {
            return;
        }
        let (place, entry) = (tensor.at(element), Entry { element, head, tail });
        let mut new = bytes[place.clone()].to_vec();
        if tensor.is_varint() {
            let old = tensor.number(files, element);
            let changed = if old == 0.0 || !old.is_finite() { None } else { rule.apply(old, entry, report) };
            if let Some((value, escapes)) = changed {
                let mut fixed = [0; 2];
                let stored = write(&mut fixed, tensor.element, value);
                result = count(tensor, element, (old, value, escapes), stored, report);
                if stored != old {
                    new = write_varint(u64::from(u16::from_le_bytes(fixed)));
                }
            }
        } else {
            result = change(tensor, &mut new, rule, entry, report);
        }
        if new != bytes[place.clone()] {
            pieces.push((place, Piece::Bytes(new)));
        }
    });
    result
}

//! Writing a model with other weights: every other byte stays as it is.

use super::element::{ElementType, read, write};
use super::files::Files;
use super::lengths::resized;
use super::lower::OnnxModel;
use super::rule::{Change, Entry, Rule};
use super::scales::WeightUse;
use super::tensor::{Tensor, write_varint};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{AtomicFile, same_file};
use crate::lowered::Scaling;
use crate::numeric::Float;
use rayon::prelude::*;
use std::ops::{AddAssign, Range};
use std::path::Path;

/// What rewriting did to the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatchReport {
    /// Numbers whose value changed.
    pub changed: u64,
    /// Numbers that became subnormal in their type: they keep fewer digits.
    pub subnormal: u64,
    /// Numbers too small for their type: they became zero, although the exact result is not.
    pub vanished: u64,
    /// Numbers that became zero because they vanish in the limit.
    pub escaped: u64,
    /// Numbers that are proved to be the exact optimum, rounded once.
    pub proved: u64,
    /// Numbers of which bounds were given, but do not tell to which neighbour the exact optimum rounds.
    pub undecided: u64,
}

impl AddAssign for PatchReport {
    fn add_assign(&mut self, other: Self) {
        self.changed += other.changed;
        self.subnormal += other.subnormal;
        self.vanished += other.vanished;
        self.escaped += other.escaped;
        self.proved += other.proved;
        self.undecided += other.undecided;
    }
}

/// Takes the next bytes of a file.
type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> Result<()> + Send);

/// Bytes of a tensor that are made, and passed on, at once.
const PIECE: usize = 1 << 18;
/// Pieces that are made while those before them are passed on.
const PIECES_AT_ONCE: usize = 8;

impl OnnxModel {
    /// The model file with its weights multiplied as `scaling` says, and what that did to the numbers. Weights in other
    /// files count, but are not returned; see [`save`](Self::save).
    ///
    /// Products are computed in double precision and rounded once to the type in which they are stored.
    ///
    /// # Errors
    /// When the scaling belongs to another model, or a weight becomes too large for its type.
    pub fn apply(&self, scaling: &Scaling) -> Result<(Vec<u8>, PatchReport)> {
        self.fits(scaling)?;
        let mut bytes = Vec::with_capacity(self.bytes().len());
        let mut report = PatchReport::default();
        let change = Change::Scaled(scaling);
        self.stream(0, change, &mut report, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        for file in 1..self.files().count() {
            self.stream(file, change, &mut report, &mut |_| Ok(()))?;
        }
        Ok((bytes, report))
    }

    /// Writes the model with its weights multiplied as `scaling` says to `path`, and the files that it names beside it.
    /// Without a path nothing is written: the report and errors are those of a rehearsal.
    ///
    /// Complexity: every byte is read and written once, in pieces; memory does not grow with the model.
    ///
    /// # Errors
    /// As for [`apply`](Self::apply); when a file exists and `force` is false, or is one of the model's own; and when the
    /// operating system refuses. Files that were complete before the error stay.
    pub fn save(&self, scaling: &Scaling, path: Option<&Path>, force: bool) -> Result<PatchReport> {
        self.fits(scaling)?;
        let mut report = PatchReport::default();
        let change = Change::Scaled(scaling);
        let Some(path) = path else {
            for file in 0..self.files().count() {
                self.stream(file, change, &mut report, &mut |_| Ok(()))?;
            }
            return Ok(report);
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut targets = vec![];
        for (location, own) in self.files().others() {
            let target = folder.join(location);
            if same_file(&target, own) {
                let problem = "the model keeps weights in this file, and a copy would have to take its name";
                let error = Error::new(ErrorKind::Parameter, "--output", problem, "write to another folder");
                return Err(error.in_file(&target));
            }
            if let Some(folder) = target.parent().filter(|f| !f.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, "making the folder", &e))?;
            }
            targets.push(target);
        }
        // the model itself comes last: it is complete only with the files that it names
        let order = (1..self.files().count()).chain([0]);
        let mut done = vec![];
        for file in order {
            let target = if file == 0 { path } else { &targets[file - 1] };
            let mut out = AtomicFile::create(target, force)?;
            self.stream(file, change, &mut report, &mut |piece| out.write(piece))?;
            done.push(out);
        }
        done.into_iter().try_for_each(AtomicFile::finish)?;
        Ok(report)
    }

    fn fits(&self, scaling: &Scaling) -> Result<()> {
        let given = [Some(scaling.scales.len()), scaling.direction.as_ref().map(Vec::len)];
        if let Some(n) = given.into_iter().flatten().find(|&n| n != self.free()) {
            let problem = format!("{n} log-scales for {} free ones", self.free());
            let error = Error::new(ErrorKind::Parameter, "scaling", problem, "use a scaling of this model");
            return Err(error.in_file(self.path()));
        }
        Ok(())
    }

    /// Passes on a file with changed weights, in pieces.
    pub(super) fn stream(&self, file: usize, change: Change, report: &mut PatchReport, sink: Sink) -> Result<()> {
        self.stream_inner(file, change, report, sink).map_err(|e| e.in_file(self.path()))
    }

    fn stream_inner(&self, file: usize, change: Change, report: &mut PatchReport, sink: Sink) -> Result<()> {
        let bytes = self.files().bytes(file);
        let mut pieces = vec![];
        for (index, one) in self.leading().enumerate() {
            let tensor = &self.tensors()[one.tensor()];
            if tensor.file != file || tensor.places.is_empty() {
                continue;
            }
            let rule = Rule::new(change, one, tensor.element, index as u64);
            match (&tensor.places[..], one.stored_axes()) {
                ([place], Some(axes)) if !tensor.is_varint() => {
                    pieces.push((place.clone(), Piece::Tensor(one, axes, rule)))
                }
                _ => scattered(one, tensor, self.files(), &rule, report, &mut pieces)?,
            }
        }
        let resized = resized(bytes, &self.tensors().iter().filter(|t| t.file == file).collect::<Vec<_>>(), &pieces)?;
        pieces.extend(resized.into_iter().map(|(place, new)| (place, Piece::Bytes(new))));
        pieces.sort_by_key(|piece| piece.0.start);
        let mut from = 0;
        for (place, piece) in pieces {
            bytes[from..place.start].chunks(PIECE).try_for_each(&mut *sink)?;
            match piece {
                Piece::Bytes(new) => sink(&new)?,
                Piece::Tensor(one, axes, rule) => {
                    let tensor = &self.tensors()[one.tensor()];
                    run(tensor, &bytes[place.clone()], &axes, &rule, report, sink)?;
                    self.files().release_range(file, place.clone());
                }
            }
            from = place.end;
        }
        bytes[from..].chunks(PIECE).try_for_each(sink)
    }
}

/// What takes the place of some bytes.
pub(super) enum Piece<'a> {
    /// A tensor in one piece, with its axes as they are stored.
    Tensor(&'a WeightUse, Vec<[usize; 3]>, Rule<'a>),
    /// These.
    Bytes(Vec<u8>),
}

/// Passes on a tensor that is stored in one piece: made on all threads, while what was made before is passed on.
fn run(
    tensor: &Tensor,
    old: &[u8],
    axes: &[[usize; 3]],
    rule: &Rule,
    report: &mut PatchReport,
    sink: Sink,
) -> Result<()> {
    let length = axes.last().map_or(1, |axis| axis[0]);
    let runs = WeightUse::runs(axes);
    let step = (PIECE / (length * tensor.element.width()).max(1)).max(1);
    let make = |first: usize| -> Result<Vec<(Vec<u8>, PatchReport)>> {
        let starts: Vec<usize> = (first..runs).step_by(step).take(PIECES_AT_ONCE).collect();
        starts.into_par_iter().map(|start| piece(tensor, old, axes, rule, start..(start + step).min(runs))).collect()
    };
    let mut ready = make(0)?;
    let mut made = 0;
    while !ready.is_empty() {
        made += ready.len() * step;
        let pass = || {
            ready.iter().try_for_each(|(new, counts)| {
                *report += *counts;
                sink(new)
            })
        };
        let (next, passed) = rayon::join(|| make(made), pass);
        passed?;
        ready = next?;
    }
    Ok(())
}

/// The new bytes of some runs of a tensor, and what became of its numbers.
fn piece(
    tensor: &Tensor,
    old: &[u8],
    axes: &[[usize; 3]],
    rule: &Rule,
    runs: Range<usize>,
) -> Result<(Vec<u8>, PatchReport)> {
    let width = tensor.element.width();
    let [length, head_step, tail_step] = axes.last().copied().unwrap_or([1, 0, 0]);
    let mut new = Vec::with_capacity(runs.len() * length * width);
    let mut counts = PatchReport::default();
    let report = &mut counts;
    let mut result = Ok(());
    WeightUse::visit_some_runs(axes, runs, |element, head, tail| {
        if result.is_err() {
            return;
        }
        let line = &old[element * width..(element + length) * width];
        let begin = new.len();
        let quick = match rule {
            Rule::Factors { up, down } if tensor.element == ElementType::F32 => {
                quick(line, (&up[head..], head_step), (&down[tail..], tail_step), &mut new)
            }
            _ => None,
        };
        match quick {
            Some(changed) => report.changed += changed,
            None => {
                new.truncate(begin);
                new.extend_from_slice(line);
                result = new[begin..].chunks_exact_mut(width).enumerate().try_for_each(|(k, place)| {
                    let (head, tail) = (head + k * head_step, tail + k * tail_step);
                    change(tensor, place, rule, Entry { element: element + k, head, tail }, report)
                });
            }
        }
    });
    result.map(|()| (new, counts))
}

/// Appends a line of single-precision numbers times factors at these distances; tells how many changed. None where a
/// product is subnormal, vanishes or overflows: such numbers are counted and named elsewhere.
#[inline(always)]
fn quick(
    line: &[u8],
    (up, up_step): (&[f64], usize),
    (down, down_step): (&[f64], usize),
    new: &mut Vec<u8>,
) -> Option<u64> {
    let numbers = line.as_chunks::<4>().0;
    match (up_step, down_step) {
        // the common steps, known to the compiler
        (0, 1) => {
            let (u, down) = (up[0], &down[..numbers.len()]);
            multiply(numbers, |k| u * down[k], new)
        }
        (1, 0) => {
            let (d, up) = (down[0], &up[..numbers.len()]);
            multiply(numbers, |k| up[k] * d, new)
        }
        (0, 0) => {
            let factor = up[0] * down[0];
            multiply(numbers, |_| factor, new)
        }
        _ => multiply(numbers, |k| up[k * up_step] * down[k * down_step], new),
    }
}

#[inline(always)]
fn multiply(numbers: &[[u8; 4]], factor: impl Fn(usize) -> f64, new: &mut Vec<u8>) -> Option<u64> {
    let begin = new.len();
    new.resize(begin + 4 * numbers.len(), 0);
    let (mut changed, mut odd) = (0u64, false);
    for (k, (number, place)) in numbers.iter().zip(new[begin..].as_chunks_mut::<4>().0).enumerate() {
        let old = f32::from_le_bytes(*number);
        let product = (f64::from(old) * factor(k)) as f32;
        let size = product.abs();
        odd |= (size < f32::MIN_POSITIVE) & (old != 0.0) | !product.is_finite();
        changed += u64::from(product != old);
        *place = product.to_le_bytes();
    }
    (!odd).then_some(changed)
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
fn scattered<'a>(
    one: &WeightUse,
    tensor: &Tensor,
    files: &Files,
    rule: &Rule,
    report: &mut PatchReport,
    pieces: &mut Vec<(Range<usize>, Piece<'a>)>,
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

//! Writing a model with other weights: every other byte stays as it is.

use super::lengths::resized;
use super::lower::OnnxModel;
use super::rewrite::{Line, scattered};
use super::rule::{Change, Rule};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{AtomicFile, same_file};
use crate::lowered::Scaling;
use crate::problem::Decisions;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::{AddAssign, Range};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// How numbers were decided of which bounds were given.
    pub decisions: Decisions,
}

impl AddAssign for PatchReport {
    fn add_assign(&mut self, other: Self) {
        self.changed += other.changed;
        self.subnormal += other.subnormal;
        self.vanished += other.vanished;
        self.escaped += other.escaped;
        self.decisions += other.decisions;
    }
}

/// Takes the next bytes of a file.
type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> Result<()> + Send);

/// Bytes that one thread makes at once.
const JOB: usize = 1 << 19;
/// Bytes that are made while as many made before are passed on.
const BATCH: usize = 1 << 22;

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
            if tensor.file != file || tensor.places.is_empty() || tensor.is_empty() {
                continue;
            }
            let rule = Rule::new(change, one, tensor.element, index as u64);
            if rule.keeps_all() {
                continue;
            }
            match (&tensor.places[..], one.stored_axes()) {
                ([place], Some(axes)) if !tensor.is_varint() => {
                    let old = &bytes[place.clone()];
                    pieces.push((place.clone(), Piece::Tensor(Line::new(tensor, old, axes, rule))))
                }
                _ => scattered(one, tensor, self.files(), &rule, report, &mut pieces)?,
            }
        }
        let resized = resized(bytes, &self.tensors().iter().filter(|t| t.file == file).collect::<Vec<_>>(), &pieces)?;
        pieces.extend(resized.into_iter().map(|(place, new)| (place, Piece::Bytes(new))));
        pieces.sort_by_key(|piece| piece.0.start);
        let batches = batches(bytes, &pieces);
        // what was passed on lends its memory to what is made next: fresh memory costs more than what is written to it
        let buffers = Mutex::new(vec![]);
        let mut ready = vec![];
        for at in 0..=batches.len() {
            let make = || {
                batches.get(at).map_or(Ok(vec![]), |(jobs, _)| jobs.par_iter().map(|job| job.make(&buffers)).collect())
            };
            let pass = || -> Result<()> {
                let Some(before) = at.checked_sub(1) else { return Ok(()) };
                for made in ready.drain(..) {
                    let (new, counts): Made = made;
                    *report += counts;
                    sink(&new)?;
                    if let Cow::Owned(buffer) = new {
                        lock(&buffers).push(buffer);
                    }
                }
                self.files().release_range(file, batches[before].1.clone());
                Ok(())
            };
            let (made, passed) = rayon::join(make, pass);
            passed?;
            ready = made?;
        }
        Ok(())
    }
}

/// What takes the place of some bytes.
pub(super) enum Piece<'a> {
    /// A tensor in one piece.
    Tensor(Line<'a>),
    /// These.
    Bytes(Vec<u8>),
}

/// The next bytes of a file: as they were, or made anew.
enum Job<'a> {
    Kept(&'a [u8]),
    Made(&'a Line<'a>, Range<usize>),
}

/// Bytes, and what became of the numbers in them.
type Made<'a> = (Cow<'a, [u8]>, PatchReport);

impl<'a> Job<'a> {
    fn make(&self, buffers: &Mutex<Vec<Vec<u8>>>) -> Result<Made<'a>> {
        Ok(match self {
            Self::Kept(bytes) => (Cow::Borrowed(*bytes), PatchReport::default()),
            Self::Made(line, runs) => {
                let mut new = lock(buffers).pop().unwrap_or_default();
                let counts = line.rewrite(runs.clone(), &mut new)?;
                (Cow::Owned(new), counts)
            }
        })
    }
}

fn lock(buffers: &Mutex<Vec<Vec<u8>>>) -> MutexGuard<'_, Vec<Vec<u8>>> {
    buffers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All bytes of a file in jobs, and these in batches, each with its range of the file: while a batch is passed on, all
/// threads make the next one.
fn batches<'a>(bytes: &'a [u8], pieces: &'a [(Range<usize>, Piece<'a>)]) -> Vec<(Vec<Job<'a>>, Range<usize>)> {
    let mut batches: Vec<(Vec<Job<'a>>, Range<usize>)> = vec![];
    let mut size = BATCH;
    let mut add = |job: Job<'a>, length: usize, end: usize| {
        if size >= BATCH {
            let start = batches.last().map_or(0, |(_, range)| range.end);
            batches.push((vec![], start..start));
            size = 0;
        }
        size += length;
        let (jobs, range) = batches.last_mut().expect("one was added");
        jobs.push(job);
        range.end = end;
    };
    let mut from = 0;
    for (place, piece) in
        pieces.iter().map(|(place, piece)| (place.clone(), Some(piece))).chain([(bytes.len()..bytes.len(), None)])
    {
        for kept in bytes[from..place.start].chunks(JOB) {
            from += kept.len();
            add(Job::Kept(kept), kept.len(), from);
        }
        match piece {
            None => {}
            Some(Piece::Bytes(new)) => add(Job::Kept(new), new.len(), place.end),
            Some(Piece::Tensor(line)) => {
                for (runs, length) in line.parts(JOB) {
                    from += length;
                    add(Job::Made(line, runs), length, from);
                }
            }
        }
        from = place.end;
    }
    batches
}

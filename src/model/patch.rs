//! Writing a model with other weights: every other byte stays as it is.

use super::lengths::resized;
use super::lower::OnnxModel;
use super::rewrite::{Line, scattered};
use super::rule::{Change, Rule};
use super::scales::WeightUse;
use crate::error::{Error, ErrorKind, Result};
use crate::files::{AtomicFile, same_file};
use crate::lowered::Scaling;
use crate::problem::Decisions;
use rayon::prelude::*;
use std::iter::Sum;
use std::ops::{AddAssign, Range};
use std::path::{Path, PathBuf};

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

impl Sum for PatchReport {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

/// Takes the next bytes of a file.
type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> Result<()> + Send);

/// Bytes that one thread makes at once.
const JOB: usize = 1 << 18;
/// Bytes that are made while as many made before are passed on.
const BATCH: usize = 1 << 21;

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
        let own = || self.files().others().map(|(_, own)| own);
        let targets: Vec<PathBuf> = self.files().others().map(|(location, _)| folder.join(location)).collect();
        // no file of the model may be lost: not one of another name in the same folders either
        let takes = |target: &Path| own().any(|own| same_file(target, own));
        let lost = targets.iter().find(|&target| takes(target) || same_file(target, self.path()));
        if let Some(target) = lost.map(PathBuf::as_path).or(takes(path).then_some(path)) {
            let problem = "the model keeps weights in this file, and a copy would have to take its name";
            let error = Error::new(ErrorKind::Parameter, "--output", problem, "write to another folder");
            return Err(error.in_file(target));
        }
        for folder in targets.iter().filter_map(|t| t.parent()).filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, "making the folder", &e))?;
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
        let all: Vec<(usize, &WeightUse)> = self.leading().enumerate().collect();
        let found: Vec<Result<(Pieces, PatchReport)>> =
            all.into_par_iter().map(|(index, one)| self.pieces(file, change, (index, one))).collect();
        let mut pieces = vec![];
        for found in found {
            let (own, counts) = found?;
            pieces.extend(own);
            *report += counts;
        }
        let resized = resized(bytes, &self.tensors().iter().filter(|t| t.file == file).collect::<Vec<_>>(), &pieces)?;
        pieces.extend(resized.into_iter().map(|(place, new)| (place, Piece::Bytes(new))));
        pieces.sort_by_key(|piece| piece.0.start);
        let batches = batches(bytes, &pieces);
        // while a batch is passed on from one buffer, all threads fill the other with the next
        let most = batches.iter().map(Batch::len).max().unwrap_or(0);
        let (mut front, mut back) = (Vec::with_capacity(most), Vec::with_capacity(most));
        for at in 0..=batches.len() {
            let make = || batches.get(at).map_or(Ok(PatchReport::default()), |batch| batch.make(&mut front));
            let pass = || -> Result<()> {
                let Some(before) = at.checked_sub(1) else { return Ok(()) };
                sink(&back)?;
                self.files().release_range(file, batches[before].range.clone());
                Ok(())
            };
            let (made, passed) = rayon::join(make, pass);
            passed?;
            *report += made?;
            std::mem::swap(&mut front, &mut back);
        }
        Ok(())
    }

    /// What takes the place of the bytes of one tensor in a file, and what became of numbers that are made already.
    fn pieces<'a>(
        &'a self,
        file: usize,
        change: Change<'a>,
        (index, one): (usize, &'a WeightUse),
    ) -> Result<(Pieces<'a>, PatchReport)> {
        let (mut pieces, mut report) = (vec![], PatchReport::default());
        let tensor = &self.tensors()[one.tensor()];
        if tensor.file != file || tensor.places.is_empty() || tensor.is_empty() {
            return Ok((pieces, report));
        }
        let rule = Rule::new(change, one, tensor.element, index as u64);
        if rule.keeps_all() {
            return Ok((pieces, report));
        }
        match (&tensor.places[..], one.stored_axes()) {
            ([place], Some(axes)) if !tensor.is_varint() => {
                let old = &self.files().bytes(file)[place.clone()];
                pieces.push((place.clone(), Piece::Tensor(Line::new(tensor, old, axes, rule))))
            }
            _ => scattered(one, tensor, self.files(), &rule, &mut report, &mut pieces)?,
        }
        Ok((pieces, report))
    }
}

/// What takes the place of some bytes.
pub(super) enum Piece<'a> {
    /// A tensor in one piece.
    Tensor(Line<'a>),
    /// These.
    Bytes(Vec<u8>),
}

/// Bytes of a file, each with what takes their place.
pub(super) type Pieces<'a> = Vec<(Range<usize>, Piece<'a>)>;

/// The next bytes of a file: as they were, or made anew.
enum Job<'a> {
    Kept(&'a [u8]),
    Made(&'a Line<'a>, Range<usize>),
}

impl Job<'_> {
    fn make(&self, new: &mut [u8]) -> Result<PatchReport> {
        match self {
            Self::Kept(bytes) => new.copy_from_slice(bytes),
            Self::Made(line, runs) => return line.rewrite(runs.clone(), new),
        }
        Ok(PatchReport::default())
    }
}

/// Jobs whose bytes are made together, each with its number of bytes, and what they replace.
struct Batch<'a> {
    jobs: Vec<(Job<'a>, usize)>,
    range: Range<usize>,
}

impl Batch<'_> {
    /// Number of new bytes.
    fn len(&self) -> usize {
        self.jobs.iter().map(|job| job.1).sum()
    }

    /// Fills the buffer with the bytes of all jobs.
    fn make(&self, buffer: &mut Vec<u8>) -> Result<PatchReport> {
        // what an earlier batch left there is overwritten
        buffer.resize(self.len(), 0);
        let mut rest = &mut buffer[..];
        let places = self.jobs.iter().map(|(job, length)| (job, rest.split_off_mut(..*length).expect("room for all")));
        let made: Vec<Result<PatchReport>> =
            places.collect::<Vec<_>>().into_par_iter().map(|(job, new)| job.make(new)).collect();
        made.into_iter().sum()
    }
}

/// All bytes of a file in batches of about [`BATCH`] bytes.
fn batches<'a>(bytes: &'a [u8], pieces: &'a [(Range<usize>, Piece<'a>)]) -> Vec<Batch<'a>> {
    let mut batches: Vec<Batch<'a>> = vec![];
    let mut size = JOB;
    let mut add = |job: Job<'a>, length: usize, end: usize| {
        // the first batches are small, for nothing is passed on while the first one is made
        if size >= (JOB << batches.len().min(8)).min(BATCH) {
            let start = batches.last().map_or(0, |batch| batch.range.end);
            batches.push(Batch { jobs: vec![], range: start..start });
            size = 0;
        }
        size += length;
        let batch = batches.last_mut().expect("one was added");
        batch.jobs.push((job, length));
        batch.range.end = end;
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

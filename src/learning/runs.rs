//! Many runs of training: side by side, each on its own thread, and each done once.

use super::data::Dataset;
use super::optimizer::Buffers;
use super::plan::Plan;
use super::state::{Checkpoint, State, save};
use super::train::{Outcome, Trained, train};
use crate::error::{Error, ErrorKind, Result};
use crate::files::write_atomic;
use rayon::ThreadPoolBuilder;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What happens while runs go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// So many epochs are ahead, besides those announced before.
    Ahead(u64),
    /// An epoch is done.
    Epoch,
}

/// Called from any thread.
pub type Watch<'a> = &'a (dyn Fn(Event) + Sync);

/// Where runs are made and kept.
pub struct Lab<'a> {
    /// The images.
    pub data: &'a Dataset,
    /// The folder of finished runs and checkpoints; without one nothing is kept.
    pub folder: Option<&'a Path>,
    /// Told of the progress.
    pub watch: Watch<'a>,
}

/// Seconds between the checkpoints of a run.
const PAUSE: f64 = 5.0;

/// A finished run as a file.
#[derive(Serialize, Deserialize)]
struct Finished {
    plan: Plan,
    data: String,
    outcome: Outcome,
}

impl Lab<'_> {
    /// The outcomes of all plans, in their order. As many runs as there are cores go on at a time, one thread each.
    ///
    /// # Errors
    /// The first error of any run, once those that go on have ended.
    pub fn outcomes(&self, plans: &[Plan]) -> Result<Vec<Outcome>> {
        (self.watch)(Event::Ahead(plans.iter().map(|p| u64::from(p.epochs)).sum()));
        let fingerprint = self.data.fingerprint();
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let results: Vec<Mutex<Option<Result<Outcome>>>> = plans.iter().map(|_| Mutex::new(None)).collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(plans.len().max(1));
        let work = || {
            while !failed.load(Ordering::Relaxed) {
                let k = next.fetch_add(1, Ordering::Relaxed);
                let Some(plan) = plans.get(k) else { return };
                let result = self.outcome(plan, &fingerprint);
                failed.fetch_or(result.is_err(), Ordering::Relaxed);
                *results[k].lock().expect("no run panics while it holds its place") = Some(result);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| match ThreadPoolBuilder::new().num_threads(1).build() {
                    // products of matrices ask the pool in which they run for threads
                    Ok(pool) => pool.install(work),
                    Err(_) => work(),
                });
            }
        });
        let results = results.into_iter().map(|r| r.into_inner().expect("no run panics while it holds its place"));
        let (done, failed): (Vec<_>, Vec<_>) = results.flatten().partition(Result::is_ok);
        match failed.into_iter().next() {
            Some(error) => Err(error.expect_err("these are the failed ones")),
            None => done.into_iter().collect(),
        }
    }

    fn outcome(&self, plan: &Plan, fingerprint: &str) -> Result<Outcome> {
        let files = self.folder.map(|folder| Files::of(folder, &plan.name));
        if let Some(outcome) = files.as_ref().map(|f| f.finished(plan, fingerprint)).transpose()?.flatten() {
            (0..plan.epochs).for_each(|_| (self.watch)(Event::Epoch));
            return Ok(outcome);
        }
        let checkpoint = files.as_ref().map(|f| Checkpoint { path: &f.checkpoint, data: fingerprint, pause: PAUSE });
        let outcome = train(plan, self.data, checkpoint, &|| (self.watch)(Event::Epoch))?.outcome;
        if let Some(files) = files {
            let finished = Finished { plan: plan.clone(), data: fingerprint.into(), outcome };
            let text = serde_json::to_string_pretty(&finished).map_err(|e| {
                Error::new(ErrorKind::Format, "run", e.to_string(), "report this as a fault of the program")
            })?;
            write_atomic(&files.finished, text.as_bytes(), true)?;
            // the run is done whether or not its checkpoint can go
            let _ = std::fs::remove_file(&files.checkpoint);
            return Ok(finished.outcome);
        }
        Ok(outcome)
    }

    /// The network that a plan leads to, trained on all threads, and kept with its weights.
    ///
    /// # Errors
    /// When the plan does not fit the data, or files cannot be read or written.
    pub fn network(&self, plan: &Plan) -> Result<Trained> {
        (self.watch)(Event::Ahead(plan.epochs.into()));
        let files = self.folder.map(|folder| Files::of(folder, &plan.name));
        let data = self.data.fingerprint();
        let checkpoint = files.as_ref().map(|f| Checkpoint { path: &f.checkpoint, data: &data, pause: PAUSE });
        let trained = train(plan, self.data, checkpoint, &|| (self.watch)(Event::Epoch))?;
        if let Some(checkpoint) = checkpoint {
            let (parameters, outcome) = (trained.parameters.clone(), trained.outcome.clone());
            // a finished run needs its weights alone; moments of zeros keep the shapes of a checkpoint
            let buffers = Buffers::new(plan.optimizer, &parameters)?;
            save(checkpoint, plan, &State { parameters, buffers, epoch: plan.epochs, outcome })?;
        }
        Ok(trained)
    }
}

struct Files {
    finished: PathBuf,
    checkpoint: PathBuf,
}

impl Files {
    fn of(folder: &Path, name: &str) -> Self {
        let runs = folder.join("runs");
        Self { finished: runs.join(format!("{name}.json")), checkpoint: runs.join(format!("{name}.safetensors")) }
    }

    fn finished(&self, plan: &Plan, fingerprint: &str) -> Result<Option<Outcome>> {
        let text = match std::fs::read(&self.finished) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(&self.finished, "reading", &e)),
        };
        let fault = |problem: String, remedy: &str| {
            Err(Error::new(ErrorKind::Format, "finished run", problem, remedy).in_file(&self.finished))
        };
        match serde_json::from_slice::<Finished>(&text) {
            Err(e) => fault(e.to_string(), "remove this file; its run is made anew"),
            Ok(run) if run.plan != *plan || run.data != fingerprint => {
                fault("it was made with other options or data".into(), "give another folder with -o, or empty this one")
            }
            Ok(run) => Ok(Some(run.outcome)),
        }
    }
}

//! A run of training between two epochs, as a file.

use super::net::Net;
use super::optimizer::Buffers;
use super::plan::Plan;
use super::train::Outcome;
use crate::error::{Error, ErrorKind, Result};
use crate::files::write_atomic;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Where a run is kept while it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint<'a> {
    /// The file.
    pub path: &'a Path,
    /// The fingerprint of the data.
    pub data: &'a str,
    /// Seconds that pass between two checkpoints at least.
    pub pause: f64,
}

/// All that the rest of a run depends on.
#[derive(Clone, Debug)]
pub struct State {
    /// The weights.
    pub parameters: Vec<Tensor>,
    /// What the optimizer remembers.
    pub buffers: Buffers,
    /// Epochs that are done.
    pub epoch: u32,
    /// Measurements so far.
    pub outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
struct Rest {
    plan: Plan,
    data: String,
    epoch: u32,
    steps: u64,
    outcome: Outcome,
}

/// Names of the four lists of tensors.
const LISTS: [&str; 4] = ["parameter", "first", "second", "largest"];

/// Writes a state: tensors in the safetensors format, all else as its metadata.
///
/// # Errors
/// When the operating system refuses.
pub fn save(checkpoint: Checkpoint, plan: &Plan, state: &State) -> Result<()> {
    let path = checkpoint.path;
    let (epoch, steps, outcome) = (state.epoch, state.buffers.steps, state.outcome.clone());
    let rest = Rest { plan: plan.clone(), data: checkpoint.data.into(), epoch, steps, outcome };
    let rest = serde_json::to_string(&rest).map_err(|e| fault(path, "metadata", &e.to_string()))?;
    let buffers = &state.buffers;
    let lists = [&state.parameters, &buffers.first, &buffers.second, &buffers.largest];
    let named = LISTS.iter().zip(lists);
    let tensors = named.flat_map(|(name, list)| list.iter().enumerate().map(move |(k, t)| (format!("{name}{k}"), t)));
    let metadata = Some(HashMap::from([("state".to_string(), rest)]));
    let bytes = safetensors::serialize(tensors, metadata).map_err(|e| fault(path, "tensors", &e.to_string()))?;
    write_atomic(path, &bytes, true)
}

/// Reads a state that [`save`] wrote.
///
/// # Errors
/// When the file is no such state of this run.
pub fn load(checkpoint: Checkpoint, plan: &Plan, net: &Net) -> Result<State> {
    let path = checkpoint.path;
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, "reading", &e))?;
    let (_, metadata) =
        safetensors::SafeTensors::read_metadata(&bytes).map_err(|e| fault(path, "header", &e.to_string()))?;
    let rest = metadata.metadata().as_ref().and_then(|m| m.get("state")).map_or("", String::as_str);
    let rest: Rest = serde_json::from_str(rest).map_err(|e| fault(path, "metadata", &e.to_string()))?;
    if rest.plan != *plan || rest.data != checkpoint.data {
        let remedy = "give another folder with -o, or empty this one";
        let problem = "it was made with other options or data";
        return Err(Error::new(ErrorKind::Format, "checkpoint", problem, remedy).in_file(path));
    }
    let mut tensors = candle_core::safetensors::load_buffer(&bytes, &candle_core::Device::Cpu)?;
    let shapes = net.shapes();
    let mut list = |name: &str| -> Result<Vec<Tensor>> {
        let taken = shapes.iter().enumerate().map_while(|(k, s)| Some((s, tensors.remove(&format!("{name}{k}"))?)));
        let taken: Vec<_> = taken.collect();
        let fits = taken.iter().all(|(s, t)| t.dims() == s.axes && t.dtype() == net.precision);
        if !fits || !(taken.is_empty() || taken.len() == shapes.len()) {
            return Err(fault(path, name, "its shapes are not those of this network"));
        }
        Ok(taken.into_iter().map(|(_, t)| t).collect())
    };
    let [parameters, first, second, largest] = [list(LISTS[0])?, list(LISTS[1])?, list(LISTS[2])?, list(LISTS[3])?];
    if parameters.is_empty() {
        return Err(fault(path, "parameter", "it has none"));
    }
    let buffers = Buffers { first, second, largest, steps: rest.steps };
    Ok(State { parameters, buffers, epoch: rest.epoch, outcome: rest.outcome })
}

fn fault(path: &Path, place: &str, problem: &str) -> Error {
    Error::new(ErrorKind::Format, place, problem, "remove this checkpoint; its run begins anew").in_file(path)
}

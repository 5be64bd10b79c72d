//! The safetensors files that a network refers to, mapped for reading.
//!
//! A reference names a file of tensors, or the index of a set of them: a JSON file `*.index.json` whose member
//! `weight_map` says which file of the set (shard) holds which tensor.

use super::values::Reference;
use crate::error::{Error, ErrorKind, Result};
use crate::files::{beside, folder_of};
use crate::mapped::Mapped;
use crate::numeric::Float;
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the name of an index ends.
const INDEX: &str = ".index.json";

/// A tensor that a network file refers to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorHead {
    pub(super) name: String,
    pub(super) float: Float,
    pub(super) shape: Vec<usize>,
    /// Which of [`TensorFiles::files`] holds it, and where.
    pub(super) file: usize,
    pub(super) bytes: Range<usize>,
    /// Which of [`TensorFiles::indices`] the reference names; none when it names the file.
    pub(super) index: Option<usize>,
}

/// A file of tensors.
#[derive(Clone, Debug)]
pub(super) struct TensorFile {
    pub(super) path: PathBuf,
    /// How references name it.
    pub(super) location: String,
    pub(super) bytes: Arc<Mapped>,
    /// Length of the header, with its own length.
    start: usize,
    metadata: Arc<Metadata>,
}

/// An index of a set of files.
#[derive(Clone, Debug)]
pub(super) struct Index {
    path: PathBuf,
    /// How references name it.
    pub(super) location: String,
    /// All its members; `weight_map` is an object of texts.
    pub(super) members: serde_json::Map<String, serde_json::Value>,
    /// The file of each name in the map.
    pub(super) files: BTreeMap<String, usize>,
}

/// All files of tensors of a network; of a set, all files whether or not the network refers to them.
#[derive(Clone, Debug, Default)]
pub(super) struct TensorFiles {
    folder: Option<PathBuf>,
    pub(super) files: Vec<TensorFile>,
    pub(super) indices: Vec<Index>,
}

impl TensorFiles {
    /// None yet; references are relative to `folder`.
    pub(super) fn in_folder(folder: Option<&Path>) -> Self {
        Self { folder: folder.map(Path::to_path_buf), ..Self::default() }
    }

    /// The names and paths of all files and indices.
    pub(super) fn companions(&self) -> impl Iterator<Item = (&str, &Path)> {
        let files = self.files.iter().map(|file| (file.location.as_str(), file.path.as_path()));
        files.chain(self.indices.iter().map(|index| (index.location.as_str(), index.path.as_path())))
    }

    /// Gives the memory of what was read back to the system.
    pub(super) fn release(&self) {
        self.files.iter().for_each(|file| file.bytes.release());
    }

    /// The tensor as `f64`; `place` is where the JSON file refers to it.
    pub(super) fn read(&mut self, reference: &Reference, place: &str) -> Result<(TensorHead, Vec<f64>)> {
        let Some(folder) = self.folder.clone() else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                place,
                "a text without a folder cannot refer to a file",
                "write the weights out, or read the network from a file",
            ));
        };
        let path = beside(&folder, &reference.file, &format!("{place}.file"))?;
        let (file, index) = if reference.file.ends_with(INDEX) {
            let index = self.index(&path, &reference.file)?;
            (self.indexed(index, &reference.tensor)?, Some(index))
        } else {
            (self.open(&path, &reference.file)?, None)
        };
        self.tensor(file, index, &reference.tensor)
    }

    /// The index at `path`, and all files of its set.
    fn index(&mut self, path: &Path, location: &str) -> Result<usize> {
        if let Some(known) = self.indices.iter().position(|index| index.path == path) {
            return Ok(known);
        }
        let index = self.new_index(path, location).map_err(|e| e.in_file(path))?;
        self.indices.push(index);
        Ok(self.indices.len() - 1)
    }

    fn new_index(&mut self, path: &Path, location: &str) -> Result<Index> {
        let wrong = |place: String, problem: String| {
            let remedy = "an index is an object whose member \"weight_map\" gives the file of every tensor by its name";
            Error::new(ErrorKind::Format, place, problem, remedy)
        };
        let text = std::fs::read(path).map_err(|e| Error::io(path, "reading the index", &e))?;
        let members: serde_json::Map<_, _> = serde_json::from_slice(&text)
            .map_err(|e| wrong(format!("line {}, column {}", e.line(), e.column()), format!("no valid index: {e}")))?;
        let map = members.get("weight_map").and_then(serde_json::Value::as_object);
        let map = map.ok_or_else(|| wrong("weight_map".into(), "there is no such object".into()))?;
        let mut named = BTreeMap::new();
        for (tensor, name) in map {
            let place = format!("weight_map[{tensor:?}]");
            let name = name.as_str().ok_or_else(|| wrong(place.clone(), format!("{name} is no name of a file")))?;
            named.entry(name).or_insert(place);
        }
        // in the order of their names, which is that of their numbers
        let mut files = BTreeMap::new();
        for (name, place) in named {
            files.insert(name.to_owned(), self.open(&beside(folder_of(path), name, &place)?, name)?);
        }
        Ok(Index { path: path.to_path_buf(), location: location.to_owned(), members, files })
    }

    /// The file in which an index says that the tensor is.
    fn indexed(&self, index: usize, tensor: &str) -> Result<usize> {
        let index = &self.indices[index];
        let map = index.members["weight_map"].as_object().expect("checked on reading");
        let file = map.get(tensor).and_then(|name| index.files.get(name.as_str()?));
        file.copied().ok_or_else(|| no_such(tensor, map.keys().map(String::as_str).collect()).in_file(&index.path))
    }

    /// The file of tensors at `path`.
    fn open(&mut self, path: &Path, location: &str) -> Result<usize> {
        if let Some(known) = self.files.iter().position(|file| file.path == path) {
            return Ok(known);
        }
        let bytes = Mapped::open(path)?;
        let (length, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| {
            let problem = format!("no valid safetensors file: {e}");
            let remedy = "copy the file again; it may be truncated";
            Error::new(ErrorKind::Format, "header", problem, remedy).in_file(path)
        })?;
        let (location, path) = (location.to_owned(), path.to_path_buf());
        // the length of the header is itself written in eight bytes
        let (bytes, metadata) = (Arc::new(bytes), Arc::new(metadata));
        self.files.push(TensorFile { path, location, bytes, start: length + 8, metadata });
        Ok(self.files.len() - 1)
    }

    fn tensor(&self, file: usize, index: Option<usize>, name: &str) -> Result<(TensorHead, Vec<f64>)> {
        let TensorFile { path, bytes, start, metadata, .. } = &self.files[file];
        let place = || format!("tensor {name:?}");
        let info = metadata.info(name).ok_or_else(|| {
            let names = metadata.offset_keys();
            no_such(name, names.iter().map(String::as_str).collect()).in_file(path)
        })?;
        let float = match info.dtype {
            Dtype::F32 => Float::F32,
            Dtype::F64 => Float::F64,
            Dtype::F16 => Float::F16,
            Dtype::BF16 => Float::Bf16,
            other => {
                let problem = format!("its elements are of type {other:?}, which holds no weights that can be scaled");
                let remedy = "convert the tensor to F32, F64, F16 or BF16";
                return Err(Error::new(ErrorKind::Unsupported, place(), problem, remedy).in_file(path));
            }
        };
        let range = start + info.data_offsets.0..start + info.data_offsets.1;
        let values: Vec<f64> = bytes[range.clone()].chunks_exact(float.width()).map(|b| float.read(b)).collect();
        if let Some(k) = values.iter().position(|w| !w.is_finite()) {
            let problem = format!("its value is {}", values[k]);
            let remedy = "give finite weights; look for the training step that diverged";
            let place = format!("{}, element {k}", place());
            return Err(Error::new(ErrorKind::Network, place, problem, remedy).in_file(path));
        }
        Ok((TensorHead { name: name.into(), float, shape: info.shape.clone(), file, bytes: range, index }, values))
    }
}

fn no_such(tensor: &str, mut names: Vec<&str>) -> Error {
    names.sort_unstable();
    names.truncate(10);
    let remedy = format!("name one of its tensors: {names:?}");
    Error::new(ErrorKind::Format, format!("tensor {tensor:?}"), "there is no such tensor", remedy)
}

impl TensorHead {
    /// Rounds numbers to the type of the tensor, once each.
    ///
    /// # Errors
    /// When a number overflows or vanishes.
    pub(super) fn round(&self, values: &mut [f64]) -> Result<()> {
        for (k, value) in values.iter_mut().enumerate() {
            let rounded = self.float.round(*value);
            if !rounded.is_finite() || (rounded == 0.0 && *value != 0.0) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("tensor {:?}, element {k}", self.name),
                    format!("{value:e} does not fit its element type {:?}", self.float),
                    "bound the scales (--scale-range), or store the tensor in a wider type (F32 or F64)",
                ));
            }
            *value = rounded;
        }
        Ok(())
    }

    /// The bytes of numbers that were rounded to the type of the tensor.
    pub(super) fn encode(&self, rounded: &[f64]) -> Vec<u8> {
        let mut bytes = vec![0; rounded.len() * self.float.width()];
        for (value, place) in rounded.iter().zip(bytes.chunks_exact_mut(self.float.width())) {
            self.float.write(*value, place);
        }
        bytes
    }
}

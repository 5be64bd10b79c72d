//! Numbers of a JSON network file: written out, or in a safetensors file beside it.

use crate::error::{Error, ErrorKind, Result};
use safetensors::{Dtype, SafeTensors};
use serde::de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;
use std::path::{Component, Path, PathBuf};

/// Largest file of tensors that is read: 16 GiB.
const MAX_TENSORS: u64 = 1 << 34;

/// A tensor of a safetensors file; the file is relative to the JSON file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    pub(super) file: String,
    pub(super) tensor: String,
}

/// Numbers in the file itself or elsewhere.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Source<T> {
    Inline(T),
    Elsewhere(Reference),
}

/// A vector.
pub(super) type Values = Source<Vec<f64>>;
/// A matrix, row by row.
pub(super) type Rows = Source<Vec<Vec<f64>>>;

// by hand, for a derived untagged enum forgets line, column and what was wrong
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Source<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(ArrayOrObject(PhantomData))
    }
}

struct ArrayOrObject<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ArrayOrObject<T> {
    type Value = Source<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of numbers, or an object with the members \"file\" and \"tensor\"")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> std::result::Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(access)).map(Source::Inline)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> std::result::Result<Self::Value, A::Error> {
        Reference::deserialize(MapAccessDeserializer::new(access)).map(Source::Elsewhere)
    }
}

/// A tensor that a network file refers to: what is needed to write a new one like it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorHead {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
}

/// Reads tensors from files in one folder, each file once.
pub(super) struct Tensors<'a> {
    folder: Option<&'a Path>,
    files: HashMap<PathBuf, Vec<u8>>,
}

impl<'a> Tensors<'a> {
    pub(super) fn in_folder(folder: Option<&'a Path>) -> Self {
        Self { folder, files: HashMap::new() }
    }

    /// The tensor as `f64`; `place` is where the JSON file refers to it.
    pub(super) fn read(&mut self, reference: &Reference, place: &str) -> Result<(TensorHead, Vec<f64>)> {
        let path = self.locate(reference, place)?;
        if !self.files.contains_key(&path) {
            let failed = |e: std::io::Error| Error::io(&path, &format!("reading the tensors of {place}"), &e);
            let size = std::fs::metadata(&path).map_err(failed)?.len();
            if size > MAX_TENSORS {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    place,
                    format!("the file has {size} bytes; the limit is {MAX_TENSORS}"),
                    "balance a part of the network",
                )
                .in_file(&path));
            }
            self.files.insert(path.clone(), std::fs::read(&path).map_err(failed)?);
        }
        parse(&self.files[&path], &reference.tensor).map_err(|e| e.in_file(&path))
    }

    fn locate(&self, reference: &Reference, place: &str) -> Result<PathBuf> {
        let relative = Path::new(&reference.file);
        let plain = relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        let inside = plain && !reference.file.is_empty() && !reference.file.contains(['\\', ':', '\0']);
        match self.folder {
            Some(folder) if inside => Ok(folder.join(relative)),
            Some(_) => Err(Error::new(
                ErrorKind::Format,
                format!("{place}.file"),
                format!("the path {:?} may lead out of the folder of the network file", reference.file),
                "put the tensors beside the network file and give a relative path with / and without ..",
            )),
            None => Err(Error::new(
                ErrorKind::Unsupported,
                place,
                "a text without a folder cannot refer to a file",
                "write the weights out, or read the network from a file",
            )),
        }
    }
}

fn parse(bytes: &[u8], name: &str) -> Result<(TensorHead, Vec<f64>)> {
    let place = || format!("tensor {name:?}");
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| {
        let problem = format!("no valid safetensors file: {e}");
        Error::new(ErrorKind::Format, "header", problem, "copy the file again; it may be truncated")
    })?;
    let view = tensors.tensor(name).map_err(|_| {
        let mut names = tensors.names();
        names.sort_unstable();
        names.truncate(10);
        Error::new(ErrorKind::Format, place(), "there is no such tensor", format!("name one of its tensors: {names:?}"))
    })?;
    let values: Vec<f64> = match view.dtype() {
        Dtype::F32 => view.data().as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
        Dtype::F64 => view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        other => {
            let problem = format!("its element type {other:?} is not supported here");
            return Err(Error::new(ErrorKind::Unsupported, place(), problem, "convert the tensor to F32 or F64"));
        }
    };
    if let Some(k) = values.iter().position(|w| !w.is_finite()) {
        return Err(Error::new(
            ErrorKind::Network,
            format!("{}, element {k}", place()),
            format!("its value is {}", values[k]),
            "give finite weights; look for the training step that diverged",
        ));
    }
    Ok((TensorHead { name: name.into(), dtype: view.dtype(), shape: view.shape().to_vec() }, values))
}

/// A safetensors file of the given tensors, each rounded to its element type.
pub(super) fn safetensors_bytes(tensors: &[(TensorHead, &[f64])]) -> Result<Vec<u8>> {
    let mut names = HashSet::new();
    if let Some((twice, _)) = tensors.iter().find(|(head, _)| !names.insert(head.name.as_str())) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("tensor {:?}", twice.name),
            "the network refers to two tensors of this name, or twice to one, and each becomes a tensor of its own",
            "give the tensors different names, or write the weights out",
        ));
    }
    let mut data = Vec::with_capacity(tensors.len());
    for (head, values) in tensors {
        data.push(head.bytes(values)?);
    }
    let internal = |e: safetensors::SafeTensorError| {
        Error::new(ErrorKind::Network, "tensors", e.to_string(), "give every tensor its own name")
    };
    let mut views = vec![];
    for ((head, _), bytes) in tensors.iter().zip(&data) {
        let view = safetensors::tensor::TensorView::new(head.dtype, head.shape.clone(), bytes).map_err(internal)?;
        views.push((head.name.as_str(), view));
    }
    safetensors::serialize(views, None).map_err(internal)
}

impl TensorHead {
    /// Rounds numbers to the type of the tensor.
    ///
    /// # Errors
    /// When a number overflows or vanishes.
    pub(super) fn round(&self, values: &mut [f64]) -> Result<()> {
        if self.dtype == Dtype::F64 {
            return Ok(());
        }
        for (k, value) in values.iter_mut().enumerate() {
            let rounded = f64::from(*value as f32);
            if !rounded.is_finite() || (rounded == 0.0 && *value != 0.0) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("tensor {:?}, element {k}", self.name),
                    format!("{value} does not fit its element type F32"),
                    "convert the tensor to F64 first",
                ));
            }
            *value = rounded;
        }
        Ok(())
    }

    /// The bytes of numbers, rounded to the type of the tensor.
    fn bytes(&self, values: &[f64]) -> Result<Vec<u8>> {
        let mut rounded = values.to_vec();
        self.round(&mut rounded)?;
        Ok(match self.dtype {
            Dtype::F64 => rounded.iter().flat_map(|w| w.to_le_bytes()).collect(),
            _ => rounded.iter().flat_map(|&w| (w as f32).to_le_bytes()).collect(),
        })
    }
}

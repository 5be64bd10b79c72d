//! New files of tensors: copies in which only the tensors of the network have other bytes.

use super::tensors::{TensorFiles, TensorHead};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{AtomicFile, folder_of, same_file};
use std::path::{Path, PathBuf};

/// The files to be written, and how the network file and the indices call them.
pub(super) struct NewFiles {
    /// One for each of [`TensorFiles::files`]; none where it stays as it is.
    files: Vec<Option<String>>,
    /// One for each of [`TensorFiles::indices`]; none where it stays as it is.
    indices: Vec<Option<String>>,
}

/// Tensors with their new values.
pub(super) type NewTensors<'a> = Vec<(TensorHead, &'a [f64])>;

impl NewFiles {
    /// The same files again.
    pub(super) fn in_place(old: &TensorFiles) -> Self {
        Self { files: vec![None; old.files.len()], indices: vec![None; old.indices.len()] }
    }

    /// Files beside `path`, with its name.
    pub(super) fn beside(old: &TensorFiles, path: &Path) -> Self {
        let stem = path.file_stem().map_or("network".into(), |stem| stem.to_string_lossy().into_owned());
        let names = |count: usize, end: &str| {
            let one = |k: usize| match count {
                1 => format!("{stem}.safetensors{end}"),
                _ => format!("{stem}-{:05}-of-{count:05}.safetensors{end}", k + 1),
            };
            (0..count).map(|k| Some(one(k))).collect()
        };
        Self { files: names(old.files.len(), ""), indices: names(old.indices.len(), ".index.json") }
    }

    /// How the network refers to the file of a tensor.
    pub(super) fn location(&self, old: &TensorFiles, head: &TensorHead) -> String {
        let (new, old) = match head.index {
            Some(index) => (&self.indices[index], &old.indices[index].location),
            None => (&self.files[head.file], &old.files[head.file].location),
        };
        new.as_ref().unwrap_or(old).clone()
    }

    /// Begins all files beside `path` and fills them; they are complete, and not yet in their places.
    ///
    /// # Errors
    /// When two of the tensors are one; when a number does not fit its type; when a file exists and `force` is false, or is
    /// one of the old ones under another name; when the operating system refuses.
    pub(super) fn fill(
        &self,
        old: &TensorFiles,
        tensors: &NewTensors<'_>,
        path: &Path,
        force: bool,
    ) -> Result<Vec<AtomicFile>> {
        let mut filled = vec![];
        for (number, file) in old.files.iter().enumerate() {
            let mut own: Vec<_> = tensors.iter().filter(|(head, _)| head.file == number).collect();
            own.sort_by_key(|(head, _)| head.bytes.start);
            if let Some([(one, _), _]) = own.array_windows().find(|[(a, _), (b, _)]| a.name == b.name) {
                let problem = "the network refers to it twice, and each use becomes a tensor of its own";
                let remedy = "give every use its own tensor, or write the weights out";
                let place = format!("tensor {:?}", one.name);
                return Err(Error::new(ErrorKind::Unsupported, place, problem, remedy).in_file(&file.path));
            }
            let target = match &self.files[number] {
                Some(name) => beside(old, path, name)?,
                // a file of the set that no tensor of the network is in stays
                None if own.is_empty() => continue,
                None => file.path.clone(),
            };
            let mut out = AtomicFile::create(&target, force)?;
            let mut from = 0;
            for (head, values) in own {
                let mut rounded = values.to_vec();
                head.round(&mut rounded).map_err(|e| e.in_file(&target))?;
                out.write(&file.bytes[from..head.bytes.start])?;
                out.write(&head.encode(&rounded))?;
                from = head.bytes.end;
            }
            out.write(&file.bytes[from..])?;
            filled.push(out);
        }
        for (index, name) in old.indices.iter().zip(&self.indices) {
            let Some(name) = name else { continue };
            let mut members = index.members.clone();
            let map = members.get_mut("weight_map").and_then(serde_json::Value::as_object_mut);
            for file in map.into_iter().flat_map(|map| map.values_mut()) {
                let number = file.as_str().and_then(|name| index.files.get(name));
                if let Some(new) = number.and_then(|&number| self.files[number].as_deref()) {
                    *file = new.into();
                }
            }
            let text = serde_json::to_string_pretty(&members).expect("it was read from JSON") + "\n";
            let mut out = AtomicFile::create(&beside(old, path, name)?, force)?;
            out.write(text.as_bytes())?;
            filled.push(out);
        }
        Ok(filled)
    }
}

/// Where a new file goes; never over a file from which the original network was read.
fn beside(old: &TensorFiles, path: &Path, name: &str) -> Result<PathBuf> {
    let target = folder_of(path).join(name);
    if old.companions().any(|(_, own)| same_file(own, &target)) {
        let problem = "the original network keeps its weights, or the index of them, in this file";
        let remedy =
            "give the new network another name or folder, or balance in place: the output named like the input";
        return Err(Error::new(ErrorKind::Parameter, "--output", problem, remedy).in_file(&target));
    }
    Ok(target)
}

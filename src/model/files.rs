//! A model file, and the files beside it in which it keeps large tensors.

use super::graph::Graph;
use super::tensor::Tensor;
use crate::error::{Error, ErrorKind, Result};
use crate::files::{beside, folder_of, same_file};
use crate::mapped::Mapped;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of a model, mapped for reading.
#[derive(Debug)]
pub struct Files {
    list: Vec<File>,
}

/// One of them.
#[derive(Debug)]
struct File {
    /// How the model names it; empty for the model itself.
    location: String,
    path: PathBuf,
    bytes: Arc<Mapped>,
}

/// Where a tensor says that its numbers are: in a file beside the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct External {
    /// Path of the file, relative to the folder of the model.
    pub location: String,
    /// First byte.
    pub offset: usize,
    /// Number of bytes, where the model tells.
    pub length: Option<usize>,
}

impl Files {
    /// Maps the model at `path`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let bytes = Arc::new(Mapped::open(path)?);
        Ok(Self { list: vec![File { location: String::new(), path: path.to_path_buf(), bytes }] })
    }

    /// The bytes of a file: 0 is the model.
    #[must_use]
    pub fn bytes(&self, file: usize) -> &[u8] {
        &self.list[file].bytes
    }

    /// The bytes of a file, to be kept.
    pub(super) fn shared(&self, file: usize) -> Arc<Mapped> {
        Arc::clone(&self.list[file].bytes)
    }

    /// Gives the memory of what was read back to the system.
    pub fn release(&self) {
        self.list.iter().for_each(|file| file.bytes.release());
    }

    /// The same for a range of bytes of one of them.
    pub(super) fn release_range(&self, file: usize, range: Range<usize>) {
        self.list[file].bytes.release_range(range);
    }

    /// Number of files.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// How the model names its other files, and their paths.
    pub fn others(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.list[1..].iter().map(|f| (f.location.as_str(), f.path.as_path()))
    }

    /// Maps the files that tensors of the graph name, and finds the tensors in them.
    ///
    /// Tensors that are alike and share all their bytes are one from here on: the first.
    pub(super) fn attach(&mut self, graph: &mut Graph) -> Result<()> {
        // a file has one path, however it is written
        let mut known: HashMap<PathBuf, usize> = HashMap::new();
        let mut placed = vec![];
        for (index, tensor) in graph.tensors.iter_mut().enumerate() {
            let Some(external) = tensor.external.clone() else { continue };
            let path = beside(folder_of(&self.list[0].path), &external.location, &tensor.place())?;
            if same_file(&path, &self.list[0].path) {
                let problem = "its numbers are said to be in the model file itself";
                let remedy = "keep them in the tensor, or in a file of their own";
                return Err(Error::new(ErrorKind::Format, tensor.place(), problem, remedy));
            }
            let file = match known.get(&path) {
                Some(&file) => file,
                None => {
                    let bytes = Arc::new(Mapped::open(&path)?);
                    self.list.push(File { location: external.location.clone(), path: path.clone(), bytes });
                    known.insert(path, self.list.len() - 1);
                    self.list.len() - 1
                }
            };
            self.place(tensor, &external, file)?;
            if let [place] = &tensor.places[..] {
                placed.push((file, place.clone(), index));
            }
        }
        self.share(graph, placed)
    }

    /// Makes tensors one that are alike and share all their bytes; `placed` has the file, the place and the number of each.
    fn share(&self, graph: &mut Graph, mut placed: Vec<(usize, Range<usize>, usize)>) -> Result<()> {
        placed.retain(|(_, place, _)| !place.is_empty());
        placed.sort_by_key(|(file, place, index)| (*file, place.start, *index));
        let mut last: Option<&(usize, Range<usize>, usize)> = None;
        for one @ (file, place, index) in &placed {
            let Some((_, before, first)) = last.filter(|l| l.0 == *file && place.start < l.1.end) else {
                last = Some(one);
                continue;
            };
            let [own, other] = [&graph.tensors[*index], &graph.tensors[*first]];
            if place != before || (&own.dims, own.element) != (&other.dims, other.element) {
                let problem =
                    format!("it shares some of its bytes in {:?} with {:?}", self.list[*file].location, other.name);
                let remedy = "give every tensor bytes of its own, or the same bytes, shape and type to both";
                return Err(Error::new(ErrorKind::Format, own.place(), problem, remedy));
            }
            graph.replace(*index, *first);
        }
        Ok(())
    }

    fn place(&self, tensor: &mut Tensor, external: &External, file: usize) -> Result<()> {
        let wrong = |tensor: &Tensor, problem: String| {
            let remedy = "the files do not belong together, or one is cut off; export the model again";
            Error::new(ErrorKind::Format, tensor.place(), problem, remedy)
        };
        let width = tensor.element.width();
        let needed = tensor.len().checked_mul(width);
        let length = external.length.or(needed).unwrap_or(usize::MAX);
        if width > 0 && Some(length) != needed {
            let shape = &tensor.dims;
            let problem = format!("its shape {shape:?} has {} elements, its {length} bytes hold others", tensor.len());
            return Err(wrong(tensor, problem));
        }
        let held = self.bytes(file).len();
        let Some(end) = external.offset.checked_add(length).filter(|&end| end <= held) else {
            let (from, name) = (external.offset, &external.location);
            let problem = format!("{length} bytes from byte {from} on reach beyond the end of {name:?} ({held} bytes)");
            return Err(wrong(tensor, problem));
        };
        tensor.file = file;
        if width > 0 {
            tensor.places = std::iter::once(external.offset..end).collect();
        }
        Ok(())
    }
}

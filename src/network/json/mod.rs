//! Networks as JSON files.
//!
//! A file holds layers that are completely connected, or units and connections in general; weights are written out or
//! lie in safetensors files beside it. `docs/network.schema.json` says what is allowed. What is read is written back
//! in the same form.

mod build;
mod format;
mod shards;
mod tensors;
mod values;

use super::{Connections, Network};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{AtomicFile, folder_of, same_file};
use crate::lowered::Scaling;
use crate::manifold::Form;
use crate::numeric::Float;
use crate::problem::Decisions;
use format::{Columns, FORMAT, File, Layer, Term, Units, VERSION};
use shards::{NewFiles, NewTensors};
use std::path::{Path, PathBuf};
use tensors::{TensorFiles, TensorHead};
use values::{Reference, Source};

/// Largest network file that is read: 4 GiB.
const MAX_FILE: u64 = 1 << 32;

/// A network, and the form in which its file holds it.
#[derive(Clone, Debug)]
pub struct NetworkFile {
    network: Network,
    description: Option<String>,
    layout: Layout,
    constraints: Vec<Vec<Term>>,
    tensors: TensorFiles,
    /// Where it was read from.
    path: Option<PathBuf>,
}

/// Where the weights of the network go in the file. The parameters are taken in order.
#[derive(Clone, Debug)]
enum Layout {
    Layers { inputs: u32, layers: Vec<LayerHead> },
    General { weights: Option<TensorHead> },
}

/// A layer without its numbers; a head says which tensor holds them, `None` that they are written out.
#[derive(Clone, Debug)]
struct LayerHead {
    name: Option<String>,
    activation: super::Activation,
    frozen: bool,
    rows: usize,
    columns: usize,
    weights: Option<TensorHead>,
    biases: Option<Option<TensorHead>>,
}

impl NetworkFile {
    /// A file for a network that came from elsewhere: units and connections, all weights written out.
    #[must_use]
    pub fn new(network: Network) -> Self {
        let (layout, tensors) = (Layout::General { weights: None }, TensorFiles::default());
        let term = |&(unit, coefficient): &(u32, f64)| Term {
            unit: network.units()[unit as usize].name.to_string(),
            coefficient,
        };
        let constraints = network.constraints().iter().map(|form| form.terms().iter().map(term).collect()).collect();
        Self { network, description: None, layout, constraints, tensors, path: None }
    }

    /// The same file, whose network obeys further linear constraints; they are not written.
    ///
    /// # Errors
    /// As for [`Network::constrained`].
    pub fn constrained(mut self, constraints: impl IntoIterator<Item = Form>) -> Result<Self> {
        self.network = self.network.constrained(constraints)?;
        Ok(self)
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What the file says about itself.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The text of a file in the same form that holds `network`, all weights written out.
    ///
    /// # Errors
    /// When `network` has other units, connections or numbers of weights than the network of this file.
    pub fn to_json(&self, network: &Network) -> Result<String> {
        self.text(network, None).map(|(text, _)| text)
    }

    /// Writes a file in the same form that holds `network`, and the files of its tensors.
    ///
    /// Files of tensors are copied, with the weights of the network rounded once to the types of their tensors and every
    /// other byte as it was. The copies go beside `path` under its name, `NAME.safetensors` or `NAME-00001-of-00002.safetensors`
    /// and so on, with a new index where there was one. Only when `path` is the file that was read, the files
    /// keep their names and are replaced. Each is complete before the first takes its place.
    ///
    /// # Errors
    /// When a file exists and `force` is false; when the network that was read keeps weights in a file that would be
    /// replaced; when `network` has other units, connections or numbers of weights than the network of this file; when a
    /// weight does not fit the type of its tensor, or two uses share a tensor.
    pub fn write(&self, network: &Network, path: &Path, force: bool) -> Result<()> {
        let in_place = self.path.as_ref().is_some_and(|own| same_file(own, path));
        let new = match in_place {
            true => NewFiles::in_place(&self.tensors),
            false => NewFiles::beside(&self.tensors, path),
        };
        let (text, tensors) = self.text(network, Some(&new)).map_err(|e| e.in_file(path))?;
        let mut main = AtomicFile::create(path, force)?;
        main.write(text.as_bytes())?;
        let filled = new.fill(&self.tensors, &tensors, path, force)?;
        // the network itself comes last: it is complete only with the files that it names
        filled.into_iter().chain([main]).try_for_each(AtomicFile::finish)
    }

    /// How many weights of `network` are subnormal in the types of their tensors, and so keep fewer digits.
    #[must_use]
    pub fn subnormal(&self, network: &Network) -> u64 {
        let mut rest = network.parameters();
        let mut found = 0;
        for (head, count) in self.types() {
            let (own, after) = rest.split_at(count.min(rest.len()));
            let smallest = head.map_or(0.0, |head| head.float.smallest_normal());
            found += own.iter().filter(|w| **w != 0.0 && w.abs() < smallest).count() as u64;
            rest = after;
        }
        found
    }

    /// How the file names the others in which it keeps weights, and their paths: files of tensors, and indices of such files.
    pub fn companions(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.tensors.companions()
    }

    /// Gives the memory of what was read from mapped files back to the system.
    pub fn release(&self) {
        self.tensors.release();
    }

    /// The types of numbers in which the file holds weights.
    #[must_use]
    pub fn floats(&self) -> Vec<Float> {
        self.types().into_iter().map(|(head, _)| head.map_or(Float::F64, |head| head.float)).collect()
    }

    /// The network with every weight multiplied as `scaling` says, as this file will hold it: rounded to the types of its
    /// tensors; with proved bounds, as the exact optimum is rounded. Counts how weights were decided.
    ///
    /// # Errors
    /// As for [`Network::apply`], and when a weight does not fit its type.
    pub fn apply(&self, scaling: &Scaling) -> Result<(Network, Decisions)> {
        let types = self.types().into_iter();
        let floats = types.map(|(head, count)| vec![head.map_or(Float::F64, |head| head.float); count]);
        let floats: Vec<Float> = floats.flatten().collect();
        let (network, decisions) = self.network.apply_as(scaling, |parameter| floats[parameter])?;
        Ok((self.rounded(&network)?, decisions))
    }

    /// A network of the same form with its weights as this file will hold them: rounded to the types of their tensors.
    ///
    /// # Errors
    /// When a weight does not fit its type, or the network is of another form.
    pub fn rounded(&self, network: &Network) -> Result<Network> {
        self.check_same_shape(network)?;
        let mut parameters = network.parameters().to_vec();
        let mut rest = parameters.as_mut_slice();
        for (head, count) in self.types() {
            let (own, after) = rest.split_at_mut(count);
            if let Some(head) = head {
                head.round(own)?;
            }
            rest = after;
        }
        network.with_parameters(parameters)
    }

    /// The tensors, or none for weights in the text, in the order of the parameters, with the number of each.
    fn types(&self) -> Vec<(Option<&TensorHead>, usize)> {
        match &self.layout {
            Layout::Layers { layers, .. } => {
                let counts = |layer: &LayerHead| {
                    let biases = if layer.biases.is_some() { layer.rows } else { 0 };
                    [layer.rows * layer.columns, biases]
                };
                let heads =
                    layers.iter().flat_map(|l| [l.weights.as_ref(), l.biases.as_ref().and_then(Option::as_ref)]);
                heads.zip(layers.iter().flat_map(counts)).collect()
            }
            Layout::General { weights } => vec![(weights.as_ref(), self.network.parameters().len())],
        }
    }

    /// The text, and the tensors that go to the new files, if any.
    fn text<'a>(&self, network: &'a Network, files: Option<&NewFiles>) -> Result<(String, NewTensors<'a>)> {
        self.check_same_shape(network)?;
        let locate = |head: &TensorHead| files.map(|new| new.location(&self.tensors, head));
        let mut rest = network.parameters();
        let mut tensors: NewTensors<'a> = vec![];
        let mut file = File {
            format: FORMAT.into(),
            version: VERSION,
            description: self.description.clone(),
            inputs: None,
            layers: None,
            units: None,
            connections: None,
            weights: None,
            constraints: self.constraints.clone(),
        };
        match &self.layout {
            Layout::Layers { inputs, layers } => {
                file.inputs = Some(*inputs);
                let mut written = vec![];
                for layer in layers {
                    let (weights, after) = rest.split_at(layer.rows * layer.columns);
                    let (biases, after) = after.split_at(if layer.biases.is_some() { layer.rows } else { 0 });
                    rest = after;
                    let rows = || weights.chunks(layer.columns).map(<[f64]>::to_vec).collect();
                    written.push(Layer {
                        name: layer.name.clone(),
                        activation: layer.activation,
                        frozen: layer.frozen,
                        weights: source(rows, weights, layer.weights.as_ref(), locate, &mut tensors),
                        biases: layer
                            .biases
                            .as_ref()
                            .map(|head| source(|| biases.to_vec(), biases, head.as_ref(), locate, &mut tensors)),
                    });
                }
                file.layers = Some(written);
            }
            Layout::General { weights } => {
                file.units = Some(general_units(network));
                file.connections = Some(columns(network.connections()));
                file.weights = Some(source(|| rest.to_vec(), rest, weights.as_ref(), locate, &mut tensors));
            }
        }
        let mut text = serde_json::to_string(&file)
            .map_err(|e| Error::new(ErrorKind::Network, "network", e.to_string(), "give finite numbers"))?;
        text.push('\n');
        Ok((text, tensors))
    }

    fn check_same_shape(&self, network: &Network) -> Result<()> {
        let same = self.network.connections() == network.connections()
            && self.network.parameters().len() == network.parameters().len()
            && self.network.units().len() == network.units().len();
        if same {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Parameter,
            "network",
            "it has other units or connections than the network of this file",
            "make a new file for it",
        ))
    }
}

fn source<'a, T>(
    inline: impl FnOnce() -> T,
    values: &'a [f64],
    head: Option<&TensorHead>,
    locate: impl Fn(&TensorHead) -> Option<String>,
    tensors: &mut NewTensors<'a>,
) -> Source<T> {
    match head.and_then(|head| Some((head, locate(head)?))) {
        Some((head, file)) => {
            tensors.push((head.clone(), values));
            Source::Elsewhere(Reference { file, tensor: head.name.clone() })
        }
        None => Source::Inline(inline()),
    }
}

fn general_units(network: &Network) -> Vec<Units> {
    let units = network.units().iter().map(|u| Units {
        name: u.name.to_string(),
        count: None,
        role: u.role,
        activation: u.activation,
        frozen: u.frozen,
        group: u.group,
        state: u.state,
    });
    units.collect()
}

fn columns(connections: &Connections) -> Columns {
    let in_order = connections.parameters.iter().enumerate().all(|(k, &p)| k == p as usize);
    Columns {
        tails: connections.tails.clone(),
        heads: connections.heads.clone(),
        parameters: (!in_order).then(|| connections.parameters.clone()),
    }
}

/// Reads a network file.
///
/// # Errors
/// Names the file and the place: not readable, too large, no JSON (with line and column), a member that is unknown,
/// missing or of the wrong type, shapes that disagree, a file of tensors that is missing, damaged or outside the folder, a
/// tensor that is missing, or a network that [`Network::new`] refuses.
pub fn read(path: &Path) -> Result<NetworkFile> {
    let failed = |e: std::io::Error| Error::io(path, "reading the network", &e);
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_FILE {
        let problem = format!("the file has {size} bytes; the limit is {MAX_FILE}");
        let remedy = "put the weights in a safetensors file and refer to it";
        return Err(Error::new(ErrorKind::Unsupported, "size", problem, remedy).in_file(path));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let mut file = build::network_file(&bytes, Some(folder_of(path))).map_err(|e| e.in_file(path))?;
    file.path = Some(path.to_path_buf());
    file.release();
    Ok(file)
}

/// Reads a network from the bytes of a network file; its weights must be written out.
///
/// # Errors
/// As for [`read`]; the error names no file.
pub fn parse(bytes: &[u8]) -> Result<NetworkFile> {
    build::network_file(bytes, None)
}

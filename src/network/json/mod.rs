//! Networks as JSON files.
//!
//! A file holds layers that are completely connected, or units and connections in general; weights are written out or
//! lie in a safetensors file beside it. `docs/network.schema.json` says what is allowed. What is read is written back
//! in the same form.

mod build;
mod format;
mod values;

use super::{Connections, Network};
use crate::error::{Error, ErrorKind, Result};
use crate::files::write_atomic;
use crate::numeric::UNIT_ROUNDOFF;
use format::{Columns, FORMAT, File, Layer, Units, VERSION};
use safetensors::Dtype;
use std::path::Path;
use values::{Source, TensorHead, safetensors_bytes};

/// Largest network file that is read: 4 GiB.
const MAX_FILE: u64 = 1 << 32;

/// A network, and the form in which its file holds it.
#[derive(Clone, Debug)]
pub struct NetworkFile {
    network: Network,
    description: Option<String>,
    layout: Layout,
}

/// Tensors to be written, with their values.
type NewTensors<'a> = Vec<(TensorHead, &'a [f64])>;

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
        Self { network, description: None, layout: Layout::General { weights: None } }
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

    /// Writes a file in the same form that holds `network`.
    ///
    /// Weights that were in safetensors files are rounded to their element types and written to one new file beside
    /// `path`, of the same name with the extension `safetensors`.
    ///
    /// # Errors
    /// When a file exists and `force` is false; when `network` has other units, connections or numbers of weights than
    /// the network of this file; when a weight does not fit the element type of its tensor, or two tensors have one name.
    pub fn write(&self, network: &Network, path: &Path, force: bool) -> Result<()> {
        let tensor_path = path.with_extension("safetensors");
        let tensor_name = tensor_path.file_name().map(|n| n.to_string_lossy().into_owned());
        let (text, tensors) = self.text(network, tensor_name.as_deref()).map_err(|e| e.in_file(path))?;
        if !tensors.is_empty() {
            let bytes = safetensors_bytes(&tensors).map_err(|e| e.in_file(&tensor_path))?;
            // nothing is written unless both files can be
            if !force && path.exists() {
                return write_atomic(path, b"", false);
            }
            write_atomic(&tensor_path, &bytes, force)?;
        }
        write_atomic(path, text.as_bytes(), force)
    }

    /// Half a unit in the last place of the coarsest numbers in which the file holds weights.
    #[must_use]
    pub fn roundoff(&self) -> f64 {
        let coarse = self.types().iter().any(|(head, _)| head.is_some_and(|h| h.dtype != Dtype::F64));
        if coarse { f64::from(f32::EPSILON) / 2.0 } else { UNIT_ROUNDOFF }
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

    /// The text, and the tensors that go to the file `elsewhere`.
    fn text<'a>(&self, network: &'a Network, elsewhere: Option<&str>) -> Result<(String, NewTensors<'a>)> {
        self.check_same_shape(network)?;
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
                        weights: source(rows, weights, layer.weights.as_ref(), elsewhere, &mut tensors),
                        biases: layer
                            .biases
                            .as_ref()
                            .map(|head| source(|| biases.to_vec(), biases, head.as_ref(), elsewhere, &mut tensors)),
                    });
                }
                file.layers = Some(written);
            }
            Layout::General { weights } => {
                file.units = Some(general_units(network));
                file.connections = Some(columns(network.connections()));
                file.weights = Some(source(|| rest.to_vec(), rest, weights.as_ref(), elsewhere, &mut tensors));
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
    elsewhere: Option<&str>,
    tensors: &mut NewTensors<'a>,
) -> Source<T> {
    match (head, elsewhere) {
        (Some(head), Some(file)) => {
            tensors.push((head.clone(), values));
            Source::Elsewhere(values::Reference { file: file.into(), tensor: head.name.clone() })
        }
        _ => Source::Inline(inline()),
    }
}

fn general_units(network: &Network) -> Vec<Units> {
    let units = network.units().iter().map(|u| Units {
        name: u.name.clone(),
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
/// missing or of the wrong type, shapes that disagree, a tensor that is missing or outside the folder, or a network that
/// [`Network::new`] refuses.
pub fn read(path: &Path) -> Result<NetworkFile> {
    let failed = |e: std::io::Error| Error::io(path, "reading the network", &e);
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_FILE {
        let problem = format!("the file has {size} bytes; the limit is {MAX_FILE}");
        let remedy = "put the weights in a safetensors file and refer to it";
        return Err(Error::new(ErrorKind::Unsupported, "size", problem, remedy).in_file(path));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let folder = path.parent().map_or(Path::new("."), |f| if f.as_os_str().is_empty() { Path::new(".") } else { f });
    build::network_file(&bytes, Some(folder)).map_err(|e| e.in_file(path))
}

/// Reads a network from the bytes of a network file; its weights must be written out.
///
/// # Errors
/// As for [`read`]; the error names no file.
pub fn parse(bytes: &[u8]) -> Result<NetworkFile> {
    build::network_file(bytes, None)
}

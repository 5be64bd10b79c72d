//! The graph of an ONNX file: nodes, stored tensors, inputs and outputs.

use super::element::ElementType;
use super::messages::{captured, function_name, opset, port, sparse_name};
use super::order::sort;
use super::tensor::Tensor;
use super::wire::{Field, Fields, fault};
use crate::error::{Error, ErrorKind, Result};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// A shape; `None` for dimensions that are known only when the model runs.
pub type Shape = Vec<Option<usize>>;

/// A computation: one operator applied to named tensors.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// Name, or the name of the first output where the file gives none.
    pub name: String,
    /// Operator.
    pub op: String,
    /// Operator set; empty for the standard one.
    pub domain: String,
    /// Names of the inputs; empty where an optional one is absent.
    pub inputs: Vec<String>,
    /// Names of the outputs; empty where an optional one is absent.
    pub outputs: Vec<String>,
    /// Attributes by name.
    pub attributes: HashMap<String, Attribute>,
    /// Outer tensors that the bodies of a control-flow node read.
    pub captures: Vec<String>,
}

/// Value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A number.
    Float(f32),
    /// An integer.
    Int(i64),
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// A list of integers.
    Ints(Vec<i64>),
    /// The places of a list of single-precision numbers.
    Floats(Vec<Range<usize>>),
    /// A tensor, by its index in [`Graph::tensors`].
    Tensor(usize),
    /// Anything else.
    Other,
}

/// A graph input or output.
#[derive(Clone, Debug)]
pub struct Port {
    /// Name of the tensor.
    pub name: String,
    /// Type of its elements, where the file tells.
    pub element: Option<ElementType>,
    /// Its shape, where the file tells.
    pub shape: Option<Shape>,
}

/// The graph of a model.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Nodes, every one after those that it depends on.
    pub nodes: Vec<Node>,
    /// Stored tensors: initializers first, then the values of `Constant` nodes.
    pub tensors: Vec<Tensor>,
    /// Index of each initializer in `tensors`, by name.
    pub initializers: HashMap<String, usize>,
    /// Names of sparse initializers; their numbers are not read.
    pub sparse: HashSet<String>,
    /// Inputs that are not initializers.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// Shapes of inner tensors, where the file tells.
    pub value_info: HashMap<String, Port>,
    /// Version of each operator set that the model imports.
    pub opsets: HashMap<String, i64>,
    /// Operators that the file itself defines as functions: `(domain, name)`.
    pub functions: HashSet<(String, String)>,
}

impl Graph {
    /// Reads the graph of the model in `bytes`.
    ///
    /// # Errors
    /// When the bytes are no ONNX model, or contradict themselves; the error names the byte, the tensor or the node.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut graph = Self::default();
        let mut body = None;
        let mut fields = Fields::new(bytes, 0..bytes.len())?;
        while let Some(field) = fields.next()? {
            match field.number {
                7 if body.replace((field.range()?, field.length())).is_some() => {
                    return Err(fault(field.at, "the file has two graphs"));
                }
                8 => {
                    let (domain, version) = opset(bytes, &field)?;
                    graph.opsets.insert(domain, version);
                }
                25 => {
                    graph.functions.insert(function_name(bytes, &field)?);
                }
                _ => {}
            }
        }
        let body = body.ok_or_else(|| fault(bytes.len(), "the file ends without a graph"))?;
        graph.read_body(bytes, body.0, body.1)?;
        graph.name_nodes();
        sort(&mut graph)?;
        Ok(graph)
    }

    fn read_body(&mut self, bytes: &[u8], body: Range<usize>, length: Range<usize>) -> Result<()> {
        let mut inputs = vec![];
        let mut fields = Fields::new(bytes, body)?;
        let mut nodes = vec![];
        while let Some(field) = fields.next()? {
            match field.number {
                1 => nodes.push((field.range()?, [length.clone(), field.length()])),
                5 => {
                    let tensor = Tensor::parse(bytes, &field, std::slice::from_ref(&length))?;
                    let name = tensor.name.clone();
                    if self.initializers.insert(name.clone(), self.tensors.len()).is_some() {
                        return Err(twice(&name));
                    }
                    self.tensors.push(tensor);
                }
                11 => inputs.push(port(bytes, &field)?),
                12 => self.outputs.push(port(bytes, &field)?),
                13 => {
                    let info = port(bytes, &field)?;
                    self.value_info.insert(info.name.clone(), info);
                }
                15 => {
                    self.sparse.insert(sparse_name(bytes, &field)?);
                }
                _ => {}
            }
        }
        // older files list initializers among the inputs as well
        inputs.retain(|p| !self.initializers.contains_key(&p.name) && !self.sparse.contains(&p.name));
        self.inputs = inputs;
        for (range, around) in nodes {
            let node = self.node(bytes, range, &around)?;
            self.nodes.push(node);
        }
        Ok(())
    }

    fn node(&mut self, bytes: &[u8], range: Range<usize>, around: &[Range<usize>]) -> Result<Node> {
        let mut node = Node::default();
        let mut fields = Fields::new(bytes, range)?;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => node.inputs.push(field.text(bytes)?),
                2 => node.outputs.push(field.text(bytes)?),
                3 => node.name = field.text(bytes)?,
                4 => node.op = field.text(bytes)?,
                5 => {
                    let (name, value) = self.attribute(bytes, &field, around, &mut node.captures)?;
                    node.attributes.insert(name, value);
                }
                7 => node.domain = field.text(bytes)?,
                _ => {}
            }
        }
        if node.domain == "ai.onnx" {
            node.domain.clear();
        }
        if let (Some(tensor), Some(output)) = (node.constant(), node.outputs.first()) {
            self.tensors[tensor].name.clone_from(output);
        }
        Ok(node)
    }

    fn attribute(
        &mut self,
        bytes: &[u8],
        field: &Field,
        around: &[Range<usize>],
        captures: &mut Vec<String>,
    ) -> Result<(String, Attribute)> {
        let around = [around, &[field.length()]].concat();
        let (mut name, mut value) = (String::new(), Attribute::Other);
        let (mut ints, mut floats, mut kind) = (vec![], vec![], 0);
        let (mut float, mut texts) = (vec![], vec![]);
        let mut fields = Fields::new(bytes, field.range()?)?;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => name = field.text(bytes)?,
                2 => {
                    value = Attribute::Float(field.float(bytes)?);
                    float.clear();
                    field.places(4, &mut float)?;
                }
                3 => value = Attribute::Int(field.integer()?),
                4 => value = field.text(bytes).map_or(Attribute::Other, Attribute::Text),
                5 => {
                    value = Attribute::Tensor(self.tensors.len());
                    self.tensors.push(Tensor::parse(bytes, &field, &around)?);
                }
                6 | 11 => captured(bytes, field.range()?, captures, 0)?,
                7 => field.places(4, &mut floats)?,
                8 => field.integers(bytes, &mut ints)?,
                9 => texts.push(field.text(bytes).unwrap_or_default()),
                20 => kind = field.integer()?,
                _ => {}
            }
        }
        if value == Attribute::Other {
            // some writers leave zeros and empty lists out
            value = match kind {
                1 => Attribute::Float(0.0),
                2 => Attribute::Int(0),
                6 => Attribute::Floats(floats),
                7 => Attribute::Ints(ints),
                _ if !ints.is_empty() => Attribute::Ints(ints),
                _ if !floats.is_empty() => Attribute::Floats(floats),
                _ if !texts.is_empty() => Attribute::Texts(texts),
                _ => Attribute::Other,
            };
        }
        // the values of `Constant` nodes that are no tensor messages
        let tensor = match (name.as_str(), &value) {
            ("value_float", Attribute::Float(_)) if !float.is_empty() => Some(Tensor::of_floats(float, false)),
            ("value_floats", Attribute::Floats(places)) => Some(Tensor::of_floats(places.clone(), true)),
            ("value_int", &Attribute::Int(value)) => Some(Tensor::of_integers(vec![value], false)),
            ("value_ints", Attribute::Ints(values)) => Some(Tensor::of_integers(values.clone(), true)),
            _ => None,
        };
        if let Some(tensor) = tensor {
            value = Attribute::Tensor(self.tensors.len());
            self.tensors.push(tensor);
        }
        Ok((name, value))
    }

    /// Lets every name of one tensor stand for another that is the same.
    pub(super) fn replace(&mut self, old: usize, new: usize) {
        let own = |tensor: &mut usize| *tensor = if *tensor == old { new } else { *tensor };
        self.initializers.values_mut().for_each(own);
        let attributes = self.nodes.iter_mut().flat_map(|node| node.attributes.values_mut());
        attributes.for_each(|attribute| {
            if let Attribute::Tensor(tensor) = attribute {
                own(tensor);
            }
        });
    }

    fn name_nodes(&mut self) {
        for (i, node) in self.nodes.iter_mut().enumerate() {
            if node.name.is_empty() {
                let output = node.outputs.iter().find(|o| !o.is_empty());
                node.name = output.cloned().unwrap_or_else(|| format!("{} number {i}", node.op));
            }
        }
    }
}

/// The fault of a tensor name that is defined twice.
pub(crate) fn twice(name: &str) -> Error {
    let place = format!("tensor {name:?}");
    Error::new(ErrorKind::Format, place, "two definitions", "the file is damaged; export the model again")
}

//! The small messages of an ONNX file: operator sets, functions, inputs and outputs, bodies of control flow.

use super::element::ElementType;
use super::graph::Port;
use super::tensor::Tensor;
use super::wire::{Field, Fields, MAX_DEPTH, fault};
use crate::error::Result;
use std::ops::Range;

/// An imported operator set: its name and version.
pub(super) fn opset(bytes: &[u8], field: &Field) -> Result<(String, i64)> {
    let (mut domain, mut version) = (String::new(), 0);
    let mut fields = Fields::new(bytes, field.range()?)?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => domain = field.text(bytes)?,
            2 => version = field.integer()?,
            _ => {}
        }
    }
    if domain == "ai.onnx" {
        domain.clear();
    }
    Ok((domain, version))
}

/// Domain and name of a function that the file defines.
pub(super) fn function_name(bytes: &[u8], field: &Field) -> Result<(String, String)> {
    let (mut domain, mut name) = (String::new(), String::new());
    let mut fields = Fields::new(bytes, field.range()?)?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => name = field.text(bytes)?,
            10 => domain = field.text(bytes)?,
            _ => {}
        }
    }
    Ok((domain, name))
}

/// Name of a sparse initializer.
pub(super) fn sparse_name(bytes: &[u8], field: &Field) -> Result<String> {
    let mut name = String::new();
    let mut fields = Fields::new(bytes, field.range()?)?;
    while let Some(field) = fields.next()? {
        if field.number == 1 {
            name = Tensor::parse(bytes, &field, &[])?.name;
        }
    }
    Ok(name)
}

/// A graph input or output, or the description of an inner tensor.
pub(super) fn port(bytes: &[u8], field: &Field) -> Result<Port> {
    let mut port = Port { name: String::new(), element: None, shape: None };
    let mut fields = Fields::new(bytes, field.range()?)?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => port.name = field.text(bytes)?,
            2 => {
                let mut kinds = Fields::new(bytes, field.range()?)?;
                while let Some(kind) = kinds.next()? {
                    if kind.number == 1 {
                        tensor_type(bytes, &kind, &mut port)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(port)
}

fn tensor_type(bytes: &[u8], field: &Field, port: &mut Port) -> Result<()> {
    let mut fields = Fields::new(bytes, field.range()?)?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => port.element = Some(ElementType::from_code(field.integer()?)),
            2 => {
                let mut shape = vec![];
                let mut dims = Fields::new(bytes, field.range()?)?;
                while let Some(dim) = dims.next()? {
                    if dim.number == 1 {
                        shape.push(dimension(bytes, &dim)?);
                    }
                }
                port.shape = Some(shape);
            }
            _ => {}
        }
    }
    Ok(())
}

/// A dimension; 0 and negative ones stand for unknown in files that are met.
fn dimension(bytes: &[u8], field: &Field) -> Result<Option<usize>> {
    let mut size = None;
    let mut fields = Fields::new(bytes, field.range()?)?;
    while let Some(field) = fields.next()? {
        if field.number == 1 {
            size = usize::try_from(field.integer()?).ok().filter(|&n| n > 0);
        }
    }
    Ok(size)
}

/// Collects the names that the graph in `range` reads; those of its own tensors do no harm.
pub(super) fn captured(bytes: &[u8], range: Range<usize>, into: &mut Vec<String>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(fault(range.start, "graphs are nested too deeply"));
    }
    let mut graph = Fields::new(bytes, range)?;
    while let Some(field) = graph.next()? {
        match field.number {
            1 => {
                let mut node = Fields::new(bytes, field.range()?)?;
                while let Some(part) = node.next()? {
                    match part.number {
                        1 => into.push(part.text(bytes)?),
                        5 => {
                            let mut attribute = Fields::new(bytes, part.range()?)?;
                            while let Some(inner) = attribute.next()? {
                                if matches!(inner.number, 6 | 11) {
                                    captured(bytes, inner.range()?, into, depth + 1)?;
                                }
                            }
                        }
                        _ => {}
                    }
                }
            }
            12 => into.push(port(bytes, &field)?.name),
            _ => {}
        }
    }
    Ok(())
}

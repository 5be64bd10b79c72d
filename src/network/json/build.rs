//! From the members of a JSON file to a network.

use super::format::{FORMAT, File, Layer, Term, Units, VERSION};
use super::tensors::{TensorFiles, TensorHead};
use super::values::Source;
use super::{LayerHead, Layout, NetworkFile};
use crate::error::{Error, ErrorKind, Result};
use crate::manifold::Form;
use crate::network::{Connections, Network, Unit};
use compact_str::format_compact;
use std::collections::HashMap;
use std::path::Path;

fn format_error(place: impl Into<String>, problem: impl Into<String>, remedy: &str) -> Error {
    Error::new(ErrorKind::Format, place, problem, remedy)
}

pub(super) fn network_file(bytes: &[u8], folder: Option<&Path>) -> Result<NetworkFile> {
    let file: File = serde_json::from_slice(bytes).map_err(|e| {
        let text = e.to_string();
        // serde_json repeats the place at the end
        let problem = text.rsplit_once(" at line").map_or(text.as_str(), |(problem, _)| problem);
        let place = format!("line {}, column {}", e.line(), e.column());
        format_error(place, problem, "see docs/network.schema.json for what is allowed")
    })?;
    if file.format != FORMAT {
        let problem = format!("it says {:?}", file.format);
        return Err(format_error("format", problem, "only files whose format is \"synbal-network\" are networks"));
    }
    if file.version != VERSION {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "version",
            format!("version {} of the format", file.version),
            "this program reads version 1",
        ));
    }
    let mut tensors = TensorFiles::in_folder(folder);
    let (description, constraints) = (file.description, file.constraints);
    let (network, layout) = match (file.inputs, file.layers, file.units, file.connections, file.weights) {
        (Some(inputs), Some(layers), None, None, None) => layered(inputs, layers, &mut tensors)?,
        (None, None, Some(units), Some(columns), Some(weights)) => {
            let units = expand(units, bytes.len())?;
            let (head, weights) = numbers(weights, "weights", &mut tensors)?;
            let parameters = match columns.parameters {
                Some(parameters) => parameters,
                None => (0..columns.tails.len() as u32).collect(),
            };
            let connections = Connections { tails: columns.tails, heads: columns.heads, parameters };
            (Network::new(units, weights, connections)?, Layout::General { weights: head })
        }
        _ => {
            return Err(format_error(
                "members",
                "neither the members of a layered network nor those of a general one",
                "give inputs and layers, or units, connections and weights",
            ));
        }
    };
    let forms = forms(&constraints, &network)?;
    let network = network.constrained(forms)?;
    Ok(NetworkFile { network, description, layout, constraints, tensors, path: None })
}

/// Whole numbers in the ratios of numbers as they are written, in decimal: 7 and -3 for 0.7 and -0.3, which no `f64` holds; none
/// where they have too many digits.
fn whole(numbers: &[f64]) -> Option<Vec<f64>> {
    let decimal = |c: &f64| -> Option<(i128, i32)> {
        // like -1.25e-3
        let text = format!("{c:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let digits = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i32);
        Some((mantissa.replace('.', "").parse().ok()?, exponent.parse::<i32>().ok()? - digits))
    };
    let decimals: Vec<(i128, i32)> = numbers.iter().map(decimal).collect::<Option<_>>()?;
    let least = decimals.iter().map(|d| d.1).min()?;
    let whole = |&(digits, exponent): &(i128, i32)| digits.checked_mul(10i128.checked_pow((exponent - least) as u32)?);
    let whole: Vec<i128> = decimals.iter().map(whole).collect::<Option<_>>()?;
    let divisor = whole.iter().fold(0, |a: i128, &b| greatest_divisor(a, b)).max(1);
    let exact = |n: &i128| ((n / divisor).unsigned_abs() < 1 << 53).then_some((n / divisor) as f64);
    whole.iter().map(exact).collect()
}

fn greatest_divisor(a: i128, b: i128) -> i128 {
    if b == 0 { a.abs() } else { greatest_divisor(b, a % b) }
}

/// The constraints in the units' indices.
fn forms(constraints: &[Vec<Term>], network: &Network) -> Result<Vec<Form>> {
    let names = network.units().iter().enumerate().filter(|_| !constraints.is_empty());
    let index: HashMap<&str, u32> = names.map(|(i, unit)| (unit.name.as_str(), i as u32)).collect();
    let form = |(k, terms): (usize, &Vec<Term>)| {
        let coefficients: Vec<f64> = terms.iter().map(|term| term.coefficient).collect();
        let coefficients = whole(&coefficients).unwrap_or(coefficients);
        let mut found = vec![];
        for (t, term) in terms.iter().enumerate() {
            let Some(&unit) = index.get(term.unit.as_str()) else {
                let problem = format!("no unit is named {:?}", term.unit);
                let remedy = "name units as `synbal inspect` does, like \"layer 1.0\"";
                return Err(format_error(format!("constraints[{k}][{t}].unit"), problem, remedy));
            };
            found.push((unit, coefficients[t]));
        }
        let form = Form::from_terms(found);
        if form.is_zero() {
            let remedy = "name units with coefficients that do not cancel";
            return Err(format_error(format!("constraints[{k}]"), "it constrains nothing", remedy));
        }
        Ok(form)
    };
    constraints.iter().enumerate().map(form).collect()
}

fn expand(units: Vec<Units>, bytes: usize) -> Result<Vec<Unit>> {
    // a unit without a connection has no use: a file cannot hold many more useful units than bytes
    let limit = bytes.max(1 << 20) as u64;
    let total: u64 = units.iter().map(|u| u64::from(u.count.unwrap_or(1))).sum();
    if total > limit {
        let problem = format!("{total} units in a file of {bytes} bytes");
        return Err(format_error("units", problem, "check the members \"count\""));
    }
    let mut all = Vec::with_capacity(total as usize);
    for (i, entry) in units.into_iter().enumerate() {
        let unit = |name| Unit {
            name,
            role: entry.role,
            activation: entry.activation,
            frozen: entry.frozen,
            group: entry.group,
            state: entry.state,
        };
        match entry.count {
            None => all.push(unit(entry.name.as_str().into())),
            Some(0) => return Err(format_error(format!("units[{i}].count"), "no units", "remove the entry")),
            Some(count) => all.extend((0..count).map(|k| unit(format_compact!("{}.{k}", entry.name)))),
        }
    }
    Ok(all)
}

fn layered(inputs: u32, layers: Vec<Layer>, tensors: &mut TensorFiles) -> Result<(Network, Layout)> {
    let mut parameters = vec![];
    let mut heads = vec![];
    let mut columns = inputs as usize;
    for (l, layer) in layers.into_iter().enumerate() {
        let place = format!("layers[{l}].weights");
        let before = parameters.len();
        let weights = match layer.weights {
            Source::Inline(rows) => {
                for (r, row) in rows.iter().enumerate() {
                    check_number(row.len(), columns, format!("{place}[{r}]"), "units in the layer before")?;
                    parameters.extend_from_slice(row);
                }
                None
            }
            Source::Elsewhere(reference) => {
                let (head, values) = tensors.read(&reference, &place)?;
                if head.shape.len() != 2 || head.shape[1] != columns {
                    let problem = format!("the tensor has shape {:?} for {columns} columns", head.shape);
                    return Err(format_error(place, problem, "give a tensor of shape [units, units before]"));
                }
                parameters.extend(values);
                Some(head)
            }
        };
        // without columns the number of rows is unknown, and the layer has no weights
        let rows = (parameters.len() - before).checked_div(columns).unwrap_or(0);
        if rows == 0 {
            let place = format!("layers[{l}]");
            return Err(format_error(place, "no weights", "give every layer, and the input, at least one unit"));
        }
        let biases = match layer.biases {
            None => None,
            Some(values) => {
                let place = format!("layers[{l}].biases");
                let (head, values) = numbers(values, &place, tensors)?;
                check_number(values.len(), rows, place, "units in the layer")?;
                parameters.extend(values);
                Some(head)
            }
        };
        let (name, activation, frozen) = (layer.name, layer.activation, layer.frozen);
        heads.push(LayerHead { name, activation, frozen, rows, columns, weights, biases });
        columns = rows;
    }
    if heads.is_empty() {
        return Err(format_error("layers", "no layers", "give at least one layer, the output"));
    }
    let (units, connections) = wire(inputs, &heads);
    let network = Network::new(units, parameters, connections)?;
    Ok((network, Layout::Layers { inputs, layers: heads }))
}

/// Units in the order input, source of biases, layers; connections in the order of the parameters.
fn wire(inputs: u32, layers: &[LayerHead]) -> (Vec<Unit>, Connections) {
    let mut units: Vec<Unit> = (0..inputs).map(|k| Unit::input(format!("input.{k}"))).collect();
    let mut connections = Connections::new();
    let bias = units.len() as u32;
    if layers.iter().any(|l| l.biases.is_some()) {
        units.push(Unit::constant("bias"));
    }
    let mut before = 0;
    for (l, layer) in layers.iter().enumerate() {
        let name = layer.name.clone().unwrap_or_else(|| format!("layer {}", l + 1));
        let first = units.len() as u32;
        for k in 0..layer.rows {
            let name = format!("{name}.{k}");
            let mut unit = if l + 1 == layers.len() {
                Unit::output(name, layer.activation)
            } else {
                Unit::hidden(name, layer.activation)
            };
            unit.frozen = layer.frozen;
            units.push(unit);
        }
        for row in first..units.len() as u32 {
            for column in 0..layer.columns as u32 {
                connections.push(before + column, row, connections.len() as u32);
            }
        }
        if layer.biases.is_some() {
            for row in first..units.len() as u32 {
                connections.push(bias, row, connections.len() as u32);
            }
        }
        before = first;
    }
    (units, connections)
}

fn numbers(values: Source<Vec<f64>>, place: &str, tensors: &mut TensorFiles) -> Result<(Option<TensorHead>, Vec<f64>)> {
    match values {
        Source::Inline(values) => Ok((None, values)),
        Source::Elsewhere(reference) => {
            let (head, values) = tensors.read(&reference, place)?;
            if head.shape.len() != 1 {
                let problem = format!("the tensor has shape {:?}", head.shape);
                return Err(format_error(place, problem, "give a tensor of one dimension"));
            }
            Ok((Some(head), values))
        }
    }
}

fn check_number(found: usize, wanted: usize, place: String, of: &str) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(format_error(place, format!("{found} numbers for {wanted} {of}"), "make the shapes agree"))
}

//! A dense network in the program's own format.

use crate::error::{Error, ErrorKind, Result};
use crate::learning::net::{Kind, Net};
use crate::learning::tensor::numbers;
use candle_core::Tensor;
use serde_json::{Value, json};

/// The text of a network file, with a description; weights have the fewest digits that give the same `f32`.
///
/// # Errors
/// When a layer is not dense.
pub fn json(net: &Net, parameters: &[Tensor], description: &str) -> Result<String> {
    let mut layers = vec![];
    for (l, layer) in net.layers.iter().enumerate() {
        let Kind::Dense { inputs, .. } = layer.kind else {
            let problem = "only dense layers are written in this format";
            return Err(Error::new(ErrorKind::Unsupported, format!("layer {}", l + 1), problem, "write ONNX instead"));
        };
        let own = &parameters[net.range(l)];
        let single = |t: &Tensor| -> Result<Vec<f32>> { Ok(numbers(t)?.into_iter().map(|v| v as f32).collect()) };
        let weight = single(&own[0])?;
        let name = if l + 1 == net.layers.len() { "output".to_string() } else { format!("hidden{}", l + 1) };
        let rows: Vec<Value> = weight.chunks_exact(inputs).map(shortest).collect();
        let biases = shortest(&single(&own[1])?);
        layers.push(json!({
            "name": name, "activation": layer.activation.name(), "weights": rows, "biases": biases,
        }));
    }
    let file = json!({
        "format": "synbal-network", "version": 1, "description": description, "inputs": net.input.len(), "layers": layers,
    });
    Ok(file.to_string() + "\n")
}

/// Numbers with the digits of their own precision.
fn shortest(values: &[f32]) -> Value {
    values.iter().map(|v| v.to_string().parse::<f64>().unwrap_or(f64::from(*v))).collect()
}

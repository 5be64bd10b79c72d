//! A network as an ONNX model: Gemm, Conv, RNN and Relu in single precision, operator set 13.

use super::protobuf::Message;
use crate::error::{Error, ErrorKind, Result};
use crate::learning::net::{Image, Kind, Layer, Net};
use crate::learning::tensor::numbers;
use crate::network::Activation;
use candle_core::Tensor;

/// The bytes of a model with input `x` (`N x numbers`, as in data files) and output `y`.
///
/// # Errors
/// When a layer has no operator in ONNX: locally connected ones.
pub fn onnx(net: &Net, parameters: &[Tensor]) -> Result<Vec<u8>> {
    let mut graph = Graph { message: Message::default().text(2, "synbal") };
    let mut flow = Flow { name: "x".into(), image: None, width: net.input.len() };
    for (l, layer) in net.layers.iter().enumerate() {
        let output = if l + 1 == net.layers.len() { "y".to_string() } else { format!("layer{}", l + 1) };
        flow = graph.layer(layer, &parameters[net.range(l)], flow, &output)?;
    }
    let width = flow.width;
    let graph = graph.message.message(11, &port("x", net.input.len())).message(12, &port("y", width));
    let opset = Message::default().text(1, "").int(2, 13);
    let model = Message::default().int(1, 8).text(2, "synbal learn").message(8, &opset).message(7, &graph);
    Ok(model.finish())
}

/// A tensor between layers.
struct Flow {
    name: String,
    /// Its shape where it is `N x channels x height x width`.
    image: Option<Image>,
    /// Numbers for one input.
    width: usize,
}

struct Graph {
    message: Message,
}

impl Graph {
    fn layer(&mut self, layer: &Layer, parameters: &[Tensor], from: Flow, output: &str) -> Result<Flow> {
        let before = if layer.activation == Activation::Linear { output.into() } else { format!("{output}.sum") };
        let name = |what: &str| format!("{output}.{what}");
        let weight = numbers(&parameters[0])?;
        let bias = numbers(&parameters[parameters.len() - 1])?;
        let flow = match layer.kind {
            Kind::Dense { inputs, units } => {
                let (source, weight) = match from.image {
                    None => (from.name, weight),
                    Some(image) => {
                        self.node("Flatten", &[&from.name], &name("flat"), &[("axis", 1)]);
                        (name("flat"), planar(&weight, image))
                    }
                };
                self.tensor(&name("weight"), &[units, inputs], &weight);
                self.tensor(&name("bias"), &[units], &bias);
                self.node("Gemm", &[&source, &name("weight"), &name("bias")], &before, &[("transB", 1)]);
                Flow { name: output.into(), image: None, width: units }
            }
            Kind::Window { window, channels, shared: true } => {
                let (read, side) = (window.image, window.side);
                let source = if from.image.is_some() { from.name } else { self.reshape(&from.name, output, read) };
                self.tensor(&name("weight"), &[channels, read.channels, side, side], &weight);
                self.tensor(&name("bias"), &[channels], &bias);
                let inputs = [source.as_str(), &name("weight"), &name("bias")];
                self.strided(&inputs, &before, window.stride);
                let image = layer.kind.image();
                Flow { name: output.into(), image, width: layer.kind.outputs() }
            }
            Kind::Recurrent { units, step, steps } => {
                self.integers(&name("shape"), &[-1, steps as i64, step as i64]);
                self.node("Reshape", &[&from.name, &name("shape")], &name("rows"), &[]);
                self.permuted(&name("rows"), &name("times"), &[1, 0, 2]);
                self.tensor(&name("weight"), &[1, units, step], &weight);
                self.tensor(&name("recurrent"), &[1, units, units], &numbers(&parameters[1])?);
                // the operator has biases for both products
                let both: Vec<f64> = bias.iter().copied().chain(std::iter::repeat_n(0.0, units)).collect();
                self.tensor(&name("bias"), &[1, 2 * units], &both);
                self.rnn(&[&name("times"), &name("weight"), &name("recurrent"), &name("bias")], &name("last"), units);
                self.integers(&name("end"), &[-1, units as i64]);
                self.node("Reshape", &[&name("last"), &name("end")], output, &[]);
                return Ok(Flow { name: output.into(), image: None, width: units });
            }
            Kind::Window { shared: false, .. } => {
                let problem = "locally connected layers have no operator in ONNX";
                return Err(Error::new(ErrorKind::Unsupported, output, problem, "train a convolutional layer instead"));
            }
        };
        match layer.activation {
            Activation::Linear => {}
            Activation::Relu => self.node("Relu", &[&before], output, &[]),
            other => {
                let problem = format!("{} is not written to ONNX", other.name());
                return Err(Error::new(ErrorKind::Unsupported, output, problem, "train with ReLU"));
            }
        }
        Ok(flow)
    }

    /// Rows of numbers as images.
    fn reshape(&mut self, from: &str, layer: &str, image: Image) -> String {
        let (shape, pixels) = (format!("{layer}.shape"), format!("{layer}.pixels"));
        self.integers(&shape, &[-1, image.channels as i64, image.height as i64, image.width as i64]);
        self.node("Reshape", &[from, &shape], &pixels, &[]);
        pixels
    }

    fn add(&mut self, field: u32, message: &Message) {
        self.message = std::mem::take(&mut self.message).message(field, message);
    }

    fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: &[(&str, u64)]) {
        let attributes = attributes.iter().map(|&(name, value)| attribute(name, 2).int(3, value));
        self.with(op, inputs, &[output], attributes);
    }

    fn with(&mut self, op: &str, inputs: &[&str], outputs: &[&str], attributes: impl Iterator<Item = Message>) {
        let node = inputs.iter().fold(Message::default(), |m, i| m.text(1, i));
        let node = outputs.iter().fold(node, |m, o| m.text(2, o)).text(3, &format!("{op} {}", outputs.concat()));
        let node = attributes.fold(node.text(4, op), |m, a| m.message(5, &a));
        self.add(1, &node);
    }

    fn strided(&mut self, inputs: &[&str], output: &str, stride: usize) {
        let strides = attribute("strides", 7).int(8, stride as u64).int(8, stride as u64);
        self.with("Conv", inputs, &[output], std::iter::once(strides));
    }

    fn permuted(&mut self, input: &str, output: &str, order: &[u64]) {
        let order = order.iter().fold(attribute("perm", 7), |m, &axis| m.int(8, axis));
        self.with("Transpose", &[input], &[output], std::iter::once(order));
    }

    fn rnn(&mut self, inputs: &[&str], output: &str, units: usize) {
        let size = attribute("hidden_size", 2).int(3, units as u64);
        let activations = attribute("activations", 8).text(9, "Relu");
        self.with("RNN", inputs, &["", output], [size, activations].into_iter());
    }

    fn tensor(&mut self, name: &str, axes: &[usize], values: &[f64]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
        let tensor = axes.iter().fold(Message::default(), |m, &n| m.int(1, n as u64));
        self.add(5, &tensor.int(2, 1).text(8, name).bytes(9, &bytes));
    }

    fn integers(&mut self, name: &str, values: &[i64]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.add(5, &Message::default().int(1, values.len() as u64).int(2, 7).text(8, name).bytes(9, &bytes));
    }
}

/// An attribute of a kind: 2 for a whole number, 7 and 8 for lists of them and of texts.
fn attribute(name: &str, kind: u64) -> Message {
    Message::default().text(1, name).int(20, kind)
}

/// An input or output `N x numbers` of single precision.
fn port(name: &str, width: usize) -> Message {
    let (batch, row) = (Message::default().text(2, "N"), Message::default().int(1, width as u64));
    let shape = Message::default().message(1, &batch).message(1, &row);
    let tensor = Message::default().int(1, 1).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

/// Columns of a weight in the order of ONNX: between layers all channels of a pixel lie together here.
fn planar(weight: &[f64], image: Image) -> Vec<f64> {
    let there = Image { planar: true, ..image };
    let mut answer = vec![0.0; weight.len()];
    for (to, from) in answer.chunks_exact_mut(image.len()).zip(weight.chunks_exact(image.len())) {
        for channel in 0..image.channels {
            for (y, x) in (0..image.height).flat_map(|y| (0..image.width).map(move |x| (y, x))) {
                to[there.place(channel, y, x)] = from[image.place(channel, y, x)];
            }
        }
    }
    answer
}

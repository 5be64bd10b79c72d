//! Networks as people type them.

use super::image::{Image, Window};
use super::layer::{Kind, Layer};
use crate::error::{Error, ErrorKind, Result};
use crate::network::Activation;

/// Layers in words, as `784-256-10` is often written: the hidden layers, separated by commas.
///
/// | word | layer |
/// |---|---|
/// | `256` | dense, 256 units |
/// | `conv8x5/2` | convolution, 8 channels, windows of 5 x 5, stride 2 (1 when absent) |
/// | `local8x5/2` | the same with weights of its own at every position |
/// | `rnn64/28` | recurrent, 64 units, reads 28 numbers at a time; the first layer only |
///
/// All hidden units are ReLU. The output layer is dense and added from the data.
pub fn layers(words: &str, input: Image, outputs: usize, last: Activation) -> Result<Vec<Layer>> {
    let mut layers = vec![];
    let (mut flat, mut image) = (input.len(), Some(input));
    for word in words.split(',').map(str::trim).filter(|w| !w.is_empty()) {
        let fault = |problem: &str| {
            let remedy = "give hidden layers like 256, conv8x5/2, local8x5 or rnn64/28, separated by commas";
            Error::new(ErrorKind::Parameter, format!("layer {word:?}"), problem, remedy)
        };
        let number = |text: &str| text.parse::<usize>().ok().filter(|n| (1..=100_000).contains(n));
        let kind = if let Some(rest) = word.strip_prefix("rnn") {
            let (units, step) = rest.split_once('/').ok_or_else(|| fault("how much it reads at a time is missing"))?;
            let (units, step) = number(units).zip(number(step)).ok_or_else(|| fault("it has no two numbers"))?;
            if !layers.is_empty() {
                return Err(fault("a recurrent layer reads the input, so it is the first"));
            }
            if flat % step != 0 {
                return Err(fault(&format!("the input has {flat} numbers, which is no multiple of {step}")));
            }
            Kind::Recurrent { units, step, steps: flat / step }
        } else if let Some((rest, shared)) =
            word.strip_prefix("conv").map(|r| (r, true)).or_else(|| word.strip_prefix("local").map(|r| (r, false)))
        {
            let (rest, stride) = rest.split_once('/').unwrap_or((rest, "1"));
            let (channels, side) = rest.split_once('x').ok_or_else(|| fault("the size of its window is missing"))?;
            let numbers = (number(channels), number(side), number(stride));
            let (Some(channels), Some(side), Some(stride)) = numbers else {
                return Err(fault("its channels, window or stride is no number"));
            };
            let image = image.ok_or_else(|| fault("what it reads is no image"))?;
            if side > image.height || side > image.width {
                return Err(fault(&format!("the image is only {} x {}", image.height, image.width)));
            }
            Kind::Window { window: Window { image, side, stride }, channels, shared }
        } else {
            Kind::Dense { inputs: flat, units: number(word).ok_or_else(|| fault("it is no layer that is known"))? }
        };
        image = kind.image();
        flat = kind.outputs();
        layers.push(Layer::new(kind, Activation::Relu));
    }
    layers.push(Layer::new(Kind::Dense { inputs: flat, units: outputs }, last));
    Ok(layers)
}

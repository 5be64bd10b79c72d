//! One layer: its shape, its parameters, and which units its weights connect.

use super::image::{Image, Window};
use crate::network::Activation;

/// What a layer computes before its activation.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `W x + b`.
    Dense {
        /// Numbers that it reads.
        inputs: usize,
        /// Units.
        units: usize,
    },
    /// `W` times what is under a window, plus `b`, at every position.
    Window {
        /// The window.
        window: Window,
        /// Units at every position.
        channels: usize,
        /// Whether all positions share their weights (convolution) or not (locally connected).
        shared: bool,
    },
    /// `h_t = f(W x_t + U h_{t-1} + b)` from `h_0 = 0`; the last state is the output.
    Recurrent {
        /// Units.
        units: usize,
        /// Numbers that it reads at a time.
        step: usize,
        /// Times that it reads.
        steps: usize,
    },
}

impl Kind {
    /// Numbers that it gives.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match *self {
            Self::Dense { units, .. } | Self::Recurrent { units, .. } => units,
            Self::Window { window, channels, .. } => channels * window.positions().0 * window.positions().1,
        }
    }

    /// Its output as an image.
    #[must_use]
    pub fn image(&self) -> Option<Image> {
        let Self::Window { window, channels, .. } = *self else { return None };
        let (height, width) = window.positions();
        Some(Image { channels, height, width, planar: false })
    }

    /// Units with a scale of their own.
    #[must_use]
    pub fn scales(&self) -> usize {
        match *self {
            Self::Window { channels, shared: true, .. } => channels,
            _ => self.outputs(),
        }
    }

    /// The unit, among those with a scale, that gives a number of the output.
    #[must_use]
    pub fn unit(&self, output: usize) -> usize {
        output % self.scales()
    }
}

/// A layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What it computes.
    pub kind: Kind,
    /// What follows, of degree 1.
    pub activation: Activation,
    /// For windows: the places under the window at every position.
    pub table: Vec<u32>,
}

/// A parameter tensor seen as rows and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Name within the layer: `weight`, `recurrent` or `bias`.
    pub name: &'static str,
    /// Lengths of all axes; the product of all but the last is the number of rows.
    pub axes: Vec<usize>,
    /// Numbers that enter the unit of a row through this and the other tensors: the scale of its start.
    pub fan_in: usize,
}

impl Shape {
    /// Numbers in a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.axes.last().copied().unwrap_or(1)
    }

    /// Numbers altogether.
    #[must_use]
    pub fn len(&self) -> usize {
        self.axes.iter().product()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Layer {
    /// A layer of a kind.
    #[must_use]
    pub fn new(kind: Kind, activation: Activation) -> Self {
        let table = if let Kind::Window { window, .. } = kind { window.table() } else { vec![] };
        Self { kind, activation, table }
    }

    /// Its parameters: weights, recurrent weights where there are some, biases last.
    #[must_use]
    pub fn parameters(&self) -> Vec<Shape> {
        let shape = |name, axes: &[usize], fan_in| Shape { name, axes: axes.to_vec(), fan_in };
        match self.kind {
            Kind::Dense { inputs, units } => {
                vec![shape("weight", &[units, inputs], inputs), shape("bias", &[units, 1], inputs)]
            }
            Kind::Window { window, channels, shared: true } => {
                let n = window.len();
                vec![shape("weight", &[channels, n], n), shape("bias", &[channels, 1], n)]
            }
            Kind::Window { window, channels, shared: false } => {
                let (n, positions) = (window.len(), window.positions().0 * window.positions().1);
                vec![shape("weight", &[positions, channels, n], n), shape("bias", &[positions * channels, 1], n)]
            }
            Kind::Recurrent { units, step, .. } => vec![
                shape("weight", &[units, step], units),
                shape("recurrent", &[units, units], units),
                shape("bias", &[units, 1], units),
            ],
        }
    }
}

//! Any file that holds a network, behind one interface.

use super::args::{BiasCost, Reading};
use crate::error::{Error, ErrorKind, Result};
use crate::files::write_atomic;
use crate::lowered::{Lowered, Scaling};
use crate::model::{FunctionCheck, OnnxModel};
use crate::network::json::{self, NetworkFile};
use crate::network::mtx::{self, Visible, parse_ranges};
use crate::network::{Biases, FeedForward, Network};
use crate::numeric::UNIT_ROUNDOFF;
use crate::regularizer::Regularizer;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;
use std::path::Path;

/// A network as it was read.
pub enum Input {
    /// A JSON network.
    Json(Box<NetworkFile>),
    /// A Matrix Market file.
    Matrix(Box<Network>),
    /// An ONNX model.
    Onnx(Box<OnnxModel>),
}

/// A network after scaling, ready to be written.
pub enum Output {
    /// Numbers in double precision.
    Network(Box<Network>),
    /// Bytes of a model file.
    Bytes(Vec<u8>),
}

/// Inputs on which two networks are compared, and steps of a recurrent one.
const CHECKS: usize = 5;
const STEPS: usize = 6;

impl Input {
    /// Reads a file; its extension tells the format.
    pub fn open(path: &Path, reading: &Reading) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        let ranges = |text: &Option<String>| text.as_deref().map_or(Ok(vec![]), parse_ranges);
        let visible = Visible { inputs: ranges(&reading.inputs)?, outputs: ranges(&reading.outputs)? };
        if extension != "mtx" && visible != Visible::default() {
            let problem = "the file says itself which units are inputs and outputs";
            let remedy = "leave --inputs and --outputs to .mtx files";
            return Err(Error::new(ErrorKind::Parameter, "--inputs, --outputs", problem, remedy));
        }
        match extension.as_str() {
            "json" => Ok(Self::Json(Box::new(json::read(path)?))),
            "mtx" => Ok(Self::Matrix(Box::new(mtx::read(path, &visible)?))),
            "onnx" => Ok(Self::Onnx(Box::new(OnnxModel::open(path)?))),
            _ => {
                let problem = format!("{extension:?} is no extension of a network");
                let remedy = "give a file that ends in .json, .mtx or .onnx";
                Err(Error::new(ErrorKind::Parameter, "file name", problem, remedy).in_file(path))
            }
        }
    }

    /// The balancing problem.
    pub fn lower(&self, regularizer: &Regularizer, biases: BiasCost) -> Result<Lowered> {
        let counted = biases == BiasCost::Counted;
        let own = if counted { Biases::Counted } else { Biases::Free };
        match self {
            Self::Onnx(model) => model.lower(regularizer, counted),
            Self::Json(_) | Self::Matrix(_) => self.network().lower(regularizer, own),
        }
    }

    fn network(&self) -> &Network {
        match self {
            Self::Json(file) => file.network(),
            Self::Matrix(network) => network,
            Self::Onnx(_) => unreachable!("models are handled apart"),
        }
    }

    /// Half a unit in the last place of the numbers in the file.
    pub fn roundoff(&self) -> f64 {
        match self {
            Self::Onnx(_) => f64::from(f32::EPSILON) / 2.0,
            Self::Json(_) | Self::Matrix(_) => UNIT_ROUNDOFF,
        }
    }

    /// The scaled network, and what happened to its numbers.
    pub fn scaled(&self, scaling: &Scaling) -> Result<(Output, Vec<String>)> {
        match self {
            Self::Onnx(model) => {
                let (bytes, report) = model.apply(scaling)?;
                let mut notes = vec![];
                let mut note = |count: u64, what: &str| {
                    if count > 0 {
                        notes.push(format!("{count} weights {what}"));
                    }
                };
                note(report.subnormal, "became subnormal in their type and keep fewer digits");
                note(report.vanished, "were too small for their type and became zero");
                Ok((Output::Bytes(bytes), notes))
            }
            Self::Json(_) | Self::Matrix(_) => Ok((Output::Network(Box::new(self.network().apply(scaling)?)), vec![])),
        }
    }

    /// Why the limit along a direction changes the function; none where it keeps it.
    pub fn limit_refusal(&self, direction: &[f64]) -> Result<Option<String>> {
        match self {
            Self::Onnx(model) => model.limit_refusal(direction),
            Self::Json(_) | Self::Matrix(_) => self.network().limit_refusal(direction),
        }
    }

    /// Writes a scaled version of this network, in this network's format.
    pub fn write(&self, output: &Output, path: &Path, force: bool) -> Result<()> {
        match (self, output) {
            (Self::Json(file), Output::Network(network)) => file.write(network, path, force),
            (Self::Matrix(_), Output::Network(network)) => mtx::write(network, path, force),
            (_, Output::Bytes(bytes)) => write_atomic(path, bytes, force),
            (Self::Onnx(_), Output::Network(_)) => unreachable!("models are scaled to bytes"),
        }
    }

    /// Runs both networks on the same random inputs.
    pub fn check(&self, output: &Output, seed: u64) -> FunctionCheck {
        match (self, output) {
            (Self::Onnx(model), Output::Bytes(bytes)) => model.check(bytes, seed),
            (_, Output::Network(network)) => check_networks(self.network(), network, seed),
            (_, Output::Bytes(_)) => unreachable!("networks are scaled to networks"),
        }
    }

    /// Compares with another file that was read: same architecture, and the function on random inputs.
    pub fn check_against(&self, other: &Self, seed: u64) -> FunctionCheck {
        match (self, other) {
            (Self::Onnx(model), Self::Onnx(other)) => model.check(other.bytes(), seed),
            (Self::Onnx(_), _) | (_, Self::Onnx(_)) => {
                FunctionCheck::Unchecked { reason: "the files are of different formats".into() }
            }
            _ => check_networks(self.network(), other.network(), seed),
        }
    }

    /// The largest relative difference of a weight to another network of the same architecture; none where it differs.
    pub fn weight_difference(output: &Output, other: &Self) -> Option<f64> {
        let relative = |a: f64, b: f64| if a == b { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) };
        match (output, other) {
            (Output::Bytes(bytes), Self::Onnx(model)) => {
                let own = model.tensors();
                let all = own.iter().map(|tensor| {
                    let (a, b) = (tensor.decode(bytes), tensor.decode(model.bytes()));
                    a.iter().zip(&b).map(|(&a, &b)| relative(a, b)).fold(0.0, f64::max)
                });
                (bytes.len() == model.bytes().len()).then(|| all.fold(0.0, f64::max))
            }
            (Output::Network(network), Self::Json(_) | Self::Matrix(_)) => {
                let other = other.network();
                let kind = |n: &Network| n.units().iter().map(|u| (u.role, u.activation)).collect::<Vec<_>>();
                let same = network.connections() == other.connections() && kind(network) == kind(other);
                let pairs = network.parameters().iter().zip(other.parameters());
                same.then(|| pairs.map(|(&a, &b)| relative(a, b)).fold(0.0, f64::max))
            }
            _ => None,
        }
    }
}

fn check_networks(a: &Network, b: &Network, seed: u64) -> FunctionCheck {
    match compare_outputs(a, b, seed) {
        Ok(Some(difference)) => {
            let rounding = UNIT_ROUNDOFF;
            FunctionCheck::Compared { difference, rounding, inputs: CHECKS, notes: vec![] }
        }
        Ok(None) => FunctionCheck::Unchecked { reason: "the network has no inputs and outputs to compare".into() },
        Err(error) => FunctionCheck::Unchecked { reason: error.to_string() },
    }
}

/// The largest difference of an output relative to the largest output.
fn compare_outputs(a: &Network, b: &Network, seed: u64) -> Result<Option<f64>> {
    let mut random = StdRng::seed_from_u64(seed);
    let width = a.of_role(crate::network::Role::Input).count();
    if a.is_closed() || a.units().len() != b.units().len() {
        return Ok(None);
    }
    let (mut worst, mut range) = (0.0f64, 0.0f64);
    for _ in 0..CHECKS {
        let mut draw = || (0..width).map(|_| random.sample(StandardNormal)).collect::<Vec<f64>>();
        let pairs: Vec<(f64, f64)> = match (FeedForward::new(a), FeedForward::new(b)) {
            (Ok(first), Ok(second)) => {
                let input = draw();
                first.evaluate(&input)?.into_iter().zip(second.evaluate(&input)?).collect()
            }
            _ => {
                let inputs: Vec<Vec<f64>> = (0..STEPS).map(|_| draw()).collect();
                let steps = a.evaluate_recurrent(&inputs)?.into_iter().zip(b.evaluate_recurrent(&inputs)?);
                steps.flat_map(|(a, b)| a.into_iter().zip(b)).collect()
            }
        };
        for (a, b) in pairs {
            worst = worst.max((a - b).abs());
            range = range.max(a.abs());
        }
    }
    Ok(Some(if range > 0.0 { worst / range } else { worst }))
}

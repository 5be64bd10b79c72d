//! Any file that holds a network, behind one interface.

use super::args::{BatchNormCost, BiasCost, Reading};
use super::function::check_networks;
use super::settings::{Norm, powers, wrong_norm};
use crate::balance::NAMED;
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::{Lowered, Scaling};
use crate::manifold::Form;
use crate::model::{Choice, FunctionCheck, OnnxModel, Role, matches, tied};
use crate::network::json::{self, NetworkFile};
use crate::network::mtx::{self, Visible, parse_ranges};
use crate::network::{self, Biases, Network, Unit};
use crate::numeric::Float;
use crate::problem::Decisions;
use crate::regularizer::Regularizer;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A network as it was read.
pub enum Input {
    /// A JSON network.
    Json(Box<NetworkFile>),
    /// A Matrix Market file.
    Matrix(Box<Network>),
    /// An ONNX model.
    Onnx(Box<OnnxModel>),
}

/// What writing did.
#[derive(Default)]
pub struct WriteReport {
    /// What happened to numbers.
    pub notes: Vec<String>,
    /// How numbers with proved bounds were decided.
    pub decisions: Decisions,
}

/// A network after scaling, ready to be written.
pub enum Output {
    /// Numbers in double precision.
    Network(Box<Network>, Decisions),
    /// How to scale a model that is too large to be held twice.
    Model(Scaling),
}

impl Input {
    /// Reads a file; its extension tells the format.
    pub fn open(path: &Path, reading: &Reading) -> Result<Self> {
        let ranges = |text: &Option<String>| text.as_deref().map_or(Ok(vec![]), parse_ranges);
        let visible = Visible { inputs: ranges(&reading.inputs)?, outputs: ranges(&reading.outputs)? };
        if extension(path) != "mtx" && visible != Visible::default() {
            let problem = "the file says itself which units are inputs and outputs";
            let remedy = "leave --inputs and --outputs to .mtx files";
            return Err(Error::new(ErrorKind::Parameter, "--inputs, --outputs", problem, remedy).in_file(path));
        }
        let choice = Choice {
            freeze: reading.freeze.clone(),
            only: reading.only.clone(),
            ties: reading.tie.clone(),
            tie_layers: reading.tie_layers,
            batchnorm_fixed: reading.batchnorm == BatchNormCost::Fixed,
        };
        let chosen = !choice.freeze.is_empty() || !choice.only.is_empty();
        if extension(path) != "onnx" && (chosen || choice.batchnorm_fixed) {
            let problem = "--freeze, --only and --batchnorm name nodes of .onnx models";
            let remedy = "in a .json network, set \"frozen\" on units or layers";
            return Err(Error::new(ErrorKind::Parameter, "options", problem, remedy).in_file(path));
        }
        match extension(path).as_str() {
            "json" => {
                let file = json::read(path)?;
                let constraints = ties(file.network(), reading).map_err(|e| e.in_file(path))?;
                Ok(Self::Json(Box::new(file.constrained(constraints)?)))
            }
            "mtx" => {
                let network = mtx::read(path, &visible)?;
                let constraints = ties(&network, reading).map_err(|e| e.in_file(path))?;
                Ok(Self::Matrix(Box::new(network.constrained(constraints)?)))
            }
            "onnx" => Ok(Self::Onnx(Box::new(OnnxModel::open_with(path, &choice)?))),
            _ => {
                let problem =
                    if path.is_dir() { "it is a directory" } else { "the extension names no kind of network" };
                let remedy = "give a file that ends in .json, .mtx or .onnx";
                Err(Error::new(ErrorKind::Parameter, "file name", problem, remedy).in_file(path))
            }
        }
    }

    /// The balancing problem; under the largest weight with every weight apart.
    pub fn lower(&self, norm: &Norm, reading: &Reading) -> Result<Lowered> {
        match (self, norm) {
            (Self::Onnx(model), Norm::Powers(_)) => {
                let counted = reading.biases == BiasCost::Counted;
                model.lower_with(&norm.regularizer()?, counted, &norms_for(&reading.norm_for)?)
            }
            _ => self.lower_apart(norm, reading),
        }
    }

    /// The same problem with every weight apart: those that share both ends are not summed.
    pub fn lower_apart(&self, norm: &Norm, reading: &Reading) -> Result<Lowered> {
        let (regularizer, counted) = (norm.regularizer()?, reading.biases == BiasCost::Counted);
        let own = if counted { Biases::Counted } else { Biases::Free };
        let others = norms_for(&reading.norm_for)?;
        match self {
            Self::Onnx(model) => model.lower_apart(&regularizer, counted, &others),
            Self::Json(_) | Self::Matrix(_) => lower_named(self.network(), &regularizer, own, &others),
        }
    }

    fn network(&self) -> &Network {
        match self {
            Self::Json(file) => file.network(),
            Self::Matrix(network) => network,
            Self::Onnx(_) => unreachable!("models are handled apart"),
        }
    }

    /// The files beside this one in which it keeps weights, by the names that it has for them.
    pub fn companions(&self) -> Vec<(String, PathBuf)> {
        let named = |(name, path): (&str, &Path)| (name.to_string(), path.to_path_buf());
        match self {
            Self::Onnx(model) => model.files().others().map(named).collect(),
            Self::Json(file) => file.companions().map(named).collect(),
            Self::Matrix(_) => vec![],
        }
    }

    /// The types of numbers in which the file holds weights.
    fn floats(&self) -> Vec<Float> {
        match self {
            Self::Onnx(model) => {
                let elements = model.uses().filter(|u| u.role != Role::Fixed);
                elements.filter_map(|u| model.tensors()[u.tensor()].element.float()).collect()
            }
            Self::Json(file) => file.floats(),
            Self::Matrix(_) => vec![],
        }
    }

    /// Half a unit in the last place of the numbers in the file, of the coarsest type that holds weights.
    pub fn roundoff(&self) -> f64 {
        self.floats().into_iter().map(Float::roundoff).fold(Float::F64.roundoff(), f64::max)
    }

    /// The same of the numbers in which the file computes: a model may round its activations to fewer digits than its weights have.
    pub fn roundoff_inside(&self) -> f64 {
        match self {
            Self::Onnx(model) => model.casts().map(Float::roundoff).fold(self.roundoff(), f64::max),
            Self::Json(_) | Self::Matrix(_) => self.roundoff(),
        }
    }

    /// By how much rounding changes a weight at most that is subnormal in its type.
    pub fn least_step(&self) -> f64 {
        self.floats().into_iter().map(Float::least_step).fold(Float::F64.least_step(), f64::max)
    }

    /// Refuses a model of which nothing can be scaled, for its numbers are quantized.
    pub fn check_quantized(&self, lowered: &Lowered) -> Result<()> {
        let Self::Onnx(model) = self else { return Ok(()) };
        match model.quantized().filter(|_| lowered.problem.variables() == 0) {
            None => Ok(()),
            Some(node) => {
                let problem = "it computes with quantized numbers, which are not scaled, and nothing else can be";
                let error = Error::new(
                    ErrorKind::Unsupported,
                    format!("node {node:?}"),
                    problem,
                    "balance the model before it is quantized",
                );
                Err(error.in_file(model.path()))
            }
        }
    }

    /// The scaled network.
    pub fn scaled(&self, scaling: &Scaling) -> Result<Output> {
        let (network, decisions) = match self {
            Self::Onnx(_) => return Ok(Output::Model(scaling.clone())),
            Self::Json(file) => file.apply(scaling)?,
            Self::Matrix(network) => network.apply_as(scaling, |_| Float::F64)?,
        };
        Ok(Output::Network(Box::new(network), decisions))
    }

    /// Why the limit along a direction changes the function; none where it keeps it.
    pub fn limit_refusal(&self, direction: &[f64]) -> Result<Option<String>> {
        match self {
            Self::Onnx(model) => model.limit_refusal(direction),
            Self::Json(_) | Self::Matrix(_) => self.network().limit_refusal(direction),
        }
    }

    /// Writes a scaled version of this network, in this network's format, where a path is given; says what happened to its
    /// numbers.
    pub fn write(&self, output: &Output, path: Option<&Path>, force: bool) -> Result<WriteReport> {
        let mut written = WriteReport::default();
        if let Output::Network(_, decisions) = output {
            written.decisions = *decisions;
        }
        match (self, output, path) {
            (Self::Json(file), Output::Network(network, _), path) => {
                path.map_or(Ok(()), |path| file.write(network, path, force))?;
                note_rounding(&mut written.notes, file.subnormal(network), SUBNORMAL);
            }
            (Self::Matrix(_), Output::Network(network, _), Some(path)) => mtx::write(network, path, force)?,
            (_, Output::Network(..), None) => {}
            (Self::Onnx(model), Output::Model(scaling), path) => {
                let report = model.save(scaling, path, force)?;
                written.decisions = report.decisions;
                note_rounding(&mut written.notes, report.subnormal, SUBNORMAL);
                note_rounding(&mut written.notes, report.vanished, "were too small for their type and became zero");
            }
            _ => unreachable!("outputs have the kind of their input"),
        }
        Ok(written)
    }

    /// Gives the memory of what was read from a mapped file back to the system.
    pub fn release(&self) {
        match self {
            Self::Onnx(model) => model.files().release(),
            Self::Json(file) => file.release(),
            Self::Matrix(_) => {}
        }
    }

    /// Runs both networks on the same random inputs.
    pub fn check(&self, output: &Output, seed: u64) -> FunctionCheck {
        match (self, output) {
            (Self::Onnx(model), Output::Model(scaling)) => model.check_scaled(scaling, seed),
            (_, Output::Network(network, _)) => check_networks(self.network(), network, seed, self.roundoff()),
            (_, Output::Model(_)) => unreachable!("outputs have the kind of their input"),
        }
    }

    /// Compares with another file that was read: same architecture, and the function on random inputs.
    pub fn check_against(&self, other: &Self, seed: u64) -> FunctionCheck {
        match (self, other) {
            (Self::Onnx(model), Self::Onnx(other)) => model.check_against(other, seed),
            (Self::Onnx(_), _) | (_, Self::Onnx(_)) => {
                FunctionCheck::Unchecked { reason: "the files are of different kinds".into() }
            }
            _ => check_networks(self.network(), other.network(), seed, self.roundoff().max(other.roundoff())),
        }
    }

    /// What tells the networks apart besides the values of weights; none where nothing does.
    pub fn difference_outside_weights(&self, other: &Self) -> Option<String> {
        match (self, other) {
            (Self::Onnx(model), Self::Onnx(other)) => model.difference_outside_weights(other),
            (Self::Onnx(_), _) | (_, Self::Onnx(_)) => Some("the files are of different kinds".into()),
            _ => self.network().difference_outside_weights(other.network()),
        }
    }

    /// The largest relative difference of a weight or initial state between a scaled version of this network and another
    /// network that differs in nothing else, and where it is; a sign or a zero that differs counts as 1 or more.
    pub fn weight_difference(&self, output: &Output, other: &Self) -> (f64, String) {
        match (self, output, other) {
            (Self::Onnx(model), Output::Model(scaling), Self::Onnx(other)) => model.weight_difference(scaling, other),
            (_, Output::Network(network, _), Self::Json(_) | Self::Matrix(_)) => {
                network.weight_difference(other.network())
            }
            _ => (f64::INFINITY, "the format".into()),
        }
    }

    /// Refuses the name of an output whose extension promises another format than that of this network.
    pub fn check_extension(&self, path: &Path) -> Result<()> {
        let own = match self {
            Self::Json(_) => "json",
            Self::Matrix(_) => "mtx",
            Self::Onnx(_) => "onnx",
        };
        if extension(path) == own {
            return Ok(());
        }
        let problem = format!("the output keeps the format of the input, which is .{own}");
        let remedy = format!("give it a name that ends in .{own}");
        Err(Error::new(ErrorKind::Parameter, "--output", problem, remedy).in_file(path))
    }

    /// The connections that go to zero along a direction, by the names that a user knows; `found` by the problem.
    pub fn escaping(&self, direction: &[f64]) -> Result<(Vec<String>, usize)> {
        match self {
            Self::Onnx(model) => Ok(model.escaping(direction, NAMED)),
            Self::Json(_) | Self::Matrix(_) => self.network().escaping(direction, NAMED),
        }
    }
}

/// What the user wants tied, as constraints on the hidden units of a network.
fn ties(network: &Network, reading: &Reading) -> Result<Vec<Form>> {
    let is_free = |&i: &usize| network.units()[i].why_frozen().is_none();
    let hidden: Vec<usize> = network.of_role(network::Role::Hidden).filter(is_free).collect();
    let names: Vec<&str> = hidden.iter().map(|&i| network.units()[i].name.as_str()).collect();
    let mut groups: Vec<Vec<usize>> = tied(&reading.tie, &names)?;
    groups.iter_mut().flatten().for_each(|k| *k = hidden[*k]);
    if reading.tie_layers {
        groups.extend(
            network.hidden_layers().iter().map(|layer| layer.iter().map(|&i| i as usize).filter(is_free).collect()),
        );
    }
    let equal = |pair: &[usize]| Form::variable(pair[0]).plus(-1.0, &Form::variable(pair[1]));
    Ok(groups.iter().flat_map(|group| group.windows(2)).map(equal).collect())
}

const SUBNORMAL: &str = "became subnormal in their type and keep fewer digits";

fn note_rounding(notes: &mut Vec<String>, count: u64, what: &str) {
    if count > 0 {
        notes.push(format!("{count} weights {what}"));
    }
}

/// The norms of some nodes, as typed.
fn norms_for(typed: &[String]) -> Result<Vec<(String, Regularizer)>> {
    let wrong = |text: &str| {
        let problem = format!("{text:?} is no PATTERN=P");
        Error::new(ErrorKind::Parameter, "--norm-for", problem, "write it like --norm-for 'conv*=1'")
    };
    let one = |text: &String| {
        let (pattern, p) = text.rsplit_once('=').ok_or_else(|| wrong(text))?;
        let terms = powers(p).ok_or_else(|| wrong_norm("--norm-for", p))?;
        Ok((pattern.to_string(), Regularizer::powers(&terms)?))
    };
    typed.iter().map(one).collect()
}

/// The problem of a network, with other costs for the weights that lead to some units.
fn lower_named(
    network: &Network,
    regularizer: &Regularizer,
    biases: Biases,
    others: &[(String, Regularizer)],
) -> Result<Lowered> {
    // number 0 is the cost of all units that no pattern matches
    let first = |unit: &Unit| others.iter().position(|(pattern, _)| matches(pattern, &unit.name)).map_or(0, |k| k + 1);
    let of_unit: Vec<usize> = network.units().iter().map(first).collect();
    let used: HashSet<usize> = network.connections().heads.iter().map(|&head| of_unit[head as usize]).collect();
    if let Some(idle) = (0..others.len()).find(|k| !used.contains(&(k + 1))) {
        let pattern = &others[idle].0;
        let problem =
            format!("the pattern {pattern:?} matches no unit with incoming weights that no pattern before it does");
        let remedy = "`synbal inspect` shows the units; name special patterns before general ones";
        return Err(Error::new(ErrorKind::Parameter, "--norm-for", problem, remedy));
    }
    let costs: Vec<Regularizer> = std::iter::once(regularizer).chain(others.iter().map(|o| &o.1)).cloned().collect();
    network.lower_by_unit(&costs, &of_unit, biases)
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase()
}

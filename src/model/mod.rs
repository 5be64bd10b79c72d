//! Floor 3: model files. Reading ONNX, inferring how scales travel, lowering to a problem, rewriting the weights.
//!
//! A file is read in place: what is rewritten are the bytes of the weights and nothing else.

mod amplitudes;
mod cells;
mod check;
mod compare;
mod element;
mod escaping;
mod exact;
mod files;
mod graph;
mod lengths;
mod lower;
mod messages;
mod node;
mod order;
mod patch;
mod rewrite;
mod rule;
mod runs;
mod scales;
mod sums;
mod tensor;
mod wire;

pub use check::{FunctionCheck, silence_engine};
pub use element::ElementType;
pub use files::Files;
pub use lower::OnnxModel;
pub use patch::PatchReport;
pub use scales::{Choice, Ports, Role, WeightUse, matches, tied};
pub use tensor::Tensor;

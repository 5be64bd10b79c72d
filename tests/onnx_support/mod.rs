//! Shared by the tests of model files.
#![allow(dead_code)]

pub mod attention_families;
pub mod families;
pub mod image_families;
pub mod layout_families;
pub mod onnx_writer;
pub mod random_graphs;
pub mod random_layers;
pub mod recurrent_families;

use onnx_writer::Model;
use synbal::lowered::Scaling;
use synbal::model::{OnnxModel, Role, WeightUse};

/// Numbers that repeat after a long while, none of them zero.
pub fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 40) as f32 / (1 << 23) as f32) - 1.0
    };
    (0..count).map(|_| next()).map(|v| if v == 0.0 { 0.5 } else { v }).collect()
}

/// Opens a model that is given as bytes.
pub fn open_bytes(bytes: &[u8]) -> synbal::error::Result<OnnxModel> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).expect("the folder is writable");
    OnnxModel::open(&path)
}

/// Opens a model that must be valid.
pub fn open(model: &Model) -> OnnxModel {
    open_bytes(&model.bytes()).unwrap_or_else(|e| panic!("{e}"))
}

/// A scaling by random powers of two.
pub fn powers_of_two(model: &OnnxModel, seed: u64) -> Scaling {
    let numbers = numbers(seed, model.free());
    let log_scales = numbers.iter().map(|n| f64::from((n * 6.0).round()) * std::f64::consts::LN_2).collect();
    Scaling::new(log_scales)
}

/// The use that decides about the named tensor.
pub fn use_of<'a>(model: &'a OnnxModel, name: &str) -> &'a WeightUse {
    let tensor = model.tensors().iter().position(|t| t.name == name).expect("the tensor exists");
    let mut uses: Vec<_> = model.uses().filter(|u| u.tensor() == tensor).collect();
    uses.sort_by_key(|u| u.role == Role::Fixed);
    uses[0]
}

/// The numbers of the named tensor.
pub fn tensor(model: &OnnxModel, name: &str) -> Vec<f64> {
    let tensor = model.tensors().iter().find(|t| t.name == name).expect("the tensor exists");
    tensor.decode(model.files())
}

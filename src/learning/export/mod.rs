//! Trained networks as files that every other command reads.

mod json;
mod onnx;
mod protobuf;

pub use json::json;
pub use onnx::onnx;

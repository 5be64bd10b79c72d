//! draft

#![deny(missing_docs)]
pub mod error;
pub mod lowered;
pub mod manifold;
#[cfg(feature = "model")]
mod mapped;
#[cfg(feature = "model")]
pub mod model;
pub mod problem;
pub mod reach;
pub mod regularizer;

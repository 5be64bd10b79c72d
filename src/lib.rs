//! draft

#![deny(missing_docs, unsafe_code)]
pub mod balance;
pub mod error;
pub mod existence;
pub mod files;
pub mod lowered;
pub mod manifold;
#[cfg(feature = "model")]
pub mod mapped;
#[cfg(feature = "model")]
pub mod model;
pub mod network;
pub mod numeric;
pub mod problem;
pub mod reach;
pub mod regularizer;
pub mod solve;

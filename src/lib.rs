//! draft

#![deny(missing_docs)]
pub mod error;
pub mod files;
pub mod lowered;
pub mod manifold;
pub mod network;
pub mod problem;
pub mod reach;
pub mod regularizer;

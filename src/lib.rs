//! draft

#![deny(missing_docs)]
pub mod error;
pub mod lowered;
pub mod manifold;
pub mod numeric;
pub mod problem;
pub mod reach;
pub mod regularizer;
pub mod solve;

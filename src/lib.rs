//! draft

#![deny(missing_docs)]
pub mod balance;
pub mod error;
pub mod existence;
pub mod lowered;
pub mod manifold;
pub mod numeric;
pub mod problem;
pub mod reach;
pub mod regularizer;
pub mod solve;

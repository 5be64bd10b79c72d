//! Floor 5: balance and learning. Networks of units of degree 1 are trained, with and without balancing in the loop, and the
//! published claims about both are put to the test.
//!
//! The tensors and their products are candle's. Balancing lowers the network to a [`Problem`](crate::problem::Problem) like
//! everything else, asks [`existence`](crate::existence) and [`solve`](crate::solve), and takes the log-scales back to the weights and
//! to the optimizer's memory. The library prints nothing; progress goes through a callback.

#![forbid(unsafe_code)]

pub mod balancing;
pub mod data;
pub mod experiments;
pub mod export;
pub mod loss;
pub mod measure;
pub mod net;
pub mod optimizer;
pub mod output;
pub mod penalty;
pub mod plan;
pub mod runs;
pub mod state;
pub mod statistics;
pub mod tensor;
pub mod train;

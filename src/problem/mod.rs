//! Floor 2: blocks of weights between ports.
//!
//! A *port* is a unit or channel as seen by a weight: a linear form in the free log-scales. The weight in row `r` and
//! column `c` of a block has the log-multiplier `L = head_r(x) - tail_c(x)`.

mod builder;

pub use builder::{Port, Problem, ProblemBuilder, Weights};

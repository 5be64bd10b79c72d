//! Floor 3: proved bounds on balanced weights, from any candidate; no solver is trusted, or imported.
//!
//! Where every log-multiplier has at most one positive and one negative coefficient, the cost of what a unit scales up less
//! the cost of what it scales down rises with its own log-scale and falls with all others. So two vectors of log-scales,
//! one with less entering than leaving every unit and one with more, have the optimum between them, coordinate by
//! coordinate: two signs for every unit are the whole proof. A priori bounds on rounding decide them in floating point.
//!
//! Source: the comparison principle for M-functions (W. Rheinboldt, "On M-functions and their application to nonlinear
//! Gauss-Seidel iterations and to network flows", 1970); machine-checked in `proofs/theories`.

#![forbid(unsafe_code)]

mod build;
mod check;
mod enclose;
mod file;
mod gap;
mod graph;
mod margins;
mod sharpen;

pub use build::{LARGEST_CERTIFICATE, certificate};
pub use check::Rejection;
pub use enclose::{Enclosure, enclose};
pub use file::{Certificate, Link};
pub use gap::gap;
pub use graph::{Rounding, differs_from_balanced, differs_from_given};
pub use margins::margins;
pub use sharpen::sharpen;

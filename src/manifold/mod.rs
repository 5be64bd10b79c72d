//! Floor 1: the linear manifold of log-multipliers that an architecture allows.
//!
//! Every unit or channel has a log-scale. Ties, frozen units and linear equality constraints are collected by a
//! [`ManifoldBuilder`] and eliminated exactly; what remains are free variables, and every log-scale is a [`Form`] in them.

#![forbid(unsafe_code)]

mod eliminate;
mod form;
mod space;
mod walks;

pub use eliminate::{Manifold, ManifoldBuilder};
pub use form::{Form, Forms};
pub use space::{Space, rank};
pub use walks::Grounded;

//! Mean fields: every block of costs replaced by the matrix of rank one with the same row and column sums.
//!
//! A dense block is such a matrix up to noise, the less the wider it is; a diagonal one is not, and stays as it is
//! ([`clusters`]). So the problem of the replaced blocks, which costs only as much as there are ports, has nearly the same
//! minimum ([`iterate`]), and its Hessian, small clusters and two vectors for every block, is nearly the Hessian
//! ([`Layout`], the preconditioner of conjugate gradients). Near the optimum copies of the blocks themselves, rounded, tell
//! more ([`copies`], [`kept`]).
//!
//! It exists where every port has one log-scale at most, and every cost is a power in the range of `f64`.

mod anderson;
mod clusters;
mod copies;
mod core;
mod iterate;
mod kept;
mod layout;
mod model;
mod stretches;

pub(super) use iterate::minimize;
pub(super) use kept::{Kept, NEAR};
pub(super) use layout::Layout;

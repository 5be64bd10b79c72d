#![doc = include_str!("../README.md")]
//!
//! # The problem
//!
//! Unit i with an activation of degree c_i (`f(λ z) = λ^{c_i} f(z)`) has the scale λ_i = exp(x_i); visible units and those
//! that are not homogeneous have x = 0. The weight of a connection e from tail j to head i becomes
//! `w_e exp(L_e)`, `L_e = x_i - c_j x_j`. The vectors L form *the manifold*. Minimize over it
//!
//! ```text
//! F(x) = sum_e alpha_e |w_e|^p exp(p L_e)
//! ```
//!
//! F is convex, and strictly so in the L of the non-zero weights; its derivative at a unit is `p (inflow - c outflow)`. So
//! balanced = stationary = global minimum, and the balanced weights are unique wherever a minimum is attained.
//!
//! # The floors
//!
//! A file imports only lower floors.
//!
//! | floor | modules | what |
//! |---|---|---|
//! | 0 | [`error`], [`files`], [`numeric`], [`reach`], `mapped` | faults, safe writing, wide numbers, reachability |
//! | 1 | [`regularizer`], [`manifold`] | the cost of a weight; linear forms, elimination, dimension, walks and cycles |
//! | 2 | [`problem`] | blocks of weights between ports; cost, flows and Hessian in fused passes; the gauge |
//! | 3 | [`existence`], [`solve`], [`certificate`], [`lowered`], [`network`], `model` | is there a minimum; solvers; proved bounds; the two kinds of network |
//! | 4 | [`balance`], [`compare`] | existence, the solve, the proof; two networks up to scaling |
//! | 5 | [`analysis`], `learning`, `report` | curvature, rates, sensitivity, the ends of the p axis; training experiments; JSON objects and tables |
//! | 6 | `cli` | the command line |

#![deny(missing_docs, unsafe_code)]

pub mod analysis;
pub mod balance;
pub mod certificate;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compare;
pub mod error;
pub mod existence;
pub mod files;
#[cfg(feature = "learning")]
pub mod learning;
pub mod lowered;
pub mod manifold;
mod mapped;
#[cfg(feature = "model")]
pub mod model;
pub mod network;
pub mod numeric;
pub mod problem;
pub mod reach;
pub mod regularizer;
#[cfg(feature = "cli")]
pub mod report;
pub mod solve;

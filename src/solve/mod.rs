//! Floor 3: solvers. All take the same [`Settings`] and return the same [`Solution`].
//!
//! They expect a problem whose minimum is attained; [`crate::existence`] tells, and leaves the rest out.

#![forbid(unsafe_code)]

mod bound;
mod bounded;
mod cg;
mod cholesky;
mod conjugate;
mod correct;
mod equations;
mod factor;
mod front;
mod greedy;
mod incidence;
mod incomplete;
mod landing;
mod linear;
mod local;
mod logarithmic;
mod mean_field;
mod minimax;
mod multifrontal;
mod newton;
mod pattern;
mod refine;
mod relax;
mod run;
mod schedule;
mod settings;
mod solvers;
mod start;
mod subtrees;
mod supernodal;
mod symbolic;
mod tangent;
mod warm;
mod witness;

pub use bounded::solve_within;
pub use correct::{Correct, corrections};
pub(crate) use minimax::heaviest;
pub use minimax::{Minimax, largest_moving, largest_weight, minimax};
pub use run::solve;
pub(crate) use run::{check, solve_with};
pub use schedule::Schedule;
pub use settings::{CANONICAL_PLACES, Callback, Method, Settings, Solution, Status, Step};
pub(crate) use start::Start;

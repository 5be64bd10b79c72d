//! Floor 3: whether the minimum is attained, and which connections escape, each with a witness that is checked exactly.
//!
//! The minimum is attained iff no direction of the manifold lowers some cost and raises none. Otherwise the cost falls
//! towards its infimum along such a direction, and the weights that fall along it go to zero: they *escape*. For degree 1
//! the escaping connections are those between strong components of the graph in which all visible units are one node.

#![forbid(unsafe_code)]

mod degrees;
mod graph;
mod program;
mod search;
mod slopes;
mod verify;

pub use graph::Hop;
pub(crate) use program::maximize;
pub use verify::verify;

use crate::problem::Problem;
use dashu::rational::RBig;

/// Whether the minimum is attained.
#[derive(Clone, Debug)]
pub enum Existence {
    /// No connection can be lowered without raising another.
    Attained(Circulation),
    /// Along `direction` every escaping connection falls and no other changes; the rest has a minimum.
    Escapes {
        /// A direction of the manifold, one entry for every variable.
        direction: Vec<f64>,
        /// Why the rest is attained.
        rest: Circulation,
    },
    /// Along `direction` the total cost of a user's own costs falls for ever, though some weights may grow: there is no minimum.
    Falls {
        /// A direction of the manifold, one entry for every variable.
        direction: Vec<f64>,
    },
    /// No exact witness was found.
    Undecided(String),
}

/// Why no direction lowers a connection of a set without raising another: a positive circulation through all of them.
#[derive(Clone, Debug)]
pub enum Circulation {
    /// Degree 1: in every strong component a tree from its root to every node and one back. Every connection inside a
    /// component then closes a cycle; the sum of all these cycles is the circulation. Node `variables` is the ground. With other
    /// degrees the flow along a walk changes at every unit: walks through the ground close all the same, and in the
    /// components without ground the degrees around every cycle multiply to 1.
    Trees(Trees),
    /// A number for every pair (head port, tail port), orthogonal to the manifold: strictly inside the range of the slopes
    /// there, which for powers means that it is positive.
    Numbers(Numbers),
    /// Trees for what lies on walks from the ground to the ground, where any flow can be made to close, and positive numbers for
    /// all other pairs, orthogonal to the manifold in the variables of the others.
    Around {
        /// The trees; the component of the ground is what counts.
        trees: Trees,
        /// The numbers.
        numbers: Numbers,
    },
}

/// A number for every pair (head port, tail port).
pub type Numbers = Vec<((u32, u32), RBig)>;

/// A tree from the root of every strong component to its nodes, and one back.
#[derive(Clone, Debug)]
pub struct Trees {
    /// The last hop of a path from the root to the node; none at the root.
    pub from_root: Vec<Option<Hop>>,
    /// The first hop of a path from the node to the root; none at the root.
    pub to_root: Vec<Option<Hop>>,
}

/// Decides existence by the quickest way that applies: strong components for single log-scales of any degree; where the
/// degrees around a cycle without ground do not multiply to 1, and for other forms, linear programming. A user's own costs have to tell the ranges of their slopes; see [`crate::regularizer::ConvexCost::slopes`].
///
/// Complexity: linear in connections for strong components; else a linear program and an exact elimination.
#[must_use]
pub fn existence(problem: &Problem) -> Existence {
    if problem.is_graph() {
        return graph::decide(problem);
    }
    if problem.is_scaled_graph() { degrees::decide(problem) } else { existence_by_program(problem) }
}

/// Decides existence by linear programming, whatever the degrees.
#[must_use]
pub fn existence_by_program(problem: &Problem) -> Existence {
    if problem.is_powers() { program::decide(problem) } else { slopes::decide(problem) }
}

impl Existence {
    /// The direction along which connections escape.
    #[must_use]
    pub fn direction(&self) -> Option<&[f64]> {
        match self {
            Self::Escapes { direction, .. } => Some(direction),
            _ => None,
        }
    }

    /// The name in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Attained(_) => "attained",
            Self::Escapes { .. } => "escapes",
            Self::Falls { .. } => "falls for ever",
            Self::Undecided(_) => "undecided",
        }
    }
}

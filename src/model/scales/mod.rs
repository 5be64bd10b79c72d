//! Scale inference: which log-scales the channels of every tensor may have, operator by operator.
//!
//! Every operator family has one file with a table of rules. A rule looks at what the inputs of a node carry, creates
//! channels, ties log-scales, declares how stored tensors are used, and says what the outputs carry; or it says why the
//! node is frozen, and then the log-scales of all its inputs and outputs are zero.

mod actions;
mod choice;
mod contraction;
mod conv;
mod elementwise;
mod finish;
mod freeze;
mod inference;
mod integers;
mod join;
mod layout;
mod linear;
mod mixed;
mod norm;
mod pool;
mod power;
mod product;
mod recurrent;
mod regroup;
mod shape;
mod size;
mod uses;
mod value;
mod window;
mod zeros;

pub use choice::Choice;
pub use choice::{matches, tied};
pub(crate) use finish::{Inferred, infer};
pub(crate) use freeze::is_quantized;
pub use uses::{Ports, Role, WeightUse};

use super::graph::Node;
use crate::error::Result;
use inference::Inference;
use value::Value;

/// What a rule decides about a node.
pub(crate) enum Ruling {
    /// What the outputs are, in order; outputs that are missing here do not carry scales.
    Outputs(Vec<Value>),
    /// The node is left alone, for this reason.
    Freeze(String),
}

impl Ruling {
    fn freeze(reason: impl Into<String>) -> Result<Self> {
        Ok(Self::Freeze(reason.into()))
    }

    fn one(value: Value) -> Result<Self> {
        Ok(Self::Outputs(vec![value]))
    }
}

/// The rule of an operator.
type Rule = fn(&mut Inference<'_>, &Node) -> Result<Ruling>;

/// The rule for a node; operators that are not in any table freeze.
fn rule(node: &Node) -> Rule {
    if !node.domain.is_empty() {
        return freeze::other_domain;
    }
    let tables = [
        linear::RULES,
        conv::RULES,
        norm::RULES,
        elementwise::RULES,
        power::RULES,
        pool::RULES,
        shape::RULES,
        join::RULES,
        layout::RULES,
        recurrent::RULES,
    ];
    let found = tables.into_iter().flatten().find(|(op, _)| *op == node.op);
    found.map_or(freeze::not_homogeneous, |(_, rule)| *rule)
}

/// Whether an operator only arranges elements, so that a stored tensor behind it is still the stored tensor.
fn arranges(node: &Node) -> bool {
    node.domain.is_empty() && (node.op == "Identity" || shape::RULES.iter().any(|(op, _)| *op == node.op))
}

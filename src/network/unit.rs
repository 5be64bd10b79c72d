//! Units and connections as plain data.

use super::Activation;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// What a unit is to the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its output is given; no connection leads into it; never scaled.
    Input,
    /// Seen by nobody outside; scaled when its activation is homogeneous.
    Hidden,
    /// Its output is the answer of the network; never scaled.
    Output,
    /// Its output is always 1; its outgoing connections are biases; never scaled.
    Constant,
}

/// A unit (neuron).
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Name, unique in its network.
    pub name: CompactString,
    /// What the unit is to the outside.
    pub role: Role,
    /// Activation; meaningless for inputs and constants.
    pub activation: Activation,
    /// Leave the unit alone, although it could be scaled.
    pub frozen: bool,
    /// Units of the same group have one scale in common, like the positions of one channel.
    pub group: Option<u32>,
    /// Output at time 0 of a recurrent network.
    pub state: f64,
}

impl Unit {
    /// A unit that is free, in no group, and starts from state zero.
    #[must_use]
    pub fn new(name: impl Into<CompactString>, role: Role, activation: Activation) -> Self {
        Self { name: name.into(), role, activation, frozen: false, group: None, state: 0.0 }
    }

    /// An input.
    #[must_use]
    pub fn input(name: impl Into<CompactString>) -> Self {
        Self::new(name, Role::Input, Activation::Linear)
    }

    /// A hidden unit.
    #[must_use]
    pub fn hidden(name: impl Into<CompactString>, activation: Activation) -> Self {
        Self::new(name, Role::Hidden, activation)
    }

    /// An output.
    #[must_use]
    pub fn output(name: impl Into<CompactString>, activation: Activation) -> Self {
        Self::new(name, Role::Output, activation)
    }

    /// The source of biases.
    #[must_use]
    pub fn constant(name: impl Into<CompactString>) -> Self {
        Self::new(name, Role::Constant, Activation::Linear)
    }

    /// The same unit in a group of tied scales.
    #[must_use]
    pub fn in_group(mut self, group: u32) -> Self {
        self.group = Some(group);
        self
    }

    /// Why the unit has no scale of its own accord; `None` when it can be scaled.
    #[must_use]
    pub fn why_frozen(&self) -> Option<String> {
        match self.role {
            Role::Input => Some("an input".into()),
            Role::Output => Some("an output".into()),
            Role::Constant => Some("a constant".into()),
            Role::Hidden if self.frozen => Some("frozen by the user".into()),
            Role::Hidden if self.activation.degree().is_none() => {
                Some(format!("{} is not positively homogeneous", self.activation.name()))
            }
            Role::Hidden => None,
        }
    }
}

/// Connections as columns: connection `k` leads from unit `tails[k]` to unit `heads[k]` with weight `parameters[k]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Unit in which each connection starts.
    pub tails: Vec<u32>,
    /// Unit in which each connection ends.
    pub heads: Vec<u32>,
    /// Index of the weight of each connection; several connections may share one.
    pub parameters: Vec<u32>,
}

impl Connections {
    /// No connections.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a connection.
    pub fn push(&mut self, tail: u32, head: u32, parameter: u32) {
        self.tails.push(tail);
        self.heads.push(head);
        self.parameters.push(parameter);
    }

    /// Number of connections.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tails.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tails.is_empty()
    }

    /// `(tail, head, parameter)` of each connection.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (usize, usize, usize)> + Clone + '_ {
        (0..self.tails.len()).map(|k| (self.tails[k] as usize, self.heads[k] as usize, self.parameters[k] as usize))
    }
}

//! Floor 3: networks for research: units, activations, and connections that may share their weights.
//!
//! A [`Network`] is a directed graph. Unit `i` computes `y_i = f_i(sum over connections j -> i of w_ij y_j)`. Biases are
//! connections from a constant unit. Several connections may share one weight: the kernel of a convolution, tied
//! matrices, a matrix used at several depths. Such a weight is one *parameter*.
//!
//! [`Network::lower`] turns a network into a balancing problem; [`Network::apply`] takes the answer back.

#![forbid(unsafe_code)]

mod activation;
mod apply;
pub mod build;
mod compare;
mod evaluate;
pub mod json;
mod lower;
pub mod mtx;
mod operations;
mod scales;
mod topology;
mod unit;
mod validate;

pub use activation::Activation;
pub use evaluate::FeedForward;
pub use lower::Biases;
pub use unit::{Connections, Role, Unit};

use crate::error::{Error, ErrorKind, Result};
use crate::manifold::Form;
use std::sync::OnceLock;
use topology::Topology;

/// A network whose parts were checked: every index is in range, every weight finite, no connection occurs twice.
///
/// Memory: 12 bytes a connection, 8 a parameter; as much again for the indices that [`scale`](Self::scale) needs.
#[derive(Clone, Debug)]
pub struct Network {
    units: Vec<Unit>,
    parameters: Vec<f64>,
    connections: Connections,
    /// Linear forms in the log-scales of all units that have to vanish.
    constraints: Vec<Form>,
    topology: OnceLock<Topology>,
}

impl Network {
    /// A network of `units`, weights (`parameters`) and `connections` between the units.
    ///
    /// Complexity: O(units + connections).
    ///
    /// # Errors
    /// Names the unit, connection or parameter at fault: no units, a name twice, a parameter of an activation out of
    /// range, a state that is not finite or belongs to an input or constant; an index out of range, a connection into an
    /// input or constant, two connections with the same tail and head; a weight that is not finite or unused.
    pub fn new(units: Vec<Unit>, parameters: Vec<f64>, connections: Connections) -> Result<Self> {
        validate::units(&units)?;
        validate::parameters(&parameters)?;
        validate::connections(&units, parameters.len(), &connections)?;
        Ok(Self { units, parameters, connections, constraints: vec![], topology: OnceLock::new() })
    }

    /// The units; connections and [`scale`](Self::scale) refer to them by index.
    #[must_use]
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The weights, each once however many connections share it.
    #[must_use]
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    /// The connections.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The same network, whose log-scales obey further linear constraints: each form, in the units' indices, has to vanish.
    ///
    /// Such as `x_0 - x_1 = 0`, one scale for two units, or `x_0 + x_1 - 2 x_2 = 0`. They are eliminated exactly, with the
    /// constraints that shared weights bring.
    ///
    /// # Errors
    /// When a form names a unit that is not there, or has a coefficient outside of 1e-100 to 1e100.
    pub fn constrained(mut self, constraints: impl IntoIterator<Item = Form>) -> Result<Self> {
        for form in constraints {
            validate::constraint(self.constraints.len(), &form, self.units.len())?;
            self.constraints.push(form);
        }
        Ok(self)
    }

    /// The linear forms in the log-scales of the units that have to vanish, besides what groups and shared weights ask for.
    #[must_use]
    pub fn constraints(&self) -> &[Form] {
        &self.constraints
    }

    /// The same network with other weights, in the order of [`parameters`](Self::parameters).
    ///
    /// # Errors
    /// When the number of weights differs, or one is not finite.
    pub fn with_parameters(&self, parameters: Vec<f64>) -> Result<Self> {
        if parameters.len() != self.parameters.len() {
            return Err(Error::new(
                ErrorKind::Network,
                "parameters",
                format!("{} weights for a network of {}", parameters.len(), self.parameters.len()),
                "give one weight for each parameter",
            ));
        }
        validate::parameters(&parameters)?;
        Ok(Self {
            units: self.units.clone(),
            parameters,
            connections: self.connections.clone(),
            constraints: self.constraints.clone(),
            topology: self.topology.clone(),
        })
    }

    /// Whether a parameter is a bias: all connections that share it start in constants.
    ///
    /// # Panics
    /// When there is no such parameter.
    #[must_use]
    pub fn is_bias(&self, parameter: usize) -> bool {
        self.topology().biases[parameter]
    }

    /// The indices of the units of one role, in order.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = usize> + '_ {
        (0..self.units.len()).filter(move |&i| self.units[i].role == role)
    }

    /// Whether the network has neither inputs nor outputs: then balancing it is the classical balancing of its matrix,
    /// and every unit counts as a place where signals start and are seen.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.units.iter().any(|u| matches!(u.role, Role::Input | Role::Output))
    }

    /// How messages call connection `k`.
    pub(crate) fn connection_name(&self, k: usize) -> String {
        let (tail, head) = (self.connections.tails[k] as usize, self.connections.heads[k] as usize);
        format!("connection {k} ({} -> {})", self.units[tail].name, self.units[head].name)
    }

    fn topology(&self) -> &Topology {
        self.topology.get_or_init(|| Topology::of(self))
    }
}

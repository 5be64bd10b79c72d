//! Building a problem from blocks of weights.

use crate::error::Result;
use crate::manifold::Form;
use crate::regularizer::Regularizer;
use std::collections::HashMap;

/// Index of a port in its problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(pub(crate) u32);

impl Port {
    /// The port of everything whose log-scale is zero.
    pub const GROUND: Self = Self(0);
}

/// The weights of a block; only their magnitudes count.
#[derive(Clone, Debug)]
pub enum Weights {
    /// Row-major, `heads x tails`.
    Dense(Vec<f64>),
    /// `(row, column, weight)`, in any order; several entries of one place are separate weights.
    Sparse(Vec<(u32, u32, f64)>),
    /// Entry `i` sits in row `i` and column `i`.
    Diagonal(Vec<f64>),
}

/// Collects ports and blocks.
#[derive(Debug)]
pub struct ProblemBuilder {
    variables: usize,
    forms: Vec<Form>,
    known: HashMap<Vec<(u32, u64)>, Port>,
}

impl ProblemBuilder {
    /// A problem in `variables` free log-scales, without ports and blocks.
    #[must_use]
    pub fn new(variables: usize) -> Self {
        Self { variables, forms: vec![Form::zero()], known: HashMap::from([(vec![], Port::GROUND)]) }
    }

    /// The port with the given form; the same form always gives the same port.
    ///
    /// # Panics
    /// When the form names a variable outside the problem.
    pub fn port(&mut self, form: &Form) -> Port {
        let _ = form;
        todo!()
    }

    /// Adds a block: the weights between `heads` (rows) and `tails` (columns).
    ///
    /// # Errors
    /// When a weight is not finite, or shapes disagree.
    pub fn block(
        &mut self,
        name: &str,
        heads: Vec<Port>,
        tails: Vec<Port>,
        weights: Weights,
        regularizer: &Regularizer,
    ) -> Result<()> {
        let _ = (name, heads, tails, weights, regularizer, self.variables, &self.forms, &self.known);
        todo!()
    }

    /// The finished problem.
    ///
    /// # Errors
    /// When the problem is too large.
    pub fn build(self) -> Result<Problem> {
        todo!()
    }
}

/// Placeholder until the core lands.
#[derive(Debug, Clone)]
pub struct Problem;

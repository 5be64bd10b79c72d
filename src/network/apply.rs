//! Taking a solution back into the network.

use super::Network;
use super::scales::Scales;
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::Scaling;
use crate::manifold::Form;
use crate::numeric::Float;
use crate::problem::{Decided, Decisions};
use crate::reach::{FlowGraph, Liveness};

impl Network {
    /// The network with every weight multiplied by `exp(L)` and every initial state by `exp(c x)`.
    ///
    /// Weights that escape along the direction of the limit become exactly zero, and so do the states of units whose
    /// scale vanishes along it. Ask [`limit_refusal`](Self::limit_refusal) first whether the limit computes the same function.
    ///
    /// Complexity: that of lowering the network, without its problem.
    ///
    /// # Errors
    /// When the log-scales are not as many as the network has free variables, or not finite; when a weight or a state
    /// overflows, or vanishes without being meant to (the error names it).
    pub fn apply(&self, scaling: &Scaling) -> Result<Self> {
        self.apply_as(scaling, |_| Float::F64).map(|(network, _)| network)
    }

    /// The same, where `float` gives the type of every parameter by its index: with proved bounds, rounding a new weight to
    /// its type is rounding the exact optimum to it once. Counts how weights and states were decided.
    ///
    /// # Errors
    /// As for [`apply`](Self::apply).
    pub fn apply_as(&self, scaling: &Scaling, float: impl Fn(usize) -> Float) -> Result<(Self, Decisions)> {
        let mut decisions = Decisions::default();
        let mut decide = |head: &Form, tail: &Form, old: f64, float: Float| {
            let bounds = scaling.bounds.as_ref().filter(|_| old != 0.0 && !scaling.escapes(head, tail))?;
            let decided = bounds.decide(head, tail, old, float);
            decisions.count(decided);
            decided.map(Decided::number)
        };
        let scales = self.scales()?;
        check(scaling.scales.rest(), &scales, "log-scales")?;
        if let Some(direction) = &scaling.direction {
            check(direction, &scales, "direction of the limit")?;
        }
        let mut parameters = self.parameters.clone();
        for (parameter, weight) in parameters.iter_mut().enumerate() {
            let k = scales.first[parameter] as usize;
            let (head, tail) = (scales.head(self, k), scales.tail(self, k));
            let multiplier = scaling.multiplier(head, tail);
            let decided = decide(head, tail, *weight, float(parameter));
            let new = decided.unwrap_or_else(|| multiplier.times(*weight));
            if !multiplier.is_zero() {
                self.representable(*weight, new, || self.connection_name(k))?;
            }
            *weight = new;
        }
        let mut answer = self.clone();
        answer.parameters = parameters;
        for (unit, form) in answer.units.iter_mut().zip(&scales.tails) {
            if unit.state != 0.0 {
                let vanishes = scaling.direction.as_ref().is_some_and(|d| form.at(d) < 0.0);
                let decided = decide(form, &Form::zero(), unit.state, Float::F64);
                let scaled = decided.unwrap_or_else(|| scaling.scales.at(form).times(unit.state));
                let new = if vanishes { 0.0 } else { scaled };
                if !vanishes {
                    self.representable(unit.state, new, || format!("state of unit {}", unit.name))?;
                }
                unit.state = new;
            }
        }
        Ok((answer, decisions))
    }

    /// Why the limit along `direction` would change the function of the network; `None` when it does not.
    ///
    /// The limit cuts the escaping connections. It computes the same function where no signal passes through one: from
    /// an input, a constant, a non-zero initial state or a unit that answers zero with something else, to an output.
    ///
    /// # Errors
    /// When the direction has not one finite entry for each free variable.
    pub fn limit_refusal(&self, direction: &[f64]) -> Result<Option<String>> {
        let scales = self.scales()?;
        check(direction, &scales, "direction of the limit")?;
        let along = Scaling::new(vec![0.0; direction.len()]).along(direction.to_vec());
        let live = self.liveness();
        for (k, (tail, head, parameter)) in self.connections.iter().enumerate() {
            let first = scales.first[parameter] as usize;
            if self.parameters[parameter] != 0.0
                && along.escapes(scales.head(self, first), scales.tail(self, first))
                && live.passes(tail, head)
            {
                let why = match self.is_closed() {
                    true => "and without inputs and outputs every entry of the matrix counts",
                    false => "but a signal passes through it to an output",
                };
                return Ok(Some(format!("{} goes to zero in the limit, {why}", self.connection_name(k))));
            }
        }
        Ok(None)
    }

    /// The non-zero connections that go to zero along `direction`: the names of the first `named`, and how many there are.
    ///
    /// # Errors
    /// When the direction has not one finite entry for each free variable.
    pub fn escaping(&self, direction: &[f64], named: usize) -> Result<(Vec<String>, usize)> {
        let scales = self.scales()?;
        check(direction, &scales, "direction of the limit")?;
        let along = Scaling::new(vec![0.0; direction.len()]).along(direction.to_vec());
        let (mut names, mut count) = (vec![], 0);
        for (k, (_, _, parameter)) in self.connections.iter().enumerate() {
            let first = scales.first[parameter] as usize;
            let escapes = along.escapes(scales.head(self, first), scales.tail(self, first));
            if escapes && self.parameters[parameter] != 0.0 {
                count += 1;
                if names.len() < named {
                    names.push(self.connection_name(k));
                }
            }
        }
        Ok((names, count))
    }

    /// Where signals reach, along non-zero weights.
    pub(super) fn liveness(&self) -> Liveness {
        use super::Role;
        let closed = self.is_closed();
        let starts = |i: usize| {
            let unit = &self.units[i];
            let speaks = matches!(unit.role, Role::Hidden | Role::Output) && unit.activation.apply(0.0) != 0.0;
            closed || matches!(unit.role, Role::Input | Role::Constant) || unit.state != 0.0 || speaks
        };
        let edges = self.connections.iter().filter(|c| self.parameters[c.2] != 0.0);
        let n = self.units.len();
        FlowGraph {
            nodes: n,
            edges: edges.map(|(tail, head, _)| (tail as u32, head as u32)).collect(),
            sources: (0..n).filter(|&i| starts(i)).map(|i| i as u32).collect(),
            sinks: (0..n).filter(|&i| closed || self.units[i].role == Role::Output).map(|i| i as u32).collect(),
        }
        .liveness()
    }
}

impl Scales {
    pub(super) fn head(&self, network: &Network, connection: usize) -> &Form {
        &self.heads[network.connections.heads[connection] as usize]
    }

    pub(super) fn tail(&self, network: &Network, connection: usize) -> &Form {
        &self.tails[network.connections.tails[connection] as usize]
    }
}

fn check(values: &[f64], scales: &Scales, what: &str) -> Result<()> {
    let free = scales.manifold.free();
    let problem = if values.len() != free {
        format!("{} values for {free} free variables", values.len())
    } else if let Some(k) = values.iter().position(|x| !x.is_finite()) {
        format!("value {k} is {}", values[k])
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Parameter, what, problem, "pass the solution of this network's own problem"))
}

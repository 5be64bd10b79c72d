//! The function that a network computes.

use super::{Network, Role};
use crate::error::{Error, ErrorKind, Result};

/// A network in topological order, ready to be evaluated many times.
#[derive(Clone, Debug)]
pub struct FeedForward<'a> {
    network: &'a Network,
    order: Vec<u32>,
    inputs: Vec<u32>,
    outputs: Vec<u32>,
}

impl<'a> FeedForward<'a> {
    /// Sorts the units of `network` such that every connection leads forwards.
    ///
    /// Complexity: O(units + connections).
    ///
    /// # Errors
    /// Names a unit on a cycle when there is one; evaluate such a network with [`Network::evaluate_recurrent`].
    pub fn new(network: &'a Network) -> Result<Self> {
        let order = network.topological_order().map_err(|unit| {
            Error::new(
                ErrorKind::Network,
                format!("unit {}", network.units()[unit].name),
                "it lies on a cycle of connections, so that the network is recurrent",
                "evaluate it as a recurrent network over some time steps",
            )
        })?;
        let indices = |role| network.of_role(role).map(|i| i as u32).collect();
        Ok(Self { network, order, inputs: indices(Role::Input), outputs: indices(Role::Output) })
    }

    /// The outputs for one value per input, both in the order of the units.
    ///
    /// Initial states play no part. Complexity: O(units + connections).
    ///
    /// # Errors
    /// When the number of values is not the number of inputs.
    pub fn evaluate(&self, inputs: &[f64]) -> Result<Vec<f64>> {
        let activity = self.activity(inputs)?;
        Ok(self.outputs.iter().map(|&i| activity[i as usize]).collect())
    }

    /// The outputs of all units for one value per input.
    ///
    /// # Errors
    /// When the number of values is not the number of inputs.
    pub fn activity(&self, inputs: &[f64]) -> Result<Vec<f64>> {
        check_inputs(inputs.len(), self.inputs.len())?;
        let mut y = vec![0.0; self.network.units().len()];
        for (&i, &value) in self.inputs.iter().zip(inputs) {
            y[i as usize] = value;
        }
        let incoming = &self.network.topology().incoming;
        for &i in &self.order {
            let unit = &self.network.units()[i as usize];
            match unit.role {
                Role::Input => {}
                Role::Constant => y[i as usize] = 1.0,
                Role::Hidden | Role::Output => {
                    let sum = self.network.weighted_input(incoming.of_key(i as usize), &y);
                    y[i as usize] = unit.activation.apply(sum);
                }
            }
        }
        Ok(y)
    }
}

impl Network {
    /// The outputs at times `1..=T` of the synchronous network `y_i(t + 1) = f_i(sum of w_ij y_j(t))`.
    ///
    /// `inputs[t]` clamps the input units at time `t`, one value each; the other units start from their initial states.
    /// Complexity: O(T (units + connections)).
    ///
    /// # Errors
    /// When the number of values at a time is not the number of inputs.
    pub fn evaluate_recurrent(&self, inputs: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        let input_units: Vec<usize> = self.of_role(Role::Input).collect();
        let outputs: Vec<usize> = self.of_role(Role::Output).collect();
        let mut y: Vec<f64> = self.units.iter().map(|u| if u.role == Role::Constant { 1.0 } else { u.state }).collect();
        let mut next = y.clone();
        let incoming = &self.topology().incoming;
        let mut answer = Vec::with_capacity(inputs.len());
        for values in inputs {
            check_inputs(values.len(), input_units.len())?;
            for (&i, &value) in input_units.iter().zip(values) {
                y[i] = value;
            }
            for (i, unit) in self.units.iter().enumerate() {
                if matches!(unit.role, Role::Hidden | Role::Output) {
                    next[i] = unit.activation.apply(self.weighted_input(incoming.of_key(i), &y));
                }
            }
            std::mem::swap(&mut y, &mut next);
            answer.push(outputs.iter().map(|&i| y[i]).collect());
        }
        Ok(answer)
    }

    fn weighted_input(&self, incoming: &[u32], y: &[f64]) -> f64 {
        let term = |&k: &u32| {
            let k = k as usize;
            self.parameters[self.connections.parameters[k] as usize] * y[self.connections.tails[k] as usize]
        };
        incoming.iter().map(term).sum()
    }

    /// The units such that every connection leads forwards, or a unit on a cycle.
    pub(super) fn topological_order(&self) -> std::result::Result<Vec<u32>, usize> {
        let n = self.units.len();
        let topology = self.topology();
        let mut waiting: Vec<u32> = (0..n).map(|i| topology.incoming.of_key(i).len() as u32).collect();
        let mut order: Vec<u32> = (0..n as u32).filter(|&i| waiting[i as usize] == 0).collect();
        let mut next = 0;
        while next < order.len() {
            let tail = order[next] as usize;
            next += 1;
            for &k in topology.outgoing.of_key(tail) {
                let head = self.connections.heads[k as usize];
                waiting[head as usize] -= 1;
                if waiting[head as usize] == 0 {
                    order.push(head);
                }
            }
        }
        if order.len() == n {
            return Ok(order);
        }
        // what waits for ever has a predecessor that waits for ever: walking backwards n steps ends on a cycle
        let mut unit = (0..n).find(|&i| waiting[i] > 0).unwrap_or(0);
        for _ in 0..n {
            let waits = |&&k: &&u32| waiting[self.connections.tails[k as usize] as usize] > 0;
            let Some(&k) = topology.incoming.of_key(unit).iter().find(waits) else { break };
            unit = self.connections.tails[k as usize] as usize;
        }
        Err(unit)
    }
}

fn check_inputs(given: usize, wanted: usize) -> Result<()> {
    if given == wanted {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Parameter,
        "inputs of the network",
        format!("{given} values for {wanted} inputs"),
        "give one value for each input unit",
    ))
}

//! The log-scales of a network as linear forms in free variables.
//!
//! The manifold depends on the architecture alone: a shared weight constrains it even where it is zero.

use super::Network;
use crate::error::Result;
use crate::lowered::Frozen;
use crate::manifold::{Form, Manifold, ManifoldBuilder};
use std::collections::{HashMap, HashSet};

/// The log-scale of every unit, and how it enters the weights of its outgoing connections.
#[derive(Clone, Debug)]
pub(super) struct Scales {
    pub(super) manifold: Manifold,
    /// `x_i` of each unit: the form of its incoming connections.
    pub(super) heads: Vec<Form>,
    /// `c_i x_i` of each unit: the form of its outgoing connections and of its state.
    pub(super) tails: Vec<Form>,
    /// First connection of each parameter: it speaks for all that share it.
    pub(super) first: Vec<u32>,
}

impl Network {
    /// Complexity: O(units + connections), and an exact elimination of the constraints from shared weights.
    pub(super) fn scales(&self) -> Result<Scales> {
        let degree: Vec<f64> = self.units.iter().map(|u| u.activation.degree().unwrap_or(0.0)).collect();
        let mut builder = ManifoldBuilder::new();
        let mut of_group: HashMap<u32, usize> = HashMap::new();
        let mut variable = Vec::with_capacity(self.units.len());
        for unit in &self.units {
            // one variable per group keeps the forms of shared weights equal to begin with
            let mine = match unit.group {
                Some(group) => *of_group.entry(group).or_insert_with(|| builder.variable()),
                None => builder.variable(),
            };
            if unit.why_frozen().is_some() {
                builder.freeze(mine);
            }
            variable.push(mine);
        }
        let form = |k: usize| {
            let (tail, head) = (self.connections.tails[k] as usize, self.connections.heads[k] as usize);
            Form::variable(variable[head]).plus(-1.0, &Form::term(variable[tail], degree[tail]))
        };
        // positions of one channel agree at once
        let key = |k: usize| {
            let (tail, head) = (self.connections.tails[k] as usize, self.connections.heads[k] as usize);
            (variable[tail], variable[head], degree[tail].to_bits())
        };
        let mut first = vec![u32::MAX; self.parameters.len()];
        let mut known: HashSet<Vec<(u32, u64)>> = HashSet::new();
        for (k, (_, _, parameter)) in self.connections.iter().enumerate() {
            let leads = first[parameter] == u32::MAX;
            if leads {
                first[parameter] = k as u32;
            }
            if leads || key(k) == key(first[parameter] as usize) {
                continue;
            }
            let difference = form(k).plus(-1.0, &form(first[parameter] as usize));
            let terms = difference.terms().iter().map(|&(v, c)| (v, c.to_bits())).collect();
            if !difference.is_zero() && known.insert(terms) {
                builder.require_zero(&difference);
            }
        }
        for constraint in &self.constraints {
            let terms = constraint.terms().iter().map(|&(unit, c)| (variable[unit as usize] as u32, c));
            builder.require_zero(&Form::from_terms(terms));
        }
        let manifold = builder.build()?;
        let heads: Vec<Form> = variable.iter().map(|&v| manifold.forms()[v].clone()).collect();
        let tails = heads.iter().zip(&degree).map(|(form, &c)| Form::zero().plus(c, form)).collect();
        Ok(Scales { manifold, heads, tails, first })
    }

    /// The log-multiplier of every parameter, in the order of [`parameters`](Self::parameters): a linear form in the free
    /// log-scales of [`lower`](Self::lower). Zero weights and those without a cost have theirs, too.
    ///
    /// Complexity: O(units + connections), and an exact elimination of the constraints from shared weights.
    ///
    /// # Errors
    /// When the constraints from shared weights have coefficients that no `f64` holds.
    pub fn log_multipliers(&self) -> Result<Vec<Form>> {
        let scales = self.scales()?;
        let form = |&k: &u32| scales.head(self, k as usize).plus(-1.0, scales.tail(self, k as usize));
        Ok(scales.first.iter().map(form).collect())
    }

    /// Hidden units that are left alone, and why.
    pub(super) fn frozen(&self, scales: &Scales) -> Vec<Frozen> {
        let mut of_group: HashMap<u32, (usize, String)> = HashMap::new();
        for (i, unit) in self.units.iter().enumerate() {
            if let (Some(group), Some(reason)) = (unit.group, unit.why_frozen()) {
                of_group.entry(group).or_insert((i, reason));
            }
        }
        let mut frozen = vec![];
        for i in self.of_role(super::Role::Hidden).filter(|&i| scales.heads[i].is_zero()) {
            let unit = &self.units[i];
            let tied = unit.group.and_then(|group| of_group.get(&group));
            let reason = match (unit.why_frozen(), tied) {
                (Some(reason), _) => reason,
                (None, Some((j, reason))) => {
                    format!("in one group with {}, which is not scaled: {reason}", self.units[*j].name)
                }
                (None, None) => "shared weights or constraints allow it no scale but 1".into(),
            };
            frozen.push(Frozen { node: unit.name.to_string(), reason });
        }
        frozen
    }
}

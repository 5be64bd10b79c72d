//! What makes units, weights and connections a network.

use super::{Connections, Role, Unit};
use crate::error::{Error, ErrorKind, Result};
use crate::manifold::Form;
use std::collections::HashSet;

fn fault(place: impl Into<String>, problem: impl Into<String>, remedy: &str) -> Error {
    Error::new(ErrorKind::Network, place, problem, remedy)
}

pub(super) fn units(units: &[Unit]) -> Result<()> {
    if units.is_empty() {
        return Err(fault("network", "it has no units", "give at least one unit"));
    }
    if u32::try_from(units.len()).is_err() {
        return Err(fault("network", format!("{} units", units.len()), "use fewer than 2^32 units"));
    }
    let mut names = HashSet::with_capacity(units.len());
    for (i, unit) in units.iter().enumerate() {
        let place = || format!("unit {i} ({})", unit.name);
        if unit.name.is_empty() {
            return Err(fault(place(), "its name is empty", "name every unit"));
        }
        if !names.insert(unit.name.as_str()) {
            return Err(fault(place(), "another unit has the same name", "give every unit its own name"));
        }
        unit.activation.check(&place())?;
        if !unit.state.is_finite() {
            return Err(fault(place(), format!("its initial state is {}", unit.state), "give a finite state"));
        }
        if unit.state != 0.0 && matches!(unit.role, Role::Input | Role::Constant) {
            let problem = "an initial state for a unit whose output is given";
            return Err(fault(place(), problem, "give states to hidden units and outputs only"));
        }
    }
    Ok(())
}

pub(super) fn parameters(parameters: &[f64]) -> Result<()> {
    if u32::try_from(parameters.len()).is_err() {
        let problem = format!("{} parameters", parameters.len());
        return Err(fault("network", problem, "use fewer than 2^32 parameters"));
    }
    match parameters.iter().position(|w| !w.is_finite()) {
        None => Ok(()),
        Some(k) => Err(fault(
            format!("parameter {k}"),
            format!("its value is {}", parameters[k]),
            "give finite weights; look for the training step that diverged",
        )),
    }
}

/// Coefficients of constraints lie between this and its reciprocal: sums and products of them stay finite.
const LEAST_COEFFICIENT: f64 = 1e-100;

pub(super) fn constraint(number: usize, form: &Form, units: usize) -> Result<()> {
    let place = || format!("constraint {number}");
    for &(unit, coefficient) in form.terms() {
        if unit as usize >= units {
            let problem = format!("it names unit {unit}, but there are {units}");
            return Err(fault(place(), problem, "count units from 0"));
        }
        if !(LEAST_COEFFICIENT..=1.0 / LEAST_COEFFICIENT).contains(&coefficient.abs()) {
            let problem = format!("the coefficient of unit {unit} is {coefficient}");
            return Err(fault(place(), problem, "give coefficients from 1e-100 to 1e100, of either sign"));
        }
    }
    Ok(())
}

pub(super) fn connections(units: &[Unit], parameters: usize, connections: &Connections) -> Result<()> {
    let n = connections.tails.len();
    if connections.heads.len() != n || connections.parameters.len() != n {
        return Err(fault(
            "connections",
            format!("{n} tails, {} heads and {} parameters", connections.heads.len(), connections.parameters.len()),
            "give a tail, a head and a parameter for each connection",
        ));
    }
    if u32::try_from(n).is_err() {
        return Err(fault("connections", format!("{n} connections"), "use fewer than 2^32 connections"));
    }
    let mut used = vec![false; parameters];
    for (k, (tail, head, parameter)) in connections.iter().enumerate() {
        for (what, index, size) in
            [("tail", tail, units.len()), ("head", head, units.len()), ("parameter", parameter, parameters)]
        {
            if index >= size {
                return Err(fault(
                    format!("connection {k}"),
                    format!("its {what} is {index}, but there are {size}"),
                    "count from 0 and stay below the number of units and parameters",
                ));
            }
        }
        let role = units[head].role;
        if matches!(role, Role::Input | Role::Constant) {
            let what = if role == Role::Input { "input" } else { "constant" };
            return Err(fault(
                format!("connection {k} ({} -> {})", units[tail].name, units[head].name),
                format!("it leads into an {what}").replace("an constant", "a constant"),
                "remove the connection, or make its head a hidden unit or an output",
            ));
        }
        used[parameter] = true;
    }
    if let Some(k) = used.iter().position(|u| !u) {
        return Err(fault(format!("parameter {k}"), "no connection uses it", "remove it"));
    }
    if let Some((first, second)) = duplicate(units.len(), &connections.tails, &connections.heads) {
        let (tail, head) = (connections.tails[second] as usize, connections.heads[second] as usize);
        return Err(fault(
            format!("connection {second} ({} -> {})", units[tail].name, units[head].name),
            format!("connection {first} has the same tail and head"),
            "add up the weights of parallel connections",
        ));
    }
    Ok(())
}

/// The first connection that repeats the tail and head of an earlier one, after the earlier one; every index is below `units`.
///
/// Complexity: O(units + connections), by bucketing the connections by head.
pub(super) fn duplicate(units: usize, tails: &[u32], heads: &[u32]) -> Option<(usize, usize)> {
    let by_head = super::topology::Lists::of(units, heads.iter().copied());
    // the last head and connection at which each tail was met
    let mut met = vec![(u32::MAX, 0u32); units];
    let mut found: Option<(usize, usize)> = None;
    for head in 0..units {
        for &k in by_head.of_key(head) {
            let mark = &mut met[tails[k as usize] as usize];
            if mark.0 == head as u32 {
                if found.is_none_or(|(_, second)| (k as usize) < second) {
                    found = Some((mark.1 as usize, k as usize));
                }
            } else {
                *mark = (head as u32, k);
            }
        }
    }
    found
}

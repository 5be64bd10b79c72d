//! The two operations of the theory: scaling a unit, and balancing it.

use super::{Biases, Network};
use crate::error::{Error, ErrorKind, Result};
use crate::manifold::Form;
use std::collections::HashMap;

/// How the parameters around a unit answer to its scale.
struct Response {
    /// `(parameter, e)`: scaling by `lambda` multiplies the parameter by `lambda^e`; sorted, without `e = 0`.
    parameters: Vec<(u32, f64)>,
    /// The unit and all that share its scale.
    members: Vec<u32>,
}

impl Network {
    /// Multiplies the incoming weights of a unit by `lambda` and divides the outgoing ones by `lambda^c`.
    ///
    /// The network computes the same function. A self-connection is multiplied by `lambda^(1-c)`, the initial state (an
    /// output of the unit) by `lambda^c`. All units of a group are scaled together.
    ///
    /// Complexity: O(degree of the unit), after an index of O(units + connections) is built once.
    ///
    /// # Errors
    /// When `lambda` is not a finite number above 0; when the unit is visible, frozen or not homogeneous; when a shared
    /// weight would have to move differently at another place; when a weight overflows. The network is then unchanged.
    pub fn scale(&mut self, unit: usize, lambda: f64) -> Result<()> {
        if !(lambda.is_finite() && lambda > 0.0) {
            return Err(Error::new(
                ErrorKind::Parameter,
                "scale of a unit",
                format!("{lambda} is not a finite number above 0"),
                "choose a factor above 0",
            ));
        }
        let response = self.response(unit)?;
        self.scale_by(&response, lambda)
    }

    /// Scales a unit such that the sum of `|w|^p` over the network is the least that this unit can reach; returns the factor.
    ///
    /// For degree c without self-connection the factor is `(c B / A)^(1 / (p (1 + c)))`, with the sums of `|w|^p` over
    /// incoming (A) and outgoing (B) weights. A self-connection belongs to neither sum when c = 1; otherwise it makes
    /// the condition a monotone scalar equation, solved to the last digits. `None`, and an unchanged network, when no
    /// factor is best: all incoming or all outgoing weights are zero and the others are not.
    ///
    /// # Errors
    /// As for [`scale`](Self::scale), and when `p` is not a finite number above 0.
    pub fn balance_unit(&mut self, unit: usize, p: f64, biases: Biases) -> Result<Option<f64>> {
        if !(p.is_finite() && p > 0.0) {
            return Err(Error::new(
                ErrorKind::Parameter,
                "exponent p",
                format!("{p} is not a finite number above 0"),
                "choose a number above 0, for example 2",
            ));
        }
        let response = self.response(unit)?;
        let mut sums: Vec<(f64, f64)> = vec![];
        for &(parameter, exponent) in &response.parameters {
            let bias = self.topology().biases[parameter as usize];
            let weight = self.parameters[parameter as usize].abs();
            if weight > 0.0 && !(bias && biases == Biases::Free) {
                sums.push((exponent, weight.ln() * p));
            }
        }
        let Some(log_scale) = least(&add_up(sums), p) else { return Ok(None) };
        let lambda = log_scale.exp();
        self.scale_by(&response, lambda)?;
        Ok(Some(lambda))
    }

    /// The sum of `|w|^p` over the parameters, each once.
    #[must_use]
    pub fn cost(&self, p: f64, biases: Biases) -> f64 {
        let bias = &self.topology().biases;
        let counted = |k: &usize| biases == Biases::Counted || !bias[*k];
        (0..self.parameters.len()).filter(counted).map(|k| self.parameters[k].abs().powf(p)).sum()
    }

    fn response(&self, unit: usize) -> Result<Response> {
        let refuse =
            |place: String, problem: String, remedy: &str| Err(Error::new(ErrorKind::Network, place, problem, remedy));
        let Some(about) = self.units.get(unit) else {
            return refuse(format!("unit {unit}"), format!("there are {} units", self.units.len()), "count from 0");
        };
        let topology = self.topology();
        let members = match about.group {
            Some(group) => topology.groups[&group].clone(),
            None => vec![unit as u32],
        };
        for &member in &members {
            let member = &self.units[member as usize];
            if let Some(reason) = member.why_frozen() {
                let problem = format!("it cannot be scaled: {reason}");
                return refuse(format!("unit {}", member.name), problem, "scale homogeneous hidden units only");
            }
        }
        // sorted, as groups list their units in order
        let degree_of = |i: u32| {
            let scaled = members.binary_search(&i).is_ok();
            if scaled { self.units[i as usize].activation.degree().unwrap_or(0.0) } else { 0.0 }
        };
        let mut exponents: HashMap<u32, (f64, u32)> = HashMap::new();
        let mut visit = |k: u32| -> Result<()> {
            let (tail, head) = (self.connections.tails[k as usize], self.connections.heads[k as usize]);
            let entering = if members.binary_search(&head).is_ok() { 1.0 } else { 0.0 };
            let exponent = entering - degree_of(tail);
            let parameter = self.connections.parameters[k as usize];
            let seen = exponents.entry(parameter).or_insert((exponent, 0));
            seen.1 += 1;
            if seen.0 != exponent {
                return Err(self.conflict(unit, parameter));
            }
            Ok(())
        };
        for &member in &members {
            topology.incoming.of_key(member as usize).iter().try_for_each(|&k| visit(k))?;
            for &k in topology.outgoing.of_key(member as usize) {
                // connections inside the group were met as incoming ones
                if members.binary_search(&self.connections.heads[k as usize]).is_err() {
                    visit(k)?;
                }
            }
        }
        let mut affected: Vec<(u32, f64)> = vec![];
        for (parameter, (exponent, count)) in exponents {
            // the connections that were not met have exponent 0
            if exponent != 0.0 && count != topology.uses[parameter as usize] {
                return Err(self.conflict(unit, parameter));
            }
            if exponent != 0.0 {
                affected.push((parameter, exponent));
            }
        }
        affected.sort_unstable_by_key(|a| a.0);
        self.check_constraints(unit, &members)?;
        Ok(Response { parameters: affected, members })
    }

    /// Refuses units whose scale cannot change alone.
    fn check_constraints(&self, unit: usize, members: &[u32]) -> Result<()> {
        let share = |form: &Form| -> f64 {
            form.terms().iter().filter(|t| members.binary_search(&t.0).is_ok()).map(|t| t.1).sum()
        };
        match self.constraints.iter().position(|form| share(form) != 0.0) {
            None => Ok(()),
            Some(k) => Err(Error::new(
                ErrorKind::Network,
                format!("unit {}", self.units[unit].name),
                format!("constraint {k} ties its scale to those of other units"),
                "tie units in one group, or balance the network as a whole",
            )),
        }
    }

    fn conflict(&self, unit: usize, parameter: u32) -> Error {
        Error::new(
            ErrorKind::Network,
            format!("unit {}", self.units[unit].name),
            format!("parameter {parameter} is shared with connections that this unit's scale would move differently"),
            "tie the units that share weights in one group, or balance the network as a whole",
        )
    }

    fn scale_by(&mut self, response: &Response, lambda: f64) -> Result<()> {
        let mut changed = Vec::with_capacity(response.parameters.len());
        for &(parameter, exponent) in &response.parameters {
            let old = self.parameters[parameter as usize];
            let new = power(old, lambda, exponent);
            changed.push(self.representable(old, new, || format!("parameter {parameter}"))?);
        }
        let mut states = Vec::with_capacity(response.members.len());
        for &member in &response.members {
            let unit = &self.units[member as usize];
            let new = power(unit.state, lambda, unit.activation.degree().unwrap_or(0.0));
            states.push(self.representable(unit.state, new, || format!("state of unit {}", unit.name))?);
        }
        for (&(parameter, _), new) in response.parameters.iter().zip(changed) {
            self.parameters[parameter as usize] = new;
        }
        for (&member, new) in response.members.iter().zip(states) {
            self.units[member as usize].state = new;
        }
        Ok(())
    }

    /// Refuses a scaled value that overflowed or vanished.
    pub(super) fn representable(&self, old: f64, new: f64, place: impl Fn() -> String) -> Result<f64> {
        if new.is_finite() && (new != 0.0 || old == 0.0) {
            return Ok(new);
        }
        let size = if new == 0.0 { "below the smallest" } else { "above the largest" };
        Err(Error::new(
            ErrorKind::Network,
            place(),
            format!("its scaled value is {size} number that f64 holds (it was {old})"),
            "freeze units that have almost no incoming or outgoing weight, or ask for the limit",
        ))
    }
}

/// `weight * lambda^exponent`; division for negative exponents, so that powers of two stay exact.
fn power(weight: f64, lambda: f64, exponent: f64) -> f64 {
    if exponent == 1.0 {
        weight * lambda
    } else if exponent < 0.0 {
        weight / lambda.powf(-exponent)
    } else {
        weight * lambda.powf(exponent)
    }
}

/// Adds up costs of the same exponent: `(e, ln cost)` with one entry per `e`.
fn add_up(mut sums: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    sums.sort_by(|a, b| a.0.total_cmp(&b.0));
    let equal = |a: &(f64, f64), b: &(f64, f64)| a.0 == b.0;
    sums.chunk_by(equal)
        .map(|chunk| {
            let top = chunk.iter().fold(f64::NEG_INFINITY, |top, c| top.max(c.1));
            (chunk[0].0, top + chunk.iter().map(|c| (c.1 - top).exp()).sum::<f64>().ln())
        })
        .collect()
}

/// The x with the least `sum of exp(a_e + p e x)` for terms `(e, a_e)` sorted by e; `None` when none is best.
fn least(terms: &[(f64, f64)], p: f64) -> Option<f64> {
    match *terms {
        [] => Some(0.0),
        [(out, b), (into, a)] if out < 0.0 && into > 0.0 => Some(((b - a) + (-out / into).ln()) / (p * (into - out))),
        _ if terms[0].0 < 0.0 && terms[terms.len() - 1].0 > 0.0 => Some(root(terms, p)),
        _ => None,
    }
}

/// The zero of the rising function `ln sum over e > 0 - ln sum over e < 0` of `|e| exp(a_e + p e x)`, by Newton steps inside a bracket.
fn root(terms: &[(f64, f64)], p: f64) -> f64 {
    let side = |positive: bool, x: f64| {
        let values =
            || terms.iter().filter(|t| (t.0 > 0.0) == positive).map(|&(e, a)| (e, e.abs().ln() + a + p * e * x));
        let top = values().fold(f64::NEG_INFINITY, |top, v| top.max(v.1));
        let (sum, slope) = values().fold((0.0, 0.0), |(s, d), (e, v)| {
            let share = (v - top).exp();
            (s + share, d + p * e * share)
        });
        (top + sum.ln(), slope / sum)
    };
    let value = |x: f64| {
        let ((up, up_slope), (down, down_slope)) = (side(true, x), side(false, x));
        (up - down, up_slope - down_slope)
    };
    let (mut x, mut low, mut high) = (0.0, f64::NEG_INFINITY, f64::INFINITY);
    // convex plus concave in x: Newton may overshoot, the bracket holds it; 200 halvings exhaust any f64
    for _ in 0..200 {
        let (f, slope) = value(x);
        if f > 0.0 {
            high = x
        } else {
            low = x
        }
        let step = x - f / slope;
        let next = if step > low && step < high { step } else { f64::midpoint(low, high) };
        if f == 0.0 || next == x || !next.is_finite() {
            break;
        }
        x = next;
    }
    x
}

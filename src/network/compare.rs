//! Two networks: are they the same apart from weights, and how far apart are these?

use super::{Network, Unit};

impl Network {
    /// What tells the networks apart besides the values of weights and states; none where nothing does. Names do not matter.
    #[must_use]
    pub fn difference_outside_weights(&self, other: &Self) -> Option<String> {
        let sizes = |n: &Self| format!("{} units and {} connections", n.units().len(), n.connections().len());
        if sizes(self) != sizes(other) {
            return Some(format!("one network has {}, the other {}", sizes(self), sizes(other)));
        }
        if self.constraints() != other.constraints() {
            return Some("one network has other constraints than the other".into());
        }
        let kind = |u: &Unit| (u.role, u.activation, u.frozen, u.group);
        let unit = self.units().iter().zip(other.units()).find(|(u, v)| kind(u) != kind(v));
        if let Some((unit, _)) = unit {
            return Some(format!("unit {:?} has another role, activation or group", unit.name));
        }
        (self.connections() != other.connections()).then(|| "other units are connected".into())
    }

    /// The largest relative difference of a weight or initial state between two networks that differ in nothing else, and where
    /// it is; a sign or a zero that differs counts as 1 or more.
    ///
    /// # Panics
    /// When the networks have other numbers of units or connections.
    #[must_use]
    pub fn weight_difference(&self, other: &Self) -> (f64, String) {
        let mut worst = (0.0, String::new());
        let mut meet = |a: f64, b: f64, place: &dyn Fn() -> String| {
            let difference = if a == b { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) };
            if difference > worst.0 || difference.is_nan() {
                worst = (difference, place());
            }
        };
        for (k, (_, _, parameter)) in self.connections().iter().enumerate() {
            meet(self.parameters()[parameter], other.parameters()[parameter], &|| self.connection_name(k));
        }
        for (a, b) in self.units().iter().zip(other.units()) {
            meet(a.state, b.state, &|| format!("the state of unit {:?}", a.name));
        }
        worst
    }
}

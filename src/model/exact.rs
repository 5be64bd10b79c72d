//! Weights that are the exact optimum, rounded once to the type of the file.

use super::element::ElementType;
use super::rule::Rule;
use super::scales::WeightUse;
use crate::manifold::Form;
use crate::problem::{MultiplierBounds, ScaleBounds};

/// The new values of one tensor's entries, from proved bounds.
pub(super) struct Exact<'a> {
    up: Vec<Option<MultiplierBounds>>,
    down: Vec<Option<MultiplierBounds>>,
    element: ElementType,
    /// Where the bounds do not tell.
    otherwise: Rule<'a>,
    pub(super) proved: u64,
    pub(super) undecided: u64,
}

impl<'a> Exact<'a> {
    pub(super) fn new(bounds: &ScaleBounds, one: &WeightUse, element: ElementType, otherwise: Rule<'a>) -> Self {
        let at = |forms: &[Form], inverse: bool| -> Vec<Option<MultiplierBounds>> {
            let at = |form| bounds.at(form).map(|m| if inverse { m.inverse() } else { m });
            forms.iter().map(at).collect()
        };
        let (up, down) = (at(&one.heads.forms, one.reciprocal), at(&one.tails.forms, !one.reciprocal));
        Self { up, down, element, otherwise, proved: 0, undecided: 0 }
    }

    /// The new value of an entry, and whether it vanishes in the limit; none where it stays.
    pub(super) fn apply(&mut self, old: f64, head: usize, tail: usize) -> Option<(f64, bool)> {
        let round = |value: f64| self.element.round(value);
        let double = self.element == ElementType::F64;
        let proved = self.up[head].zip(self.down[tail]).and_then(|(up, down)| up.rounds(down, old, double, round));
        if let Some(value) = proved {
            self.proved += 1;
            return Some((value, false));
        }
        self.undecided += 1;
        self.otherwise.apply(old, head, tail)
    }
}

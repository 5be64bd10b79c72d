//! Weights that are the exact optimum, rounded once to the type of the file.

use super::element::ElementType;
use super::patch::PatchReport;
use super::rule::{Entry, Rule};
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
}

impl<'a> Exact<'a> {
    pub(super) fn new(bounds: &ScaleBounds, one: &WeightUse, element: ElementType, otherwise: Rule<'a>) -> Self {
        let at = |forms: &[Form], inverse: bool| -> Vec<Option<MultiplierBounds>> {
            let at = |form| bounds.at(form).map(|m| if inverse { m.inverse() } else { m });
            forms.iter().map(at).collect()
        };
        let (up, down) = (at(&one.heads.forms, one.reciprocal), at(&one.tails.forms, !one.reciprocal));
        Self { up, down, element, otherwise }
    }

    /// The new value of an entry, and whether it vanishes in the limit; none where it stays. The report counts it as proved or
    /// undecided.
    pub(super) fn apply(&self, old: f64, entry: Entry, report: &mut PatchReport) -> Option<(f64, bool)> {
        let round = |value: f64| self.element.round(value);
        let double = self.element == ElementType::F64;
        let proved =
            self.up[entry.head].zip(self.down[entry.tail]).and_then(|(up, down)| up.rounds(down, old, double, round));
        if let Some(value) = proved {
            report.proved += 1;
            return Some((value, false));
        }
        report.undecided += 1;
        self.otherwise.apply(old, entry, report)
    }
}

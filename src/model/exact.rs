//! Weights that are the exact optimum, rounded once to the type of the file.

use super::element::ElementType;
use super::patch::PatchReport;
use super::rule::{Entry, Rule};
use super::scales::WeightUse;
use crate::manifold::Form;
use crate::numeric::Float;
use crate::problem::{Decided, MultiplierBounds, ScaleBounds};

/// The new values of one tensor's entries, from proved bounds.
pub(super) struct Exact<'a> {
    up: Vec<Option<MultiplierBounds>>,
    down: Vec<Option<MultiplierBounds>>,
    bounds: &'a ScaleBounds,
    one: &'a WeightUse,
    float: Float,
    /// The forms of heads and tails along the direction of the limit.
    along: Option<[Vec<f64>; 2]>,
    /// Where the bounds do not tell, and what becomes of weights that vanish in the limit.
    otherwise: Rule<'a>,
}

impl<'a> Exact<'a> {
    pub(super) fn new(
        (bounds, direction): (&'a ScaleBounds, Option<&[f64]>),
        one: &'a WeightUse,
        element: ElementType,
        otherwise: Rule<'a>,
    ) -> Self {
        let values = |forms: &[Form], d: &[f64]| forms.iter().map(|form| form.at(d)).collect();
        let along = direction.map(|d| [values(&one.heads.forms, d), values(&one.tails.forms, d)]);
        let at = |forms: &[Form], inverse: bool| -> Vec<Option<MultiplierBounds>> {
            let at = |form| bounds.at(form).map(|m| if inverse { m.inverse() } else { m });
            forms.iter().map(at).collect()
        };
        let (up, down) = (at(&one.heads.forms, one.reciprocal), at(&one.tails.forms, !one.reciprocal));
        let float = element.float().expect("only real numbers are rewritten");
        Self { up, down, bounds, one, float, along, otherwise }
    }

    /// The new value of an entry, and whether it vanishes in the limit; none where it stays. The report counts how it was
    /// decided.
    pub(super) fn apply(&self, old: f64, entry: Entry, report: &mut PatchReport) -> Option<(f64, bool)> {
        if self.along.as_ref().is_some_and(|[heads, tails]| heads[entry.head] < tails[entry.tail]) {
            return self.otherwise.apply(old, entry, report);
        }
        let (up, down) = (self.up[entry.head], self.down[entry.tail]);
        let two_words = up.zip(down).and_then(|(up, down)| up.rounds(down, old, self.float));
        let decided = two_words.map(Decided::Proved).or_else(|| self.sharply(old, entry));
        report.decisions.count(decided);
        decided.map_or_else(|| self.otherwise.apply(old, entry, report), |decided| Some((decided.number(), false)))
    }

    fn sharply(&self, old: f64, entry: Entry) -> Option<Decided> {
        let (head, tail) = (&self.one.heads.forms[entry.head], &self.one.tails.forms[entry.tail]);
        let (up, down) = if self.one.reciprocal { (tail, head) } else { (head, tail) };
        self.bounds.decide_sharply(up, down, old, self.float)
    }
}

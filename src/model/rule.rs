//! What becomes of one stored number when a model is rewritten.

use super::element::ElementType;
use super::exact::Exact;
use super::lower::OnnxModel;
use super::patch::PatchReport;
use super::scales::WeightUse;
use crate::lowered::Scaling;
use crate::manifold::Form;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Factors within `2^-400..2^400` are multiplied in `f64`, one after the other.
const SAFE_EXPONENT: f64 = 400.0;

/// What becomes of the weights.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    /// They are multiplied as a scaling says.
    Scaled(&'a Scaling),
    /// Every one changes by one rounding of single precision, up or down at random, from a seed.
    Perturbed(u64),
}

/// An entry of a stored tensor: its place there, and the places of its ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub element: usize,
    pub head: usize,
    pub tail: usize,
}

/// The new values of the entries of one tensor.
pub(super) enum Rule<'a> {
    /// Products with one factor for every head and one for every tail: precise enough for all types below `f64`.
    Factors { up: Vec<f64>, down: Vec<f64> },
    /// Products with the multiplier of the entry.
    Multipliers(&'a Scaling, &'a WeightUse),
    /// What every multiple within proved bounds rounds to.
    Exact(Box<Exact<'a>>),
    /// One rounding more or less, from a seed.
    Perturbed(u64),
}

impl<'a> Rule<'a> {
    pub(super) fn new(change: Change<'a>, one: &'a WeightUse, element: ElementType, index: u64) -> Self {
        let scaling = match change {
            Change::Scaled(scaling) => scaling,
            Change::Perturbed(seed) => return Self::Perturbed(seed ^ index << 32),
        };
        if let Some(bounds) = &scaling.bounds {
            let otherwise = Self::scaled(scaling, one, element);
            return Self::Exact(Box::new(Exact::new((bounds, scaling.direction.as_deref()), one, element, otherwise)));
        }
        Self::scaled(scaling, one, element)
    }

    fn scaled(scaling: &'a Scaling, one: &'a WeightUse, element: ElementType) -> Self {
        let sign = if one.reciprocal { -1.0 } else { 1.0 };
        let mut safe = scaling.direction.is_none() && element != ElementType::F64;
        let mut factors = |forms: &[Form], sign: f64| -> Vec<f64> {
            let factor = |form| {
                let multiplier = scaling.scales.at(form);
                let log2 = f64::from(multiplier.exponent) + multiplier.log / std::f64::consts::LN_2;
                safe &= log2.abs() < SAFE_EXPONENT;
                let multiplier = if sign < 0.0 { multiplier.inverse() } else { multiplier };
                multiplier.times(1.0)
            };
            forms.iter().map(factor).collect()
        };
        let (up, down) = (factors(&one.heads.forms, sign), factors(&one.tails.forms, -sign));
        if safe { Self::Factors { up, down } } else { Self::Multipliers(scaling, one) }
    }

    /// Whether every number stays: the weights of a node that is left alone.
    pub(super) fn keeps_all(&self) -> bool {
        matches!(self, Self::Factors { up, down } if up.iter().chain(down).all(|&factor| factor == 1.0))
    }

    /// The new value of an entry, and whether it vanishes in the limit; none where it stays. What was proved is added to the
    /// report.
    #[inline]
    pub(super) fn apply(&self, old: f64, entry: Entry, report: &mut PatchReport) -> Option<(f64, bool)> {
        let Entry { element, head, tail } = entry;
        match self {
            Self::Factors { up, down } => Some((old * (up[head] * down[tail]), false)),
            Self::Multipliers(scaling, one) => {
                let (head, tail) = OnnxModel::ports(one, head, tail);
                let multiplier = scaling.multiplier(head, tail);
                let multiplier = if one.reciprocal { multiplier.inverse() } else { multiplier };
                (!multiplier.is_one()).then(|| (multiplier.times(old), multiplier.is_zero()))
            }
            Self::Exact(exact) => exact.apply(old, entry, report),
            Self::Perturbed(seed) => {
                let mut random = DefaultHasher::new();
                (seed, element).hash(&mut random);
                let sign = if random.finish() & 1 == 1 { 1.0 } else { -1.0 };
                Some((old * (1.0 + sign * 0.5f64.powi(24)), false))
            }
        }
    }
}

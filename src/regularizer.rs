//! Floor 1: the cost of a weight as a convex function of its log-scale.
//!
//! A weight `w` with log-multiplier `L` has magnitude `|w| exp(L)`. A regularizer gives it a cost that is convex in
//! `L`. For `L_p` this is `alpha |w|^p exp(p L)`; sums of powers (elastic net) are sums of such terms.

#![forbid(unsafe_code)]

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Exponents of norms: beyond, costs leave every range that is computed with.
pub const EXPONENTS: RangeInclusive<f64> = 1e-6..=1e6;

/// Coefficients of powers.
pub const COEFFICIENTS: RangeInclusive<f64> = 1e-100..=1e100;

/// `coefficient * |w|^exponent`, both within their ranges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// The exponent p > 0 of the norm.
    pub exponent: f64,
    /// The coefficient alpha > 0.
    pub coefficient: f64,
}

impl Power {
    /// Whether the cost of a weight in floating point doubles exactly as often as the exponent says when the weight
    /// doubles: p = 1 or 2.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self.exponent == 1.0 || self.exponent == 2.0
    }
}

/// A user's own cost `phi(t)` of a weight of magnitude `exp(t)`, convex in `t`.
pub trait ConvexCost: fmt::Debug + Send + Sync {
    /// Value, first and second derivative of the cost in `t = ln |w|`; the second is not negative.
    fn at(&self, log_magnitude: f64) -> [f64; 3];

    /// Infimum and supremum of the slope over all magnitudes, neither of which it reaches; none where they are not known, and
    /// for a cost whose slope reaches one of them, as a linear one does. With them [`crate::existence`] tells whether a
    /// minimum is attained. The slopes of a power lie between 0 and infinity.
    fn slopes(&self) -> Option<[f64; 2]> {
        None
    }
}

/// The cost of each non-zero weight of a block; a zero weight costs nothing.
#[derive(Clone, Debug)]
pub enum Regularizer {
    /// A sum of powers of the magnitude: L_p has one term, elastic net has two.
    Powers(Vec<Power>),
    /// A convex function of the log-magnitude, made by [`Regularizer::convex`].
    Convex(Checked),
}

/// A convex cost that [`Regularizer::convex`] found to be one.
#[derive(Clone, Debug)]
pub struct Checked(pub(crate) Arc<dyn ConvexCost>);

impl Regularizer {
    /// The cost `|w|^p`.
    ///
    /// # Errors
    /// When `p` is not a number within [`EXPONENTS`].
    pub fn lp(p: f64) -> Result<Self> {
        Self::powers(&[Power { exponent: p, coefficient: 1.0 }])
    }

    /// A sum of powers with positive exponents and coefficients.
    ///
    /// # Errors
    /// When there is no term, an exponent is outside of [`EXPONENTS`], or a coefficient outside of [`COEFFICIENTS`].
    pub fn powers(terms: &[Power]) -> Result<Self> {
        if terms.is_empty() {
            return Err(Error::new(
                ErrorKind::Parameter,
                "regularizer",
                "a sum of no powers",
                "give at least one power",
            ));
        }
        for term in terms {
            for (name, value) in [("exponent p", term.exponent), ("coefficient", term.coefficient)] {
                if !(value.is_finite() && value > 0.0) {
                    return Err(Error::new(
                        ErrorKind::Parameter,
                        format!("regularizer, {name}"),
                        format!("{value} is not a finite number above 0"),
                        "choose a number above 0, for example 2",
                    ));
                }
            }
            if !COEFFICIENTS.contains(&term.coefficient) {
                let (least, most) = (COEFFICIENTS.start(), COEFFICIENTS.end());
                return Err(Error::new(
                    ErrorKind::Parameter,
                    "regularizer, coefficient",
                    format!("{} is outside {least:e} to {most:e}", term.coefficient),
                    "choose a number in between; only ratios of coefficients matter",
                ));
            }
            if !EXPONENTS.contains(&term.exponent) {
                return Err(Error::new(
                    ErrorKind::Parameter,
                    "regularizer, exponent p",
                    format!("{} is outside {:e} to {:e}", term.exponent, EXPONENTS.start(), EXPONENTS.end()),
                    "choose a number in between; the limit of large p is the norm inf",
                ));
            }
        }
        Ok(Self::Powers(terms.to_vec()))
    }

    /// The second derivative of the cost of a weight by `ln |w|`; zero for a zero weight, infinite where no `f64` holds it.
    #[must_use]
    pub fn curvature(&self, weight: f64) -> f64 {
        let size = weight.abs();
        match self {
            _ if size == 0.0 => 0.0,
            Self::Powers(terms) => {
                terms.iter().map(|t| t.coefficient * t.exponent * t.exponent * size.powf(t.exponent)).sum()
            }
            Self::Convex(cost) => cost.0.at(size.ln())[2],
        }
    }

    /// A user's own cost, refused where sampling shows that it is not convex in the log-magnitude, or that its derivatives are
    /// not those of its values.
    ///
    /// Sampling is no proof: a cost that misbehaves between samples, at magnitudes `2^k` and four in between for |k| up to 24, is
    /// not found out.
    ///
    /// # Errors
    /// Names the magnitude where the cost is not convex, not finite, or contradicts its derivatives.
    pub fn convex(cost: impl ConvexCost + 'static) -> Result<Self> {
        let at = |k: i32| f64::from(k) * std::f64::consts::LN_2 / 4.0;
        let wrong = |t: f64, problem: String| {
            let place = format!("regularizer, at the magnitude {:.3e}", t.exp());
            let remedy = "give a cost whose slope w g'(w) never falls, with its derivatives by ln w";
            Error::new(ErrorKind::Parameter, place, problem, remedy)
        };
        let [lowest, highest] = cost.slopes().unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
        if lowest.is_nan() || highest.is_nan() || lowest >= highest {
            let problem = format!("slopes cannot lie strictly between {lowest:e} and {highest:e}");
            return Err(Error::new(
                ErrorKind::Parameter,
                "regularizer, range of slopes",
                problem,
                "give a range, or none",
            ));
        }
        for k in -96..96 {
            let (s, t) = (at(k), at(k + 1));
            let ([f, slope, bend], [next, later, _]) = (cost.at(s), cost.at(t));
            if ![f, slope, bend, next, later].iter().all(|v| v.is_finite()) {
                return Err(wrong(s, format!("value and derivatives are {f}, {slope}, {bend}")));
            }
            let size = f.abs() + next.abs() + slope.abs() + later.abs();
            if bend < -1e-9 * size || later < slope - 1e-9 * size {
                return Err(wrong(
                    s,
                    format!("it is not convex: the slope goes from {slope:e} to {later:e}, bend {bend:e}"),
                ));
            }
            // slopes may come as close to their bounds as rounding tells
            if slope < lowest - 1e-9 * size || slope > highest + 1e-9 * size {
                return Err(wrong(s, format!("its slope {slope:e} is outside of its range {lowest:e} to {highest:e}")));
            }
            // a convex function lies between its tangents
            let (rise, step) = (next - f, t - s);
            if rise < slope * step - 1e-9 * size || rise > later * step + 1e-9 * size {
                return Err(wrong(s, format!("its rise {rise:e} contradicts the slopes {slope:e} and {later:e}")));
            }
        }
        Ok(Self::Convex(Checked(Arc::new(cost))))
    }
}

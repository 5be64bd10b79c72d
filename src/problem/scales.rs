//! Log-scales in two parts: whole powers of two, exact, and the rest.

use crate::manifold::Form;
use crate::numeric::{Double, Multiplier};

/// `x_v = exponents_v ln 2 + rest_v + low_v` for every variable v, where `low` is what the nearest `f64` leaves of a rest
/// that is known in two words.
///
/// The split keeps what one `f64` loses: a start that differs by powers of two has a solution that differs in the
/// exponents alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogScales {
    exponents: Vec<i32>,
    rest: Vec<f64>,
    low: Vec<f64>,
}

impl LogScales {
    /// Plain log-scales.
    #[must_use]
    pub fn new(log_scales: Vec<f64>) -> Self {
        Self::split(vec![0; log_scales.len()], log_scales)
    }

    /// Whole powers of two, and a rest for each.
    ///
    /// # Panics
    /// When there are not as many of one as of the other.
    #[must_use]
    pub fn split(exponents: Vec<i32>, rest: Vec<f64>) -> Self {
        assert_eq!(exponents.len(), rest.len(), "one exponent for every log-scale");
        Self { exponents, low: vec![0.0; rest.len()], rest }
    }

    /// The same with a rest in two words: weights are computed from the first alone.
    ///
    /// # Panics
    /// When there are not as many of one as of the others.
    #[must_use]
    pub fn in_words(exponents: Vec<i32>, rest: Vec<f64>, low: Vec<f64>) -> Self {
        assert!(exponents.len() == rest.len() && rest.len() == low.len(), "one exponent for every log-scale");
        Self { exponents, rest, low }
    }

    /// The powers of two.
    #[must_use]
    pub fn exponents(&self) -> &[i32] {
        &self.exponents
    }

    /// What the powers of two leave.
    #[must_use]
    pub fn rest(&self) -> &[f64] {
        &self.rest
    }

    /// What the powers of two leave, in two words.
    #[must_use]
    pub fn precise_rest(&self) -> Vec<Double> {
        self.rest.iter().zip(&self.low).map(|(&high, &low)| Double::sum(high, low)).collect()
    }

    /// Number of variables.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether there is no variable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The log-scales as single numbers.
    #[must_use]
    pub fn total(&self) -> Vec<f64> {
        self.exponents.iter().zip(&self.rest).map(|(&e, r)| f64::from(e) * std::f64::consts::LN_2 + r).collect()
    }

    /// A form of the log-scales. What is not a whole power of two (forms with fractions) goes to the rest.
    ///
    /// # Panics
    /// When the form names a variable that is not there.
    #[must_use]
    pub fn at(&self, form: &Form) -> Multiplier {
        let power: f64 = form.terms().iter().map(|&(v, c)| c * f64::from(self.exponents[v as usize])).sum();
        let whole = power.round().clamp(f64::from(i32::MIN / 4), f64::from(i32::MAX / 4));
        Multiplier { exponent: whole as i32, log: form.at(&self.rest) + (power - whole) * std::f64::consts::LN_2 }
    }

    /// The multiplier of a weight between two ports.
    #[must_use]
    pub fn between(&self, head: &Form, tail: &Form) -> Multiplier {
        let (head, tail) = (self.at(head), self.at(tail));
        Multiplier { exponent: head.exponent - tail.exponent, log: head.log - tail.log }
    }
}

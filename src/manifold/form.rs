//! Linear forms in log-scales, with coefficients that are exact as `f64`, or know that they are not.

use crate::numeric::Double;
use smallvec::SmallVec;
use std::sync::Arc;

/// Forms that several owners share.
pub type Forms = Arc<[Form]>;

/// A linear form `sum of coefficient * variable`; the empty form is the ground (log-scale zero).
///
/// Terms are sorted by variable; no coefficient is zero.
#[derive(Debug, Default, PartialEq)]
pub struct Form {
    // nearly all forms have one term at most: it needs no memory of its own
    terms: SmallVec<[(u32, f64); 1]>,
    /// Whether a coefficient was rounded on the way.
    rounded: bool,
}

impl Clone for Form {
    fn clone(&self) -> Self {
        // copied as a whole; term by term it takes several times as long
        Self { terms: SmallVec::from_slice(&self.terms), rounded: self.rounded }
    }
}

impl Form {
    /// The ground: zero for all log-scales.
    #[must_use]
    pub fn zero() -> Self {
        Self::default()
    }

    /// The log-scale of one variable.
    #[must_use]
    pub fn variable(index: usize) -> Self {
        Self::term(index, 1.0)
    }

    /// One variable times a coefficient.
    ///
    /// # Panics
    /// When the index does not fit 32 bits.
    #[must_use]
    pub fn term(index: usize, coefficient: f64) -> Self {
        let index = u32::try_from(index).expect("at most 2^32 - 1 variables");
        Self::single(index, coefficient)
    }

    /// One term, unless its coefficient is zero.
    fn single(variable: u32, coefficient: f64) -> Self {
        if coefficient == 0.0 {
            return Self::zero();
        }
        Self { terms: SmallVec::from_buf([(variable, coefficient)]), rounded: false }
    }

    /// The form of the given terms; terms of the same variable are added up.
    #[must_use]
    pub fn from_terms(terms: impl IntoIterator<Item = (u32, f64)>) -> Self {
        let mut terms: SmallVec<[(u32, f64); 1]> = terms.into_iter().collect();
        terms.sort_unstable_by_key(|t| t.0);
        let mut rounded = false;
        // terms of one variable are neighbours now, and the first of them gets the sum
        terms.dedup_by(|next, sum| {
            let same = next.0 == sum.0;
            if same {
                let exact = Double::sum(sum.1, next.1);
                rounded |= exact.low() != 0.0;
                sum.1 = exact.to_f64();
            }
            same
        });
        terms.retain(|t| t.1 != 0.0);
        Self { terms, rounded }
    }

    /// The same form, rounded where another one is that it was made from.
    #[must_use]
    pub fn rounded_if(mut self, rounded: bool) -> Self {
        self.rounded |= rounded;
        self
    }

    /// Whether a coefficient was rounded on the way, as the difference of 1 and a degree of 0.1 is: then it is not the form that
    /// was meant, and nothing is proved with it.
    #[must_use]
    pub fn is_rounded(&self) -> bool {
        self.rounded
    }

    /// The terms `(variable, coefficient)`, sorted by variable.
    #[must_use]
    pub fn terms(&self) -> &[(u32, f64)] {
        &self.terms
    }

    /// Whether this is the ground.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// `self + factor * other`.
    #[must_use]
    pub fn plus(&self, factor: f64, other: &Self) -> Self {
        if self.is_zero() && factor == 1.0 {
            return other.clone().rounded_if(self.rounded);
        }
        if other.is_zero() {
            return self.clone().rounded_if(other.rounded);
        }
        let (scaled, rounded) = products(factor, other.terms());
        let rounded = rounded || self.rounded || other.rounded;
        Self::from_terms(self.terms.iter().copied().chain(scaled)).rounded_if(rounded)
    }

    /// The form with `forms[v]` in the place of every variable v.
    ///
    /// # Panics
    /// When there are fewer forms than the form has variables.
    #[must_use]
    pub fn substituted(&self, forms: &[Self]) -> Self {
        if let ([(v, 1.0)], false) = (self.terms(), self.rounded) {
            return forms[*v as usize].clone();
        }
        let (mut terms, mut rounded) = (vec![], self.rounded);
        for &(v, c) in self.terms() {
            let form = &forms[v as usize];
            let (scaled, inexact) = products(c, form.terms());
            terms.extend(scaled);
            rounded |= inexact || form.rounded;
        }
        Self::from_terms(terms).rounded_if(rounded)
    }

    /// The value at the log-scales `x`.
    ///
    /// # Panics
    /// When `x` has fewer entries than the form has variables.
    #[must_use]
    pub fn at(&self, x: &[f64]) -> f64 {
        self.terms.iter().map(|&(v, c)| c * x[v as usize]).sum()
    }
}

/// A factor times terms, and whether a product was rounded.
fn products(factor: f64, terms: &[(u32, f64)]) -> (SmallVec<[(u32, f64); 2]>, bool) {
    let mut rounded = false;
    let mut times = |&(v, c): &(u32, f64)| {
        let exact = Double::product(factor, c);
        rounded |= exact.low() != 0.0;
        (v, exact.to_f64())
    };
    let scaled = terms.iter().map(&mut times).collect();
    (scaled, rounded)
}

//! Linear forms in log-scales, with coefficients that are exact as `f64`.

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
}

impl Clone for Form {
    fn clone(&self) -> Self {
        // copied as a whole; term by term it takes several times as long
        Self { terms: SmallVec::from_slice(&self.terms) }
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
        if coefficient == 0.0 { Self::zero() } else { Self { terms: SmallVec::from_buf([(variable, coefficient)]) } }
    }

    /// The form of the given terms; terms of the same variable are added up.
    #[must_use]
    pub fn from_terms(terms: impl IntoIterator<Item = (u32, f64)>) -> Self {
        let mut terms: SmallVec<[(u32, f64); 1]> = terms.into_iter().collect();
        terms.sort_unstable_by_key(|t| t.0);
        // terms of one variable are neighbours now, and the first of them gets the sum
        terms.dedup_by(|next, sum| {
            let same = next.0 == sum.0;
            if same {
                sum.1 += next.1;
            }
            same
        });
        terms.retain(|t| t.1 != 0.0);
        Self { terms }
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
            return other.clone();
        }
        if other.is_zero() {
            return self.clone();
        }
        if let ([(v, c)], [(w, d)]) = (self.terms(), other.terms())
            && v == w
        {
            return Self::single(*v, c + factor * d);
        }
        Self::from_terms(self.terms.iter().copied().chain(other.terms.iter().map(|&(v, c)| (v, factor * c))))
    }

    /// The form with `forms[v]` in the place of every variable v.
    ///
    /// # Panics
    /// When there are fewer forms than the form has variables.
    #[must_use]
    pub fn substituted(&self, forms: &[Self]) -> Self {
        match self.terms() {
            [] => Self::zero(),
            [(v, 1.0)] => forms[*v as usize].clone(),
            terms => {
                let of = |&(v, c): &(u32, f64)| forms[v as usize].terms().iter().map(move |&(w, d)| (w, c * d));
                Self::from_terms(terms.iter().flat_map(of))
            }
        }
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

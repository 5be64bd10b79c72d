//! Linear forms in log-scales, with coefficients that are exact as `f64`.

/// A linear form `sum of coefficient * variable`; the empty form is the ground (log-scale zero).
///
/// Terms are sorted by variable; no coefficient is zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    terms: Vec<(u32, f64)>,
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
        Self { terms: if coefficient == 0.0 { vec![] } else { vec![(index, coefficient)] } }
    }

    /// The form of the given terms; terms of the same variable are added up.
    #[must_use]
    pub fn from_terms(mut terms: Vec<(u32, f64)>) -> Self {
        terms.sort_unstable_by_key(|t| t.0);
        let mut sum: Vec<(u32, f64)> = Vec::with_capacity(terms.len());
        for (variable, coefficient) in terms {
            match sum.last_mut() {
                Some(last) if last.0 == variable => last.1 += coefficient,
                _ => sum.push((variable, coefficient)),
            }
        }
        sum.retain(|t| t.1 != 0.0);
        Self { terms: sum }
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
        let mut terms = self.terms.clone();
        terms.extend(other.terms.iter().map(|&(v, c)| (v, factor * c)));
        Self::from_terms(terms)
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

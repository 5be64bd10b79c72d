//! Multipliers between bounds of 192 digits.

use crate::manifold::Form;
use crate::numeric::Span;

/// The multiplier of every variable, the exponential of its log-scale, between two bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiplierSpans(pub Vec<Span>);

/// Largest coefficient of a form of which powers are taken.
const LARGEST: f64 = 64.0;

impl MultiplierSpans {
    /// The exponential of a form; none where a coefficient is no half of a whole number.
    ///
    /// # Panics
    /// When the form names a variable that is not there.
    #[must_use]
    pub fn at(&self, form: &Form) -> Option<Span> {
        let mut product = Span::exact(1.0);
        for &(v, c) in form.terms() {
            if (2.0 * c).fract() != 0.0 || c.abs() > LARGEST {
                return None;
            }
            product = product.times(&self.0[v as usize].power((2.0 * c) as i32));
        }
        Some(product)
    }
}

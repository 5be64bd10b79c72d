//! Many numbers of two words.

use super::Double;

/// Numbers of two words with the words apart, so that vector units hold several.
pub struct Words {
    /// The first words.
    pub high: Vec<f64>,
    /// The second ones.
    pub low: Vec<f64>,
}

impl Words {
    /// `n` zeros.
    #[must_use]
    pub fn zeros(n: usize) -> Self {
        Self { high: vec![0.0; n], low: vec![0.0; n] }
    }

    /// These numbers.
    #[must_use]
    pub fn of(values: &[Double]) -> Self {
        Self { high: values.iter().map(|v| v.to_f64()).collect(), low: values.iter().map(|v| v.low()).collect() }
    }

    /// Number `i`.
    #[inline(always)]
    #[must_use]
    pub fn get(&self, i: usize) -> Double {
        Double::from_words(self.high[i], self.low[i])
    }
}

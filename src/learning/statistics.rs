//! Means, intervals and rank correlations.

use serde::{Deserialize, Serialize};

/// A mean over seeds, with the half width of its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Half the width of its interval (Student's t); zero for a single value.
    pub half: f64,
    /// Number of values.
    pub count: usize,
}

/// Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom; beyond the table that of the normal law is close.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

impl Mean {
    /// The mean of values; not a number when there is none.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let half = if n < 2 {
            0.0
        } else {
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
            STUDENT.get(n - 2).unwrap_or(&1.96) * (variance / n as f64).sqrt()
        };
        Self { mean, half, count: n }
    }

    /// The mean of the differences of pairs.
    #[must_use]
    pub fn of_differences(a: &[f64], b: &[f64]) -> Self {
        Self::of(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
    }

    /// Whether the whole interval is above zero.
    #[must_use]
    pub fn above_zero(self) -> bool {
        self.count > 1 && self.mean - self.half > 0.0
    }

    /// Whether the whole interval is below zero.
    #[must_use]
    pub fn below_zero(self) -> bool {
        self.count > 1 && self.mean + self.half < 0.0
    }

    /// The mean with its interval, times a factor.
    #[must_use]
    pub fn show(self, factor: f64, digits: usize) -> String {
        format!("{:.digits$} ± {:.digits$}", factor * self.mean, factor * self.half)
    }
}

/// Spearman's rank correlation: the correlation of ranks, equal values having the mean of theirs. None where one side is
/// constant or there are less than three pairs.
#[must_use]
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 3 {
        return None;
    }
    let (a, b) = (ranks(a), ranks(b));
    let middle = (a.len() as f64 - 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>();
    let spread = product(&a, &a) * product(&b, &b);
    (spread > 0.0).then(|| product(&a, &b) / spread.sqrt())
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let below = |v: f64| values.iter().filter(|w| **w < v).count() as f64;
    let same = |v: f64| values.iter().filter(|w| **w == v).count() as f64;
    values.iter().map(|&v| below(v) + (same(v) - 1.0) / 2.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_one_to_five_is_that_of_the_books() {
        let mean = Mean::of(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(mean.mean, 3.0);
        // 2.776 sqrt(2.5 / 5)
        assert!((mean.half - 1.963).abs() < 1e-3, "{mean:?}");
        assert!(mean.above_zero() && !mean.below_zero());
    }

    #[test]
    fn rank_correlation_sees_order_alone() {
        assert_eq!(rank_correlation(&[1.0, 2.0, 30.0], &[0.1, 5.0, 6.0]), Some(1.0));
        assert_eq!(rank_correlation(&[1.0, 2.0, 3.0], &[9.0, 5.0, 1.0]), Some(-1.0));
        // ranks 0, 1.5, 1.5, 3 and 0, 1, 2, 3: 4.5 / sqrt(4.5 * 5)
        let tied = rank_correlation(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((tied - 4.5 / (4.5f64 * 5.0).sqrt()).abs() < 1e-12, "{tied}");
        assert_eq!(rank_correlation(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
    }
}

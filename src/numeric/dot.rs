//! Inner products.

use std::iter::Sum;
use std::ops::{AddAssign, Mul};

/// Sums that are added to side by side: one addition waits for the last one, and a single sum would be made of waiting.
const LANES: usize = 8;

/// `sum of a_i b_i`, in an order that depends on nothing but the length.
#[must_use]
#[inline]
pub fn dot<T: Copy + Default + Sum + AddAssign + Mul<Output = T>>(a: &[T], b: &[T]) -> T {
    let (groups, rest) = a.as_chunks::<LANES>();
    let (others, other_rest) = b.as_chunks::<LANES>();
    let mut lanes = [T::default(); LANES];
    for (a, b) in groups.iter().zip(others) {
        for i in 0..LANES {
            lanes[i] += a[i] * b[i];
        }
    }
    let mut sum: T = rest.iter().zip(other_rest).map(|(&a, &b)| a * b).sum();
    sum += lanes.into_iter().sum();
    sum
}

/// `sum of w_i a_i b_i`, likewise.
#[must_use]
#[inline]
pub fn weighted_dot(w: &[f64], a: &[f64], b: &[f64]) -> f64 {
    let (weights, weight_rest) = w.as_chunks::<LANES>();
    let (groups, rest) = a.as_chunks::<LANES>();
    let (others, other_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for ((w, a), b) in weights.iter().zip(groups).zip(others) {
        for i in 0..LANES {
            lanes[i] += w[i] * a[i] * b[i];
        }
    }
    let rest: f64 = weight_rest.iter().zip(rest).zip(other_rest).map(|((w, a), b)| w * a * b).sum();
    rest + lanes.iter().sum::<f64>()
}

//! The rate at which a sequence of distances falls.

/// The mean factor by which a distance shrinks from one to the next, once it is a hundredth of the first and before it is at
/// the rounding of the last; none where there are not two such distances.
#[must_use]
pub fn observed_rate(distances: &[f64]) -> Option<f64> {
    let first = *distances.first()?;
    let counts = |d: &f64| *d < 1e-2 * first && *d > 1e-11 * first;
    let from = distances.iter().position(counts)?;
    let until = distances.iter().rposition(counts)?;
    (until > from).then(|| (distances[until] / distances[from]).powf(1.0 / (until - from) as f64))
}

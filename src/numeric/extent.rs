//! The least and the largest of numbers.

/// The least and the largest number, infinite where there is none; what is no number counts as none.
#[must_use]
#[inline]
pub fn extent(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut least, mut largest) = (f64::INFINITY, f64::NEG_INFINITY);
    for number in numbers {
        // `f64::min` would look at what is no number first
        least = if number < least { number } else { least };
        largest = if number > largest { number } else { largest };
    }
    (least, largest)
}

//! Real numbers as files store them.

use half::{bf16, f16};

/// How a file stores a real number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float {
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// IEEE half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
}

impl Float {
    /// Bytes of one number.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Half a unit in the last place of 1: rounding a normal number changes it by at most this factor.
    #[must_use]
    pub fn roundoff(self) -> f64 {
        let digits = match self {
            Self::F64 => 53,
            Self::F32 => 24,
            Self::F16 => 11,
            Self::Bf16 => 8,
        };
        f64::powi(0.5, digits)
    }

    /// Smallest positive number that keeps all its digits.
    #[must_use]
    pub fn smallest_normal(self) -> f64 {
        match self {
            Self::F64 => f64::MIN_POSITIVE,
            Self::F32 => f64::from(f32::MIN_POSITIVE),
            Self::F16 => f16::MIN_POSITIVE.to_f64(),
            Self::Bf16 => bf16::MIN_POSITIVE.to_f64(),
        }
    }

    /// Half the distance of subnormal numbers: rounding one changes it by at most this.
    #[must_use]
    pub fn least_step(self) -> f64 {
        // the smallest number of double precision stands for half of it
        (self.smallest_normal() * self.roundoff()).max(f64::from_bits(1))
    }

    /// The number in the first bytes, little-endian.
    ///
    /// # Panics
    /// When there are too few.
    #[must_use]
    pub fn read(self, bytes: &[u8]) -> f64 {
        match self {
            Self::F32 => f64::from(f32::from_le_bytes(first(bytes))),
            Self::F64 => f64::from_le_bytes(first(bytes)),
            Self::F16 => f16::from_le_bytes(first(bytes)).to_f64(),
            Self::Bf16 => bf16::from_le_bytes(first(bytes)).to_f64(),
        }
    }

    /// The number rounded once, to nearest and ties to even; infinite where it overflows.
    #[must_use]
    #[inline]
    pub fn round(self, value: f64) -> f64 {
        self.write(value, &mut [0; 8][..self.width()])
    }

    /// Rounds a number once, to nearest and ties to even, and writes it to bytes of its width; returns what is stored.
    ///
    /// # Panics
    /// When the number of bytes is another one.
    #[inline]
    pub fn write(self, value: f64, bytes: &mut [u8]) -> f64 {
        match self {
            Self::F32 => {
                let rounded = value as f32;
                bytes.copy_from_slice(&rounded.to_le_bytes());
                f64::from(rounded)
            }
            Self::F64 => {
                bytes.copy_from_slice(&value.to_le_bytes());
                value
            }
            Self::F16 => {
                let rounded = f16::from_f32(to_odd(value));
                bytes.copy_from_slice(&rounded.to_le_bytes());
                rounded.to_f64()
            }
            Self::Bf16 => {
                let rounded = bf16::from_f32(to_odd(value));
                bytes.copy_from_slice(&rounded.to_le_bytes());
                rounded.to_f64()
            }
        }
    }
}

/// The neighbour of a number in single precision that has an odd last bit, where single precision does not hold it: rounding
/// that to nearest, to 22 binary digits at most, is one rounding of the number itself. The crate `half` takes two, through
/// single precision, or drops the last digits.
///
/// Source: see [`super::Double::to_odd`].
#[inline]
fn to_odd(value: f64) -> f32 {
    let nearest = value as f32;
    let back = f64::from(nearest);
    if back == value || value.is_nan() {
        return nearest;
    }
    let below = if back.abs() > value.abs() { nearest.to_bits() - 1 } else { nearest.to_bits() };
    f32::from_bits(below | 1)
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *bytes.first_chunk().expect("enough bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck_macros::quickcheck;

    /// The number next to `value`, of two neighbours the even one; `bits` counts the type's numbers in their order.
    fn nearest(value: f64, number: impl Fn(u16) -> f64) -> f64 {
        let count = (0..16).rev().fold(0u16, |bits, k| {
            let more = bits | 1 << k;
            if more < 1 << 15 && number(more) <= value.abs() { more } else { bits }
        });
        let (below, above) = (number(count), number(count + 1));
        // in double precision the middle is exact; of an infinite neighbour it is where the next power of two would be
        let above = if above.is_infinite() { 2.0 * below - number(count - 1) } else { above };
        let middle = below + 0.5 * (above - below);
        let up = value.abs() > middle || (value.abs() == middle && count & 1 == 1);
        number(if up { count + 1 } else { count }).copysign(value)
    }

    #[quickcheck]
    fn half_precision_is_rounded_once(bits: u16, beside: i8, shift: u8) -> bool {
        [Float::F16, Float::Bf16].into_iter().all(|float| {
            let number = |bits: u16| float.read(&bits.to_le_bytes());
            let below = number(bits & 0x7fff);
            let above = number((bits & 0x7fff) + 1);
            if !below.is_finite() || !above.is_finite() {
                return true;
            }
            // the middle of two neighbours, or so close beside it that single precision cannot tell
            let middle = below + 0.5 * (above - below);
            let value = middle + f64::from(beside) * middle * 2f64.powi(-20 - i32::from(shift % 34));
            [value, -value].into_iter().all(|v| float.round(v).to_bits() == nearest(v, number).to_bits())
        })
    }
}

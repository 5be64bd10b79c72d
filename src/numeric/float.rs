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
                let rounded = f16::from_f64(value);
                bytes.copy_from_slice(&rounded.to_le_bytes());
                rounded.to_f64()
            }
            Self::Bf16 => {
                let rounded = bf16::from_f64(value);
                bytes.copy_from_slice(&rounded.to_le_bytes());
                rounded.to_f64()
            }
        }
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *bytes.first_chunk().expect("enough bytes")
}

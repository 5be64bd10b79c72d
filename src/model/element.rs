//! Types of the elements of tensors, and how one element is read and written.

use crate::numeric::Float;

/// Type of the elements, as far as this crate tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// IEEE half precision.
    F16,
    /// Brain floating point: the upper half of single precision.
    Bf16,
    /// Signed integers of 64 bits: shapes, axes, indices.
    I64,
    /// Signed integers of 32 bits.
    I32,
    /// Truth values.
    Bool,
    /// Another type, by its number in the ONNX schema.
    Other(i64),
}

impl ElementType {
    /// The type with this number in the ONNX schema.
    #[must_use]
    pub fn from_code(code: i64) -> Self {
        match code {
            1 => Self::F32,
            6 => Self::I32,
            7 => Self::I64,
            9 => Self::Bool,
            10 => Self::F16,
            11 => Self::F64,
            16 => Self::Bf16,
            other => Self::Other(other),
        }
    }

    /// How the elements are stored, where they are real numbers.
    #[must_use]
    pub fn float(self) -> Option<Float> {
        match self {
            Self::F32 => Some(Float::F32),
            Self::F64 => Some(Float::F64),
            Self::F16 => Some(Float::F16),
            Self::Bf16 => Some(Float::Bf16),
            _ => None,
        }
    }

    /// A real number as an element of this type holds it, rounded once.
    ///
    /// # Panics
    /// When the elements are no real numbers.
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        self.float().expect("only real numbers are rounded").round(value)
    }

    /// Whether the elements are real numbers.
    #[must_use]
    pub fn is_float(self) -> bool {
        self.float().is_some()
    }

    /// Bytes of one element in `raw_data`; zero for types that are never read.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
            Self::F16 | Self::Bf16 => 2,
            Self::Bool => 1,
            Self::Other(_) => 0,
        }
    }
}

/// The number in these bytes.
pub(crate) fn read(bytes: &[u8], element: ElementType) -> f64 {
    match (element.float(), element) {
        (Some(float), _) => float.read(bytes),
        (None, ElementType::Other(_)) => f64::NAN,
        (None, _) => read_integer(bytes, element) as f64,
    }
}

/// Rounds `value` to the element type, once, and writes it to bytes of its width; what is stored.
#[inline]
pub(crate) fn write(bytes: &mut [u8], element: ElementType, value: f64) -> f64 {
    element.float().expect("only real numbers are rewritten").write(value, bytes)
}

fn u64_at(bytes: &[u8]) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(eight)
}

/// The integer or truth value in these bytes.
pub(crate) fn read_integer(bytes: &[u8], element: ElementType) -> i64 {
    if element == ElementType::Bool {
        return i64::from(bytes[0]);
    }
    if element == ElementType::I32 {
        let mut four = [0; 4];
        four.copy_from_slice(&bytes[..4]);
        return i64::from(i32::from_le_bytes(four));
    }
    u64_at(bytes).cast_signed()
}

//! Tensors as an ONNX file stores them: name, shape, type, and where the numbers are.

use super::wire::{Field, Fields, f32_at, fault};
use crate::error::{Error, ErrorKind, Result};
use half::{bf16, f16};
use std::ops::Range;

/// The largest dimension of a tensor without elements: nothing in the file vouches for it.
const MAX_EMPTY: usize = 1 << 16;

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

    /// Whether the elements are real numbers.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::F16 | Self::Bf16)
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

/// A stored tensor: an initializer, or the value of a `Constant` node.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Name of the initializer, or of the output of its `Constant` node.
    pub name: String,
    /// Shape.
    pub dims: Vec<usize>,
    /// Type of the elements.
    pub element: ElementType,
    /// Byte ranges that hold the elements, in order: one for all, or one for each, of fixed width. Empty where the
    /// elements are not stored with a fixed width (integers as varints, other types).
    pub places: Vec<Range<usize>>,
    /// Integers stored as varints.
    pub varints: Vec<i64>,
}

impl Tensor {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether the tensor has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the elements are real numbers that can be read and rewritten in place.
    #[must_use]
    pub fn is_rewritable(&self) -> bool {
        self.element.is_float() && self.varints.is_empty()
    }

    /// The byte offset of every element that is stored with a fixed width.
    pub(crate) fn offsets(&self) -> impl Iterator<Item = usize> + '_ {
        let width = self.element.width().max(1);
        self.places.iter().flat_map(move |r| r.clone().step_by(width))
    }

    /// The byte offset of one element that is stored with a fixed width.
    pub(crate) fn offset(&self, element: usize) -> usize {
        match &self.places[..] {
            [one] => one.start + element * self.element.width(),
            // `finish` splits lists of several pieces into single elements
            many => many[element].start,
        }
    }

    /// One element as a double-precision number.
    pub(crate) fn number(&self, bytes: &[u8], element: usize) -> f64 {
        read(bytes, self.offset(element), self.element)
    }

    /// The elements as double-precision numbers.
    #[must_use]
    pub fn decode(&self, bytes: &[u8]) -> Vec<f64> {
        self.offsets().map(|at| read(bytes, at, self.element)).collect()
    }

    /// The elements as integers; `None` when they are not integers.
    #[must_use]
    pub fn integers(&self, bytes: &[u8]) -> Option<Vec<i64>> {
        if !matches!(self.element, ElementType::I64 | ElementType::I32 | ElementType::Bool) {
            return None;
        }
        if !self.varints.is_empty() {
            return Some(self.varints.clone());
        }
        Some(self.offsets().map(|at| read_integer(bytes, at, self.element)).collect())
    }

    /// The tensor in `range`.
    pub(crate) fn parse(bytes: &[u8], range: Range<usize>) -> Result<Self> {
        let start = range.start;
        let raw = RawTensor::parse(bytes, range)?;
        raw.finish(start)
    }
}

/// The number at byte `at`.
pub(crate) fn read(bytes: &[u8], at: usize, element: ElementType) -> f64 {
    let two = || u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    match element {
        ElementType::F32 => f64::from(f32_at(bytes, at)),
        ElementType::F64 => f64::from_bits(u64_at(bytes, at)),
        ElementType::F16 => f16::from_bits(two()).to_f64(),
        ElementType::Bf16 => bf16::from_bits(two()).to_f64(),
        ElementType::I64 | ElementType::I32 | ElementType::Bool => read_integer(bytes, at, element) as f64,
        ElementType::Other(_) => f64::NAN,
    }
}

/// What became of a number that was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Written {
    /// The number as stored.
    pub stored: f64,
    /// Smallest positive normal number of the type.
    pub smallest_normal: f64,
}

/// Rounds `value` to the element type, once, and writes it at byte `at`.
pub(crate) fn write(bytes: &mut [u8], at: usize, element: ElementType, value: f64) -> Written {
    let (stored, smallest_normal) = match element {
        ElementType::F32 => {
            let rounded = value as f32;
            bytes[at..at + 4].copy_from_slice(&rounded.to_le_bytes());
            (f64::from(rounded), f64::from(f32::MIN_POSITIVE))
        }
        ElementType::F64 => {
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            (value, f64::MIN_POSITIVE)
        }
        ElementType::F16 => {
            let rounded = f16::from_f64(value);
            bytes[at..at + 2].copy_from_slice(&rounded.to_le_bytes());
            (rounded.to_f64(), f16::MIN_POSITIVE.to_f64())
        }
        ElementType::Bf16 => {
            let rounded = bf16::from_f64(value);
            bytes[at..at + 2].copy_from_slice(&rounded.to_le_bytes());
            (rounded.to_f64(), bf16::MIN_POSITIVE.to_f64())
        }
        ElementType::I64 | ElementType::I32 | ElementType::Bool | ElementType::Other(_) => {
            unreachable!("only real numbers are rewritten")
        }
    };
    Written { stored, smallest_normal }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

fn read_integer(bytes: &[u8], at: usize, element: ElementType) -> i64 {
    if element == ElementType::Bool {
        return i64::from(bytes[at]);
    }
    if element == ElementType::I32 {
        let mut four = [0; 4];
        four.copy_from_slice(&bytes[at..at + 4]);
        return i64::from(i32::from_le_bytes(four));
    }
    u64_at(bytes, at).cast_signed()
}

/// A tensor message before its fields are compared with each other.
#[derive(Default)]
struct RawTensor {
    name: String,
    dims: Vec<i64>,
    code: i64,
    raw: Option<Range<usize>>,
    floats: Vec<Range<usize>>,
    doubles: Vec<Range<usize>>,
    int32: Vec<i64>,
    int64: Vec<i64>,
    external: bool,
}

impl RawTensor {
    fn parse(bytes: &[u8], range: Range<usize>) -> Result<Self> {
        let mut it = Self::default();
        let mut fields = Fields::new(bytes, range)?;
        while let Some(field) = fields.next()? {
            it.take(bytes, &field)?;
        }
        Ok(it)
    }

    fn take(&mut self, bytes: &[u8], field: &Field) -> Result<()> {
        match field.number {
            1 => field.integers(bytes, &mut self.dims)?,
            2 => self.code = field.integer()?,
            3 => return Err(fault(field.at, "a tensor is stored in segments, which ONNX never defined")),
            4 => field.places(4, &mut self.floats)?,
            5 => field.integers(bytes, &mut self.int32)?,
            7 => field.integers(bytes, &mut self.int64)?,
            8 => self.name = field.text(bytes)?,
            9 if self.raw.replace(field.range()?).is_some() => {
                return Err(fault(field.at, "a tensor has two payloads"));
            }
            10 => field.places(8, &mut self.doubles)?,
            13 => self.external = true,
            14 => self.external |= field.integer()? == 1,
            _ => {}
        }
        Ok(())
    }

    fn finish(self, start: usize) -> Result<Tensor> {
        let place = format!("tensor {:?} at byte {start}", self.name);
        let wrong = |problem: String| {
            Error::new(ErrorKind::Format, place.clone(), problem, "the file is damaged; export the model again")
        };
        if self.external {
            return Err(Error::new(
                ErrorKind::Unsupported,
                place,
                "its numbers are in a separate file",
                "save the model with all tensors inside the file",
            ));
        }
        let mut dims = Vec::with_capacity(self.dims.len());
        let mut count = 1usize;
        for &dim in &self.dims {
            let dim = usize::try_from(dim).map_err(|_| wrong(format!("its shape {:?} is negative", self.dims)))?;
            count = count.checked_mul(dim).ok_or_else(|| wrong(format!("its shape {:?} is too large", self.dims)))?;
            dims.push(dim);
        }
        if count == 0 && dims.iter().any(|&d| d > MAX_EMPTY) {
            return Err(wrong(format!("its shape {dims:?} is large, yet it has no elements")));
        }
        let element = ElementType::from_code(self.code);
        let mut tensor = Tensor { name: self.name, dims, element, places: vec![], varints: vec![] };
        let found = if let Some(raw) = self.raw {
            let beside = [self.floats.len(), self.doubles.len(), self.int32.len(), self.int64.len()];
            if beside.iter().any(|&n| n > 0) {
                return Err(wrong("it has two payloads".into()));
            }
            let width = element.width();
            if width == 0 {
                return Ok(tensor);
            }
            if raw.len() % width != 0 {
                return Err(wrong(format!("{} bytes are no whole number of its elements", raw.len())));
            }
            tensor.places = vec![raw.clone()];
            raw.len() / width
        } else {
            let bytes_in = |places: &[Range<usize>]| places.iter().map(Range::len).sum::<usize>();
            match element {
                ElementType::F32 => {
                    tensor.places = self.floats;
                    bytes_in(&tensor.places) / 4
                }
                ElementType::F64 => {
                    tensor.places = self.doubles;
                    bytes_in(&tensor.places) / 8
                }
                ElementType::I64 | ElementType::I32 | ElementType::Bool | ElementType::F16 | ElementType::Bf16 => {
                    tensor.varints = if element == ElementType::I64 { self.int64 } else { self.int32 };
                    tensor.varints.len()
                }
                ElementType::Other(_) => return Ok(tensor),
            }
        };
        if tensor.places.len() > 1 {
            let width = element.width();
            let single = |r: &Range<usize>| r.clone().step_by(width).map(move |at| at..at + width);
            tensor.places = tensor.places.iter().flat_map(single).collect();
        }
        if found != count {
            let shape = &tensor.dims;
            return Err(wrong(format!("its shape {shape:?} has {count} elements, its payload {found}")));
        }
        Ok(tensor)
    }
}

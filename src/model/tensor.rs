//! Tensors as an ONNX file stores them: name, shape, type, and where the numbers are.

use super::element::{ElementType, read, read_integer};
use super::files::{External, Files};
use super::wire::{Field, Fields, fault};
use crate::error::{Error, ErrorKind, Result};
use crate::problem::Stored;
use std::ops::Range;
use std::sync::OnceLock;

/// The largest dimension of a tensor without elements: nothing in the file vouches for it.
const MAX_EMPTY: usize = 1 << 16;

/// A stored tensor: an initializer, or the value of a `Constant` node.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Name of the initializer, or of the output of its `Constant` node.
    pub name: String,
    /// Shape.
    pub dims: Vec<usize>,
    /// Type of the elements.
    pub element: ElementType,
    /// The file that holds the elements: 0 is the model itself, others are those that it names.
    pub file: usize,
    /// Byte ranges that hold the elements, in order: one for all, or one for each. Empty where they are not read as bytes
    /// (integers as varints, other types).
    pub places: Vec<Range<usize>>,
    /// Integers stored as varints.
    pub varints: Vec<i64>,
    /// Where the numbers are, if not in the model.
    pub(crate) external: Option<External>,
    /// The places of the length fields of all messages around a payload whose length may change: half-precision numbers
    /// stored as varints.
    pub(crate) lengths: Vec<Range<usize>>,
    /// The numbers in their file, once somebody asked for them.
    stored: OnceLock<Stored>,
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

    /// Where the tensor is, for messages.
    pub(crate) fn place(&self) -> String {
        format!("tensor {:?}", self.name)
    }

    /// Whether the elements are real numbers that can be read and rewritten.
    #[must_use]
    pub fn is_rewritable(&self) -> bool {
        self.element.is_float()
    }

    /// Whether the elements are half-precision numbers, each stored as a varint.
    pub(crate) fn is_varint(&self) -> bool {
        !self.lengths.is_empty()
    }

    /// The bytes of one element.
    pub(crate) fn at(&self, element: usize) -> Range<usize> {
        match &self.places[..] {
            [one] if !self.is_varint() => {
                let (start, width) = (one.start + element * self.element.width(), self.element.width());
                start..start + width
            }
            // lists of several pieces are split into single elements
            many => many[element].clone(),
        }
    }

    /// One element as a double-precision number.
    pub(crate) fn number(&self, files: &Files, element: usize) -> f64 {
        let bytes = &files.bytes(self.file)[self.at(element)];
        if self.is_varint() { half(bytes, self.element) } else { read(bytes, self.element) }
    }

    /// The elements in little-endian bytes, where they are single-precision numbers in one piece.
    pub(crate) fn single_precision<'a>(&self, files: &'a Files) -> Option<&'a [[u8; 4]]> {
        match (&self.places[..], self.element) {
            ([one], ElementType::F32) => Some(files.bytes(self.file)[one.clone()].as_chunks().0),
            _ => None,
        }
    }

    /// Gives the memory of what was read of the tensor back to the system.
    pub(crate) fn release(&self, files: &Files) {
        if let [place] = &self.places[..] {
            files.release_range(self.file, place.clone());
        }
    }

    /// The numbers in their file, where they are in one piece.
    pub(crate) fn stored(&self, files: &Files) -> Option<&Stored> {
        let [place] = &self.places[..] else { return None };
        let float = self.element.float().filter(|_| !self.is_varint())?;
        Some(self.stored.get_or_init(|| Stored::new(files.shared(self.file), place.clone(), float)))
    }

    /// Whether some element is zero. Complexity: one read of the elements, at the speed of memory for single precision.
    pub(crate) fn has_zero(&self, files: &Files) -> bool {
        match self.stored(files) {
            Some(stored) => stored.extremes().zero,
            None => (0..self.len()).any(|element| self.number(files, element) == 0.0),
        }
    }

    /// The elements as double-precision numbers.
    #[must_use]
    pub fn decode(&self, files: &Files) -> Vec<f64> {
        let count = if self.places.is_empty() { 0 } else { self.len() };
        (0..count).map(|element| self.number(files, element)).collect()
    }

    /// The elements as integers; `None` when they are not integers.
    #[must_use]
    pub fn integers(&self, files: &Files) -> Option<Vec<i64>> {
        if !matches!(self.element, ElementType::I64 | ElementType::I32 | ElementType::Bool) {
            return None;
        }
        if !self.varints.is_empty() {
            return Some(self.varints.clone());
        }
        let bytes = files.bytes(self.file);
        Some((0..self.len()).map(|element| read_integer(&bytes[self.at(element)], self.element)).collect())
    }

    /// A list of single-precision numbers, or one of them as a scalar.
    pub(crate) fn of_floats(places: Vec<Range<usize>>, list: bool) -> Self {
        let count = places.iter().map(Range::len).sum::<usize>() / 4;
        let dims = if list { vec![count] } else { vec![] };
        let mut tensor = Self { dims, places, ..Self::new(String::new(), ElementType::F32) };
        tensor.separate();
        tensor
    }

    /// A list of integers, or one of them as a scalar.
    pub(crate) fn of_integers(varints: Vec<i64>, list: bool) -> Self {
        let dims = if list { vec![varints.len()] } else { vec![] };
        Self { dims, varints, ..Self::new(String::new(), ElementType::I64) }
    }

    fn new(name: String, element: ElementType) -> Self {
        let (dims, places, varints, lengths) = (vec![], vec![], vec![], vec![]);
        Self { name, dims, element, file: 0, places, varints, external: None, lengths, stored: OnceLock::new() }
    }

    /// Splits payloads of several pieces into single elements.
    fn separate(&mut self) {
        if self.places.len() > 1 {
            let width = self.element.width();
            let single = |r: &Range<usize>| r.clone().step_by(width).map(move |at| at..at + width);
            self.places = self.places.iter().flat_map(single).collect();
        }
    }

    /// The tensor in a field, inside messages whose length fields are at `around`.
    pub(crate) fn parse(bytes: &[u8], field: &Field, around: &[Range<usize>]) -> Result<Self> {
        let range = field.range()?;
        let start = range.start;
        let raw = RawTensor::parse(bytes, range)?;
        raw.finish(start, [around, &[field.length()]].concat())
    }
}

/// The half-precision number whose bits are in this varint.
fn half(varint: &[u8], element: ElementType) -> f64 {
    let bits = varint.iter().take(3).rev().fold(0u32, |bits, byte| bits << 7 | u32::from(byte & 127));
    read(&bits.to_le_bytes()[..2], element)
}

/// A number as a varint.
pub(crate) fn write_varint(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
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
    /// Places of the varints of `int32`, and of the length fields of the lists that hold them.
    int32_places: (Vec<Range<usize>>, Vec<Range<usize>>),
    int64: Vec<i64>,
    external: Vec<(String, String)>,
    outside: bool,
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
            5 => {
                field.integers(bytes, &mut self.int32)?;
                field.varint_places(bytes, &mut self.int32_places.0)?;
                if let Ok(range) = field.range() {
                    self.int32_places.1.push(field.length().start..range.start);
                }
            }
            7 => field.integers(bytes, &mut self.int64)?,
            8 => self.name = field.text(bytes)?,
            9 if self.raw.replace(field.range()?).is_some() => {
                return Err(fault(field.at, "a tensor has two payloads"));
            }
            10 => field.places(8, &mut self.doubles)?,
            13 => self.external.push(entry(bytes, field.range()?)?),
            14 => self.outside |= field.integer()? == 1,
            _ => {}
        }
        Ok(())
    }

    fn finish(self, start: usize, mut lengths: Vec<Range<usize>>) -> Result<Tensor> {
        let place = format!("tensor {:?} at byte {start}", self.name);
        let wrong = |problem: String| {
            Error::new(ErrorKind::Format, place.clone(), problem, "the file is damaged; export the model again")
        };
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
        let mut tensor = Tensor { dims, ..Tensor::new(self.name, element) };
        if self.outside {
            tensor.external = Some(external(&self.external).ok_or_else(|| {
                wrong("it does not say in which file its numbers are, and from which byte on".into())
            })?);
            return Ok(tensor);
        }
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
                ElementType::F16 | ElementType::Bf16 => {
                    (tensor.places, tensor.lengths) = self.int32_places;
                    lengths.append(&mut tensor.lengths);
                    tensor.lengths = lengths;
                    tensor.places.len()
                }
                ElementType::I64 | ElementType::I32 | ElementType::Bool => {
                    tensor.varints = if element == ElementType::I64 { self.int64 } else { self.int32 };
                    tensor.varints.len()
                }
                ElementType::Other(_) => return Ok(tensor),
            }
        };
        if !tensor.is_varint() {
            tensor.separate();
        }
        if found != count {
            let shape = &tensor.dims;
            return Err(wrong(format!("its shape {shape:?} has {count} elements, its payload {found}")));
        }
        Ok(tensor)
    }
}

/// One key and its value.
fn entry(bytes: &[u8], range: Range<usize>) -> Result<(String, String)> {
    let (mut key, mut value) = (String::new(), String::new());
    let mut fields = Fields::new(bytes, range)?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => key = field.text(bytes)?,
            2 => value = field.text(bytes)?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Where the entries say that a tensor is; none when they do not, or not in numbers.
fn external(entries: &[(String, String)]) -> Option<External> {
    let text = |key: &str| entries.iter().find(|e| e.0 == key).map(|e| e.1.as_str());
    let number = |key: &str| text(key).map(str::parse::<usize>).transpose().ok();
    Some(External {
        location: text("location")?.to_owned(),
        offset: number("offset")?.unwrap_or(0),
        length: number("length")?,
    })
}

//! The wire format of protocol buffers, read in place: every field comes with its byte range in the file.

use crate::error::{Error, ErrorKind, Result};
use std::ops::Range;

/// The largest nesting of messages; deeper files are refused.
pub(crate) const MAX_DEPTH: usize = 64;

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A variable-length integer.
    Varint(u64),
    /// Four bytes at this place.
    Fixed32(Range<usize>),
    /// Eight bytes at this place.
    Fixed64(Range<usize>),
    /// A string, a nested message or packed numbers.
    Bytes(Range<usize>),
}

/// One field of a message.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Number of the field in its message.
    pub number: u64,
    /// Where its key starts.
    pub at: usize,
    /// Where its key ends.
    number_end: usize,
    /// Where it ends.
    end: usize,
    /// Its value.
    pub value: Value,
}

/// Reads the fields of one message.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

/// A fault of the file at byte `at`.
pub(crate) fn fault(at: usize, problem: impl Into<String>) -> Error {
    Error::new(
        ErrorKind::Format,
        format!("byte {at}"),
        problem,
        "the file is damaged or no ONNX model; export it again",
    )
}

impl<'a> Fields<'a> {
    /// The message in `range`.
    ///
    /// # Errors
    /// When the range is not inside the file.
    pub fn new(bytes: &'a [u8], range: Range<usize>) -> Result<Self> {
        if range.start > range.end || range.end > bytes.len() {
            return Err(fault(range.start, "a message reaches beyond the end of the file"));
        }
        Ok(Self { bytes, at: range.start, end: range.end })
    }

    /// The next field; `None` at the end of the message.
    ///
    /// # Errors
    /// When the message is malformed.
    pub fn next(&mut self) -> Result<Option<Field>> {
        if self.at == self.end {
            return Ok(None);
        }
        let at = self.at;
        let key = self.varint()?;
        let (number, kind) = (key >> 3, key & 7);
        if number == 0 || number > u64::from(u32::MAX >> 3) {
            return Err(fault(at, format!("{number} is no field number")));
        }
        let number_end = self.at;
        let value = match kind {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.take(8, at)?),
            5 => Value::Fixed32(self.take(4, at)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length, at)?)
            }
            other => {
                return Err(fault(at, format!("field {number} has the wire type {other}, which ONNX does not use")));
            }
        };
        Ok(Some(Field { number, at, number_end, end: self.at, value }))
    }

    fn take(&mut self, length: u64, at: usize) -> Result<Range<usize>> {
        let end = usize::try_from(length).ok().and_then(|n| self.at.checked_add(n)).filter(|&e| e <= self.end);
        let end = end.ok_or_else(|| {
            let file = self.bytes.len();
            // what lies around it ends with the file at the latest
            let problem = match self.end == file {
                true => format!(
                    "a field of {length} bytes reaches beyond the end of the file ({file} bytes): it is cut off"
                ),
                false => format!("a field of {length} bytes reaches beyond its message"),
            };
            fault(at, problem)
        })?;
        let range = self.at..end;
        self.at = end;
        Ok(range)
    }

    fn varint(&mut self) -> Result<u64> {
        let start = self.at;
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            if self.at == self.end {
                return Err(fault(start, "a number is cut off"));
            }
            let byte = self.bytes[self.at];
            self.at += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(value);
            }
        }
        Err(fault(start, "a number has more than 64 bits"))
    }
}

impl Field {
    /// The value as a nested message, a string or raw bytes.
    pub fn range(&self) -> Result<Range<usize>> {
        match &self.value {
            Value::Bytes(range) => Ok(range.clone()),
            _ => Err(self.mismatch("a length")),
        }
    }

    /// Where the length of a nested message, a string or a list is; empty for other values.
    pub fn length(&self) -> Range<usize> {
        match &self.value {
            Value::Bytes(range) => self.number_end..range.start,
            _ => self.number_end..self.number_end,
        }
    }

    /// Appends the place of one varint, or of every one in a packed list.
    pub fn varint_places(&self, bytes: &[u8], into: &mut Vec<Range<usize>>) -> Result<()> {
        let range = match &self.value {
            Value::Bytes(range) => range.clone(),
            Value::Varint(_) => self.number_end..self.end,
            _ => return Err(self.mismatch("integers")),
        };
        let mut packed = Fields::new(bytes, range)?;
        while packed.at < packed.end {
            let start = packed.at;
            packed.varint()?;
            into.push(start..packed.at);
        }
        Ok(())
    }

    /// The value as an integer.
    pub fn integer(&self) -> Result<i64> {
        match self.value {
            Value::Varint(value) => Ok(value.cast_signed()),
            _ => Err(self.mismatch("an integer")),
        }
    }

    /// The value as a string.
    pub fn text(&self, bytes: &[u8]) -> Result<String> {
        let raw = &bytes[self.range()?];
        std::str::from_utf8(raw).map(str::to_owned).map_err(|_| fault(self.at, "a text is not valid UTF-8"))
    }

    /// The value as a single-precision number.
    pub fn float(&self, bytes: &[u8]) -> Result<f32> {
        match &self.value {
            Value::Fixed32(range) => Ok(f32_at(bytes, range.start)),
            _ => Err(self.mismatch("a 32-bit number")),
        }
    }

    /// Appends one integer, or all integers of a packed list.
    pub fn integers(&self, bytes: &[u8], into: &mut Vec<i64>) -> Result<()> {
        match &self.value {
            Value::Varint(value) => into.push(value.cast_signed()),
            Value::Bytes(range) => {
                let mut packed = Fields::new(bytes, range.clone())?;
                while packed.at < packed.end {
                    into.push(packed.varint()?.cast_signed());
                }
            }
            _ => return Err(self.mismatch("integers")),
        }
        Ok(())
    }

    /// Appends the place of one number of `width` bytes, or of a packed list of them.
    pub fn places(&self, width: usize, into: &mut Vec<Range<usize>>) -> Result<()> {
        match &self.value {
            Value::Bytes(range) if range.len() % width == 0 => into.push(range.clone()),
            Value::Fixed32(range) if width == 4 => into.push(range.clone()),
            Value::Fixed64(range) if width == 8 => into.push(range.clone()),
            _ => return Err(self.mismatch("a list of numbers")),
        }
        Ok(())
    }

    fn mismatch(&self, wanted: &str) -> Error {
        fault(self.at, format!("field {} should hold {wanted}", self.number))
    }
}

/// The single-precision number at byte `at`.
fn f32_at(bytes: &[u8], at: usize) -> f32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    f32::from_le_bytes(four)
}

//! Reading the entries of a Matrix Market file, byte by byte.

use crate::error::{Error, ErrorKind, Result};

/// Entries in the order of the file, each mirrored one behind its original.
pub(super) struct Entries {
    pub(super) units: usize,
    pub(super) heads: Vec<u32>,
    pub(super) tails: Vec<u32>,
    pub(super) weights: Vec<f64>,
    /// Whether an entry is the mirror image of the one before; empty for general matrices.
    pub(super) mirrored: Vec<bool>,
}

#[derive(Clone, Copy, PartialEq)]
enum Symmetry {
    General,
    Symmetric,
    Skew,
}

struct Header {
    array: bool,
    pattern: bool,
    symmetry: Symmetry,
}

/// Lines that are neither blank nor comments, with their numbers from 1.
struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    fn raw(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let end = self.rest.iter().position(|&b| b == b'\n');
        let (line, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = if end.is_some() { &rest[1..] } else { rest };
        Some(line.trim_ascii())
    }

    fn content(&mut self) -> Option<&'a [u8]> {
        loop {
            let line = self.raw()?;
            if !line.is_empty() && line[0] != b'%' {
                return Some(line);
            }
        }
    }

    fn fault(&self, problem: impl Into<String>, remedy: &str) -> Error {
        Error::new(ErrorKind::Format, format!("line {}", self.number.max(1)), problem, remedy)
    }
}

/// Reads everything but the visible units; duplicates remain.
pub(super) fn entries(bytes: &[u8]) -> Result<Entries> {
    let mut lines = Lines { rest: bytes, number: 0 };
    let header = header(&mut lines)?;
    let Some(line) = lines.content() else {
        return Err(lines.fault("the file ends before the line of sizes", "copy the file again; it is truncated"));
    };
    let wanted = if header.array { 2 } else { 3 };
    let sizes: Option<Vec<u64>> = words(line).map(integer).collect();
    let sizes = match sizes {
        Some(sizes) if sizes.len() == wanted => sizes,
        _ => return Err(lines.fault(format!("not {wanted} sizes"), "give rows, columns and the number of entries")),
    };
    let n = sizes[0];
    if sizes[1] != n {
        let problem = format!("a matrix of {n} rows and {} columns", sizes[1]);
        return Err(lines.fault(problem, "give a square matrix with one row and one column for each unit"));
    }
    // a unit without an entry has no use: a file cannot hold many more useful units than bytes
    if n == 0 || n > bytes.len().max(1 << 20) as u64 || n >= u64::from(u32::MAX) {
        let problem = format!("{n} units in a file of {} bytes", bytes.len());
        return Err(lines.fault(problem, "check the line of sizes"));
    }
    if header.array { array(&mut lines, &header, n) } else { coordinate(&mut lines, &header, n, sizes[2]) }
}

fn header(lines: &mut Lines<'_>) -> Result<Header> {
    let line = lines.raw().unwrap_or_default().to_ascii_lowercase();
    let parts: Vec<&[u8]> = words(&line).collect();
    let ["%%matrixmarket", "matrix", layout, field, symmetry] =
        *parts.iter().map(|w| std::str::from_utf8(w).unwrap_or("?")).collect::<Vec<_>>()
    else {
        let remedy = "start the file with: %%MatrixMarket matrix coordinate real general";
        return Err(lines.fault("no Matrix Market header of five words", remedy));
    };
    let refuse = |what: &str| {
        let mut error = lines.fault(format!("{what:?} is not supported"), "give a real general matrix");
        error.kind = ErrorKind::Unsupported;
        Err(error)
    };
    let array = match layout {
        "coordinate" => false,
        "array" => true,
        other => return refuse(other),
    };
    let pattern = match field {
        "real" | "integer" | "double" => false,
        "pattern" if !array => true,
        other => return refuse(other),
    };
    let symmetry = match symmetry {
        "general" => Symmetry::General,
        "symmetric" => Symmetry::Symmetric,
        "skew-symmetric" if !pattern => Symmetry::Skew,
        other => return refuse(other),
    };
    Ok(Header { array, pattern, symmetry })
}

impl Entries {
    fn push(&mut self, row: u32, column: u32, weight: f64, symmetry: Symmetry) {
        self.heads.push(row);
        self.tails.push(column);
        self.weights.push(weight);
        if symmetry != Symmetry::General {
            self.mirrored.push(false);
            if row != column {
                self.heads.push(column);
                self.tails.push(row);
                self.weights.push(if symmetry == Symmetry::Skew { -weight } else { weight });
                self.mirrored.push(true);
            }
        }
    }
}

fn coordinate(lines: &mut Lines<'_>, header: &Header, n: u64, count: u64) -> Result<Entries> {
    // an entry takes at least four bytes; a number that lies reserves no more than the file could hold
    let room = (lines.rest.len() as u64 / 4 + 1).min(count) as usize;
    let mut found = empty(n, room);
    let mut read = 0u64;
    while let Some(line) = lines.content() {
        let mut parts = words(line);
        let mut index = || parts.next().and_then(integer);
        let (Some(row), Some(column)) = (index(), index()) else {
            return Err(lines.fault("no row and column", "give row, column and weight"));
        };
        if row == 0 || column == 0 || row > n || column > n {
            let problem = format!("entry ({row}, {column}) of a matrix of {n} rows");
            return Err(lines.fault(problem, "count rows and columns from 1"));
        }
        let weight = if header.pattern { 1.0 } else { number(lines, parts.next())? };
        if parts.next().is_some() {
            return Err(lines.fault("more words than an entry has", "give one entry on each line"));
        }
        if header.symmetry != Symmetry::General
            && (row < column || (header.symmetry == Symmetry::Skew && row == column))
        {
            let problem = format!("entry ({row}, {column}) is not in the stored triangle");
            return Err(lines.fault(problem, "give only entries below the diagonal of a symmetric matrix"));
        }
        if read == count {
            return Err(lines.fault(format!("more than the {count} announced entries"), "correct the line of sizes"));
        }
        read += 1;
        found.push(row as u32 - 1, column as u32 - 1, weight, header.symmetry);
    }
    if read < count {
        let problem = format!("the file ends after {read} of {count} entries");
        return Err(lines.fault(problem, "copy the file again; it is truncated"));
    }
    Ok(found)
}

/// Columns one after the other; one number for each place, or for each place of the lower triangle.
fn array(lines: &mut Lines<'_>, header: &Header, n: u64) -> Result<Entries> {
    let mut found = empty(n, lines.rest.len() / 4 + 1);
    let first_row = |column: u64| match header.symmetry {
        Symmetry::General => 0,
        Symmetry::Symmetric => column,
        Symmetry::Skew => column + 1,
    };
    let (mut row, mut column) = (first_row(0), 0);
    while let Some(line) = lines.content() {
        for word in words(line) {
            while row >= n && column < n {
                column += 1;
                row = first_row(column);
            }
            if column >= n {
                return Err(lines.fault("more numbers than places", "correct the line of sizes"));
            }
            let weight = number(lines, Some(word))?;
            if weight != 0.0 {
                found.push(row as u32, column as u32, weight, header.symmetry);
            }
            row += 1;
        }
    }
    while row >= n && column < n {
        column += 1;
        row = first_row(column);
    }
    if column < n {
        let problem = format!("the file ends before the number of row {}, column {}", row + 1, column + 1);
        return Err(lines.fault(problem, "copy the file again; it is truncated"));
    }
    Ok(found)
}

fn empty(n: u64, room: usize) -> Entries {
    Entries {
        units: n as usize,
        heads: Vec::with_capacity(room),
        tails: Vec::with_capacity(room),
        weights: Vec::with_capacity(room),
        mirrored: vec![],
    }
}

/// The line of connection `k`; only for messages, as it reads the file again.
pub(super) fn line_of_entry(bytes: &[u8], mirrored: &[bool], k: usize) -> usize {
    let originals = if mirrored.is_empty() { k } else { mirrored[..=k].iter().filter(|m| !**m).count() - 1 };
    let mut lines = Lines { rest: bytes, number: 0 };
    let array = lines.raw().is_some_and(|l| l.to_ascii_lowercase().split(|b| *b == b' ').any(|w| w == b"array"));
    lines.content();
    let mut seen = 0;
    while let Some(line) = lines.content() {
        // zeros of an array are no entries
        let zero = |w: &[u8]| std::str::from_utf8(w).ok().and_then(|w| w.parse::<f64>().ok()) == Some(0.0);
        seen += if array { words(line).filter(|w| !zero(w)).count() } else { 1 };
        if seen > originals {
            break;
        }
    }
    lines.number
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty())
}

fn integer(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 18 {
        return None;
    }
    word.iter().try_fold(0u64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u64::from(b - b'0')))
}

fn number(lines: &Lines<'_>, word: Option<&[u8]>) -> Result<f64> {
    let Some(word) = word else {
        return Err(lines.fault("no weight", "give row, column and weight"));
    };
    let value = std::str::from_utf8(word).ok().and_then(|w| w.parse::<f64>().ok());
    let shown = || String::from_utf8_lossy(&word[..word.len().min(40)]).into_owned();
    match value {
        Some(value) if value.is_finite() => Ok(value),
        Some(_) => Err(lines.fault(format!("the weight {} is not finite", shown()), "give finite weights")),
        None => Err(lines.fault(format!("{:?} is no number", shown()), "write numbers like -1.5e-3")),
    }
}

//! Networks as Matrix Market files: entry `(i, j)` is the weight of the connection from unit `j` to unit `i`.
//!
//! Units are numbered from 1 and all linear; those that are neither inputs nor outputs are hidden. Without inputs and
//! outputs, balancing is the classical balancing of the matrix.

mod parse;

use super::{Activation, Connections, Network, Role, Unit, validate};
use crate::error::{Error, ErrorKind, Result};
use crate::files::write_atomic;
use compact_str::ToCompactString;
use parse::{Entries, entries, line_of_entry};
use std::fmt::Write;
use std::ops::Range;
use std::path::Path;

/// Largest matrix file that is read: 16 GiB.
const MAX_FILE: u64 = 1 << 34;

/// Which units of a matrix are visible, as ranges of indices from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visible {
    /// Units whose output is given.
    pub inputs: Vec<Range<usize>>,
    /// Units whose output is the answer.
    pub outputs: Vec<Range<usize>>,
}

/// Ranges like `1-100,205`: numbers from 1, both ends included. The answer counts from 0, with ends excluded.
///
/// # Errors
/// When the text has another form, a number is 0 or too large, or a range runs backwards.
pub fn parse_ranges(text: &str) -> Result<Vec<Range<usize>>> {
    let fault = |part: &str, problem: &str| {
        Err(Error::new(
            ErrorKind::Parameter,
            format!("range {part:?}"),
            problem,
            "write ranges like 1-100,205 with units numbered from 1",
        ))
    };
    let mut ranges = vec![];
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |digits: &str| {
            let digits = digits.trim();
            // usize would accept a plus sign
            if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse::<usize>().ok() } else { None }
        };
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            return fault(part, "no number, or no pair of numbers");
        };
        if first == 0 || last > u32::MAX as usize {
            return fault(part, "units are numbered from 1 to 4294967295");
        }
        if first > last {
            return fault(part, "it runs backwards");
        }
        ranges.push(first - 1..last);
    }
    Ok(ranges)
}

/// Reads a network from a Matrix Market file.
///
/// Coordinate and array files; real, integer and pattern entries (a pattern entry weighs 1); general, symmetric and
/// skew-symmetric, whose mirrored entries are connections of their own. Zeros of a coordinate file are connections,
/// zeros of an array are not.
///
/// Complexity: O(file).
///
/// # Errors
/// Names the file and the line: not readable, not a square real matrix, truncated, with more entries than announced,
/// an index out of range, a number that is not finite, an entry twice, an entry into an input.
pub fn read(path: &Path, visible: &Visible) -> Result<Network> {
    let failed = |e: std::io::Error| Error::io(path, "reading the matrix", &e);
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_FILE {
        let problem = format!("the file has {size} bytes; the limit is {MAX_FILE}");
        return Err(Error::new(ErrorKind::Unsupported, "size", problem, "split the matrix").in_file(path));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    parse(&bytes, visible).map_err(|e| e.in_file(path))
}

/// Reads a network from the bytes of a Matrix Market file.
///
/// # Errors
/// As for [`read`]; the error names no file.
pub fn parse(bytes: &[u8], visible: &Visible) -> Result<Network> {
    let Entries { units: n, heads, tails, weights, mirrored } = entries(bytes)?;
    let roles = roles(n, visible)?;
    let place = |k: usize| format!("line {}", line_of_entry(bytes, &mirrored, k));
    if let Some(k) = heads.iter().position(|&head| roles[head as usize] == Role::Input) {
        return Err(Error::new(
            ErrorKind::Network,
            place(k),
            format!("an entry in row {}, which is an input: no connection may lead there", heads[k] + 1),
            "remove the entry, or the unit from the inputs",
        ));
    }
    if let Some((first, second)) = validate::duplicate(n, &tails, &heads) {
        return Err(Error::new(
            ErrorKind::Format,
            place(second),
            format!("entry ({}, {}) was given before, on {}", heads[second] + 1, tails[second] + 1, place(first)),
            "add up entries of the same place",
        ));
    }
    let unit = |i: usize| Unit::new((i + 1).to_compact_string(), roles[i], Activation::Linear);
    let parameters = (0..heads.len() as u32).collect();
    Network::new((0..n).map(unit).collect(), weights, Connections { tails, heads, parameters })
}

fn roles(units: usize, visible: &Visible) -> Result<Vec<Role>> {
    let mut roles = vec![Role::Hidden; units];
    for (ranges, role, option) in
        [(&visible.inputs, Role::Input, "inputs"), (&visible.outputs, Role::Output, "outputs")]
    {
        for range in ranges {
            let fault = |problem: String| {
                let place = format!("{option} {}-{}", range.start + 1, range.end);
                Err(Error::new(ErrorKind::Parameter, place, problem, "name each visible unit once, from 1"))
            };
            if range.end > units {
                return fault(format!("the matrix has {units} rows"));
            }
            for i in range.clone() {
                if roles[i] != Role::Hidden {
                    return fault(format!("unit {} was named before", i + 1));
                }
                roles[i] = role;
            }
        }
    }
    Ok(roles)
}

/// The text of the weight matrix of `network`: coordinate, real, general, in the order of the connections.
///
/// A matrix knows nothing of names, roles, activations, groups and states; keep the network's own file for those.
#[must_use]
pub fn to_text(network: &Network) -> String {
    let n = network.units().len();
    let count = network.connections().len();
    let mut text = String::with_capacity(64 + 32 * count);
    // writing to a string cannot fail
    let _ = writeln!(text, "%%MatrixMarket matrix coordinate real general\n{n} {n} {count}");
    for (tail, head, parameter) in network.connections().iter() {
        let _ = writeln!(text, "{} {} {:?}", head + 1, tail + 1, network.parameters()[parameter]);
    }
    text
}

/// Writes the weight matrix of `network`, as [`to_text`].
///
/// # Errors
/// When the file exists and `force` is false, or the operating system refuses.
pub fn write(network: &Network, path: &Path, force: bool) -> Result<()> {
    write_atomic(path, to_text(network).as_bytes(), force)
}

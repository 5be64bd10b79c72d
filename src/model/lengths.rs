//! Lengths of messages around bytes that take another number of bytes than before.

use super::patch::Piece;
use super::tensor::{Tensor, write_varint};
use super::wire::fault;
use crate::error::Result;
use std::ops::Range;

/// New length fields for all messages in which some piece is longer or shorter than what it replaces.
pub(super) fn resized(
    bytes: &[u8],
    tensors: &[&Tensor],
    pieces: &[(Range<usize>, Piece)],
) -> Result<Vec<(Range<usize>, Vec<u8>)>> {
    let growth = |place: &Range<usize>, new: &[u8]| new.len() as i64 - place.len() as i64;
    let mut grown: Vec<(usize, i64)> = pieces
        .iter()
        .filter_map(|(place, piece)| match piece {
            Piece::Bytes(new) => Some((place.start, growth(place, new))),
            Piece::Tensor(..) => None,
        })
        .filter(|g| g.1 != 0)
        .collect();
    if grown.is_empty() {
        return Ok(vec![]);
    }
    let mut fields: Vec<Range<usize>> = tensors.iter().flat_map(|t| &t.lengths).cloned().collect();
    // inner messages start later, and must be known before the messages around them
    fields.sort_by_key(|field| std::cmp::Reverse(field.start));
    fields.dedup();
    let mut all = vec![];
    for field in fields {
        let length = bytes[field.clone()].iter().rev().fold(0u64, |n, b| n << 7 | u64::from(b & 127));
        let message = field.end..field.end + length as usize;
        let change: i64 = grown.iter().filter(|g| message.contains(&g.0)).map(|g| g.1).sum();
        if change == 0 {
            continue;
        }
        let length = length.checked_add_signed(change).ok_or_else(|| fault(field.start, "a length is wrong"))?;
        let new = write_varint(length);
        grown.push((field.start, growth(&field, &new)));
        all.push((field, new));
    }
    Ok(all)
}

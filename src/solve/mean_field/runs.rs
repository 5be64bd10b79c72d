//! Entries whose variables are consecutive: units of a layer are, and loops over them need no list.

use std::ops::Range;

/// A stretch of entries with consecutive variables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    entry: usize,
    variable: usize,
    length: usize,
}

impl Run {
    /// All stretches of the entries from number `first` on with these variables.
    pub fn all(first: usize, variables: &[u32]) -> impl Iterator<Item = Self> {
        let mut entry = first;
        variables.chunk_by(|&a, &b| a + 1 == b).map(move |run| {
            let own = Self { entry, variable: run[0] as usize, length: run.len() };
            entry += run.len();
            own
        })
    }

    /// Its entries.
    #[inline]
    pub fn entries(&self) -> Range<usize> {
        self.entry..self.entry + self.length
    }

    /// Their variables.
    #[inline]
    pub fn variables(&self) -> Range<usize> {
        self.variable..self.variable + self.length
    }
}

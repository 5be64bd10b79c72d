//! Entries whose variables are consecutive: units of a layer are, and loops over them need no list.

use std::ops::Range;

/// A stretch of entries with consecutive variables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    entry: usize,
    variable: usize,
    length: usize,
}

impl Stretch {
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

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck_macros::quickcheck;

    #[quickcheck]
    fn stretches_tell_the_variable_of_every_entry_in_order(first: u8, variables: Vec<u8>) {
        // small numbers follow each other often
        let variables: Vec<u32> = variables.iter().map(|v| u32::from(v % 4)).collect();
        let stretches: Vec<Stretch> = Stretch::all(first.into(), &variables).collect();
        let pairs: Vec<(usize, usize)> = stretches.iter().flat_map(|run| run.entries().zip(run.variables())).collect();
        let expected: Vec<(usize, usize)> = (usize::from(first)..).zip(variables.iter().map(|&v| v as usize)).collect();
        assert_eq!(pairs, expected);
        // none could be longer
        assert!(stretches.windows(2).all(|two| two[0].variables().end != two[1].variables().start));
    }
}

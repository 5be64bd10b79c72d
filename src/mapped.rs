//! Floor 0: a file mapped into memory for reading.
//!
//! The only file of this crate that contains `unsafe`.
#![allow(unsafe_code)]

use crate::error::{Error, ErrorKind, Result};
use std::fs::File;
use std::ops::{Deref, Range};
use std::path::Path;

/// The bytes of a file, mapped for reading.
#[derive(Debug)]
pub struct Mapped(memmap2::Mmap);

impl Mapped {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened or mapped, or is empty.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            let remedy = "give the name of a file";
            return Err(Error::new(ErrorKind::Parameter, "file name", "it is a directory", remedy).in_file(path));
        }
        let file = File::open(path).map_err(|e| Error::io(path, "opening the file", &e))?;
        let length = file.metadata().map_err(|e| Error::io(path, "asking for the size of the file", &e))?.len();
        if length == 0 {
            return Err(
                Error::new(ErrorKind::Format, "byte 0", "the file is empty", "give a complete file").in_file(path)
            );
        }
        // SAFETY: the map is private to this process and read-only. What remains is that another process truncates or
        // changes the file while it is mapped; memory-mapped files share this condition, and the crate itself replaces
        // files only by renaming a finished sibling over them, which leaves the mapped inode untouched.
        let map = unsafe { memmap2::Mmap::map(&file) };
        map.map(Self).map_err(|e| Error::io(path, "mapping the file", &e))
    }
}

impl Mapped {
    /// Gives the memory of the pages that were read back to the system; reading them again loads them again.
    pub fn release(&self) {
        self.release_range(0..self.0.len());
    }

    /// The same for the pages in a range of bytes.
    ///
    /// # Panics
    /// When the range is not inside the file.
    pub fn release_range(&self, range: Range<usize>) {
        assert!(range.start <= range.end && range.end <= self.0.len(), "inside the file");
        // SAFETY: the map is read-only and backed by its file, so that dropped pages hold nothing that is not in the file.
        // Failure is harmless: the pages stay.
        #[cfg(unix)]
        let _ = unsafe { self.0.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) };
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

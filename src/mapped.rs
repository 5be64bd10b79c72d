//! Floor 0: a file mapped into memory for reading.
//!
//! The only file of this crate that contains `unsafe`.
#![allow(unsafe_code)]

use crate::error::{Error, ErrorKind, Result};
use std::fs::File;
use std::ops::Deref;
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

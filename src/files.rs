//! Floor 0: writing a file such that nobody ever sees half of it.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A new file beside its final place, until it is complete.
#[derive(Debug)]
pub struct AtomicFile {
    file: tempfile::NamedTempFile,
    path: PathBuf,
    force: bool,
}

impl AtomicFile {
    /// Starts a file that will be at `path`.
    ///
    /// # Errors
    /// When `path` exists and `force` is false, or the operating system refuses.
    pub fn create(path: &Path, force: bool) -> Result<Self> {
        let exists = || std::io::Error::new(std::io::ErrorKind::AlreadyExists, "the file exists already");
        if !force && path.exists() {
            return Err(Error::io(path, "writing", &exists()));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut options = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // a temporary file is private by default; the user's mask decides instead
            options.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = options.tempfile_in(folder).map_err(|e| Error::io(path, "writing", &e))?;
        Ok(Self { file, path: path.to_path_buf(), force })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| Error::io(&self.path, "writing", &e))
    }

    /// Puts the complete file in its place.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn finish(self) -> Result<()> {
        let failed = |e: &std::io::Error| Error::io(&self.path, "writing", e);
        self.file.as_file().sync_all().map_err(|e| failed(&e))?;
        let renamed = if self.force { self.file.persist(&self.path) } else { self.file.persist_noclobber(&self.path) };
        renamed.map(drop).map_err(|e| failed(&e.error))
    }
}

/// Writes `bytes` to a new file beside `path` and renames it to `path` when it is complete.
///
/// # Errors
/// When `path` exists and `force` is false, or the operating system refuses.
pub fn write_atomic(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    let mut file = AtomicFile::create(path, force)?;
    file.write(bytes)?;
    file.finish()
}

//! Floor 0: files that name each other, and writing a file such that nobody ever sees half of it.

#![forbid(unsafe_code)]

use crate::error::{Error, ErrorKind, Result};
use std::io::Write;
use std::path::{Component, Path, PathBuf};

/// The folder of a file.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether both paths lead to the same file, which exists.
#[must_use]
pub fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The file that another file in `folder` calls `location`; `place` says where it does.
///
/// # Errors
/// When the location is not relative, leaves the folder, also by a link, or leads to nothing.
pub fn beside(folder: &Path, location: &str, place: &str) -> Result<PathBuf> {
    let wrong = |problem: String, remedy: &str| Error::new(ErrorKind::Format, place, problem, remedy);
    let relative = Path::new(location);
    let plain = relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    let foreign = location.contains(['\\', '\0']) || location.as_bytes().get(1) == Some(&b':');
    if location.is_empty() || !plain || foreign {
        let problem = format!(
            "its numbers are in {location:?}, which leaves the folder of the file that says so, or is no relative path"
        );
        return Err(wrong(problem, "keep the files together, and give a relative path with / and without .."));
    }
    // without the components that lead nowhere, so that one file has one path
    let path = folder.join(relative.components().filter(|c| matches!(c, Component::Normal(_))).collect::<PathBuf>());
    let missing = |e: std::io::Error| {
        let problem = format!("its numbers are in {location:?}, and {}: {e}", path.display());
        Error::new(ErrorKind::Io, place, problem, "put the file with the weights beside the one that names it")
    };
    // links could lead anywhere
    let (real, home) = (path.canonicalize().map_err(missing)?, folder.canonicalize().map_err(missing)?);
    if !real.starts_with(&home) {
        let problem =
            format!("its numbers are in {location:?}, a link that leaves the folder of the file that says so");
        return Err(wrong(problem, "put the file itself beside the one that names it"));
    }
    Ok(path)
}

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
        let mut options = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // a temporary file is private by default; the user's mask decides instead
            options.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = options.tempfile_in(folder_of(path)).map_err(|e| Error::io(path, "writing", &e))?;
        Ok(Self { file, path: path.to_path_buf(), force })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| Error::io(&self.path, "writing", &e))
    }

    /// Puts the complete file in its place. One that replaces another is forced to the disk first; a new one is written when the
    /// system writes it, as any copy is.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn finish(self) -> Result<()> {
        let failed = |e: &std::io::Error| Error::io(&self.path, "writing", e);
        if self.force && self.path.exists() {
            // the file that is replaced goes only when this one is on the disk
            self.file.as_file().sync_all().map_err(|e| failed(&e))?;
        }
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

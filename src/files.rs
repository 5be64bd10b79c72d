//! Floor 0: writing a file such that nobody ever sees half of it.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use std::io::Write;
use std::path::Path;

/// Writes `bytes` to a new file beside `path` and renames it to `path` when it is complete.
///
/// # Errors
/// When `path` exists and `force` is false, or the operating system refuses.
pub fn write_atomic(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    let exists = || std::io::Error::new(std::io::ErrorKind::AlreadyExists, "the file exists already");
    if !force && path.exists() {
        return Err(Error::io(path, "writing", &exists()));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |e: &std::io::Error| Error::io(path, "writing", e);
    let mut options = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // a temporary file is private by default; the user's mask decides instead
        options.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = options.tempfile_in(folder).map_err(|e| failed(&e))?;
    file.write_all(bytes).map_err(|e| failed(&e))?;
    file.as_file().sync_all().map_err(|e| failed(&e))?;
    let renamed = if force { file.persist(path) } else { file.persist_noclobber(path) };
    renamed.map(drop).map_err(|e| failed(&e.error))
}

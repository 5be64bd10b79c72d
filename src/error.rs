//! One error type for the faults of the outside world: it names the file, the place in it and the remedy.
//!
//! Outcomes of a computation (not converged, no minimum) are not errors: they are statuses of the solution.

#![forbid(unsafe_code)]

use std::fmt;
use std::path::{Path, PathBuf};

/// What kind of fault it is; the command line maps it to an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The operating system refused to read or write.
    Io,
    /// A file is truncated, contradicts itself or is not in the expected format.
    Format,
    /// A weight, shape, index or graph that describes no valid network.
    Network,
    /// An option or parameter outside its range.
    Parameter,
    /// Valid input of a kind that this program does not handle.
    Unsupported,
}

/// A fault of the outside world.
#[derive(Debug)]
pub struct Error {
    /// Kind of the fault.
    pub kind: ErrorKind,
    /// File at fault, where there is one.
    pub file: Option<PathBuf>,
    /// Place in the file or network: a line, a tensor, a node, a unit, an option.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
    /// What the user can do about it.
    pub remedy: String,
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` at `place`: what is wrong, and the remedy.
    pub fn new(
        kind: ErrorKind,
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { kind, file: None, place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// A failed system call on `file`.
    pub fn io(file: &Path, action: &str, source: &std::io::Error) -> Self {
        let remedy = match source.kind() {
            std::io::ErrorKind::NotFound => "check the path",
            std::io::ErrorKind::PermissionDenied => "check the permissions of the file and its folder",
            std::io::ErrorKind::AlreadyExists => "choose another name, or overwrite with --force",
            _ => "check the path, the disk and its free space",
        };
        Self::new(ErrorKind::Io, action, source.to_string(), remedy).in_file(file)
    }

    /// The same error, naming the file in which it was found.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.file.get_or_insert_with(|| file.to_path_buf());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        write!(f, "{}: {}; {}", self.place, self.problem, self.remedy)
    }
}

impl std::error::Error for Error {}

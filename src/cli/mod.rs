//! Floor 6: the command line. What was typed is in `args`, what it means in one file per command.

mod apply;
mod args;
mod balance;
mod bottleneck;
mod compare;
mod demo;
mod exact;
mod function;
mod input;
mod inspect;
#[cfg(feature = "learning")]
mod learn;
mod manifold;
mod optimum;
mod origin;
mod settings;
mod verify;

use crate::error::{Error, ErrorKind, Result};
use args::{Cli, Command};
use clap::Parser;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// How the program ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Wrong usage: an option or parameter.
    Usage = 2,
    /// A file that cannot be read, understood or written.
    BadInput = 3,
    /// The tolerance was not reached.
    NotConverged = 4,
    /// The files do not match what was claimed.
    VerificationFailed = 5,
    /// No minimum exists; the part that has one is reported.
    NoMinimum = 6,
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        if error.kind == ErrorKind::Parameter { Self::Usage } else { Self::BadInput }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> Exit {
    let cli = Cli::parse();
    crate::model::silence_engine();
    keep_memory();
    let result = match &cli.command {
        Command::Balance(args) => balance::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Apply(args) => apply::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Manifold(args) => manifold::run(args),
        Command::Demo(args) => demo::run(args),
        #[cfg(feature = "learning")]
        Command::Learn(args) => learn::run(args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        Exit::from(&error)
    })
}

/// Keeps freed memory, a little of it, for what is allocated next.
///
/// The allocator of Linux (glibc) gives all beyond 128 KB back to the system, which clears it before it lends it again: in a
/// solve of 3,000 log-scales that took a fifth of the time. Once a larger piece was freed it keeps twice as much as that (the
/// manual page of mallopt, M_MMAP_THRESHOLD). Nothing is written to this one, so that it takes no memory itself.
fn keep_memory() {
    const PIECE: usize = 4 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(PIECE)));
}

/// Prints a report, whole: as one JSON object, or as text for people.
fn show(report: &impl Serialize, as_json: bool, text: impl FnOnce() -> String) -> Result<()> {
    let text = if as_json { json(report)? } else { text() };
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // the reader has seen enough
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            let remedy = "check where the output goes";
            Err(Error::new(ErrorKind::Io, "standard output", error.to_string(), remedy))
        }
        Ok(()) => Ok(()),
    }
}

/// Any report as text, with a newline at the end.
fn json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(ErrorKind::Io, "JSON", e.to_string(), "report this as a fault of the program"))?;
    Ok(text + "\n")
}

/// Refuses before the work what would be refused after it.
fn check_target(path: &Path, force: bool) -> Result<()> {
    let wrong = |problem: &str, remedy: &str| Err(Error::new(ErrorKind::Io, "writing", problem, remedy).in_file(path));
    if path.is_dir() {
        return wrong("it is a directory", "give the name of a file");
    }
    if path.exists() && !force {
        return wrong("the file exists already", "choose another name, or overwrite with --force");
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            wrong(&format!("there is no folder {}", folder.display()), "make the folder first")
        }
        _ => Ok(()),
    }
}

//! Floor 6: the command line. What was typed is in `args`, what it means in one file per command.

mod apply;
mod args;
mod balance;
mod compare;
mod demo;
mod input;
mod inspect;
mod manifold;
mod settings;
mod verify;

use crate::error::{Error, ErrorKind};
use args::{Cli, Command};
use clap::Parser;

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
    let result = match &cli.command {
        Command::Balance(args) => balance::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Apply(args) => apply::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Manifold(args) => manifold::run(args),
        Command::Demo(args) => demo::run(args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        Exit::from(&error)
    })
}

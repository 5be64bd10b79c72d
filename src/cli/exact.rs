//! `--exact`: the scaling under which every weight that is written is the exact optimum, rounded once.

use super::args::Balance;
use super::input::Input;
use super::settings::Norm;
use crate::balance::Balanced;
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::{Lowered, Scaling};
use crate::solve::Settings;

/// The scaling with bounds of `--exact`: of two words where these decide every weight, of 192 digits elsewhere.
pub fn exact(
    args: &Balance,
    input: &Input,
    balanced: &Balanced,
    lowered: &Lowered,
    (norm, settings): (&Norm, &Settings),
    notes: &mut Vec<String>,
) -> Result<Scaling> {
    let refused = |why: String| {
        let problem = format!("exact rounding cannot be proved: {why}");
        Error::new(ErrorKind::Unsupported, "--exact", problem, "leave the option out").in_file(&args.input)
    };
    let in_file = |e: Error| e.in_file(&args.input);
    let scaling = balanced.exact(&lowered.problem, args.limit).map_err(refused)?;
    let rehearsal = input.write(&input.scaled(&scaling).map_err(in_file)?, None, args.force)?;
    if rehearsal.decisions.undecided == 0 {
        return Ok(scaling);
    }
    let apart = input.lower_apart(norm, &args.reading).map_err(in_file)?;
    Ok(balanced.sharper(&lowered.problem, &apart.problem, settings, args.limit).unwrap_or_else(|why| {
        notes.push(format!("what two words leave undecided stays so: {why}"));
        scaling
    }))
}

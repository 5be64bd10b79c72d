//! `synbal compare`.

use super::args::Compare;
use super::input::Input;
use super::settings::{Norm, limit_threads};
use super::{Exit, show};
use crate::compare::compare;
use crate::error::{Error, ErrorKind, Result};
use crate::existence::existence;
use crate::lowered::{Lowered, Scaling};
use crate::report::{SCHEMA, ScalesFile, UnitScale, pairs, small, table};
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    schema: u32,
    status: String,
    same_up_to_scaling: bool,
    /// Whether the second is the limit of the first, its escaping weights zero.
    limit: bool,
    reason: Option<String>,
    /// Largest relative difference of a weight after scaling the first network.
    weight_difference: Option<f64>,
    tolerance: f64,
    /// Log-scales from the first to the second network.
    scales: Vec<UnitScale>,
}

/// The scaling that takes one network to another, as well as there is one.
#[derive(Default)]
pub struct Recovered {
    /// None when the networks differ in more than weights, or in which weights are zero.
    pub scaling: Option<Scaling>,
    /// Largest relative difference of a weight after scaling; infinite where the scaling fails.
    pub difference: Option<f64>,
    /// What tells the networks apart.
    pub reason: Option<String>,
}

/// Units that the table for people shows.
const SHOWN: usize = 12;

pub fn run(args: &Compare) -> Result<Exit> {
    limit_threads(&args.reading)?;
    let norm = Norm::of(&args.reading)?;
    let first = Input::open(&args.first, &args.reading)?;
    let second = Input::open(&args.second, &args.reading)?;
    let a = first.lower(&norm, &args.reading).map_err(|e| e.in_file(&args.first))?;
    let b = second.lower(&norm, &args.reading).map_err(|e| e.in_file(&args.second))?;
    // rounding of both files, and of the recovered multipliers
    let tolerance = args.tolerance.unwrap_or(64.0 * first.roundoff().max(second.roundoff()));
    if !(tolerance >= 0.0 && tolerance.is_finite()) {
        let problem = format!("{tolerance} is no number from 0 up");
        return Err(Error::new(ErrorKind::Parameter, "--tolerance", problem, "leave it out for 64 roundings"));
    }
    let found = recover((&first, &a), (&second, &b))?;
    let same = found.difference.is_some_and(|d| d <= tolerance);
    let report = Report {
        schema: SCHEMA,
        status: if same { "same up to scaling" } else { "different" }.into(),
        same_up_to_scaling: same,
        limit: same && found.scaling.as_ref().is_some_and(|s| s.direction.is_some()),
        reason: found.reason.filter(|_| !same),
        weight_difference: found.difference,
        tolerance,
        scales: found.scaling.filter(|_| same).map_or(vec![], |s| ScalesFile::new(&a.units, &s).units),
    };
    show(&report, args.reading.json, || text(&report))?;
    Ok(if same { Exit::Done } else { Exit::VerificationFailed })
}

/// Looks for the scaling that takes the first network to the second; where the first has no minimum, also for the limit.
pub fn recover((first, a): (&Input, &Lowered), (second, b): (&Input, &Lowered)) -> Result<Recovered> {
    if let Some(reason) = first.difference_outside_weights(second) {
        return Ok(Recovered { reason: Some(reason), ..Recovered::default() });
    }
    let mut scaling = compare(&a.problem, &b.problem).map(|c| Scaling::new(c.log_scales));
    if scaling.is_none()
        && let Some(direction) = existence(&a.problem).direction()
        && first.limit_refusal(direction)?.is_none()
    {
        let rest = compare(&a.problem.without_falling(direction), &b.problem.without_falling(direction));
        scaling = rest.map(|c| Scaling::new(c.log_scales).along(direction.to_vec()));
    }
    let zeros = Scaling::new(vec![0.0; a.problem.variables()]);
    let (output, failed) = match first.scaled(scaling.as_ref().unwrap_or(&zeros)) {
        Ok(output) => (output, None),
        // weights that no scaling explains may ask for one that overflows
        Err(error) => (first.scaled(&zeros)?, Some(error.problem)),
    };
    let (difference, place) = first.weight_difference(&output, second);
    let reason = match (&scaling, failed) {
        (None, _) => "some weights are zero in one network only".into(),
        (_, Some(problem)) => format!("no scaling takes one set of weights to the other: {problem}"),
        _ => format!("no scaling takes one set of weights to the other; the difference is largest at {place}"),
    };
    let difference = scaling.is_some().then_some(difference);
    Ok(Recovered { scaling, difference, reason: Some(reason) })
}

fn text(r: &Report) -> String {
    let mut rows = vec![("status", r.status.clone())];
    if let Some(d) = r.weight_difference {
        rows.push(("difference", format!("{} of a weight after scaling, tolerance {}", small(d), small(r.tolerance))));
    }
    if let Some(reason) = &r.reason {
        rows.push(("reason", reason.clone()));
    }
    if r.limit {
        rows.push(("limit", "escaping weights of the first network are zero in the second".into()));
    }
    let mut text = format!("{}\n", pairs(&rows));
    if r.same_up_to_scaling && r.scales.iter().all(|u| u.log_scale == 0.0) {
        text += "\nno unit is scaled\n";
    } else if r.same_up_to_scaling {
        let row = |u: &UnitScale| vec![u.name.clone(), format!("{:.6}", u.log_scale)];
        let moved: Vec<&UnitScale> = r.scales.iter().filter(|u| u.log_scale != 0.0).collect();
        let shown = moved.iter().take(SHOWN).map(|u| row(u)).collect();
        text += &format!("\n{}\n", table(&["unit", "log-scale"], shown));
        if moved.len() > SHOWN {
            text += &format!("and {} more; --json lists all\n", moved.len() - SHOWN);
        }
    }
    text
}

//! `synbal compare`.

use super::args::Compare;
use super::input::Input;
use super::settings::{Norm, make_threads};
use super::{Exit, show};
use crate::compare::{Comparison, compare};
use crate::error::{Error, ErrorKind, Result};
use crate::existence::existence;
use crate::lowered::{Lowered, Scaling};
use crate::problem::LogScales;
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
    /// Whether all scales are powers of two, and all weights then agree to the last bit.
    exact: bool,
    /// The distance modulo scaling: the root of the sum of squares, over all weights, of the logarithms of the factors that no
    /// scaling explains; null where other weights are zero.
    distance: Option<f64>,
    /// Log-scales from the first to the second network; where they differ, those of least squares.
    scales: Vec<UnitScale>,
}

/// The scaling that takes one network to another, as well as there is one.
#[derive(Default)]
pub struct Recovered {
    /// None when the networks differ in more than weights, or in which weights are zero.
    pub scaling: Option<Scaling>,
    /// Largest relative difference of a weight after scaling; infinite where the scaling fails.
    pub difference: Option<f64>,
    /// What of it the rounding of logarithms explains.
    pub roundoff: f64,
    /// What tells the networks apart.
    pub reason: Option<String>,
    /// The distance modulo scaling, of weights or of the sums that the problem has for them.
    distance: Option<f64>,
}

/// Units that the table for people shows.
const SHOWN: usize = 12;

pub fn run(args: &Compare) -> Result<Exit> {
    make_threads(&args.reading)?;
    let norm = Norm::of(&args.reading)?;
    let first = Input::open(&args.first, &args.reading)?;
    let second = Input::open(&args.second, &args.reading)?;
    let a = first.lower(&norm, &args.reading).map_err(|e| e.in_file(&args.first))?;
    let b = second.lower(&norm, &args.reading).map_err(|e| e.in_file(&args.second))?;
    // rounding of both files, and of the recovered multipliers
    if let Some(tolerance) = args.tolerance.filter(|t| !(*t >= 0.0 && t.is_finite())) {
        let problem = format!("{tolerance} is no number from 0 up");
        return Err(Error::new(ErrorKind::Parameter, "--tolerance", problem, "leave it out for 64 roundings"));
    }
    let found = recover((&first, &a), (&second, &b))?;
    let tolerance = args.tolerance.unwrap_or(64.0 * first.roundoff().max(second.roundoff()) + found.roundoff);
    let same = found.difference.is_some_and(|d| d <= tolerance);
    // where weights of one place cost together, their sums tell less than they do
    let found = if same || found.scaling.is_none() { found } else { apart((&first, &second), &norm, args, found)? };
    let report = Report {
        schema: SCHEMA,
        status: if same { "same up to scaling" } else { "different" }.into(),
        same_up_to_scaling: same,
        limit: same && found.scaling.as_ref().is_some_and(|s| s.direction.is_some()),
        reason: found.reason.filter(|_| !same),
        weight_difference: found.difference,
        tolerance,
        exact: found.difference == Some(0.0),
        distance: found.distance,
        scales: found.scaling.map_or(vec![], |s| ScalesFile::new(&a.units, &s).units),
    };
    show(&report, args.reading.json, || text(&report))?;
    Ok(if same { Exit::Done } else { Exit::VerificationFailed })
}

/// Looks for the scaling that takes the first network to the second; where the first has no minimum, also for the limit.
pub fn recover((first, a): (&Input, &Lowered), (second, b): (&Input, &Lowered)) -> Result<Recovered> {
    if let Some(reason) = first.difference_outside_weights(second) {
        return Ok(Recovered { reason: Some(reason), ..Recovered::default() });
    }
    let mut comparison = compare(&a.problem, &b.problem);
    let mut direction = None;
    if comparison.is_none()
        && let Some(along) = existence(&a.problem).direction()
        && first.limit_refusal(along)?.is_none()
    {
        comparison = compare(&a.problem.without_falling(along), &b.problem.without_falling(along));
        direction = Some(along.to_vec());
    }
    let scaled = |scales: LogScales| Scaling { scales, direction: direction.clone(), bounds: None };
    let distance = comparison.as_ref().map(|c| c.distance);
    let roundoff = comparison.as_ref().map_or(0.0, |c| c.roundoff);
    if let Some(scaling) = comparison.as_ref().and_then(Comparison::powers_of_two).map(scaled)
        && let Ok(output) = first.scaled(&scaling)
        && first.weight_difference(&output, second).0 == 0.0
    {
        return Ok(Recovered {
            scaling: Some(scaling),
            difference: Some(0.0),
            distance: Some(0.0),
            ..Recovered::default()
        });
    }
    let scaling = comparison.map(|c| scaled(LogScales::new(c.log_scales)));
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
    Ok(Recovered { scaling, difference, roundoff, reason: Some(reason), distance })
}

/// Scales and distance of least squares over single weights.
fn apart((first, second): (&Input, &Input), norm: &Norm, args: &Compare, found: Recovered) -> Result<Recovered> {
    let a = first.lower_apart(norm, &args.reading).map_err(|e| e.in_file(&args.first))?;
    let b = second.lower_apart(norm, &args.reading).map_err(|e| e.in_file(&args.second))?;
    let fit = compare(&a.problem, &b.problem);
    let distance = fit.as_ref().map(|c| c.distance);
    Ok(Recovered { scaling: fit.map(|c| Scaling::new(c.log_scales)), distance, ..found })
}

fn text(r: &Report) -> String {
    let mut rows = vec![("status", r.status.clone())];
    if let Some(d) = r.weight_difference {
        rows.push(("difference", format!("{} of a weight after scaling, tolerance {}", small(d), small(r.tolerance))));
    }
    if let Some(distance) = r.distance.filter(|_| !r.same_up_to_scaling) {
        let text = "root of the sum of squared logarithms that no scaling explains";
        rows.push(("distance", format!("{}, {text}", small(distance))));
    }
    if r.exact {
        rows.push(("exact", "all scales are powers of two, all weights agree to the last bit".into()));
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

//! `synbal apply`.

use super::args::Apply;
use super::input::Input;
use super::settings::{Norm, make_threads};
use super::{Exit, check_target, show};
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::{Lowered, Scaling};
use crate::problem::LogScales;
use crate::report::{SCHEMA, ScalesFile, UnitScale};
use std::path::Path;

/// Log-scales of units that one variable determines may differ by this much; they are written with all digits.
const CONSISTENT: f64 = 1e-9;

pub fn run(args: &Apply) -> Result<Exit> {
    make_threads(&args.reading)?;
    check_target(&args.output, args.force)?;
    let file = read(&args.scales)?;
    let input = Input::open(&args.model, &args.reading)?;
    input.check_extension(&args.output)?;
    let lowered = input.lower(&Norm::of(&args.reading)?, &args.reading).map_err(|e| e.in_file(&args.model))?;
    let at = |e: Error| e.in_file(&args.scales);
    let whole = |u: &UnitScale| u.exact.map_or(0.0, |e| e.exponent.into());
    let exponents = free(&file, &lowered, |u| Some(whole(u))).map_err(at)?.into_iter().map(|e| e as i32).collect();
    let rest = free(&file, &lowered, |u| Some(u.exact.map_or(u.log_scale, |e| e.rest))).map_err(at)?;
    if let Some(unit) = file.units.iter().find(|u| !agrees(u)) {
        let problem = format!("unit {:?}: log_scale {} is not that of \"exact\"", unit.name, unit.log_scale);
        return Err(at(Error::new(ErrorKind::Format, "units", problem, "remove \"exact\" where you change log_scale")));
    }
    let limited = file.units.iter().any(|u| u.limit.is_some());
    let direction = if limited { Some(free(&file, &lowered, |u| u.limit).map_err(at)?) } else { None };
    if let Some(reason) = direction.as_deref().map(|d| input.limit_refusal(d)).transpose()?.flatten() {
        let remedy = "balance this network anew; its zeros are others";
        return Err(at(Error::new(ErrorKind::Network, "limit", reason, remedy)));
    }
    let scaling = Scaling { scales: LogScales::split(exponents, rest), direction, bounds: None };
    let output = input.scaled(&scaling).map_err(|e| e.in_file(&args.model))?;
    let notes = input.write(&output, Some(&args.output), args.force)?.notes;
    let problem = scaling.direction.as_ref().map(|d| lowered.problem.without_falling(d));
    let cost = problem.as_ref().unwrap_or(&lowered.problem).cost_at(&scaling.scales.total());
    let scaled = file.units.iter().filter(|u| u.log_scale != 0.0).count();
    let report = serde_json::json!({
        "schema": SCHEMA, "status": "applied", "units": file.units.len(), "scaled": scaled, "cost_after": cost,
        "notes": notes,
    });
    show(&report, args.reading.json, || {
        let notes: String = notes.iter().map(|note| format!("note: {note}\n")).collect();
        let all = file.units.len();
        format!(
            "{}: {scaled} of {all} units scaled, cost {}\n{notes}",
            args.output.display(),
            crate::report::cost(cost)
        )
    })?;
    Ok(Exit::Done)
}

/// Whether both ways to write a log-scale say the same.
fn agrees(unit: &UnitScale) -> bool {
    let difference =
        unit.exact.map_or(0.0, |e| f64::from(e.exponent) * std::f64::consts::LN_2 + e.rest - unit.log_scale);
    difference.abs() <= CONSISTENT * (1.0 + unit.log_scale.abs())
}

fn read(path: &Path) -> Result<ScalesFile> {
    let text = std::fs::read(path).map_err(|e| Error::io(path, "reading", &e))?;
    let file: ScalesFile = serde_json::from_slice(&text).map_err(|e| {
        let remedy = "give the file that `synbal balance --scales` wrote, and then the network";
        Error::new(ErrorKind::Format, format!("line {}, column {}", e.line(), e.column()), e.to_string(), remedy)
            .in_file(path)
    })?;
    if file.schema != SCHEMA {
        let problem = format!("version {} of the scales file is not known", file.schema);
        let remedy = "use the version of synbal that wrote it";
        return Err(Error::new(ErrorKind::Unsupported, "schema", problem, remedy).in_file(path));
    }
    Ok(file)
}

/// The free variables that give the units the listed values.
fn free(file: &ScalesFile, lowered: &Lowered, listed: impl Fn(&UnitScale) -> Option<f64>) -> Result<Vec<f64>> {
    let wrong = |unit: &str, problem: String| {
        Error::new(ErrorKind::Network, format!("unit {unit:?}"), problem, "use the scales of this network")
    };
    if file.units.len() != lowered.units.len() {
        let problem = format!("{} units for a network of {}", file.units.len(), lowered.units.len());
        return Err(Error::new(ErrorKind::Network, "units", problem, "use the scales of this network"));
    }
    let mut x = vec![0.0; lowered.problem.variables()];
    let mut values = Vec::with_capacity(file.units.len());
    for (scale, unit) in file.units.iter().zip(lowered.units.iter()) {
        if scale.name != unit.name {
            return Err(wrong(&scale.name, format!("the network has {:?} in its place", unit.name)));
        }
        let Some(value) = listed(scale) else {
            return Err(wrong(&scale.name, "it has no limit, and others have one".into()));
        };
        if !value.is_finite() {
            return Err(wrong(&scale.name, format!("the log-scale is {value}")));
        }
        if let [(v, c)] = *unit.form.terms() {
            x[v as usize] = value / c;
        }
        values.push(value);
    }
    for (value, unit) in values.iter().zip(lowered.units.iter()) {
        let implied = unit.form.at(&x);
        if (implied - value).abs() > CONSISTENT * (1.0 + implied.abs()) {
            let reason =
                if unit.form.terms().is_empty() { "it is frozen" } else { "units tied to it have other scales" };
            return Err(wrong(&unit.name, format!("{value} would change the function; {reason} ({implied})")));
        }
    }
    Ok(x)
}

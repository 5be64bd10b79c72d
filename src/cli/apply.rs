//! `synbal apply`.

use super::Exit;
use super::args::Apply;
use super::balance::{json, refuse_existing};
use super::input::Input;
use super::settings::{Norm, limit_threads};
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::{Lowered, Scaling};
use crate::report::{SCHEMA, ScalesFile};
use std::path::Path;

/// Log-scales of units that one variable determines may differ by this much; they are written with all digits.
const CONSISTENT: f64 = 1e-9;

pub fn run(args: &Apply) -> Result<Exit> {
    limit_threads(&args.reading)?;
    refuse_existing(&args.output, args.force)?;
    let input = Input::open(&args.model, &args.reading)?;
    let regularizer = Norm::of(&args.reading)?.regularizer()?;
    let lowered = input.lower(&regularizer, args.reading.biases).map_err(|e| e.in_file(&args.model))?;
    let file = read(&args.scales)?;
    let log_scales = free(&file, &lowered).map_err(|e| e.in_file(&args.scales))?;
    let scaling = Scaling { log_scales, direction: None };
    let (output, notes) = input.scaled(&scaling).map_err(|e| e.in_file(&args.model))?;
    input.write(&output, &args.output, args.force)?;
    let cost = lowered.problem.cost_at(&scaling.log_scales);
    if args.reading.json {
        let report = serde_json::json!({
            "schema": SCHEMA, "status": "applied", "units": file.units.len(), "cost_after": cost, "notes": notes,
        });
        println!("{}", json(&report)?);
    } else {
        println!("{}: {} units scaled, cost {cost:.12e}", args.output.display(), file.units.len());
        notes.iter().for_each(|note| println!("note: {note}"));
    }
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<ScalesFile> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "reading", &e))?;
    let file: ScalesFile = serde_json::from_str(&text).map_err(|e| {
        let remedy = "give a file that `synbal balance --scales` wrote";
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

/// The free log-scales that give the units the listed ones.
fn free(file: &ScalesFile, lowered: &Lowered) -> Result<Vec<f64>> {
    let wrong = |unit: &str, problem: String| {
        Error::new(ErrorKind::Network, format!("unit {unit:?}"), problem, "use the scales of this network")
    };
    if file.units.len() != lowered.units.len() {
        let problem = format!("{} units for a network of {}", file.units.len(), lowered.units.len());
        return Err(Error::new(ErrorKind::Network, "units", problem, "use the scales of this network"));
    }
    let mut x = vec![0.0; lowered.problem.variables()];
    for (scale, unit) in file.units.iter().zip(&lowered.units) {
        if scale.name != unit.name {
            return Err(wrong(&scale.name, format!("the network has {:?} in its place", unit.name)));
        }
        if !scale.log_scale.is_finite() {
            return Err(wrong(&scale.name, format!("the log-scale is {}", scale.log_scale)));
        }
        if let [(v, c)] = *unit.form.terms() {
            x[v as usize] = scale.log_scale / c;
        }
    }
    for (scale, unit) in file.units.iter().zip(&lowered.units) {
        let implied = unit.form.at(&x);
        if (implied - scale.log_scale).abs() > CONSISTENT * (1.0 + implied.abs()) {
            let problem =
                format!("log-scale {} would change the function; units tied to it allow {implied}", scale.log_scale);
            return Err(wrong(&scale.name, problem));
        }
    }
    Ok(x)
}

//! `synbal compare`.

use super::Exit;
use super::args::Compare;
use super::balance::json;
use super::input::Input;
use super::settings::{Norm, limit_threads};
use crate::compare::compare;
use crate::error::Result;
use crate::lowered::Scaling;
use crate::report::{SCHEMA, ScalesFile, UnitScale, pairs, table};
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    schema: u32,
    status: String,
    same_up_to_scaling: bool,
    reason: Option<String>,
    /// Largest relative difference of a weight after scaling the first network.
    weight_difference: Option<f64>,
    tolerance: f64,
    /// Log-scales from the first to the second network.
    scales: Vec<UnitScale>,
}

/// Units that the table for people shows.
const SHOWN: usize = 12;

pub fn run(args: &Compare) -> Result<Exit> {
    limit_threads(&args.reading)?;
    let regularizer = Norm::of(&args.reading)?.regularizer()?;
    let first = Input::open(&args.first, &args.reading)?;
    let second = Input::open(&args.second, &args.reading)?;
    let a = first.lower(&regularizer, args.reading.biases).map_err(|e| e.in_file(&args.first))?;
    let b = second.lower(&regularizer, args.reading.biases).map_err(|e| e.in_file(&args.second))?;
    // rounding of both files, and of the recovered multipliers
    let tolerance = args.tolerance.unwrap_or(64.0 * first.roundoff().max(second.roundoff()));
    let mut report = Report {
        schema: SCHEMA,
        status: "different".into(),
        same_up_to_scaling: false,
        reason: None,
        weight_difference: None,
        tolerance,
        scales: vec![],
    };
    match compare(&a.problem, &b.problem) {
        None => report.reason = Some("the networks differ in architecture, or in which weights are zero".into()),
        Some(comparison) => {
            let scaling = Scaling { log_scales: comparison.log_scales, direction: None };
            let scaled = first.scaled(&scaling).map_err(|e| e.in_file(&args.first))?.0;
            report.weight_difference = Input::weight_difference(&scaled, &second);
            report.scales = ScalesFile::new(&a.units, &scaling.log_scales).units;
            report.same_up_to_scaling = report.weight_difference.is_some_and(|d| d <= tolerance);
            if report.same_up_to_scaling {
                report.status = "same up to scaling".into();
            } else {
                report.reason = Some("no scaling takes one set of weights to the other".into());
            }
        }
    }
    if args.reading.json {
        println!("{}", json(&report)?);
    } else {
        print!("{}", text(&report));
    }
    Ok(if report.same_up_to_scaling { Exit::Done } else { Exit::VerificationFailed })
}

fn text(r: &Report) -> String {
    let mut rows = vec![("status", r.status.clone())];
    if let Some(d) = r.weight_difference {
        rows.push(("difference", format!("{d:.1e} of a weight after scaling, tolerance {:.1e}", r.tolerance)));
    }
    if let Some(reason) = &r.reason {
        rows.push(("reason", reason.clone()));
    }
    let mut text = format!("{}\n", pairs(&rows));
    if r.same_up_to_scaling {
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

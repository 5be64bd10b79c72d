//! `synbal balance`.

use super::Exit;
use super::args::Balance;
use super::input::Input;
use super::settings::{Norm, limit_threads, progress, settings};
use crate::balance::{Balanced, balance};
use crate::error::{Error, ErrorKind, Result};
use crate::existence::Existence;
use crate::files::write_atomic;
use crate::lowered::{Lowered, Scaling};
use crate::model::FunctionCheck;
use crate::report::{BalanceReport, FrozenNode, SCHEMA, ScalesFile, Seconds, left_alone, pairs};
use crate::solve::{Settings, Status, minimax};
use std::path::Path;
use std::time::Instant;

pub fn run(args: &Balance) -> Result<Exit> {
    let begin = Instant::now();
    limit_threads(&args.reading)?;
    let norm = Norm::of(&args.reading)?;
    for path in args.output.iter().chain(&args.scales) {
        refuse_existing(path, args.force)?;
    }
    let input = Input::open(&args.input, &args.reading)?;
    let lowered = input.lower(&norm.regularizer()?, args.reading.biases).map_err(|e| e.in_file(&args.input))?;
    let settings = settings(&args.solving, &lowered.layers)?;
    let read = begin.elapsed().as_secs_f64();

    let started = Instant::now();
    let balanced = solve(&lowered, norm, &settings)?;
    let mut report = report(&balanced, &lowered, norm);
    let scaling = scaling(args, &input, &balanced, &mut report)?;
    report.seconds = Seconds { read, solve: started.elapsed().as_secs_f64(), ..Seconds::default() };

    let started = Instant::now();
    let (output, notes) = input.scaled(&scaling).map_err(|e| e.in_file(&args.input))?;
    report.notes.extend(notes);
    if let Some(path) = &args.output {
        input.write(&output, path, args.force)?;
        report.residual_written = Some(residual(path, args, norm, &balanced)?);
    }
    if let Some(path) = &args.scales {
        let file = ScalesFile::new(&lowered.units, &scaling.log_scales);
        write_atomic(path, format!("{}\n", json(&file)?).as_bytes(), args.force)?;
    }
    report.seconds.write = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let check = if args.no_check {
        FunctionCheck::Unchecked { reason: "--no-check".into() }
    } else {
        input.check(&output, args.solving.seed)
    };
    match check {
        FunctionCheck::Compared { difference, rounding, notes, .. } => {
            report.function_difference = Some(difference);
            report.function_rounding = Some(rounding);
            report.notes.extend(notes);
        }
        FunctionCheck::Unchecked { reason } => report.unchecked = Some(reason),
    }
    report.seconds.check = started.elapsed().as_secs_f64();
    report.seconds.total = begin.elapsed().as_secs_f64();
    if args.reading.json {
        println!("{}", json(&report)?);
    } else {
        print!("{}{}", text(&report, args), left_alone(&lowered));
    }
    Ok(exit(&report))
}

/// Refuses before the work what would be refused after it.
pub fn refuse_existing(path: &Path, force: bool) -> Result<()> {
    if path.exists() && !force {
        let problem = "the file exists already";
        return Err(Error::new(ErrorKind::Io, "writing", problem, "choose another name, or overwrite with --force")
            .in_file(path));
    }
    Ok(())
}

/// Any report as text.
pub fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(ErrorKind::Io, "JSON", e.to_string(), "report this as a fault of the program"))
}

fn solve(lowered: &Lowered, norm: Norm, settings: &Settings) -> Result<Balanced> {
    let mut balanced = match norm {
        Norm::P(_) => return balance(&lowered.problem, settings, &mut progress()),
        // existence and the figures before are those of the sum of magnitudes
        Norm::Infinity => {
            let none = Settings { max_iterations: 0, ..settings.clone() };
            balance(&lowered.problem, &none, &mut progress())?
        }
    };
    let rest;
    let attained = match balanced.existence.direction() {
        Some(direction) => {
            rest = lowered.problem.without_falling(direction);
            &rest
        }
        None => &lowered.problem,
    };
    let before = crate::solve::largest_weight(attained, &vec![0.0; attained.variables()]);
    let optimum = minimax(attained)?;
    let gap = if optimum.bound > 0.0 { optimum.largest / optimum.bound - 1.0 } else { 0.0 };
    balanced.cost_before = before;
    balanced.solution.cost = optimum.largest;
    balanced.solution.log_scales = optimum.log_scales;
    balanced.residual_before = if optimum.bound > 0.0 { before / optimum.bound - 1.0 } else { 0.0 };
    balanced.solution.residual = gap.abs();
    balanced.solution.error_bound = f64::INFINITY;
    balanced.solution.passes = 0.0;
    balanced.solution.status = if gap.abs() <= 1e-6 { Status::Converged } else { Status::Stalled };
    Ok(balanced)
}

fn report(balanced: &Balanced, lowered: &Lowered, norm: Norm) -> BalanceReport {
    let solution = &balanced.solution;
    let mut notes = vec![];
    if norm == Norm::Infinity {
        notes.push(
            "norm inf: costs are largest weights, residuals are how far they are above the optimum; \
                    the optimum is one of many"
                .to_string(),
        );
    }
    BalanceReport {
        schema: SCHEMA,
        status: solution.status.name().to_string(),
        existence: balanced.existence.name().to_string(),
        reason: match &balanced.existence {
            Existence::Undecided(why) => Some(why.clone()),
            _ => None,
        },
        norm: norm.json(),
        method: if norm == Norm::Infinity { "lp".into() } else { solution.method.name().into() },
        units: lowered.units.len(),
        variables: lowered.problem.variables(),
        dimension: balanced.dimension,
        weights: lowered.weights,
        cost_before: balanced.cost_before,
        cost_after: solution.cost,
        residual_before: balanced.residual_before,
        residual_after: solution.residual,
        residual_written: None,
        error_bound: solution.error_bound.is_finite().then_some(solution.error_bound),
        iterations: solution.iterations,
        passes: solution.passes,
        seconds: Seconds::default(),
        frozen: lowered.frozen.iter().map(FrozenNode::from).collect(),
        dead: lowered.dead.clone(),
        escaping: balanced.escaping.clone(),
        escaping_count: balanced.escaping_count,
        function_difference: None,
        function_rounding: None,
        unchecked: None,
        notes,
    }
}

/// The scaling to apply: the limit where it was asked for and keeps the function.
fn scaling(args: &Balance, input: &Input, balanced: &Balanced, report: &mut BalanceReport) -> Result<Scaling> {
    let Some(direction) = balanced.existence.direction() else { return Ok(balanced.scaling(false)) };
    if report.status == Status::Converged.name() {
        report.status = "no minimum".into();
    }
    if !args.limit {
        report.reason =
            Some("the cost falls for ever along the escaping connections; --limit sets them to zero".into());
        return Ok(balanced.scaling(false));
    }
    match input.limit_refusal(direction)? {
        Some(reason) => {
            report.reason = Some(format!("the limit is refused: {reason}"));
            Ok(balanced.scaling(false))
        }
        None => {
            if report.status == "no minimum" {
                report.status = "limit".into();
            }
            Ok(balanced.scaling(true))
        }
    }
}

/// The residual of the file that was written.
fn residual(path: &Path, args: &Balance, norm: Norm, balanced: &Balanced) -> Result<f64> {
    let written = Input::open(path, &args.reading)?.lower(&norm.regularizer()?, args.reading.biases)?.problem;
    let rest = balanced.existence.direction().map(|d| written.without_falling(d));
    let written = rest.unwrap_or(written);
    if norm == Norm::Infinity {
        let largest = crate::solve::largest_weight(&written, &vec![0.0; written.variables()]);
        return Ok((largest / balanced.solution.cost - 1.0).abs());
    }
    Ok(written.point(&vec![0.0; written.variables()]).flows().residual())
}

fn exit(report: &BalanceReport) -> Exit {
    match report.status.as_str() {
        "converged" | "limit" => Exit::Done,
        "no minimum" => Exit::NoMinimum,
        _ => Exit::NotConverged,
    }
}

fn text(report: &BalanceReport, args: &Balance) -> String {
    let r = report;
    let saved = if r.cost_before > 0.0 { 100.0 * (1.0 - r.cost_after / r.cost_before) } else { 0.0 };
    let maybe = |value: Option<f64>| value.map_or("unknown".into(), |v| format!("{v:.1e}"));
    let mut rows = vec![
        ("status", format!("{} ({})", r.status, r.existence)),
        ("norm", r.norm.to_string()),
        (
            "method",
            format!("{}, {} iterations, {:.0} passes, {:.3} s", r.method, r.iterations, r.passes, r.seconds.solve),
        ),
        ("units", format!("{} with a scale, {} free, dimension {}", r.units, r.variables, r.dimension)),
        ("weights", r.weights.to_string()),
        ("cost", format!("{:.12e} -> {:.12e} ({saved:.2} % less)", r.cost_before, r.cost_after)),
        ("residual", format!("{:.1e} -> {:.1e}", r.residual_before, r.residual_after)),
        ("error bound", format!("{} (relative, of every weight)", maybe(r.error_bound))),
    ];
    if let (Some(written), Some(path)) = (r.residual_written, &args.output) {
        rows.push(("written", format!("{}, residual there {written:.1e}", path.display())));
    }
    match (&r.unchecked, r.function_difference) {
        (None, Some(d)) => {
            let noise = format!("rounding alone {}", maybe(r.function_rounding));
            rows.push(("function", format!("outputs differ by {d:.1e} of their range; {noise}")));
        }
        (reason, _) => rows.push(("function", format!("unchecked: {}", reason.as_deref().unwrap_or("unknown")))),
    }
    if let Some(reason) = &r.reason {
        rows.push(("reason", reason.clone()));
    }
    if r.escaping_count > 0 {
        rows.push(("escaping", format!("{}: {}", r.escaping_count, r.escaping.join("; "))));
    }
    r.notes.iter().for_each(|note| rows.push(("note", note.clone())));
    format!("{}\n", pairs(&rows))
}

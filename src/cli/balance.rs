//! `synbal balance`.

use super::args::Balance;
use super::bottleneck::bottleneck;
use super::exact::exact;
use super::input::Input;
use super::optimum::{constrain, solve};
use super::origin::Origin;
use super::settings::{Norm, make_threads, settings};
use super::{Exit, check_target, function, json, show};
use crate::balance::Balanced;
use crate::certificate::Certificate;
use crate::error::{Error, ErrorKind, Result};
use crate::existence::Existence;
use crate::files::{same_file, write_atomic};
use crate::lowered::{Lowered, Scaling};
use crate::model::FunctionCheck;
use crate::report::{
    BalanceReport, FrozenNode, Memory, SCHEMA, SHOWN, ScalesFile, Seconds, cost, forget_peak, function_line,
    left_alone, pairs, peak, small, some,
};
use crate::solve::{Method, Settings, Status, Step};
use std::path::Path;
use std::time::Instant;

pub fn run(args: &Balance) -> Result<Exit> {
    let begin = Instant::now();
    make_threads(&args.reading)?;
    let norm = Norm::of(&args.reading)?;
    let origin = args.certificate.as_deref().map(Origin::path);
    for path in args.output.iter().chain(&args.scales).chain(&args.certificate).chain(&origin) {
        check_target(path, args.force)?;
    }
    different_files(args)?;
    let input = Input::open(&args.input, &args.reading)?;
    args.output.as_deref().map_or(Ok(()), |path| input.check_extension(path))?;
    let lowered = input.lower(&norm, &args.reading).map_err(|e| e.in_file(&args.input))?;
    input.check_quantized(&lowered)?;
    let settings = Settings { refined: args.exact, ..settings(&args.solving, &lowered.layers)? };
    let read = begin.elapsed().as_secs_f64();

    let started = Instant::now();
    let (mut balanced, is_limit) = solve(&lowered, &norm, &settings)?;
    let above_optimum = constrain(args, &lowered, &norm, &settings, &mut balanced)?;
    let mut report = BalanceReport { above_optimum, ..report(&balanced, &lowered, (&norm, is_limit)) };
    if let Some(direction) = balanced.existence.direction() {
        (report.escaping, report.escaping_count) = input.escaping(direction)?;
    }
    if norm == Norm::Infinity && settings.method != Method::Auto {
        report.notes.push("norm inf: --method is not used, for the answer is that of a linear program".into());
    }
    if balanced.solution.method != Method::Local && args.solving.schedule != "cyclic" {
        report.notes.push("--schedule is not used, for it orders the steps of --method local".into());
    }
    let mut scaling = scaling(args, &input, &balanced, &mut report)?;
    let is_exact = args.exact && matches!(exit(&report), Exit::Done);
    if is_exact {
        scaling = exact(args, &input, &balanced, &lowered, (&norm, &settings), &mut report.notes)?;
    } else if args.exact {
        report.notes.push(format!("--exact proved nothing, for the status is {:?}", report.status));
    }
    let certified =
        args.certificate.as_ref().map(|_| made_certificate(args, &input, &balanced, &lowered, &norm)).transpose()?;
    let to_tolerance = reached(&balanced, settings.tolerance).map(|step| step.seconds);
    let (solve, pass) = (started.elapsed().as_secs_f64(), Some(balanced.solution.pass_seconds));
    report.seconds = Seconds { read, solve, to_tolerance, pass, ..Seconds::default() };
    report.passes_to_tolerance = reached(&balanced, settings.tolerance).map(|step| step.passes);

    let started = Instant::now();
    let output = input.scaled(&scaling).map_err(|e| e.in_file(&args.input))?;
    let written = input.write(&output, args.output.as_deref(), args.force)?;
    report.notes.extend(written.notes);
    if is_exact {
        report.weights_proved = Some(written.decisions.proved);
        report.weights_tied = Some(written.decisions.ties);
        report.weights_undecided = Some(written.decisions.undecided);
    }
    if let Some(path) = &args.scales {
        let file = ScalesFile::new(&lowered.units, &scaling);
        write_atomic(path, json(&file)?.as_bytes(), args.force)?;
    }
    if let (Some(path), Some((certificate, origin))) = (&args.certificate, certified) {
        write_atomic(path, certificate.to_string().as_bytes(), args.force)?;
        write_atomic(&Origin::path(path), json(&origin)?.as_bytes(), args.force)?;
        report.certificate = Some(path.display().to_string());
    }
    report.seconds.write = started.elapsed().as_secs_f64();
    report.memory.balance = peak();

    let started = Instant::now();
    input.release();
    let apart = !args.no_check && forget_peak();
    let check = match args.output.as_ref() {
        _ if args.no_check => FunctionCheck::Unchecked { reason: "--no-check".into() },
        None => input.check(&output, args.solving.seed),
        // what was written, not what should have been
        Some(path) => {
            let written = Input::open(path, &args.reading)?;
            report.residual_written = Some(residual(path, &written, args, &norm, &balanced)?);
            written.release();
            input.check_against(&written, args.solving.seed)
        }
    };
    match check {
        FunctionCheck::Compared { difference, rounding, notes, .. } => {
            report.function_difference = Some(difference);
            report.function_rounding = Some(rounding);
            if function::differs(difference, rounding, input.roundoff_inside()) {
                report.status = "function changed".into();
                report.reason =
                    Some("the outputs differ by far more than rounding explains; do not use the result".into());
            }
            report.notes.extend(notes);
        }
        FunctionCheck::Unchecked { reason } => report.unchecked = Some(reason),
    }
    report.seconds.check = started.elapsed().as_secs_f64();
    report.memory.check = if apart { peak() } else { None };
    report.seconds.total = begin.elapsed().as_secs_f64();
    show(&report, args.reading.json, || text(&report, args) + &left_alone(&lowered, SHOWN))?;
    Ok(exit(&report))
}

/// The first step of the solver whose residual is within the tolerance.
fn reached(balanced: &Balanced, tolerance: f64) -> Option<&Step> {
    balanced.solution.trace.iter().find(|step| step.residual <= tolerance)
}

/// The certificate, and what is said beside it.
fn made_certificate(
    args: &Balance,
    input: &Input,
    balanced: &Balanced,
    lowered: &Lowered,
    norm: &Norm,
) -> Result<(Certificate, Origin)> {
    let refused = |why: String| {
        let problem = format!("there is no certificate: {why}");
        Error::new(ErrorKind::Unsupported, "--certificate", problem, "leave the option out").in_file(&args.input)
    };
    let (certificate, _) = balanced.certificate(&lowered.problem).map_err(refused)?;
    Ok((certificate, Origin::of(&args.input, input, norm)?))
}

/// Refuses one name for two files.
fn different_files(args: &Balance) -> Result<()> {
    let same = |a: &Path, b: &Path| a == b || same_file(a, b);
    let mut taken: Vec<&Path> = std::iter::once(&args.input).chain(&args.output).map(|p| p.as_path()).collect();
    let origin = args.certificate.as_deref().map(Origin::path);
    for (option, path) in [("--scales", &args.scales), ("--certificate", &args.certificate), ("--certificate", &origin)]
    {
        let Some(path) = path else { continue };
        if taken.iter().any(|other| same(other, path)) {
            let problem = format!("{} is the name of another file of this run", path.display());
            return Err(Error::new(ErrorKind::Parameter, option, problem, "give it a name of its own"));
        }
        taken.push(path);
    }
    Ok(())
}

fn report(balanced: &Balanced, lowered: &Lowered, (norm, is_limit): (&Norm, bool)) -> BalanceReport {
    let solution = &balanced.solution;
    let mut notes = vec![];
    if *norm == Norm::Infinity {
        let which = match is_limit {
            true => {
                "of the many optima this is the limit of those of large p, in which every next largest weight is least, too"
            }
            false => "the optimum is one of many",
        };
        notes.push(format!(
            "norm inf: costs are largest weights, residuals are how far they are above the optimum, which the linear program finds to about 1e-9 (--tolerance is not used); {which}"
        ));
        notes.extend(bottleneck(lowered));
    }
    if lowered.problem.variables() == 0 {
        notes.push(
            match lowered.frozen.is_empty() {
                true => {
                    "nothing can be scaled: these weights are the only ones of their kind, and balanced as they are"
                }
                false => "nothing can be scaled: all units are left alone, for the reasons below",
            }
            .into(),
        );
    }
    BalanceReport {
        schema: SCHEMA,
        status: solution.status.name().to_string(),
        existence: balanced.existence.name().to_string(),
        reason: match &balanced.existence {
            Existence::Undecided(why) => Some(why.clone()),
            _ => short_of(balanced),
        },
        norm: norm.json(),
        method: if *norm == Norm::Infinity { "lp".into() } else { solution.method.name().into() },
        units: lowered.units.len(),
        variables: lowered.problem.variables(),
        dimension: balanced.dimension,
        weights: lowered.weights,
        cost_before: balanced.cost_before,
        cost_after: solution.cost,
        above_optimum: None,
        residual_before: balanced.residual_before,
        residual_after: solution.residual,
        residual_written: None,
        error_bound: solution.error_bound.is_finite().then_some(solution.error_bound),
        smallest_eigenvalue: solution.smallest_eigenvalue,
        sweeps_per_digit: solution.sweeps_per_digit().filter(|sweeps| sweeps.is_finite()),
        certified_width: balanced.enclosure.as_ref().ok().map(|e| e.width),
        certified_gap: balanced.gap.as_ref().ok().map(|gap| gap / solution.cost).filter(|gap| gap.is_finite()),
        certificate: None,
        weights_proved: None,
        weights_tied: None,
        weights_undecided: None,
        uncertified: balanced.enclosure.as_ref().err().cloned(),
        iterations: solution.iterations,
        passes: solution.passes,
        passes_to_tolerance: None,
        seconds: Seconds::default(),
        memory: Memory::default(),
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
    if report.status != Status::Converged.name() {
        return Ok(balanced.scaling(false));
    }
    report.status = "no minimum".into();
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
            report.status = "limit".into();
            Ok(balanced.scaling(true))
        }
    }
}

/// The residual of the file that was written.
fn residual(path: &Path, written: &Input, args: &Balance, norm: &Norm, balanced: &Balanced) -> Result<f64> {
    let written = written.lower(norm, &args.reading);
    let written = written.map_err(|e| e.in_file(path))?.problem;
    let rest = balanced.existence.direction().map(|d| written.without_falling(d));
    let written = rest.unwrap_or(written);
    if *norm == Norm::Infinity {
        let largest = crate::solve::largest_weight(&written, &vec![0.0; written.variables()])?;
        let expected = balanced.solution.cost;
        return Ok(if largest == expected { 0.0 } else { (largest / expected - 1.0).abs() });
    }
    Ok(written.point(&vec![0.0; written.variables()]).flows().residual())
}

/// Why a solve that did not converge did not.
fn short_of(balanced: &Balanced) -> Option<String> {
    let solution = &balanced.solution;
    match solution.status {
        Status::Converged => None,
        Status::IterationLimit => Some("the residual is above the tolerance; raise --max-iterations".into()),
        Status::Imprecise => Some("double precision does not determine every weight to six digits".into()),
        Status::Stalled => Some("rounding ended the progress; raise --tolerance or try another --method".into()),
        Status::Cancelled => Some("it was cancelled".into()),
    }
}

fn exit(report: &BalanceReport) -> Exit {
    match report.status.as_str() {
        "converged" | "limit" => Exit::Done,
        "no minimum" => Exit::NoMinimum,
        "function changed" => Exit::VerificationFailed,
        _ => Exit::NotConverged,
    }
}

/// What was proved, in words.
fn certified(report: &BalanceReport) -> String {
    match (report.certified_width, report.certified_gap, &report.uncertified) {
        (Some(width), gap, _) => {
            let gap = gap.map_or(String::new(), |gap| format!(", the cost within {} of the least", small(gap)));
            format!("every exact weight within a relative width of {}{gap}", small(width))
        }
        (None, Some(gap), Some(why)) => format!("the cost within {} of the least; weights not: {why}", small(gap)),
        (None, None, Some(why)) => format!("no: {why}"),
        (None, _, None) => "no".into(),
    }
}

fn text(report: &BalanceReport, args: &Balance) -> String {
    let r = report;
    let saved = 100.0 * (1.0 - r.cost_after / r.cost_before);
    let saved = if saved.is_finite() { format!(" ({saved:.2} % less)") } else { String::new() };
    let bound = r.error_bound.map_or("unknown".into(), |v| format!("{} (relative, of every weight)", small(v)));
    let detail = match (r.existence.as_str(), r.status.as_str()) {
        ("escapes", "limit") => "the escaping connections are zero",
        ("escapes", _) => "connections escape, the rest is balanced",
        ("undecided", _) => "whether a minimum exists is undecided",
        _ => "the minimum is attained",
    };
    let mut rows = vec![
        ("status", format!("{} ({detail})", r.status)),
        ("norm", r.norm.as_str().map_or(r.norm.to_string(), str::to_string)),
        (
            "method",
            format!("{}, {} iterations, {:.0} passes, {:.3} s", r.method, r.iterations, r.passes, r.seconds.solve),
        ),
        ("units", format!("{}, with {} free log-scales, dimension {}", r.units, r.variables, r.dimension)),
        ("weights", r.weights.to_string()),
        ("cost", format!("{} -> {}{saved}", cost(r.cost_before), cost(r.cost_after))),
        ("residual", format!("{} -> {}", small(r.residual_before), small(r.residual_after))),
        ("error bound", bound),
        ("certified", certified(r)),
    ];
    if let Some((smallest, sweeps)) = r.smallest_eigenvalue.zip(r.sweeps_per_digit) {
        let predicted = format!("local balancing would take about {sweeps:.2} sweeps for every digit");
        rows.push(("curvature", format!("smallest eigenvalue about {} (scaled): {predicted}", small(smallest))));
    }
    if let Some(above) = r.above_optimum {
        rows.push(("above optimum", format!("{:.2e} of the least cost, as the options ask", above)));
    }
    if let Some(path) = &args.output {
        let residual = r.residual_written.map_or("not read again".into(), |v| format!("residual there {}", small(v)));
        rows.push(("written", format!("{}, {residual}", path.display())));
    }
    if let (Some(proved), Some(ties), Some(undecided)) = (r.weights_proved, r.weights_tied, r.weights_undecided) {
        let rest = if undecided == 0 { "none".to_string() } else { format!("{undecided} WEIGHTS") };
        let ties = if ties == 0 { String::new() } else { format!(", {ties} presumed ties rounded to even") };
        let proved = format!("{proved} weights proved to be the exact optimum rounded once{ties}, {rest} undecided");
        rows.push(("exact", proved));
    }
    if let Some(path) = &r.certificate {
        rows.push(("certificate", format!("{path}; check it with synbal-check, see proofs/README.md")));
    }
    let size = |bytes: Option<u64>| bytes.map(|b| format!("{:.0} MB", b as f64 / 1e6));
    if let Some(balance) = size(r.memory.balance) {
        let check = size(r.memory.check).map_or(String::new(), |check| format!(", the check {check}"));
        rows.push(("memory", format!("at most {balance}{check}")));
    }
    rows.push(("function", function_line(r.unchecked.as_deref(), r.function_difference, r.function_rounding)));
    if let Some(reason) = &r.reason {
        rows.push(("reason", reason.clone()));
    }
    if r.escaping_count > 0 {
        rows.push(("escaping", format!("{}: {}", r.escaping_count, some(&r.escaping, r.escaping_count, SHOWN))));
    }
    r.notes.iter().for_each(|note| rows.push(("note", note.clone())));
    format!("{}\n", pairs(&rows))
}

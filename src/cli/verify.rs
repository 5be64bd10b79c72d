//! `synbal verify`.

use super::args::Verify;
use super::compare::recover;
use super::input::Input;
use super::optimum::solve;
use super::origin::Origin;
use super::settings::{Norm, make_threads};
use super::{Exit, function, show};
use crate::certificate::{Certificate, Rounding, differs_from_balanced, differs_from_given};
use crate::error::{Error, Result};
use crate::existence::existence;
use crate::lowered::Lowered;
use crate::model::FunctionCheck;
use crate::problem::{Gauge, Problem};
use crate::report::{SCHEMA, cost, function_line, pairs, small};
use crate::solve::{Settings, largest_weight};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Report {
    schema: u32,
    status: String,
    same_up_to_scaling: bool,
    /// Largest relative difference of a weight that no scaling explains.
    weight_mismatch: Option<f64>,
    /// What failed.
    reasons: Vec<String>,
    function_difference: Option<f64>,
    function_rounding: Option<f64>,
    unchecked: Option<String>,
    balanced: bool,
    norm: serde_json::Value,
    residual: f64,
    /// Residual that rounding to the type of the file explains.
    residual_allowed: f64,
    /// Whether the certificate is of these networks and holds, by this program's own integers; null without one.
    certificate: Option<bool>,
    /// Whether the certificate was made from the very file of the original; null where nothing beside it tells.
    certificate_of_this_file: Option<bool>,
    cost_original: f64,
    cost_balanced: f64,
}

/// The optimum of the largest weight is found to this relative gap.
const PROGRAM_GAP: f64 = 1e-6;

pub fn run(args: &Verify) -> Result<Exit> {
    make_threads(&args.reading)?;
    let norm = Norm::of(&args.reading)?;
    let lower = |path| -> Result<(Input, Lowered)> {
        let input = Input::open(path, &args.reading)?;
        let lowered = input.lower(&norm, &args.reading).map_err(|e| e.in_file(path))?;
        Ok((input, lowered))
    };
    let (original, before) = lower(&args.original)?;
    let (candidate, after) = lower(&args.balanced)?;
    let settings = Settings { max_iterations: 0, ..Settings::default() };
    let residual = solve(&after, &norm, &settings)?.0.residual_before;
    let roundoff = candidate.roundoff();
    // one rounding of every weight changes inflow and outflow by p roundoffs each; the rest is the solver's tolerance
    let allowed = match &norm {
        Norm::Powers(_) => 1e-12 + 4.0 * norm.steepest().max(1.0) * roundoff,
        Norm::Infinity => PROGRAM_GAP + 4.0 * roundoff,
    };
    let found = recover((&original, &before), (&candidate, &after))?;
    // every weight was rounded once, and log-multipliers of a deep network add up a few
    let same = found.difference.is_some_and(|m| m <= 64.0 * roundoff + found.roundoff);
    let (mut difference, mut rounding, mut unchecked) = (None, None, None);
    match original.check_against(&candidate, args.seed) {
        FunctionCheck::Compared { difference: d, rounding: r, .. } => (difference, rounding) = (Some(d), Some(r)),
        FunctionCheck::Unchecked { reason } => unchecked = Some(reason),
    }
    let balanced = residual <= allowed;
    let mut reasons: Vec<String> = found.reason.filter(|_| !same).into_iter().collect();
    if difference.zip(rounding).is_some_and(|(d, r)| function::differs(d, r, candidate.roundoff_inside())) {
        reasons.push("the outputs differ by more than rounding explains".into());
    }
    if !balanced {
        let remedy = "give the options of `balance` (--norm, --biases, --freeze, --only, --norm-for, --tie, --tie-layers, --batchnorm)";
        reasons.push(format!("the residual is above what the precision of the file explains; {remedy}"));
    }
    let (mut certificate, mut certificate_of_this_file) = (None, None);
    if let Some(path) = &args.certificate {
        let fault = certificate_fault(path, &before, &after, &norm, &candidate)?;
        certificate = Some(fault.is_none());
        if let Some(origin) = Origin::beside(path)? {
            certificate_of_this_file = Some(origin.same_bytes(&Origin::of(&args.original, &original, &norm)?));
        }
        reasons.extend(fault.map(|fault| format!("certificate: {fault}")));
    }
    let cost_of = |lowered: &Lowered| {
        let zero = vec![0.0; lowered.problem.variables()];
        match &norm {
            Norm::Powers(_) => Ok(lowered.problem.cost_at(&zero)),
            Norm::Infinity => largest_weight(&lowered.problem, &zero),
        }
    };
    let done = reasons.is_empty();
    let report = Report {
        schema: SCHEMA,
        status: if done { "verified" } else { "failed" }.into(),
        same_up_to_scaling: same,
        weight_mismatch: found.difference,
        reasons,
        function_difference: difference,
        function_rounding: rounding,
        unchecked,
        balanced,
        norm: norm.json(),
        residual,
        residual_allowed: allowed,
        certificate,
        certificate_of_this_file,
        cost_original: cost_of(&before)?,
        cost_balanced: cost_of(&after)?,
    };
    show(&report, args.reading.json, || text(&report, args))?;
    Ok(if done { Exit::Done } else { Exit::VerificationFailed })
}

/// Why a certificate does not speak of these networks, or does not hold.
fn certificate_fault(
    path: &Path,
    before: &Lowered,
    after: &Lowered,
    norm: &Norm,
    candidate: &Input,
) -> Result<Option<String>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "read", &e))?;
    let certificate = Certificate::parse(&text).map_err(|e| e.in_file(path))?;
    if *norm == Norm::Infinity {
        return Ok(Some("norm inf has none".into()));
    }
    let existence = existence(&before.problem);
    let attained = |problem: &Problem| existence.direction().map(|d| problem.without_falling(d));
    let (given, balanced) = (attained(&before.problem), attained(&after.problem));
    let (given, balanced) = (given.as_ref().unwrap_or(&before.problem), balanced.as_ref().unwrap_or(&after.problem));
    let gauge = Gauge::of(given)?;
    let rounding =
        Rounding { relative: candidate.roundoff(), absolute: candidate.least_step(), weights: after.weights };
    let fault = differs_from_given(&certificate, given, &gauge)
        .or_else(|| differs_from_balanced(&certificate, balanced, &rounding))
        .or_else(|| certificate.check().err().map(|rejection| rejection.to_string()));
    Ok(fault)
}

fn text(r: &Report, args: &Verify) -> String {
    let yes = |b: bool| if b { "yes" } else { "NO" };
    let mismatch =
        r.weight_mismatch.map_or(String::new(), |m| format!(" (largest difference of a weight {})", small(m)));
    let function = function_line(r.unchecked.as_deref(), r.function_difference, r.function_rounding);
    let residual = format!("(residual {}, allowed {})", small(r.residual), small(r.residual_allowed));
    let mut rows = vec![
        ("status", r.status.clone()),
        ("same up to scaling", format!("{}{mismatch}", yes(r.same_up_to_scaling))),
        ("function", function),
        ("balanced", format!("{} {residual}", yes(r.balanced))),
        ("cost", format!("{} -> {}", cost(r.cost_original), cost(r.cost_balanced))),
    ];
    if let (Some(holds), Some(path)) = (r.certificate, &args.certificate) {
        let of = match r.certificate_of_this_file {
            Some(true) => "made from this very original",
            Some(false) => "made from another file",
            None => "nothing beside it tells from which file it was made",
        };
        rows.push(("certificate", format!("{}, {of}", if holds { "holds" } else { "DOES NOT HOLD" })));
        let run = format!("run proofs/build/synbal-check {} (see proofs/README.md)", path.display());
        rows.push(("proved checker", run));
    }
    r.reasons.iter().for_each(|reason| rows.push(("reason", reason.clone())));
    format!("{}\n", pairs(&rows))
}

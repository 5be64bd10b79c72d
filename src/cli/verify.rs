//! `synbal verify`.

use super::Exit;
use super::args::Verify;
use super::balance::json;
use super::input::Input;
use super::settings::{Norm, limit_threads};
use crate::compare::compare;
use crate::error::Result;
use crate::existence::existence;
use crate::model::FunctionCheck;
use crate::problem::Problem;
use crate::report::{SCHEMA, pairs};
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    schema: u32,
    status: String,
    same_up_to_scaling: bool,
    /// Largest relative difference of a weight that no scaling explains.
    weight_mismatch: Option<f64>,
    function_difference: Option<f64>,
    function_rounding: Option<f64>,
    unchecked: Option<String>,
    balanced: bool,
    residual: f64,
    /// Residual that rounding to the type of the file explains.
    residual_allowed: f64,
    cost_original: f64,
    cost_balanced: f64,
}

/// Outputs may differ by this many times what one rounding of every weight does.
const FUNCTION_MARGIN: f64 = 100.0;

pub fn run(args: &Verify) -> Result<Exit> {
    limit_threads(&args.reading)?;
    let norm = Norm::of(&args.reading)?;
    let lower = |path| -> Result<(Input, Problem)> {
        let input = Input::open(path, &args.reading)?;
        let lowered = input.lower(&norm.regularizer()?, args.reading.biases).map_err(|e| e.in_file(path))?;
        Ok((input, lowered.problem))
    };
    let (original, before) = lower(&args.original)?;
    let (candidate, after) = lower(&args.balanced)?;
    let zero = vec![0.0; after.variables()];
    let attained = existence(&after).direction().map(|d| after.without_falling(d)).unwrap_or_else(|| after.clone());
    let residual = attained.point(&zero).flows().residual();
    let steepest = after.exponents().iter().fold(1.0, |m: f64, &p| m.max(p));
    // one rounding of every weight changes inflow and outflow by p roundoffs each; the rest is the solver's tolerance
    let allowed = 1e-12 + 4.0 * steepest * candidate.roundoff();
    let mismatch = compare(&before, &after).map(|c| c.mismatch);
    // every weight was rounded once, and log-multipliers of a deep network add up a few
    let same = mismatch.is_some_and(|m| m <= 64.0 * candidate.roundoff());
    let (mut difference, mut rounding, mut unchecked) = (None, None, None);
    match original.check_against(&candidate, args.seed) {
        FunctionCheck::Compared { difference: d, rounding: r, .. } => (difference, rounding) = (Some(d), Some(r)),
        FunctionCheck::Unchecked { reason } => unchecked = Some(reason),
    }
    let floor = candidate.roundoff();
    let function_kept = difference.zip(rounding).map(|(d, r)| d <= FUNCTION_MARGIN * r.max(floor));
    let balanced = residual <= allowed;
    let done = balanced && function_kept.unwrap_or(same) && (same || mismatch.is_none());
    let report = Report {
        schema: SCHEMA,
        status: if done { "verified" } else { "failed" }.into(),
        same_up_to_scaling: same,
        weight_mismatch: mismatch,
        function_difference: difference,
        function_rounding: rounding,
        unchecked,
        balanced,
        residual,
        residual_allowed: allowed,
        cost_original: before.cost_at(&vec![0.0; before.variables()]),
        cost_balanced: after.cost_at(&zero),
    };
    if args.reading.json {
        println!("{}", json(&report)?);
    } else {
        print!("{}", text(&report));
    }
    Ok(if done { Exit::Done } else { Exit::VerificationFailed })
}

fn text(r: &Report) -> String {
    let yes = |b: bool| if b { "yes" } else { "NO" };
    let function = match (&r.unchecked, r.function_difference, r.function_rounding) {
        (None, Some(d), Some(n)) => format!("outputs differ by {d:.1e} of their range; rounding alone {n:.1e}"),
        (reason, ..) => format!("unchecked: {}", reason.as_deref().unwrap_or("unknown")),
    };
    let mismatch =
        r.weight_mismatch.map_or("the files have other weights".into(), |m| format!("largest mismatch {m:.1e}"));
    let rows = [
        ("status", r.status.clone()),
        ("same up to scaling", format!("{} ({mismatch})", yes(r.same_up_to_scaling))),
        ("function", function),
        ("balanced", format!("{} (residual {:.1e}, allowed {:.1e})", yes(r.balanced), r.residual, r.residual_allowed)),
        ("cost", format!("{:.12e} -> {:.12e}", r.cost_original, r.cost_balanced)),
    ];
    format!("{}\n", pairs(&rows))
}

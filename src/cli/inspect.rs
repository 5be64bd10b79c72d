//! `synbal inspect`.

use super::args::Inspect;
use super::input::Input;
use super::optimum::solve;
use super::settings::{Norm, make_threads};
use super::{Exit, show};
use crate::error::Result;
use crate::lowered::Lowered;
use crate::problem::Flows;
use crate::report::{FrozenNode, SCHEMA, SHOWN, cost, left_alone, pairs, small, some, table};
use crate::solve::{Settings, Status};
use serde::Serialize;
use std::collections::HashSet;

#[derive(Serialize)]
struct Report {
    schema: u32,
    status: String,
    norm: serde_json::Value,
    units: usize,
    variables: usize,
    dimension: usize,
    weights: u64,
    existence: String,
    cost: f64,
    optimum: f64,
    /// Cost over optimum, less one.
    above_optimum: f64,
    residual: f64,
    layers: Vec<LayerReport>,
    frozen: Vec<FrozenNode>,
    dead: Vec<String>,
    escaping: Vec<String>,
    escaping_count: usize,
}

#[derive(Serialize)]
struct LayerReport {
    name: String,
    /// Units or channels.
    units: usize,
    /// Free log-scales.
    variables: usize,
    /// Units that share a log-scale with an earlier one.
    tied: usize,
    /// Units that are not scaled.
    frozen: usize,
    dead: usize,
    inflow: f64,
    outflow: f64,
    residual: f64,
}

pub fn run(args: &Inspect) -> Result<Exit> {
    make_threads(&args.reading)?;
    let norm = Norm::of(&args.reading)?;
    let input = Input::open(&args.input, &args.reading)?;
    let lowered = input.lower(&norm, &args.reading).map_err(|e| e.in_file(&args.input))?;
    let (balanced, _) = solve(&lowered, &norm, &Settings::default())?;
    let problem = match balanced.existence.direction() {
        Some(direction) => lowered.problem.without_falling(direction),
        None => lowered.problem.clone(),
    };
    let point = problem.point(&vec![0.0; problem.variables()]);
    let p = problem.exponents().first().copied().unwrap_or(1.0);
    let above = if balanced.solution.cost > 0.0 { balanced.cost_before / balanced.solution.cost - 1.0 } else { 0.0 };
    let direction = balanced.existence.direction();
    let (escaping, escaping_count) = direction.map_or(Ok((vec![], 0)), |d| input.escaping(d))?;
    let report = Report {
        schema: SCHEMA,
        status: balanced.solution.status.name().into(),
        norm: norm.json(),
        units: lowered.units.len(),
        variables: problem.variables(),
        dimension: balanced.dimension,
        weights: lowered.weights,
        existence: balanced.existence.name().into(),
        cost: balanced.cost_before,
        optimum: balanced.solution.cost,
        above_optimum: above,
        residual: balanced.residual_before,
        layers: layers(&lowered, point.flows(), p),
        frozen: lowered.frozen.iter().map(FrozenNode::from).collect(),
        dead: lowered.dead.clone(),
        escaping,
        escaping_count,
    };
    show(&report, args.reading.json, || text(&report, &lowered))?;
    Ok(if report.status == Status::Converged.name() { Exit::Done } else { Exit::NotConverged })
}

/// Flows of every layer in units of cost: slopes over the exponent.
fn layers(lowered: &Lowered, flows: &Flows, p: f64) -> Vec<LayerReport> {
    let dead: HashSet<&str> = lowered.dead.iter().map(String::as_str).collect();
    let layer = |l: &crate::lowered::Layer| {
        let all = || l.variables.iter().map(|&v| v as usize);
        let units = || l.units.iter().map(|&u| &lowered.units[u as usize]);
        let frozen = units().filter(|u| u.form.is_zero()).count();
        LayerReport {
            name: l.name.clone(),
            units: l.units.len(),
            variables: l.variables.len(),
            tied: (l.units.len() - frozen).saturating_sub(l.variables.len()),
            frozen,
            dead: units().filter(|u| dead.contains(u.name.as_str())).count(),
            inflow: all().map(|v| flows.inflow(v).to_f64() / p).sum(),
            outflow: all().map(|v| flows.outflow(v).to_f64() / p).sum(),
            residual: flows.residual_of(all()),
        }
    };
    lowered.layers.iter().map(layer).collect()
}

fn text(r: &Report, lowered: &Lowered) -> String {
    let above = if r.above_optimum.is_finite() {
        format!(", {:.2} % above the optimum {}", 100.0 * r.above_optimum, cost(r.optimum))
    } else {
        String::new()
    };
    let mut rows = vec![
        ("units", format!("{}, with {} free log-scales, dimension {}", r.units, r.variables, r.dimension)),
        ("weights", r.weights.to_string()),
        ("norm", r.norm.as_str().map_or(r.norm.to_string(), str::to_string)),
        ("minimum", r.existence.clone()),
        ("cost", cost(r.cost) + &above),
        ("residual", small(r.residual)),
    ];
    if r.norm == "inf" {
        rows.push((
            "note",
            "cost is the largest weight, residual how far it is above the optimum; layers list sums of magnitudes"
                .into(),
        ));
    }
    if r.status != Status::Converged.name() {
        rows.push(("status", format!("{}: the optimum is not known to all digits", r.status)));
    }
    if r.escaping_count > 0 {
        rows.push(("escaping", format!("{}: {}", r.escaping_count, some(&r.escaping, r.escaping_count, SHOWN))));
    }
    let layer = |l: &LayerReport| {
        vec![
            shortened(&l.name),
            l.units.to_string(),
            l.variables.to_string(),
            count(l.tied),
            count(l.frozen),
            count(l.dead),
            flow(l, format!("{:.4e}", l.inflow)),
            flow(l, format!("{:.4e}", l.outflow)),
            flow(l, small(l.residual)),
        ]
    };
    let header = ["layer", "units", "free", "tied", "frozen", "dead", "inflow", "outflow", "residual"];
    let layers = match r.layers.is_empty() {
        true => String::new(),
        false => format!("\n{}\n", table(&header, r.layers.iter().map(layer).collect())),
    };
    let note = match r.layers.iter().any(|l| shortened(&l.name) != l.name) {
        true => "names in the table are shortened; --json has them as --freeze, --only and --norm-for take them\n",
        false => "",
    };
    // what is left alone is what the options ask for by name
    format!("{}\n{layers}{note}{}", pairs(&rows), left_alone(lowered, usize::MAX))
}

/// A number of units; nothing for none, so that the others are seen.
fn count(units: usize) -> String {
    if units == 0 { String::new() } else { units.to_string() }
}

/// What flows through a layer; nothing where no log-scale of its own is free.
fn flow(layer: &LayerReport, text: String) -> String {
    if layer.variables == 0 { String::new() } else { text }
}

/// A name in at most 40 characters: exporters join the names of all modules around a node.
fn shortened(name: &str) -> String {
    const WIDEST: usize = 40;
    let length = name.chars().count();
    if length <= WIDEST {
        return name.to_owned();
    }
    let (head, tail) = (WIDEST / 3, WIDEST - WIDEST / 3 - 3);
    let start: String = name.chars().take(head).collect();
    let end: String = name.chars().skip(length - tail).collect();
    format!("{start}...{end}")
}

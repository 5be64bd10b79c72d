//! `synbal demo`: an embedded trained network, before and after.

use super::args::Demo;
use super::{Exit, show};
use crate::balance::balance;
use crate::error::{Error, ErrorKind, Result};
use crate::network::{Biases, FeedForward, Network, json as network_file};
use crate::problem::Flows;
use crate::regularizer::Regularizer;
use crate::report::{SCHEMA, table};
use crate::solve::Settings;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

const NETWORK: &[u8] = include_bytes!("../demo/digits.json");
const IMAGES: &str = include_str!("../demo/digits_test.json");

#[derive(Deserialize)]
struct Images {
    attribution: String,
    scale: f64,
    images: Vec<Vec<f64>>,
    labels: Vec<usize>,
}

#[derive(Serialize)]
struct Report {
    schema: u32,
    status: String,
    network: String,
    attribution: String,
    weights: u64,
    units: usize,
    cost_before: f64,
    cost_after: f64,
    residual_before: f64,
    residual_after: f64,
    error_bound: f64,
    passes: f64,
    images: usize,
    correct_before: usize,
    correct_after: usize,
    function_difference: f64,
    layers: Vec<Layer>,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    units: usize,
    residual_before: f64,
    residual_after: f64,
}

pub fn run(args: &Demo) -> Result<Exit> {
    let file = network_file::parse(NETWORK)?;
    let network = file.network();
    let images: Images = serde_json::from_str(IMAGES)
        .map_err(|e| Error::new(ErrorKind::Format, "embedded images", e.to_string(), "reinstall the program"))?;
    let lowered = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?;
    let balanced = balance(&lowered.problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
    let after = network.apply(&balanced.scaling(false))?;
    let (old, new) = (classify(network, &images)?, classify(&after, &images)?);
    let range = old.scores.iter().flatten().fold(0.0, |m: f64, s| m.max(s.abs()));
    let pairs = old.scores.iter().flatten().zip(new.scores.iter().flatten());
    let difference = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / range;
    let zero = vec![0.0; lowered.problem.variables()];
    let (first, last) = (lowered.problem.point(&zero), lowered.problem.point(&balanced.solution.log_scales));
    let residual = |flows: &Flows, l: &crate::lowered::Layer| {
        l.variables.iter().map(|&v| flows.imbalance(v as usize).abs()).fold(0.0, f64::max)
    };
    let layer = |l: &crate::lowered::Layer| Layer {
        name: l.name.clone(),
        units: l.variables.len(),
        residual_before: residual(first.flows(), l),
        residual_after: residual(last.flows(), l),
    };
    let report = Report {
        schema: SCHEMA,
        status: balanced.solution.status.name().into(),
        network: file.description().unwrap_or_default().into(),
        attribution: images.attribution.clone(),
        weights: lowered.weights,
        units: lowered.problem.variables(),
        cost_before: balanced.cost_before,
        cost_after: balanced.solution.cost,
        residual_before: balanced.residual_before,
        residual_after: balanced.solution.residual,
        error_bound: balanced.solution.error_bound,
        passes: balanced.solution.passes,
        images: images.labels.len(),
        correct_before: old.correct,
        correct_after: new.correct,
        function_difference: difference,
        layers: lowered.layers.iter().map(layer).collect(),
    };
    show(&report, args.json, || text(&report))?;
    Ok(if report.status == "converged" { Exit::Done } else { Exit::NotConverged })
}

struct Classified {
    scores: Vec<Vec<f64>>,
    correct: usize,
}

fn classify(network: &Network, images: &Images) -> Result<Classified> {
    let forward = FeedForward::new(network)?;
    let mut scores = vec![];
    let mut correct = 0;
    for (image, &label) in images.images.iter().zip(&images.labels) {
        let input: Vec<f64> = image.iter().map(|v| v / images.scale).collect();
        let output = forward.evaluate(&input)?;
        let best = (0..output.len()).max_by(|&a, &b| output[a].total_cmp(&output[b]));
        correct += usize::from(best == Some(label));
        scores.push(output);
    }
    Ok(Classified { scores, correct })
}

fn text(r: &Report) -> String {
    let e = |v: f64| format!("{v:.2e}");
    let mut rows = vec![
        vec!["cost (sum of squared weights)".into(), format!("{:.6}", r.cost_before), format!("{:.6}", r.cost_after)],
        vec!["imbalance, largest |in - out| / (in + out)".into(), e(r.residual_before), e(r.residual_after)],
    ];
    for l in &r.layers {
        rows.push(vec![format!("  in {} ({} units)", l.name, l.units), e(l.residual_before), e(l.residual_after)]);
    }
    let share = |correct: usize| format!("{correct} of {}", r.images);
    rows.push(vec!["digits recognized".into(), share(r.correct_before), share(r.correct_after)]);
    let table = table(&["", "before", "after"], rows);
    format!(
        "{}\n\n{} weights, {} hidden units: {}\n\n{table}\n\n\
         outputs differ by {:.1e} of their range; every weight is within {:.1e} of the exact optimum; {:.0} passes\n",
        r.network, r.weights, r.units, r.status, r.function_difference, r.error_bound, r.passes
    )
}

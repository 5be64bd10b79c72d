//! Stochastic balancing of a trained network, in a thousand orders.

use super::{Options, layers, results, small};
use crate::error::{Error, ErrorKind, Result};
use crate::learning::balancing::{attained, lower};
use crate::learning::loss::Task;
use crate::learning::output::{Axis, Chart, Claim, Results, Series, Table, Verdict};
use crate::learning::plan::Plan;
use crate::learning::runs::Lab;
use crate::problem::Problem;
use crate::solve::{Method, Schedule, Settings, Solution, Status, Step, solve};
use rayon::prelude::*;
use std::ops::ControlFlow;

/// Relative residual at which a run of stochastic balancing ends.
const TOLERANCE: f64 = 1e-10;
/// Runs whose costs are drawn.
const DRAWN: usize = 10;

pub fn run(lab: &Lab, options: &Options) -> Result<Results> {
    let orders = options.seeds.unwrap_or(1000);
    let little = small(lab.data);
    let words = layers(options, if little { "32,16,32" } else { "200,100,50,100,200" });
    let (rate, batch, epochs) = if little { (0.05, 20, 20) } else { (0.02, 100, 2) };
    let epochs = options.epochs.unwrap_or(epochs);
    let plan = Plan { name: "order".into(), rate, batch, epochs, ..Plan::new(&words, Task::Reconstruct) };
    let trained = lab.network(&plan)?;
    let problem = attained(lower(&trained.net, &trained.parameters, 2.0)?);
    let exact = solved(&problem, Settings::default())?;
    let runs: Vec<Run> =
        (0..u64::from(orders)).into_par_iter().map(|seed| one(&problem, &exact, seed)).collect::<Result<_>>()?;
    let worst = runs.iter().map(|r| r.distance).fold(0.0, f64::max);
    let above = runs.iter().map(|r| r.trace.last().map_or(0.0, |c| c.1 / exact.cost - 1.0)).fold(0.0, f64::max);
    let monotone = runs.iter().all(|r| r.trace.windows(2).all(|c| c[1].1 <= c[0].1 * (1.0 + 1e-14)));
    let ended = runs.iter().filter(|r| r.converged).count();
    let sweeps: Vec<f64> = runs.iter().filter_map(|r| Some(r.trace.last()?.0 as f64)).collect();

    let mut results =
        results("order", "Does stochastic balancing lead to one set of weights, whatever the order?", lab);
    let error = trained.outcome.last().map_or(f64::NAN, |r| r.score.error);
    results.method = vec![
        format!(
            "Autoencoder with hidden layers {words}, trained for {epochs} epochs at rate {rate} to a test error of {error:.2}; then {orders} runs of \
                 stochastic balancing, one unit chosen uniformly at random after the other, to a relative residual of {TOLERANCE:.0e}."
        ),
        format!("The optimum is Newton's, to a residual of {:.0e}, and none of the runs knows it.", exact.residual),
    ];
    results.claims = vec![
        Claim {
            claim: "stochastic balancing converges to one set of weights, whatever the order".into(),
            verdict: Verdict::from(ended == runs.len() && worst < 1e-6),
            found: format!("{ended} of {orders} runs ended; no log-scale is further than {worst:.1e} from the optimum"),
        },
        Claim {
            claim: "the norm falls in every run, to the same value".into(),
            verdict: Verdict::from(monotone && above < 1e-9),
            found: format!("it never rises; the ends are within {above:.1e} of {:.4}", exact.cost),
        },
    ];
    let mut table = Table::new("order", "Runs of stochastic balancing", &["", "least", "mean", "most"]);
    let mut row = |name: &str, values: Vec<f64>| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        table.row([name.into(), least.into(), mean.into(), values.iter().copied().fold(0.0, f64::max).into()]);
    };
    row("sweeps (as many steps as units)", sweeps);
    row("largest distance of a log-scale from the optimum", runs.iter().map(|r| r.distance).collect());
    row("cost at the start", runs.iter().map(|r| r.trace[0].1).collect());
    row("cost at the end", runs.iter().filter_map(|r| Some(r.trace.last()?.1)).collect());
    results.tables.push(table);
    let drawn = runs.iter().take(DRAWN).enumerate().map(|(k, run)| {
        let points = run.trace.iter().map(|&(s, c)| (s as f64, c / exact.cost - 1.0));
        Series::line(format!("order {}", k + 1), points.collect::<Vec<_>>())
    });
    results.charts.push(Chart {
        name: "orders".into(),
        title: format!("Stochastic balancing, the first {DRAWN} of {orders} orders"),
        x: Axis::linear("sweeps"),
        y: Axis::log("cost above the optimum, relative"),
        series: drawn.collect(),
    });
    Ok(results)
}

struct Run {
    /// Sweeps, and the cost after them, from the start.
    trace: Vec<(usize, f64)>,
    /// Largest distance of a log-scale from the optimum.
    distance: f64,
    converged: bool,
}

fn one(problem: &Problem, exact: &Solution, seed: u64) -> Result<Run> {
    let settings = Settings {
        method: Method::Local,
        schedule: Schedule::Uniform,
        seed,
        // never reached: a solution within the tolerance would be refined by other means, and the ends are to be those of the runs
        tolerance: f64::MIN_POSITIVE,
        ..Settings::default()
    };
    let ended = |residual: f64| residual <= TOLERANCE;
    let stop = &mut |step: &Step| if ended(step.residual) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let solution = solve(problem, &settings, stop)?;
    let gaps = solution.log_scales.iter().zip(&exact.log_scales).map(|(a, b)| (a - b).abs());
    Ok(Run {
        trace: solution.trace.iter().map(|s| (s.iteration, s.cost)).collect(),
        distance: gaps.fold(0.0, f64::max),
        converged: ended(solution.residual),
    })
}

fn solved(problem: &Problem, settings: Settings) -> Result<Solution> {
    let solution = solve(problem, &settings, &mut |_| ControlFlow::Continue(()))?;
    if solution.status == Status::Converged {
        return Ok(solution);
    }
    let why = format!("the optimum of the trained network was not reached: {}", solution.status.name());
    Err(Error::new(ErrorKind::Network, "order", why, "train it for fewer epochs, or with other layers"))
}

//! What is proved of a solution: the true error of every weight is within the proved width, also where local balancing stops early.
//!
//!     cargo run --release --example enclosure

mod figure;

use figure::{chart, line, log, points};
use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::network::{Activation, Biases, build};
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Settings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = build::layered(&build::Layered::new(&[5, 9, 9, 9, 3], Activation::Relu), 3)?;
    let problem = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?.problem;
    let run = |settings: &Settings| balance(&problem, settings, &mut |_| ControlFlow::Continue(()));
    let exact = run(&Settings { refined: true, ..Settings::default() })?;
    let width = exact.enclosure.as_ref().map_or(f64::INFINITY, |e| e.width);
    println!("Newton, refined: residual {:.1e}, proved width of every weight {width:.1e}", exact.solution.residual);
    let (certificate, _) = exact.certificate(&problem)?;
    println!("its certificate in integers passes the check: {}", certificate.check().is_ok());
    let mut forms = vec![];
    problem.for_each_entry(|entry| forms.push(problem.form(&entry)));
    let (mut proved, mut observed) = (vec![], vec![]);
    for sweeps in 1..=60 {
        // local balancing that stops early
        let settings =
            Settings { method: Method::Local, max_iterations: sweeps, tolerance: 1e-300, ..Settings::default() };
        let early = run(&settings)?;
        // log-scales of one word say nothing of errors below their rounding
        let Some(enclosure) = early.enclosure.ok().filter(|e| e.width > 1e-13) else { continue };
        let off = |x: &[f64], y: &[f64]| forms.iter().map(|f| (f.at(x) - f.at(y)).abs()).fold(0.0, f64::max).exp_m1();
        let error = off(&early.solution.log_scales, &exact.solution.log_scales);
        assert!(error <= enclosure.width, "{error:e} {:e}", enclosure.width);
        proved.push((early.solution.residual, enclosure.width));
        observed.push((early.solution.residual, error));
    }
    println!("{} solutions of local balancing: every error is within the proved width", proved.len());
    chart(
        "enclosure",
        "The bounds that are proved cover the true error",
        log("residual (relative imbalance of the worst unit)"),
        log("change of the worst weight (relative)"),
        &[line("proved width", proved), points("true error", observed)],
    )
}

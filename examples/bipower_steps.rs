//! Local balancing of units of degree 2 and 1/2: every step lowers the cost to its closed form, and all of them to the optimum.
//!
//!     cargo run --release --example bipower_steps

mod figure;

use figure::{chart, line, linear, log, points};
use std::ops::ControlFlow;
use synbal::network::{Activation, Biases, build};
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Schedule, Settings, solve};

const P: f64 = 2.0;

/// The least cost of a unit of degree c, where A enters and B leaves: `(1 + c) c^(-c/(1+c)) A^(c/(1+c)) B^(1/(1+c))`.
fn least(a: f64, b: f64, c: f64) -> f64 {
    let share = c / (1.0 + c);
    (1.0 + c) * c.powf(-share) * a.powf(share) * b.powf(1.0 - share)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bipower = |exponent| Activation::Bipu { exponent, negative: -0.5, positive: 1.0 };
    let activations = vec![bipower(2.0), bipower(0.5)];
    let shape = build::Layered { activations, ..build::Layered::new(&[3, 4, 4, 2], Activation::Relu) };
    let lowered = build::layered(&shape, 5)?.lower(&Regularizer::lp(P)?, Biases::Counted)?;
    let problem = &lowered.problem;
    let optimum = solve(problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
    let (n, mut x) = (problem.variables(), vec![0.0; problem.variables()]);
    let (mut observed, mut predicted, mut worst) = (vec![], vec![], 0.0f64);
    let above = |cost: f64| cost / optimum.cost - 1.0;
    for step in 0..20 * n {
        // units of degree 2 and 1/2 take turns in the layers, so in the list of variables
        let (unit, c) = (step % n, if step % 2 == 0 { 2.0 } else { 0.5 });
        let point = problem.point(&x);
        let flows = point.flows();
        // inflow is p times the cost that enters, outflow c p times the cost that leaves
        let (a, b) = (flows.inflow(unit).to_f64() / P, flows.outflow(unit).to_f64() / (c * P));
        let expected = flows.cost.to_f64() - (a + b - least(a, b, c));
        let settings = Settings {
            method: Method::Local,
            schedule: Schedule::Sequence(vec![unit]),
            subset: Some(vec![unit]),
            max_iterations: 1,
            start: Some(x),
            ..Settings::default()
        };
        let solution = solve(problem, &settings, &mut |_| ControlFlow::Continue(()))?;
        worst = worst.max((solution.cost / expected - 1.0).abs());
        observed.push((f64::from(step as u32 + 1), above(solution.cost)));
        predicted.push((f64::from(step as u32 + 1), above(expected)));
        x = solution.log_scales;
    }
    println!("cost {:.9} -> {:.9}, by Newton {:.9}", problem.cost_at(&vec![0.0; n]), problem.cost_at(&x), optimum.cost);
    println!("{} steps: largest relative difference from the closed form {worst:.1e}", observed.len());
    // what is above rounding
    let seen = |list: Vec<(f64, f64)>| list.into_iter().filter(|p| p.1 > 1e-14).collect::<Vec<_>>();
    chart(
        "bipower_steps",
        "Local balancing of units of degree 2 and 1/2: the closed form of every step, and the way to the optimum",
        linear("local steps"),
        log("cost above the optimum by Newton (relative)"),
        &[line("closed form", seen(predicted)), points("observed", seen(observed))],
    )
}

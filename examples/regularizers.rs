//! Costs other than a norm: elastic net, ln(1 + w^2), a norm for every layer; and where a cost that falls at first has a minimum.
//!
//!     cargo run --release --example regularizers

mod figure;

use figure::{chart, line, linear};
use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::error::Result;
use synbal::manifold::Form;
use synbal::network::{Activation, build};
use synbal::problem::{Port, Problem, ProblemBuilder, Weights};
use synbal::regularizer::{ConvexCost, Power, Regularizer};
use synbal::solve::Settings;

/// `ln(1 + w^2) - b ln |w|`: its slope goes from -b to 2 - b.
#[derive(Debug)]
struct Pulled(f64);

impl ConvexCost for Pulled {
    fn at(&self, t: f64) -> [f64; 3] {
        let share = 1.0 / (1.0 + (-2.0 * t).exp());
        let value = (2.0 * t).max(0.0) + (-(2.0 * t).abs()).exp().ln_1p();
        [value - self.0 * t, 2.0 * share - self.0, 4.0 * share * (1.0 - share)]
    }

    fn slopes(&self) -> Option<[f64; 2]> {
        Some([-self.0, 2.0 - self.0])
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let network = build::layered(&build::Layered::new(&[4, 6, 6, 3], Activation::Relu), 7)?;
    let elastic = [Power { exponent: 1.0, coefficient: 0.5 }, Power { exponent: 2.0, coefficient: 1.0 }];
    let single = [
        ("w^2", Regularizer::lp(2.0)?),
        ("|w| / 2 + w^2", Regularizer::powers(&elastic)?),
        ("ln(1 + w^2)", Regularizer::convex(Pulled(0.0))?),
    ];
    println!("cost                   existence  before     after     residual");
    for (name, cost) in single {
        show(name, &network.lower_with(&[cost], |_| Some(0))?.problem)?;
    }
    // the first layer under |w|, the second under w^2, the third under 3 |w|^3
    let three = [1.0, 2.0, 3.0].map(|p| Regularizer::powers(&[Power { exponent: p, coefficient: p }]));
    let three: Vec<Regularizer> = three.into_iter().collect::<Result<_>>()?;
    let (first, second) = (4 * 6 + 6, 4 * 6 + 6 + 6 * 6 + 6);
    let layer = |parameter: usize| usize::from(parameter >= first) + usize::from(parameter >= second);
    show("|w|, 2 w^2, 3 |w|^3", &network.lower_with(&three, |parameter| Some(layer(parameter)))?.problem)?;

    println!("\none unit, w^2 going in, ln(1 + w^2) - b ln |w| going out: slopes meet where b < 2");
    let mut curves = vec![];
    for b in [0.5, 1.5, 2.5] {
        let problem = unit(&Regularizer::lp(2.0)?, &Regularizer::convex(Pulled(b))?)?;
        show(&format!("b = {b}"), &problem)?;
        let at = |k: i32| (f64::from(k) / 20.0, problem.cost_at(&[f64::from(k) / 20.0]));
        curves.push(line(format!("b = {b}"), (-60..=20).map(at)));
    }
    chart(
        "regularizers",
        "w^2 going in, ln(1 + w^2) - b ln |w| going out: a minimum exists where b < 2",
        linear("log-scale of the unit"),
        linear("total cost"),
        &curves,
    )
}

fn show(name: &str, problem: &Problem) -> Result<()> {
    let settings = Settings { max_iterations: 500, ..Settings::default() };
    let balanced = balance(problem, &settings, &mut |_| ControlFlow::Continue(()))?;
    let (existence, solution) = (balanced.existence.name(), &balanced.solution);
    if existence == "attained" {
        let (before, after) = (balanced.cost_before, solution.cost);
        println!("{name:21}  {existence}   {before:9.4}  {after:9.4}  {:.1e}", solution.residual);
    } else {
        println!("{name:21}  {existence}");
    }
    Ok(())
}

/// One unit with one weight going in and one going out.
fn unit(into: &Regularizer, out: &Regularizer) -> Result<Problem> {
    let mut builder = ProblemBuilder::new(1);
    let unit = builder.port(&Form::variable(0));
    builder.block("in", vec![unit], vec![Port::GROUND], Weights::Dense(vec![1.0]), into)?;
    builder.block("out", vec![Port::GROUND], vec![unit], Weights::Dense(vec![1.0]), out)?;
    Ok(builder.build())
}

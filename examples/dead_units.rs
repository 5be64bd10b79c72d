//! A unit that leads nowhere: no minimum is attained, the cost falls towards its limit, and the limit keeps the function.
//!
//!     cargo run --release --example dead_units

mod figure;

use figure::{chart, line, linear};
use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::network::{Activation, Biases, Connections, FeedForward, Network, Unit};
use synbal::regularizer::Regularizer;
use synbal::solve::Settings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let relu = Activation::Relu;
    let units = vec![
        Unit::input("x"),
        Unit::hidden("seen", relu),
        Unit::hidden("unseen", relu),
        Unit::output("y", Activation::Linear),
    ];
    let mut connections = Connections::new();
    for (k, (tail, head)) in [(0, 1), (1, 3), (0, 2), (1, 2)].into_iter().enumerate() {
        connections.push(tail, head, k as u32);
    }
    let network = Network::new(units, vec![4.0, 1.0, 2.0, 1.5], connections)?;
    let lowered = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?;
    let balanced = balance(&lowered.problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
    let direction = balanced.existence.direction().expect("two connections escape").to_vec();
    println!("dead: {:?}; connections that escape: {}", lowered.dead, balanced.escaping_count);
    println!("the limit is refused: {:?}", network.limit_refusal(&direction)?);
    let limit = network.apply(&balanced.scaling(true))?;
    for x in [-1.0, 2.5] {
        let output = |n: &Network| FeedForward::new(n).and_then(|f| f.evaluate(&[x]));
        println!("input {x}: output {}, in the limit {}", output(&network)?[0] + 0.0, output(&limit)?[0] + 0.0);
    }
    let x = &balanced.solution.log_scales;
    let along = |t: f64| {
        let moved: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + t * d).collect();
        lowered.problem.cost_at(&moved)
    };
    let falling = (0..=60).map(|k| f64::from(k) / 20.0).map(|t| (t, along(t)));
    let least = [0.0, 3.0].map(|t| (t, balanced.solution.cost));
    println!("cost {:.6} at the start, {:.6} in the limit", along(0.0), balanced.solution.cost);
    chart(
        "dead_units",
        "The cost falls for ever along the direction in which connections of a dead unit escape",
        linear("distance along the direction (log-scale)"),
        linear("cost"),
        &[line("cost", falling), line("limit: escaping weights are zero", least)],
    )
}

//! Describes an architecture in a few lines, and looks at the manifold of its rescaled weights.
//!
//!     cargo run --release --example manifold

mod figure;

use figure::{chart, line, linear, points};
use std::ops::ControlFlow;
use synbal::manifold::{Form, Grounded, Space, rank};
use synbal::network::{Activation, Biases, Connections, Network, Role, Unit};
use synbal::problem::Gauge;
use synbal::regularizer::Regularizer;
use synbal::solve::{Settings, solve};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // x1, x2 -> h -> y1, y2: every path runs through h, yet two paths that cover all units do not suffice
    let units = vec![
        Unit::input("x1"),
        Unit::input("x2"),
        Unit::hidden("h", Activation::Relu),
        Unit::output("y1", Activation::Linear),
        Unit::output("y2", Activation::Linear),
    ];
    let mut connections = Connections::new();
    for (parameter, (tail, head)) in [(0, 2), (1, 2), (2, 3), (2, 4)].into_iter().enumerate() {
        connections.push(tail, head, parameter as u32);
    }
    let network = Network::new(units, vec![1.0, -2.0, 3.0, 0.5], connections)?;
    assert_eq!(network.of_role(Role::Hidden).count(), 1);

    let problem = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?.problem;
    let mut places = vec![];
    problem.for_each_place(|entry| places.push(entry));
    let forms: Vec<Form> = places.iter().map(|e| problem.form(e)).collect();
    let space = Space::of(&forms, problem.variables());
    let connections = places.iter().map(|e| (problem.node(e.tail), problem.node(e.head))).collect();
    let graph = Grounded { units: problem.variables(), connections };

    println!("connections {}, dimension {}", places.len(), space.dimension);
    println!("dimension of the non-zero weights, exactly: {}", Gauge::of(&problem)?.dimension);
    println!("orthonormal basis:{:.4}", space.basis);
    println!("constraints from walks (rank {}):{}", rank(&graph.walk_constraints()), graph.walk_constraints());
    println!("constraints from cycles (rank {}):{}", rank(&graph.cycle_constraints()), graph.cycle_constraints());

    // the whole manifold of this network is one line: its cost along it
    let optimum = solve(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
    let cost = (-60..=60).map(|k| f64::from(k) / 40.0).map(|x| (x, problem.cost_at(&[x])));
    let title = "The cost along the manifold of a network with one hidden unit";
    let series = [
        line("cost", cost),
        points("as given", [(0.0, problem.cost_at(&[0.0]))]),
        points("balanced", [(optimum.log_scales[0], optimum.cost)]),
    ];
    chart("manifold", title, linear("log-scale of h"), linear("cost (sum of squares)"), &series)
}

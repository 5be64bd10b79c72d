//! Scalings commute, balancings of connected units do not; yet both orders of balancing end at the same weights.
//!
//!     cargo run --release --example scalings

mod figure;

use figure::{chart, line, linear, points};
use std::ops::ControlFlow;
use synbal::network::{Activation, Biases, Connections, Network, Unit};
use synbal::problem::Problem;
use synbal::regularizer::Regularizer;
use synbal::solve::{Method, Schedule, Settings, solve};

/// The log-scales of both units after each of some local steps, the units taking turns.
fn path(problem: &Problem, order: [usize; 2]) -> Result<Vec<(f64, f64)>, Box<dyn std::error::Error>> {
    let mut path = vec![(0.0, 0.0)];
    for unit in order.into_iter().cycle().take(24) {
        let settings = Settings {
            method: Method::Local,
            schedule: Schedule::Sequence(vec![unit]),
            subset: Some(vec![unit]),
            max_iterations: 1,
            start: path.last().map(|&(a, b)| vec![a, b]),
            ..Settings::default()
        };
        let x = solve(problem, &settings, &mut |_| ControlFlow::Continue(()))?.log_scales;
        path.push((x[0], x[1]));
    }
    Ok(path)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let relu = Activation::Relu;
    let units = vec![Unit::input("x"), Unit::hidden("g", relu), Unit::hidden("h", relu), Unit::output("y", relu)];
    let mut connections = Connections::new();
    (0..3).for_each(|k| connections.push(k, k + 1, k));
    let network = Network::new(units, vec![8.0, 2.0, 1.0], connections)?;
    let problem = network.lower(&Regularizer::lp(2.0)?, Biases::Counted)?.problem;
    let optimum = solve(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(()))?.log_scales;
    let (first, second) = (path(&problem, [0, 1])?, path(&problem, [1, 0])?);
    println!("balancing g, then h: log-scales {:.4?}", first[2]);
    println!("balancing h, then g: log-scales {:.4?}", second[2]);
    for (name, path) in [("g first", &first), ("h first", &second)] {
        let (a, b) = path[path.len() - 1];
        let far = (a - optimum[0]).abs().max((b - optimum[1]).abs());
        println!("{name}: after {} steps {far:.1e} from Newton's log-scales", path.len() - 1);
    }
    // scalings by fixed factors: the corner is another, the end the same
    let (g, h) = (-0.4, -1.1);
    chart(
        "scalings",
        "Two orders of scaling close a rectangle; two orders of balancing end at the optimum",
        linear("log-scale of the unit g"),
        linear("log-scale of the unit h"),
        &[
            line("balance g, h, g, ...", first),
            line("balance h, g, h, ...", second),
            line("scale g, then h", [(0.0, 0.0), (g, 0.0), (g, h)]),
            line("scale h, then g", [(0.0, 0.0), (0.0, h), (g, h)]),
            points("optimum by Newton's method", [(optimum[0], optimum[1])]),
        ],
    )
}

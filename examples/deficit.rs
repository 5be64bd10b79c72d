//! Training and balance: gradient flow keeps the deficit, large steps leave balance, a cost of the weights brings it about.
//!
//!     cargo run --release --example deficit

mod figure;

use figure::{chart, line, log};

/// Units: two inputs, hidden units of one scale each, and one output. Hidden unit k has weights `[in, in, out]`.
type Weights = [[f64; 3]; 4];

/// Half the mean squared error in learning `max(x, y)` with ReLU units, and its gradient.
fn error(weights: &Weights) -> (f64, Weights) {
    let (mut error, mut gradient) = (0.0, [[0.0; 3]; 4]);
    for k in 0..16 {
        let (x, y) = (f64::from(k).sin(), (1.7 * f64::from(k)).cos());
        let active = weights.map(|[a, b, _]| (a * x + b * y).max(0.0));
        let off = active.iter().zip(weights).map(|(z, w)| z * w[2]).sum::<f64>() - x.max(y);
        error += off * off / 32.0;
        for ((g, w), z) in gradient.iter_mut().zip(weights).zip(active) {
            let back = if z > 0.0 { off * w[2] / 16.0 } else { 0.0 };
            *g = [g[0] + back * x, g[1] + back * y, g[2] + off * z / 16.0];
        }
    }
    (error, gradient)
}

/// Sum over hidden units of the squared difference of what enters and leaves, in squares of weights.
fn deficit(weights: &Weights) -> f64 {
    weights.iter().map(|[a, b, c]| (a * a + b * b - c * c).powi(2)).sum()
}

/// The deficit over the time of training, step after step of length `rate` on the error plus `beta` times all squares.
fn train(name: &str, mut weights: Weights, rate: f64, beta: f64) -> Vec<(f64, f64)> {
    let (first, before) = (error(&weights).0, deficit(&weights));
    let (mut course, mut next) = (vec![], 1.0);
    for step in 1..=(60.0 / rate) as u32 {
        let slope = error(&weights).1;
        for (w, g) in weights.iter_mut().flatten().zip(slope.iter().flatten()) {
            *w -= rate * (g + 2.0 * beta * *w);
        }
        // for a logarithmic axis
        if f64::from(step) >= next {
            course.push((f64::from(step) * rate, deficit(&weights)));
            next *= 1.1;
        }
    }
    println!(
        "{name:46} error {first:.3} -> {:.3}, deficit {before:.1e} -> {:.1e}",
        error(&weights).0,
        deficit(&weights)
    );
    course
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let start: Weights = [[1.2, -0.4, 0.3], [-0.5, 0.9, 0.4], [0.6, 0.7, -0.2], [-0.3, -0.8, 1.5]];
    // balanced: what leaves has the size of what enters
    let balanced = start.map(|[a, b, c]| [a, b, a.hypot(b).copysign(c)]);
    let runs = [
        ("error alone, small steps (0.001)", start, 1e-3, 0.0),
        ("error + 0.02 sum w^2, small steps", start, 1e-3, 0.02),
        ("error alone, balanced start, small steps", balanced, 1e-3, 0.0),
        ("error alone, balanced start, large steps (0.5)", balanced, 0.5, 0.0),
    ];
    let series = runs.map(|(name, weights, rate, beta)| line(name, train(name, weights, rate, beta)));
    chart(
        "deficit",
        "The deficit of balance during training",
        log("time of training (steps times rate)"),
        log("sum of squared deficits (weight^4)"),
        &series,
    )
}

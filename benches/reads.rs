//! How long the iterations take beside one read of the weights, in a process that solves again and again.
//!
//! `cargo bench --bench reads -- model.onnx`, or `graph.mtx INPUTS OUTPUTS`, prints one line of JSON: the passes to the tolerance,
//! and seconds of the iterations, of a read, and their quotient, for the first solve and as medians of those after it. The first
//! one is what a program that solves once waits for: memory and code are touched for the first time.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use synbal::model::OnnxModel;
use synbal::network::{Biases, mtx};
use synbal::problem::Problem;
use synbal::regularizer::Regularizer;
use synbal::solve::{Settings, solve};

/// Solves after the first one.
const REPEAT: usize = 30;

fn main() -> Result<(), Box<dyn Error>> {
    // as the program does: its first thread computes, too, and freed memory is kept
    let set = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    let threads = set.map_or_else(|| std::thread::available_parallelism().map(usize::from), Ok)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    if threads > 1 { pool.use_current_thread() } else { pool }.build_global()?;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(4 << 20)));

    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let norm = Regularizer::lp(2.0)?;
    let problem = match &args[..] {
        [] => {
            println!("nothing is measured: give a model file, or a graph with its inputs and outputs");
            return Ok(());
        }
        [file] => OnnxModel::open(Path::new(file))?.lower(&norm, true)?.problem,
        [file, inputs, outputs] => {
            let visible = mtx::Visible { inputs: mtx::parse_ranges(inputs)?, outputs: mtx::parse_ranges(outputs)? };
            mtx::read(Path::new(file), &visible)?.lower(&norm, Biases::Counted)?.problem
        }
        _ => return Err("give a model file, or a graph with its inputs and outputs".into()),
    };
    let mut runs = vec![];
    for _ in 0..=REPEAT {
        runs.push(measured(&problem)?);
    }
    let median = |k: usize| {
        let mut values: Vec<f64> = runs[1..].iter().map(|run| run[k]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let of =
        |[_, seconds, read, reads]: [f64; 4]| serde_json::json!({ "seconds": seconds, "read": read, "reads": reads });
    let again = of(std::array::from_fn(median));
    println!("{}", serde_json::json!({ "passes": runs[0][0], "first": of(runs[0]), "again": again }));
    Ok(())
}

/// Passes and seconds to the tolerance, seconds of one read, and their quotient.
fn measured(problem: &Problem) -> Result<[f64; 4], Box<dyn Error>> {
    let settings = Settings::default();
    let solution = solve(problem, &settings, &mut |_| ControlFlow::Continue(()))?;
    let end =
        solution.trace.iter().find(|step| step.residual <= settings.tolerance).ok_or("the tolerance is not reached")?;
    Ok([end.passes, end.seconds, solution.pass_seconds, end.seconds / solution.pass_seconds])
}

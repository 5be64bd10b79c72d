//! The reference instances of the side-by-side comparison, where they are at hand.
//!
//! `SYNBAL_PEERS` names the folder of their generator `inst.py`, `SYNBAL_PYTHON` a Python with numpy.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use synbal::balance::balance;
use synbal::manifold::Form;
use synbal::problem::{Port, Problem, ProblemBuilder, Weights};
use synbal::regularizer::Regularizer;
use synbal::solve::{Settings, Status};

/// Writes, in little-endian bytes: variables, connections, heads, tails (0 is visible), weights.
const DRIVER: &str = "
import sys; sys.path.insert(0, sys.argv[1])
import numpy, inst
n, h, t, w = inst.graph(sys.argv[2])
out = sys.stdout.buffer
for a, kind in [([n, len(h)], '<i8'), (h, '<i8'), (t, '<i8'), (w, '<f8')]:
    out.write(numpy.ascontiguousarray(a).astype(kind).tobytes())
";

/// Heads, tails and weights.
type Connections = Vec<(i64, i64, f64)>;

fn graph(folder: &Path, python: &str, name: &str) -> Option<(usize, Connections)> {
    let output = Command::new(python).arg("-B").arg("-c").arg(DRIVER).arg(folder).arg(name).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let words: Vec<[u8; 8]> = output.stdout.chunks_exact(8).map(|c| c.try_into().unwrap()).collect();
    let whole = |k: usize| i64::from_le_bytes(words[k]);
    let (variables, count) = (whole(0) as usize, whole(1) as usize);
    assert_eq!(words.len(), 2 + 3 * count);
    let edge = |k: usize| (whole(2 + k), whole(2 + count + k), f64::from_le_bytes(words[2 + 2 * count + k]));
    Some((variables, (0..count).map(edge).collect()))
}

fn problem(variables: usize, edges: &[(i64, i64, f64)]) -> Problem {
    let mut builder = ProblemBuilder::new(variables);
    let mut ports = vec![Port::GROUND];
    ports.extend((0..variables).map(|v| builder.port(&Form::variable(v))));
    let entries = edges.iter().map(|&(h, t, w)| (h as u32, t as u32, w)).collect();
    let l2 = Regularizer::lp(2.0).unwrap();
    builder.block("all", ports.clone(), ports, Weights::Sparse(entries), &l2).unwrap();
    builder.build()
}

#[test]
fn the_optimal_costs_of_the_reference_instances_are_reproduced() {
    let python = std::env::var("SYNBAL_PYTHON").unwrap_or_else(|_| "python3".into());
    let folder = std::env::var_os("SYNBAL_PEERS").filter(|f| Path::new(f).is_dir());
    let Some(folder) = folder else {
        println!("skipped: SYNBAL_PEERS names no folder");
        return;
    };
    let costs =
        [("i", 888.674527190737), ("ii", 6194.57523928678), ("iii", 4761.94756499712), ("iv", 3798.68054995128)];
    for (name, cost) in costs {
        let Some((variables, edges)) = graph(Path::new(&folder), &python, name) else {
            println!("skipped: {python} with numpy cannot run inst.py in {}", Path::new(&folder).display());
            return;
        };
        let problem = problem(variables, &edges);
        let begin = std::time::Instant::now();
        let balanced = balance(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap();
        let (seconds, s) = (begin.elapsed().as_secs_f64(), balanced.solution);
        println!("{name}: {} {seconds:.3} s, passes {:.0}, bound {:.1e}", s.method.name(), s.passes, s.error_bound);
        assert_eq!((balanced.existence.name(), s.status), ("attained", Status::Converged));
        assert!((s.cost / cost - 1.0).abs() <= 1e-13, "{name}: {} instead of {cost}", s.cost);
        // the residual from the connection list, not from the crate's own passes
        let mut flows = vec![(0.0, 0.0); variables + 1];
        let x = |v: i64| if v == 0 { 0.0 } else { s.log_scales[v as usize - 1] };
        for &(h, t, w) in edges.iter().filter(|e| e.0 != e.1) {
            let weight = w * (x(h) - x(t)).exp();
            flows[h as usize].0 += weight * weight;
            flows[t as usize].1 += weight * weight;
        }
        let residual = flows[1..].iter().map(|(i, o): &(f64, f64)| (i - o).abs() / (i + o)).fold(0.0, f64::max);
        assert!(residual <= 1e-12, "{name}: residual {residual:e}");
    }
}

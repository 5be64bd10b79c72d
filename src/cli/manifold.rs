//! `synbal manifold`.

use super::args::ManifoldArgs;
use super::input::Input;
use super::settings::{Norm, make_threads};
use super::{Exit, show};
use crate::error::Result;
use crate::lowered::Lowered;
use crate::manifold::{Form, Grounded, Space, rank};
use crate::problem::{Entry, Gauge};
use crate::report::{SCHEMA, pairs, small};
use nalgebra::DMatrix;
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    schema: u32,
    status: String,
    connections: usize,
    nonzero_connections: usize,
    variables: usize,
    /// Dimension of the manifold of the non-zero weights, exact.
    dimension: usize,
    /// Dimensions of the kernel: parts that may shift without changing a weight.
    ungrounded: usize,
    /// Dimension of the manifold of all connections, by singular values; null for large networks.
    dimension_structural: Option<usize>,
    /// Ranks of the constraints; null for large networks and for degrees other than 1.
    rank_cycles: Option<usize>,
    rank_walks: Option<usize>,
    /// Whether walks and directed cycles span the same space as all cycles.
    walks_span: Option<bool>,
    /// Largest product of a basis vector and a constraint: zero up to rounding.
    violation: Option<f64>,
    note: Option<String>,
    basis: Option<Vec<Vec<f64>>>,
    walks: Option<Vec<Vec<f64>>>,
    cycles: Option<Vec<Vec<f64>>>,
}

/// Largest number of entries of a dense matrix that is decomposed.
const DENSE: usize = 4_000_000;

pub fn run(args: &ManifoldArgs) -> Result<Exit> {
    make_threads(&args.reading)?;
    let input = Input::open(&args.input, &args.reading)?;
    let lowered = input.lower(&Norm::of(&args.reading)?, &args.reading).map_err(|e| e.in_file(&args.input))?;
    let report = describe(&lowered, args.matrices)?;
    show(&report, args.reading.json, || text(&report))?;
    Ok(Exit::Done)
}

fn describe(lowered: &Lowered, matrices: bool) -> Result<Report> {
    let problem = &lowered.problem;
    let gauge = Gauge::of(problem)?;
    let mut places: Vec<Entry> = vec![];
    let mut count = 0;
    // a self-connection moves to a block of its own and leaves an empty place behind, which is no connection
    let shared = |e: &Entry| {
        let [head, tail] = [e.head, e.tail].map(|port| problem.ports()[port as usize].terms());
        head.iter().any(|(v, _)| tail.iter().any(|(u, _)| u == v))
    };
    problem.for_each_place(|e| {
        if problem.blocks()[e.block].has(e.index) || !shared(&e) {
            count += 1;
            if places.len() <= DENSE {
                places.push(e);
            }
        }
    });
    let mut report = Report {
        schema: SCHEMA,
        status: "done".into(),
        connections: lowered.weights as usize,
        nonzero_connections: problem.entries(),
        variables: problem.variables(),
        dimension: gauge.dimension,
        ungrounded: gauge.kernel.len(),
        dimension_structural: None,
        rank_cycles: None,
        rank_walks: None,
        walks_span: None,
        violation: None,
        note: None,
        basis: None,
        walks: None,
        cycles: None,
    };
    if count * problem.variables().max(1) > DENSE || count * count > DENSE {
        report.note = Some("too large for dense matrices: only the exact dimension is given".into());
        return Ok(report);
    }
    let forms: Vec<Form> = places.iter().map(|e| problem.form(e)).collect();
    let space = Space::of(&forms, problem.variables());
    report.dimension_structural = Some(space.dimension);
    if problem.is_graph() {
        let connections = places.iter().map(|e| (problem.node(e.tail), problem.node(e.head))).collect();
        let grounded = Grounded { units: problem.variables(), connections };
        let (walks, cycles) = (grounded.walk_constraints(), grounded.cycle_constraints());
        let (by_walks, by_cycles) = (rank(&walks), rank(&cycles));
        report.rank_walks = Some(by_walks);
        report.rank_cycles = Some(by_cycles);
        // walks are closed in the grounded graph, so their rows lie in the cycle space: equal rank is equal space
        report.walks_span = Some(by_walks == by_cycles);
        report.violation = Some(space.violation(&walks).max(space.violation(&cycles)));
        if matrices {
            report.walks = Some(rows(&walks));
            report.cycles = Some(rows(&cycles));
        }
    } else {
        report.note = Some("walks and cycles describe the manifold for degree 1 only".into());
    }
    if matrices {
        report.basis = Some(rows(&space.basis));
    }
    Ok(report)
}

fn rows(matrix: &DMatrix<f64>) -> Vec<Vec<f64>> {
    matrix.row_iter().map(|row| row.iter().copied().collect()).collect()
}

fn text(r: &Report) -> String {
    let mut lines = vec![
        ("connections", format!("{}, {} of them not zero", r.connections, r.nonzero_connections)),
        ("free log-scales", r.variables.to_string()),
        ("dimension", format!("{} (of the non-zero weights, exact)", r.dimension)),
    ];
    if let Some(d) = r.dimension_structural {
        lines.push(("structural", format!("{d} (of all connections, by singular values)")));
    }
    if r.ungrounded > 0 {
        lines.push((
            "ungrounded",
            format!("{} parts touch no visible unit; their mean log-scale is set to zero", r.ungrounded),
        ));
    }
    if let (Some(walks), Some(cycles)) = (r.rank_walks, r.rank_cycles) {
        let span = if walks == cycles {
            "they span the same space"
        } else {
            "walks do NOT span it: some unit lies on no input-output path"
        };
        lines.push(("constraints", format!("rank {walks} from walks, {cycles} from all cycles; {span}")));
    }
    if let Some(v) = r.violation {
        lines.push(("check", format!("largest product of a basis vector and a constraint {}", small(v))));
    }
    if let Some(note) = &r.note {
        lines.push(("note", note.clone()));
    }
    format!("{}\n", pairs(&lines))
}

//! Random models of all operator families: the function stays, and the optimum does not depend on the start.
//!
//! `SYNBAL_CASES` is the number of models; `SYNBAL_PYTHON` names a Python with onnxruntime, which compares them too.
#![cfg(feature = "cli")]

mod onnx_support;

use onnx_support::random_graphs::{AnyGraph, graph};
use onnx_support::{numbers, open_bytes};
use quickcheck::{QuickCheck, TestResult};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use synbal::balance::balance;
use synbal::existence::existence;
use synbal::lowered::Scaling;
use synbal::model::{FunctionCheck, OnnxModel};
use synbal::problem::LogScales;
use synbal::regularizer::Regularizer;
use synbal::solve::{Settings, Status};

/// Models unless `SYNBAL_CASES` says otherwise.
const CASES: u64 = 60;

static FOLDER: OnceLock<PathBuf> = OnceLock::new();
static COMPARED: AtomicUsize = AtomicUsize::new(0);
static UNCHECKED: AtomicUsize = AtomicUsize::new(0);
/// Largest relative gap of two balanced weights, in roundings of single precision.
static WORST: AtomicU64 = AtomicU64::new(0);
static CANONICAL: AtomicUsize = AtomicUsize::new(0);

/// Whole powers of two, also behind operators of degree 1/2 and ties of several channels.
fn moved(model: &OnnxModel, seed: u64) -> Scaling {
    let steps = numbers(seed, model.free()).iter().map(|n| 8 * (n * 1.5).round() as i32).collect();
    Scaling { scales: LogScales::split(steps, vec![0.0; model.free()]), direction: None, bounds: None }
}

/// The balanced file, and whether double precision determines every bit of it; none where there is no optimum.
fn balanced(model: &OnnxModel) -> Option<(Vec<u8>, bool)> {
    let lowered = model.lower(&Regularizer::lp(2.0).expect("an exponent"), true).expect("finite weights");
    if existence(&lowered.problem).direction().is_some() {
        return None;
    }
    let settings = Settings { max_iterations: 500, ..Settings::default() };
    let balanced = balance(&lowered.problem, &settings, &mut |_| ControlFlow::Continue(())).expect("settings in range");
    let solution = &balanced.solution;
    assert_eq!(solution.status, Status::Converged, "residual {}", solution.residual);
    let exact = solution.canonical;
    Some((model.apply(&balanced.scaling(false)).expect("no overflow").0, exact))
}

/// Rescaled by any numbers, a model has the same balanced weights up to what the rounding of the start does to them.
fn one_optimum(model: &OnnxModel) -> Result<(), String> {
    let log_scales = numbers(11, model.free()).iter().map(|&n| f64::from(n)).collect();
    let (bytes, _) = model.apply(&Scaling::new(log_scales)).expect("no overflow");
    let other = open_bytes(&bytes).expect("a valid model");
    let (Some((a, true)), Some((b, true))) = (balanced(model), balanced(&other)) else { return Ok(()) };
    let [a, b] = [a, b].map(|bytes| open_bytes(&bytes).expect("a valid model"));
    for (t, u) in a.tensors().iter().zip(b.tensors()).filter(|(t, _)| t.is_rewritable()) {
        for (x, y) in t.decode(a.files()).iter().zip(u.decode(b.files())) {
            let gap = (x - y).abs() / x.abs().max(f64::from(f32::MIN_POSITIVE));
            WORST.fetch_max((gap * 2f64.powi(24)) as u64, Relaxed);
            if gap > 8.0 * 2f64.powi(-24) {
                return Err(format!("{:?}: {x} and {y} are balanced from two starts", t.name));
            }
        }
    }
    Ok(())
}

fn holds(any: AnyGraph) -> TestResult {
    let bytes = graph(&any).bytes();
    let model = match open_bytes(&bytes) {
        Ok(model) if model.free() > 0 => model,
        Ok(_) => return TestResult::discard(),
        Err(error) => return TestResult::error(format!("{any:?}: {error}")),
    };
    let other = match model.apply(&moved(&model, 7)) {
        Ok((bytes, _)) => bytes,
        Err(_) => return TestResult::discard(),
    };
    match model.check(&other, 1) {
        FunctionCheck::Compared { difference, .. } if difference != 0.0 => {
            return TestResult::error(format!("{any:?}: powers of two change the function by {difference}"));
        }
        FunctionCheck::Compared { .. } => drop(COMPARED.fetch_add(1, Relaxed)),
        FunctionCheck::Unchecked { reason } => {
            println!("unchecked: {}", reason.lines().next().unwrap_or_default());
            UNCHECKED.fetch_add(1, Relaxed);
        }
    }
    if let Err(problem) = one_optimum(&model) {
        return TestResult::error(format!("{any:?}: {problem}"));
    }
    let moved = open_bytes(&other).expect("a valid model");
    let last = match (balanced(&model), balanced(&moved)) {
        (Some((a, true)), Some((b, true))) => {
            CANONICAL.fetch_add(1, Relaxed);
            if a != b {
                return TestResult::error(format!("{any:?}: the balanced files differ"));
            }
            a
        }
        (Some((a, _)), Some(_)) => a,
        (None, None) => other.clone(),
        _ => return TestResult::error(format!("{any:?}: the existence of an optimum depends on the start")),
    };
    if let FunctionCheck::Compared { difference, rounding, .. } = model.check(&last, 2)
        && difference > 1e-6 + 30.0 * rounding
    {
        return TestResult::error(format!("{any:?}: balancing changes the function by {difference}, {rounding}"));
    }
    if let Some(folder) = FOLDER.get() {
        let name = format!("{}", COMPARED.load(Relaxed) + UNCHECKED.load(Relaxed));
        for (part, bytes) in [("a", &bytes), ("b", &other), ("c", &last)] {
            std::fs::write(folder.join(format!("{name}.{part}.onnx")), bytes).expect("writable");
        }
        std::fs::write(folder.join(format!("{name}.txt")), format!("{any:?}")).expect("writable");
    }
    TestResult::passed()
}

#[test]
fn random_models_keep_their_function_and_have_one_optimum() {
    let python = std::env::var_os("SYNBAL_PYTHON");
    let folder = tempfile::tempdir().expect("a temporary folder");
    if python.is_some() {
        FOLDER.get_or_init(|| folder.path().to_owned());
    }
    let cases = std::env::var("SYNBAL_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES);
    QuickCheck::new().tests(cases).quickcheck(holds as fn(AnyGraph) -> TestResult);
    let [compared, unchecked, canonical] = [&COMPARED, &UNCHECKED, &CANONICAL].map(|n| n.load(Relaxed));
    println!("{compared} models compared, {unchecked} not; {canonical} of them have the same optimum bit for bit");
    println!("from any start the weights agree up to {} roundings", WORST.load(Relaxed));
    assert!(compared > 4 * unchecked && 2 * canonical > compared, "{compared}, {unchecked}, {canonical}");
    let Some(python) = python else {
        println!("SYNBAL_PYTHON names no Python with onnxruntime: compared by one engine only");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/onnxruntime/check_many.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().expect("Python starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let named = text.lines().filter_map(|l| l.split_once(": ")).take(5);
        for (name, problem) in named {
            let steps = std::fs::read_to_string(folder.path().join(format!("{name}.txt"))).unwrap_or_default();
            println!("{steps}: {problem}");
        }
        panic!("{text}{}", String::from_utf8_lossy(&output.stderr));
    }
}

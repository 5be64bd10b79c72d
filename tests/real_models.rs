//! Trained models from packages, balanced and run; `docs/model-files.md` says where to find them.
//!
//! `SYNBAL_MODELS` names their folder. Those above [`SMALL`] bytes run only with `SYNBAL_LARGE` set.
#![cfg(feature = "cli")]

mod cli_support;

use cli_support::Desk;
use std::path::Path;
use std::process::Command;

/// Largest file that every run balances: a build for tests is slow.
const SMALL: u64 = 3_000_000;
/// Models up to this size are balanced by three methods.
const QUICK: u64 = 70_000_000;

/// Name, free log-scales, and the only operators that are left alone.
const MODELS: [(&str, u64, &[&str]); 14] = [
    ("surfaces_mlp", 128, &["Scaler"]),
    ("pnet", 58, &["Softmax"]),
    ("rnet", 268, &["Softmax"]),
    ("onet", 544, &["Softmax"]),
    ("rnnoise", 168, &["Tanh", "Sigmoid"]),
    ("mnist_cnn", 224, &[]),
    ("emotion_mini_xception", 1592, &["Softmax"]),
    ("ch_ppocr_mobile_v2.0_cls_infer", 2530, &["Softmax", "Add", "Clip", "HardSigmoid"]),
    ("crepe_tiny", 544, &["Sigmoid"]),
    ("open-nsfw", 5760, &["Softmax"]),
    ("Tumor_classification_vgg16", 4864, &["Softmax"]),
    // known topologies with random weights, where someone put such files into the folder
    ("squeezenet", 2944, &["Softmax", "Dropout"]),
    ("resnet50", 38016, &["Softmax"]),
    ("vgg19", 13696, &["Softmax", "Dropout"]),
];

#[test]
fn trained_models_are_balanced_and_compute_the_same_function() {
    let Some(folder) = std::env::var_os("SYNBAL_MODELS") else {
        println!("skipped: SYNBAL_MODELS names no folder with models");
        return;
    };
    let large = std::env::var_os("SYNBAL_LARGE").is_some();
    for (name, free, left_alone) in MODELS {
        let path = Path::new(&folder).join(format!("{name}.onnx"));
        let Ok(size) = std::fs::metadata(&path).map(|m| m.len()) else {
            println!("skipped: there is no {}; tests/models/fetch gets what packages have", path.display());
            continue;
        };
        if size > SMALL && !large {
            println!("skipped: {name} has {size} bytes; set SYNBAL_LARGE to run it");
            continue;
        }
        balances(&path, name, free, left_alone);
    }
}

/// Different methods, threads and seeds write the same bytes, in which every weight is proved.
fn exact(desk: &Desk, path: &Path, name: &str) {
    let mut files = vec![];
    for options in ["--method newton", "--method cg --threads 1", "--method local --schedule permutation --seed 3"] {
        let line = format!("balance {} -o e.onnx --force --exact --no-check {options}", path.display());
        let report = desk.json(&line, 0);
        assert!(report["weights_proved"].as_u64() > Some(0), "{name}: {report}");
        assert_eq!(report["weights_undecided"], 0, "{name}, {options}");
        files.push(desk.bytes("e.onnx"));
    }
    assert!(files.iter().all(|file| *file == files[0]), "{name}");
}

fn balances(path: &Path, name: &str, free: u64, left_alone: &[&str]) {
    let desk = Desk::new();
    let report = desk.json(&format!("balance {} -o b.onnx", path.display()), 0);
    assert_eq!((&report["status"], &report["variables"]), (&"converged".into(), &free.into()), "{name}");
    assert!(report["residual_after"].as_f64().unwrap() <= 1e-12, "{name}: {report}");
    assert!(report["cost_after"].as_f64().unwrap() < report["cost_before"].as_f64().unwrap(), "{name}");
    assert!(report["certified_width"].as_f64().is_some_and(|width| width <= 1e-11), "{name}: {report}");
    if std::fs::metadata(path).is_ok_and(|m| m.len() <= QUICK) {
        exact(&desk, path, name);
    }
    for frozen in report["frozen"].as_array().unwrap() {
        let reason = frozen["reason"].as_str().unwrap();
        assert!(left_alone.iter().any(|op| reason.starts_with(op)), "{name}: {frozen}");
    }
    let [difference, rounding] =
        ["function_difference", "function_rounding"].map(|f| report[f].as_f64().expect("the engine runs it"));
    assert!(rounding > 0.0 && difference <= 10.0 * rounding, "{name}: {difference:e}, rounding alone {rounding:e}");
    assert_eq!(desk.json(&format!("verify {} b.onnx", path.display()), 0)["status"], "verified", "{name}");
    let Some(python) = std::env::var_os("SYNBAL_PYTHON") else {
        println!("{name}: not compared by onnxruntime, SYNBAL_PYTHON names no Python");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/onnxruntime/check.py");
    let output =
        Command::new(python).arg(script).args([path, &desk.path("b.onnx")]).args(["--tolerance", "1e-4"]).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
}

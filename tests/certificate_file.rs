//! Certificates in integers: the checker of this crate agrees with exact rationals, and with the proved checker.
//!
//! `SYNBAL_CHECK` names the program that `proofs/check` builds; without it, what needs it says that it is skipped.

mod bank;
mod cli_support;

use bank::any::AnyGraph;
use bank::{Raw, known};
use cli_support::{Desk, matrix, small};
use dashu::integer::IBig;
use dashu::rational::RBig;
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use serde_json::json;
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use synbal::balance::balance;
use synbal::certificate::{Certificate, Rounding, differs_from_balanced};
use synbal::problem::Problem;
use synbal::solve::Settings;

fn certificate(problem: &Problem) -> Option<Certificate> {
    made(problem).ok()
}

/// The certificate, or why there is none.
fn made(problem: &Problem) -> Result<Certificate, String> {
    let answer = balance(problem, &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    answer.certificate(problem).map(|c| c.0)
}

/// What a certificate says, in exact rationals and nothing else: the naive twin of the checker.
fn naive(c: &Certificate) -> bool {
    let over = |a: &IBig, b: &IBig| RBig::from(a.clone()) / RBig::from(b.clone());
    let positive = |x: &IBig| *x > IBig::ZERO;
    if !positive(&c.scale_one) || !positive(&c.amplitude_one) {
        return false;
    }
    let ordered = |b: &(IBig, IBig)| positive(&b.0) && b.0 <= b.1;
    if !c.units.iter().all(ordered) || !c.links.iter().all(|l| ordered(&l.amplitude)) {
        return false;
    }
    let end = c.units.len();
    if c.links.iter().any(|l| l.from > end || l.to > end) {
        return false;
    }
    let scale = |unit: usize, upper: bool| match unit {
        0 => RBig::ONE,
        u if upper => over(&c.units[u - 1].1, &c.scale_one),
        u => over(&c.units[u - 1].0, &c.scale_one),
    };
    // what enters less what leaves a unit, at its worst, when all scales are at one of their bounds
    let worst = |unit: usize, upper: bool| {
        let mut sum = RBig::ZERO;
        for l in &c.links {
            let (low, high) = (over(&l.amplitude.0, &c.amplitude_one), over(&l.amplitude.1, &c.amplitude_one));
            let cost = |a: RBig| a * scale(l.to, upper) / scale(l.from, upper);
            let (entering, leaving) = if upper { (low, high) } else { (high, low) };
            if l.to == unit {
                sum += cost(entering);
            }
            if l.from == unit {
                sum -= cost(leaving);
            }
        }
        sum
    };
    let enclosed = (1..=end).all(|u| worst(u, false) < RBig::ZERO && worst(u, true) > RBig::ZERO);
    let costs = c.links.iter().all(|l| {
        let low = over(&l.amplitude.0, &c.amplitude_one) * scale(l.to, false) / scale(l.from, true);
        let high = over(&l.amplitude.1, &c.amplitude_one) * scale(l.to, true) / scale(l.from, false);
        over(&l.cost.0, &c.amplitude_one) <= low && high <= over(&l.cost.1, &c.amplitude_one)
    });
    enclosed && costs
}

#[quickcheck]
fn a_certificate_comes_back_from_its_text_and_both_checkers_accept_it(AnyGraph(raw): AnyGraph) -> TestResult {
    let Some(c) = certificate(&raw.problem()) else { return TestResult::discard() };
    let read = Certificate::parse(&c.to_string()).unwrap();
    TestResult::from_bool(read == c && c.check().is_ok() && naive(&c) && as_proved(&c))
}

/// Whether the proved checker, where there is one, judges a certificate as that of this crate does.
fn as_proved(c: &Certificate) -> bool {
    let Some(program) = checker() else { return true };
    let desk = Desk::new();
    desk.put("c.txt", c.to_string());
    run(&program, &desk.path("c.txt")) == i32::from(c.check().is_err())
}

/// One number of a certificate, moved by a part of itself that may be small or large.
fn tamper(c: &mut Certificate, which: usize, part: u8, up: bool) {
    let (units, links) = (c.units.len(), c.links.len());
    let at = which % (2 + 2 * units + 6 * links);
    let change = |x: &mut IBig| {
        let step = (x.clone() >> usize::from(part % 70)) + IBig::ONE;
        *x += if up { step } else { -step };
    };
    let index = |x: &mut usize| *x = if up { *x + 1 } else { x.saturating_sub(1) };
    match at {
        0 => change(&mut c.amplitude_one),
        1 => change(&mut c.scale_one),
        k if k < 2 + units => change(&mut c.units[k - 2].0),
        k if k < 2 + 2 * units => change(&mut c.units[k - 2 - units].1),
        k => {
            let (place, link) = ((k - 2 - 2 * units) % 6, &mut c.links[(k - 2 - 2 * units) / 6]);
            match place {
                0 => index(&mut link.from),
                1 => index(&mut link.to),
                2 => change(&mut link.amplitude.0),
                3 => change(&mut link.amplitude.1),
                4 => change(&mut link.cost.0),
                _ => change(&mut link.cost.1),
            }
        }
    }
}

/// Integers round outwards, so they accept less than rationals, by what rounding can hide: a part in 2^30 of the bounds. The
/// proved checker agrees with that of this crate in every case.
#[quickcheck]
fn tampered_certificates_are_judged_as_exact_rationals_judge_them(
    AnyGraph(raw): AnyGraph,
    which: usize,
    part: u8,
    up: bool,
) -> TestResult {
    let Some(mut c) = certificate(&raw.problem()) else { return TestResult::discard() };
    tamper(&mut c, which, part, up);
    if !as_proved(&c) {
        return TestResult::failed();
    }
    match (c.check().is_ok(), naive(&c)) {
        (true, false) => TestResult::failed(),
        // steps below the guard digits may fall to either side
        (false, true) => TestResult::from_bool(part % 70 > 30),
        _ => TestResult::passed(),
    }
}

#[quickcheck]
fn an_amplitude_that_matters_cannot_be_altered(AnyGraph(raw): AnyGraph, which: usize, up: bool) -> TestResult {
    let Some(mut c) = certificate(&raw.problem()) else { return TestResult::discard() };
    if c.links.is_empty() {
        return TestResult::discard();
    }
    let k = which % c.links.len();
    let link = &mut c.links[k];
    // one that is nothing beside the others has but a few digits
    if &link.amplitude.0 >> 30 == IBig::ZERO || &link.cost.0 >> 30 == IBig::ZERO {
        return TestResult::discard();
    }
    for bound in [&mut link.amplitude.0, &mut link.amplitude.1] {
        let step = bound.clone() >> 4;
        *bound += if up { step } else { -step };
    }
    // its own cost bounds give it away, whatever it does to the balance of its ends
    TestResult::from_bool(c.check().is_err() && !naive(&c) && as_proved(&c))
}

#[test]
fn malformed_certificates_are_named_with_their_place() {
    let good = "4 4 1 2\n3 5\n0 1 4 4 2 6\n1 0 4 4 2 6\n";
    Certificate::parse(good).unwrap();
    for (text, part) in [
        ("", "too early"),
        ("4 4 1 2\n3 5\n0 1 4 4 2", "too early"),
        ("4 4 1 2\n3 x\n", "number 6"),
        ("4 4 -1 2\n3 5\n", "-1"),
        ("4 4 99999999999999999999999 2\n3 5\n", "9999"),
        ("4 4 99999999 2\n3 5\n", "too early"),
        ("4 4 1 0\n3 5\n7", "goes on"),
        ("4 4 1 1\n3 5\n0 -1 4 4 2 6\n", "-1"),
        ("4.0 4 1 2", "number 1"),
    ] {
        let error = Certificate::parse(text).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("--certificate"), "{text:?}: {error}");
    }
}

/// The instances of `proofs/instances`, on which `proofs/check` runs the proved checker.
#[test]
fn the_kept_instances_are_judged_as_their_names_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proofs/instances");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let verdict = match Certificate::parse(&std::fs::read_to_string(&path).unwrap()) {
            Ok(c) => {
                assert!(c.check().is_err() || naive(&c), "{name}");
                if c.check().is_ok() { "accepted" } else { "rejected" }
            }
            Err(_) => "malformed",
        };
        assert!(name.starts_with(verdict), "{name} is {verdict}");
        count += 1;
    }
    assert!(count > 20, "only {count} instances");
}

/// The verdict of the proved checker: its exit code.
fn proved(file: &Path) -> Option<i32> {
    let program = checker();
    if program.is_none() {
        println!("skipped: SYNBAL_CHECK names no checker; proofs/check builds proofs/build/synbal-check");
    }
    program.map(|program| run(&program, file))
}

fn checker() -> Option<OsString> {
    std::env::var_os("SYNBAL_CHECK")
}

fn run(program: &OsStr, file: &Path) -> i32 {
    let run = Command::new(program).arg(file).output().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    run.status.code().expect("the checker ends by itself")
}

#[test]
fn the_proved_checker_accepts_the_bank_and_rejects_what_is_altered() {
    let desk = Desk::new();
    let mut accepted = 0;
    for instance in known::closed_forms().into_iter().chain(known::instances()) {
        let problem = instance.raw.problem();
        let mut c = match made(&problem) {
            Ok(c) => c,
            // certificates have one exponent and degree 1
            Err(_) if !problem.is_graph() || problem.exponents().len() > 1 => continue,
            Err(why) => panic!("{} has no certificate: {why}", instance.name),
        };
        desk.put("c.txt", c.to_string());
        let Some(code) = proved(&desk.path("c.txt")) else { return };
        assert_eq!(code, 0, "{}", instance.name);
        accepted += 1;
        let Some(unit) = c.units.first_mut() else { continue };
        std::mem::swap(&mut unit.0, &mut unit.1);
        desk.put("c.txt", c.to_string());
        assert_eq!(proved(&desk.path("c.txt")), Some(1), "{}", instance.name);
    }
    assert!(accepted >= 25, "only {accepted} certificates");
}

#[test]
fn the_proved_checker_accepts_the_demo_network_and_real_models() {
    let desk = Desk::new();
    desk.put("demo.json", include_str!("../src/demo/digits.json"));
    desk.text("balance demo.json --certificate c.txt", 0);
    assert!(proved(&desk.path("c.txt")).is_none_or(|code| code == 0));
    let Some(folder) = std::env::var_os("SYNBAL_MODELS") else {
        println!("skipped: SYNBAL_MODELS names no folder with models");
        return;
    };
    for name in ["pnet.onnx", "surfaces_mlp.onnx", "mnist_cnn.onnx"] {
        let model = Path::new(&folder).join(name);
        let line = format!("balance {} --no-check -o {name} --certificate {name}.txt", model.display());
        desk.text(&line, 0);
        let certificate = format!("{name}.txt");
        assert!(proved(&desk.path(&certificate)).is_none_or(|code| code == 0), "{name}");
        let verified = desk.json(&format!("verify {} {name} --certificate {certificate}", model.display()), 0);
        assert_eq!((&verified["certificate"], &verified["certificate_of_this_file"]), (&json!(true), &json!(true)));
    }
}

#[test]
fn verify_tells_whether_a_certificate_is_of_these_networks() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu")));
    desk.text("balance a.json -o b.json --certificate c.txt", 0);
    let report = desk.json("verify a.json b.json --certificate c.txt", 0);
    assert_eq!((&report["certificate"], &report["certificate_of_this_file"]), (&json!(true), &json!(true)));
    let text = desk.text("verify a.json b.json --certificate c.txt", 0);
    assert!(text.contains("holds") && text.contains("synbal-check"), "{text}");

    // the same connections in another file, and nothing beside the certificate
    let spaced = format!("{} \n", String::from_utf8(desk.bytes("a.json")).unwrap());
    desk.put("same.json", spaced);
    let report = desk.json("verify same.json b.json --certificate c.txt", 0);
    assert_eq!((&report["certificate"], &report["certificate_of_this_file"]), (&json!(true), &json!(false)));
    desk.put("lone.txt", desk.bytes("c.txt"));
    let report = desk.json("verify a.json b.json --certificate lone.txt", 0);
    assert_eq!((&report["certificate"], &report["certificate_of_this_file"]), (&json!(true), &json!(null)));

    // tampered, and of another network
    let mut c = Certificate::parse(&String::from_utf8(desk.bytes("c.txt")).unwrap()).unwrap();
    c.units[0].1 -= &c.scale_one >> 8;
    desk.put("bad.txt", c.to_string());
    let report = desk.json("verify a.json b.json --certificate bad.txt", 5);
    assert_eq!(report["certificate"], json!(false));
    let original: serde_json::Value = serde_json::from_slice(&desk.bytes("a.json")).unwrap();
    let mut other = original.clone();
    let weight = other.pointer_mut("/layers/0/weights/0/0").expect("a layered network");
    *weight = json!(weight.as_f64().unwrap() * 1.5);
    desk.put("other.json", other.to_string());
    desk.text("balance other.json -o other_balanced.json", 0);
    let report = desk.json("verify other.json other_balanced.json --certificate c.txt", 5);
    assert_eq!(report["certificate"], json!(false));
    assert!(report["reasons"].to_string().contains("amplitude"), "{report}");
}

#[test]
fn a_certificate_is_refused_with_the_reason_before_anything_is_written() {
    let desk = Desk::new();
    desk.put("a.json", small(json!("relu"))).put("m.mtx", matrix(2, &[(1, 2, 1.0), (2, 1, 3.0)]));
    for (line, part) in [
        ("balance a.json -o b.json --certificate c.txt --norm inf", "not unique"),
        ("balance a.json -o b.json --certificate c.txt --power-of-two", "other weights than the optimum"),
    ] {
        let ran = desk.run(line);
        assert_eq!(ran.code, 3, "{line}: {}", ran.err);
        assert!(ran.err.contains(part) && ran.err.contains("--certificate"), "{line}: {}", ran.err);
        assert!(!desk.path("b.json").exists() && !desk.path("c.txt").exists(), "{line}");
    }
    for line in
        ["balance a.json -o c.txt.json --certificate c.txt", "balance a.json -o b.json --certificate a.json --force"]
    {
        let ran = desk.run(line);
        assert!(ran.err.contains("another file of this run"), "{line}: {}", ran.err);
    }
    desk.text("balance m.mtx --certificate m.txt", 0);
    assert!(proved(&desk.path("m.txt")).is_none_or(|code| code == 0));
}

#[test]
fn the_hashes_beside_a_certificate_tell_other_files_of_weights() {
    let desk = Desk::new();
    let text = r#"{"format": "synbal-network", "version": 1, "inputs": 1,
        "layers": [{"activation": "relu", "weights": {"file": "w.safetensors", "tensor": "w"}},
                   {"activation": "linear", "weights": [[2]]}]}"#;
    let tensors = |space: usize| {
        let header = r#"{"w":{"dtype":"F64","shape":[1,1],"data_offsets":[0,8]}}"#.to_string() + &" ".repeat(space);
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &8f64.to_le_bytes()].concat()
    };
    desk.put("a.json", text).put("w.safetensors", tensors(0));
    desk.text("balance a.json -o b.json --certificate c.txt", 0);
    let of_these = || desk.json("verify a.json b.json --certificate c.txt", 0)["certificate_of_this_file"].clone();
    assert_eq!(of_these(), json!(true));
    // the same number in other bytes
    desk.put("w.safetensors", tensors(8));
    assert_eq!(of_these(), json!(false));
}

/// Two units between an input and an output, each of which feeds the other with the second and third weight.
fn ring_of_two() -> Problem {
    let weights = [(None, Some(0), 1e-3), (Some(0), Some(1), 10.0), (Some(1), Some(0), 20.0), (Some(1), None, 2e-3)];
    Raw::graph(2, 2.0, &weights).problem()
}

#[test]
fn a_certificate_takes_more_digits_where_its_signs_are_lost_with_few() {
    let certificate = made(&ring_of_two()).unwrap();
    assert!(naive(&certificate) && certificate.check().is_ok());
    assert!(as_proved(&certificate));
}

#[test]
fn weights_that_are_subnormal_in_their_type_are_those_of_the_certificate() {
    // a unit between two weights of half precision: both become the root of their product, 2^-18 times 1.33
    let raw = |weights: [f64; 2]| Raw::graph(1, 2.0, &[(None, Some(0), weights[0]), (Some(0), None, weights[1])]);
    let (given, root) = ([f64::powi(2.0, -14) * 1.25, f64::powi(2.0, -22) * 1.415], f64::powi(2.0, -18) * 1.33);
    let certificate = made(&raw(given).problem()).unwrap();
    let rounded = synbal::numeric::Float::F16.round(root);
    assert!(rounded > 0.0 && (rounded / root - 1.0).abs() > 0.001, "{rounded:e} of {root:e}");
    let half = synbal::numeric::Float::F16;
    let differs = |absolute: f64| {
        let rounding = Rounding { relative: half.roundoff(), absolute, weights: 2 };
        differs_from_balanced(&certificate, &raw([rounded, rounded]).problem(), &rounding)
    };
    assert_eq!(differs(half.least_step()), None);
    assert!(differs(0.0).is_some_and(|why| why.contains("outside its bounds")));
    // and no other weights are
    let rounding = Rounding { relative: half.roundoff(), absolute: half.least_step(), weights: 2 };
    let other = raw([1.1 * rounded, rounded]).problem();
    assert!(differs_from_balanced(&certificate, &other, &rounding).is_some());
}

#[test]
fn verify_takes_what_balance_wrote_however_large_the_exponent() {
    let desk = Desk::new();
    desk.put("net.json", small(json!("relu")));
    for norm in ["40", "33.5", "0.5"] {
        let made = format!("balance net.json --norm {norm} -o new.json --certificate c.txt --force --no-check");
        desk.text(&made, 0);
        let report = desk.json(&format!("verify net.json new.json --norm {norm} --certificate c.txt"), 0);
        assert_eq!(report["certificate"], true, "{norm}");
    }
}

#[test]
fn both_readers_take_the_same_texts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.txt");
    let beyond = format!("4 4 1 1\n3 5\n0 {} 4 4 3 5\n", "9".repeat(100_000));
    let cases = [
        (beyond.as_str(), 1),
        ("4 4 1 1\n3 5\n0 18446744073709551617 4 4 3 5\n", 1),
        ("4 4\u{c}1 1\n3 5\n0 1 4 4 3 5\n", 2),
    ];
    for (text, code) in cases {
        std::fs::write(&file, text).unwrap();
        let own = match Certificate::parse(text) {
            Ok(certificate) => i32::from(certificate.check().is_err()),
            Err(_) => 2,
        };
        assert_eq!(own, code, "{text:.60}");
        assert!(proved(&file).is_none_or(|theirs| theirs == code), "{text:.60}");
    }
}

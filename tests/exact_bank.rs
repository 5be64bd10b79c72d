//! Exact rounding over the whole bank: weights do not depend on the method by a single bit.

mod bank;

use bank::known::{closed_forms, instances};
use bank::{Edge, Raw};
use std::ops::ControlFlow;
use synbal::balance::balance;
use synbal::existence::existence;
use synbal::numeric::{Float, is_half_integer};
use synbal::problem::Decided;
use synbal::regularizer::{Power, Regularizer};
use synbal::solve::{Method, Settings};

const FLOATS: [Float; 4] = [Float::F16, Float::Bf16, Float::F32, Float::F64];

/// The bits of every weight of a problem in every type, as the optimum that a method found and bounds prove; why there are none
/// where there are none.
fn weights(raw: &Raw, settings: &Settings) -> Result<Vec<u64>, String> {
    let problem = raw.problem();
    let settings = Settings { refined: true, max_iterations: 20_000, ..settings.clone() };
    let answer = balance(&problem, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    let limit = answer.existence.direction().is_some();
    let scaling = answer.sharper(&problem, &problem, &settings, limit)?;
    let bounds = scaling.bounds.as_ref().expect("exact scalings have bounds");
    let mut bits = vec![];
    for edge in raw.edges.iter().filter(|e| e.weight != 0.0) {
        let (head, tail) = (bank::form(&edge.head), bank::form(&edge.tail));
        if scaling.escapes(&head, &tail) {
            continue;
        }
        for float in FLOATS {
            match bounds.decide(&head, &tail, edge.weight, float) {
                Some(Decided::Proved(number) | Decided::Tie(number)) => bits.push(float.round(number).to_bits()),
                None => return Err(format!("undecided: {edge:?} in {float:?}")),
            }
        }
    }
    Ok(bits)
}

#[test]
fn on_the_whole_bank_all_methods_and_seeds_lead_to_the_same_bits() {
    let ways = [
        Settings { method: Method::Newton, ..Settings::default() },
        Settings { method: Method::Cg, ..Settings::default() },
        Settings { method: Method::Local, seed: 7, schedule: synbal::solve::Schedule::Uniform, ..Settings::default() },
    ];
    let (mut decided, mut refused) = (0, vec![]);
    for known in closed_forms().into_iter().chain(instances()) {
        let found = ways.iter().map(|way| weights(&known.raw, way));
        let found: Vec<Vec<u64>> = match found.collect() {
            Ok(found) => found,
            Err(why) => {
                refused.push((known.name, why));
                continue;
            }
        };
        assert!(found.iter().all(|bits| *bits == found[0]), "{}", known.name);
        decided += found[0].len();
    }
    println!("{decided} weights in {} types decided alike", FLOATS.len());
    assert!(refused.is_empty(), "{refused:#?}");
}

/// One unit of degree c between two weights.
fn unit(weights: [f64; 2], p: f64, degree: f64) -> Raw {
    let edge = |head: &[(usize, f64)], tail: &[(usize, f64)], weight| Edge {
        head: head.to_vec(),
        tail: tail.to_vec(),
        weight,
        p,
        alpha: 1.0,
    };
    Raw { variables: 1, edges: vec![edge(&[(0, 1.0)], &[], weights[0]), edge(&[], &[(0, degree)], weights[1])] }
}

#[test]
fn weights_whose_powers_leave_every_range_are_decided_too() {
    for (weights_of, p) in
        [([1e-200, 3e-190], 2.0), ([1.7e-9, 2.3e-8], 40.0), ([2e150, 3e-150], 3.5), ([1e-300, 1e300], 1.0)]
    {
        let raw = unit(weights_of, p, 1.0);
        let found = weights(&raw, &Settings::default()).unwrap_or_else(|why| panic!("{weights_of:?}, p {p}: {why}"));
        // both are the root of their product, in double precision: every fourth number
        let root = (weights_of[0].sqrt() * weights_of[1].sqrt()).abs();
        for bits in [found[3], found[7]] {
            assert!((f64::from_bits(bits) / root - 1.0).abs() < 1e-15, "{weights_of:?}, p {p}");
        }
    }
}

#[test]
fn real_exponents_far_from_one_are_enclosed_where_the_optimum_is() {
    // under any norm a unit of degree 1 has both weights at the root of their product
    for (k, p) in [7.3, 33.3, 61.7, 64.1, 0.3].into_iter().enumerate() {
        for shift in [-299.0, -150.0, 0.0, 150.0, 299.0] {
            let weights =
                [7.733_800_496_431_399 * 10f64.powf(shift), 9.199_859_582_871_81 * 10f64.powf(shift + k as f64)];
            let problem = unit(weights, p, 1.0).problem();
            let answer = balance(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap();
            let Ok(e) = answer.enclosure else { continue };
            let exact = 0.5 * (weights[1] / weights[0]).ln();
            let whole = f64::from(e.exponents[0]) * std::f64::consts::LN_2;
            let (low, high) = (whole + e.lower[0].to_f64(), whole + e.upper[0].to_f64());
            // what the witness is rounded by
            let doubt = 4.0 * f64::EPSILON * (exact.abs() + whole.abs() + 1.0);
            assert!(low - doubt <= exact && exact <= high + doubt, "p {p}, 1e{shift}: {exact} not in {low} {high}");
        }
    }
}

#[test]
fn nothing_is_proved_of_a_form_that_was_rounded() {
    // a unit of degree 0.1 with a connection to itself: 1 - 0.1 has no exact double
    let mut raw = unit([0.75, 0.1], 2.0, 0.1);
    raw.edges.push(Edge { head: vec![(0, 1.0)], tail: vec![(0, 0.1)], weight: 11.0, p: 2.0, alpha: 1.0 });
    let problem = raw.problem();
    assert_eq!(existence(&problem).name(), "attained");
    let answer = balance(&problem, &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(answer.enclosure.unwrap_err().contains("not exact") && answer.gap.is_err());
    // and 1 - 0.5 is exact
    let mut raw = unit([0.75, 0.1], 2.0, 0.5);
    raw.edges.push(Edge { head: vec![(0, 1.0)], tail: vec![(0, 0.5)], weight: 11.0, p: 2.0, alpha: 1.0 });
    let answer = balance(&raw.problem(), &Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(answer.enclosure.is_ok(), "{:?}", answer.enclosure);
}

#[test]
fn coefficients_that_lift_subnormal_powers_do_not_hide_their_rounding() {
    let l2 = |coefficient| Regularizer::powers(&[Power { exponent: 2.0, coefficient }]);
    assert!(l2(1e200).unwrap_err().to_string().contains("outside 1e-100 to 1e100"));
    for alpha in [1e100, 1e-100, 3.7e60] {
        let mut raw = unit([1.2345e-155, 1.7e-155], 2.0, 1.0);
        raw.edges.iter_mut().for_each(|edge| edge.alpha = alpha);
        let found = weights(&raw, &Settings::default()).unwrap_or_else(|why| panic!("{alpha:e}: {why}"));
        let plain = weights(&unit([1.2345e-155, 1.7e-155], 2.0, 1.0), &Settings::default()).unwrap();
        assert_eq!(found, plain, "one coefficient for all changes nothing");
    }
    assert!(is_half_integer(2.5) && !is_half_integer(2.3) && !is_half_integer(65.0));
}

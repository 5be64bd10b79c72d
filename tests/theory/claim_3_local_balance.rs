//! Claim 3: the local step in closed form, its decrease, and the balance condition of other regularizers and degrees.

use super::bank::any::{AnyGraph, AnyProblem};
use super::bank::check::Flows;
use super::bank::{Edge, Raw, optimum, solve_checked};
use super::support::AnyNetwork;
use super::{attained, balanced, local, lowered};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use synbal::network::Biases;
use synbal::regularizer::{Power, Regularizer};
use synbal::solve::{Schedule, Settings, Status};

#[quickcheck]
fn a_local_step_lowers_the_cost_by_the_square_of_the_difference_of_the_roots(
    any: AnyGraph,
    which: usize,
) -> TestResult {
    let raw = attained(&any.0);
    let (v, before) = (which % raw.variables, Flows::of(&raw, &vec![0.0; raw.variables]));
    if before.ln_in[v] == f64::NEG_INFINITY || raw.edges.iter().any(|e| e.p != raw.edges[0].p) {
        return TestResult::discard();
    }
    let settings = Settings { subset: Some(vec![v]), ..local(Schedule::Sequence(vec![v]), 1) };
    let solution = solve_checked(&raw, &raw.problem(), &settings);
    let after = Flows::of(&raw, &solution.log_scales);
    // costs relative to the larger of A and B, which is what the step can change
    let top = before.ln_in[v].max(before.ln_out[v]);
    let relative = |ln: f64| (ln - top).exp();
    let (a, b) = (relative(before.ln_in[v]), relative(before.ln_out[v]));
    let p = raw.edges[0].p;
    let around = |flows: &Flows| relative(flows.ln_in[v]) + relative(flows.ln_out[v]);
    let fall = around(&before) - around(&after);
    let predicted = (a.sqrt() - b.sqrt()).powi(2);
    let off = (fall - predicted).abs();
    let others = (0..raw.variables).all(|u| u == v || solution.log_scales[u] == 0.0);
    assert!(others && p > 0.0, "only the unit itself moves: {:?}", solution.log_scales);
    assert!(off <= 4.0 * before.rounding, "fell by {fall:e}, predicted {predicted:e}");
    TestResult::passed()
}

#[quickcheck]
fn the_local_step_multiplies_by_the_root_of_the_ratio_of_the_costs(ins: Vec<u8>, outs: Vec<u8>, p: u8) -> bool {
    let p = 0.5 + f64::from(p) / 64.0;
    let weight = |k: &u8| (f64::from(*k) - 127.5) / 20.0;
    let (ins, outs): (Vec<f64>, Vec<f64>) = (
        [&[9], &ins[..]].concat().iter().map(weight).collect(),
        [&[200], &outs[..]].concat().iter().map(weight).collect(),
    );
    let edges: Vec<_> =
        ins.iter().map(|&w| (None, Some(0), w)).chain(outs.iter().map(|&w| (Some(0), None, w))).collect();
    let x = optimum(&Raw::graph(1, p, &edges)).log_scales[0];
    let cost = |weights: &[f64]| weights.iter().map(|w| w.abs().powf(p)).sum::<f64>();
    let (a, b) = (cost(&ins), cost(&outs));
    (x - (b / a).ln() / (2.0 * p)).abs() < 1e-12 * (1.0 + x.abs())
}

#[quickcheck]
fn units_of_degree_c_pay_c_times_for_what_leaves_them(a: u8, b: u8, c: u8) -> bool {
    let (a, b, c) = (1.0 + f64::from(a) / 10.0, 1.0 + f64::from(b) / 10.0, 0.25 + f64::from(c) / 64.0);
    let edge = |head: &[f64], tail: &[f64], weight: f64| Edge {
        head: head.iter().map(|&c| (0, c)).collect(),
        tail: tail.iter().map(|&c| (0, c)).collect(),
        weight,
        p: 2.0,
        alpha: 1.0,
    };
    let raw = Raw { variables: 1, edges: vec![edge(&[1.0], &[], a), edge(&[], &[c], b)] };
    let solution = optimum(&raw);
    let x = solution.log_scales[0];
    // the closed forms: the scale, the balance, and the least cost
    let scale = (c * b * b / (a * a)).ln() / (2.0 * (1.0 + c));
    let balance = a * a * (2.0 * x).exp() / (c * b * b * (-2.0 * c * x).exp());
    let least = (1.0 + c) * c.powf(-c / (1.0 + c)) * (a * a).powf(c / (1.0 + c)) * (b * b).powf(1.0 / (1.0 + c));
    let close = |u: f64, v: f64| (u - v).abs() < 1e-11 * (1.0 + v.abs());
    close(x, scale) && close(balance, 1.0) && close(solution.cost, least)
}

#[quickcheck]
fn under_any_sum_of_powers_the_sums_of_w_g_prime_agree(any: AnyNetwork, l1: u8, l2: u8) -> TestResult {
    let [l1, l2] = [l1, l2].map(|k| 0.1 + f64::from(k) / 100.0);
    let powers = [Power { exponent: 1.0, coefficient: l1 }, Power { exponent: 2.0, coefficient: l2 }];
    // degree 1 and no shared weights, so that the sums can be formed by hand
    let network = any.0;
    let plain = network.units().iter().all(|u| u.group.is_none() && u.activation.degree().is_none_or(|c| c == 1.0));
    if !plain || network.parameters().len() != network.connections().len() {
        return TestResult::discard();
    }
    let lowered = network.lower(&Regularizer::powers(&powers).unwrap(), Biases::Counted).unwrap();
    let answer = balanced(&lowered);
    if answer.solution.status != Status::Converged || answer.existence.direction().is_some() {
        return TestResult::discard();
    }
    let after = network.apply(&answer.scaling(false)).unwrap();
    for (unit, description) in after.units().iter().enumerate().filter(|(_, u)| u.why_frozen().is_none()) {
        let slope = |w: f64| l1 * w.abs() + 2.0 * l2 * w * w;
        let sum = |of: &dyn Fn(usize, usize) -> bool| {
            let ours = after.connections().iter().filter(|&(tail, head, _)| tail != head && of(tail, head));
            ours.map(|(_, _, k)| slope(after.parameters()[k])).sum::<f64>()
        };
        let (enters, leaves) = (sum(&|_, head| head == unit), sum(&|tail, _| tail == unit));
        let off = (enters - leaves).abs() / (enters + leaves).max(f64::MIN_POSITIVE);
        assert!(off < 1e-10, "{}: {enters} {leaves}", description.name);
    }
    TestResult::passed()
}

#[quickcheck]
fn in_a_network_what_enters_a_bipower_unit_is_c_times_what_leaves_it(any: AnyNetwork, p: u8) -> TestResult {
    let (network, p) = (any.0, 0.5 + f64::from(p) / 100.0);
    if network.units().iter().any(|u| u.group.is_some()) || network.parameters().len() != network.connections().len() {
        return TestResult::discard();
    }
    let answer = balanced(&lowered(&network, p));
    if answer.solution.status != Status::Converged || answer.existence.direction().is_some() {
        return TestResult::discard();
    }
    let after = network.apply(&answer.scaling(false)).unwrap();
    let cost = |of: &dyn Fn(usize, usize) -> bool| -> f64 {
        let ours = after.connections().iter().filter(|&(tail, head, _)| of(tail, head));
        ours.map(|(_, _, k)| after.parameters()[k].abs().powf(p)).sum()
    };
    for (unit, description) in network.units().iter().enumerate().filter(|(_, u)| u.why_frozen().is_none()) {
        let c = description.activation.degree().unwrap();
        let enters = cost(&|_, head| head == unit);
        let leaves = cost(&|tail, _| tail == unit);
        // a self-connection enters and leaves
        assert!((enters - c * leaves).abs() <= 1e-10 * (enters + c * leaves), "degree {c}: {enters} {leaves}");
    }
    TestResult::passed()
}

#[quickcheck]
fn a_local_step_of_a_bipower_unit_lowers_its_cost_to_the_closed_form(any: AnyProblem, which: usize) -> TestResult {
    let raw = attained(&any.0);
    let v = which % raw.variables;
    let ours = || raw.edges.iter().filter(|e| e.weight != 0.0 && e.coefficients().iter().any(|t| t.0 == v));
    // one exponent, and one degree of all that leaves: neither self-connections nor units of other degrees with the same scale
    let slopes: Vec<(f64, f64)> =
        ours().flat_map(|e| e.coefficients().into_iter().filter(|t| t.0 == v).map(|t| (e.p, t.1))).collect();
    let Some(&(p, c)) = slopes.iter().find(|s| s.1 < 0.0) else { return TestResult::discard() };
    let c = -c;
    if slopes.iter().any(|s| s.0 != p || (s.1 != 1.0 && s.1 != -c)) {
        return TestResult::discard();
    }
    let before = Flows::of(&raw, &vec![0.0; raw.variables]);
    // flows are p times costs, outflow c times as well
    let (ln_a, ln_b) = (before.ln_in[v] - p.ln(), before.ln_out[v] - (c * p).ln());
    let settings = Settings { subset: Some(vec![v]), ..local(Schedule::Sequence(vec![v]), 1) };
    let solution = solve_checked(&raw, &raw.problem(), &settings);
    let after = Flows::of(&raw, &solution.log_scales);
    let share = c / (1.0 + c);
    let ln_step = (c.ln() + ln_b - ln_a) / (p * (1.0 + c));
    let ln_least = (1.0 + c).ln() - share * c.ln() + share * ln_a + (1.0 - share) * ln_b;
    let ln_cost = (after.ln_in[v].exp() / p + after.ln_out[v].exp() / (c * p)).ln();
    assert!((solution.log_scales[v] - ln_step).abs() <= 1e-12 * (1.0 + ln_step.abs()), "step {ln_step}");
    let allowed = 4.0 * (before.rounding + after.rounding);
    assert!((ln_cost - ln_least).abs() <= allowed, "ln cost {ln_cost}, closed form {ln_least}");
    TestResult::passed()
}

//! Claim 8: layered, partly connected, recurrent and convolutional architectures; only homogeneous units are balanced.

use super::support::{AnyNetwork, agree, outputs};
use super::{balanced, lowered};
use quickcheck::TestResult;
use quickcheck_macros::quickcheck;
use synbal::solve::Status;

#[quickcheck]
fn in_every_architecture_exactly_the_homogeneous_hidden_units_are_balanced(any: AnyNetwork) -> TestResult {
    let network = any.0;
    let lowered = lowered(&network, 2.0);
    let answer = balanced(&lowered);
    if answer.existence.direction().is_some() || answer.solution.status != Status::Converged {
        return TestResult::discard();
    }
    assert!(answer.solution.residual <= 1e-12);
    let after = network.apply(&answer.scaling(false)).unwrap();
    assert!(agree(&outputs(&network), &outputs(&after)));
    for (unit, description) in network.units().iter().enumerate() {
        if description.why_frozen().is_some() {
            let form = lowered.units.iter().find(|u| u.name == description.name);
            assert!(form.is_none_or(|u| u.form.terms().is_empty()), "unit {unit} stays");
        }
    }
    // the balance of single units, by hand: where neither weights nor scales are shared
    let shared = network.parameters().len() != network.connections().len();
    if shared || network.units().iter().any(|u| u.group.is_some()) {
        return TestResult::passed();
    }
    for (unit, description) in network.units().iter().enumerate().filter(|(_, u)| u.why_frozen().is_none()) {
        let degree = description.activation.degree().unwrap();
        let [mut enters, mut leaves, mut own] = [0.0; 3];
        for (tail, head, k) in after.connections().iter() {
            let cost = after.parameters()[k].powi(2);
            match (head == unit, tail == unit) {
                (true, true) => own += cost,
                (true, false) => enters += cost,
                (false, true) => leaves += cost,
                (false, false) => {}
            }
        }
        // a self-connection is multiplied by the scale to the power 1 - c
        let slope = enters + (1.0 - degree) * own - degree * leaves;
        assert!(slope.abs() <= 1e-10 * (enters + own + degree * leaves), "{}: {slope}", description.name);
    }
    TestResult::passed()
}

//! Claim 1: positively homogeneous of degree 1 are exactly the bilinear functions, of degree c the bipower functions.

use super::support::KINDS;
use quickcheck_macros::quickcheck;
use synbal::network::Activation;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs()))
}

#[quickcheck]
fn a_homogeneous_activation_turns_a_factor_of_its_input_into_a_power_of_it(z: i16, factor: u16) -> bool {
    let (z, lambda) = (f64::from(z) / 1000.0, (f64::from(factor) + 1.0) / 1000.0);
    let obeys = |f: Activation| f.degree().is_none_or(|c| close(f.apply(lambda * z), lambda.powf(c) * f.apply(z)));
    KINDS.into_iter().all(obeys)
}

#[quickcheck]
fn a_homogeneous_activation_is_the_bipower_function_of_its_values_at_one_and_minus_one(z: i16) -> bool {
    let z = f64::from(z) / 1000.0;
    let is_bipower = |f: Activation| {
        f.degree().is_none_or(|exponent| {
            let bipower = Activation::Bipu { exponent, negative: f.apply(-1.0), positive: f.apply(1.0) };
            close(f.apply(z), bipower.apply(z))
        })
    };
    KINDS.into_iter().all(is_bipower)
}

#[test]
fn an_activation_that_is_not_homogeneous_fits_no_degree() {
    for f in KINDS.into_iter().filter(|f| f.degree().is_none()) {
        // f(2z) / f(z) = 2^c for all z > 0 would be one number
        let ratio = |z: f64| f.apply(2.0 * z) / f.apply(z);
        // or on the negative side
        let spread = [0.1, 1.0, 5.0].map(|z| [ratio(z), ratio(-z)]);
        let constant = |side: usize| spread.iter().all(|r| close(r[side], spread[0][side]));
        assert!(!constant(0) || !constant(1), "{f:?}: {spread:?}");
    }
    assert_eq!(KINDS.into_iter().filter(|f| f.degree().is_none()).count(), 6);
}

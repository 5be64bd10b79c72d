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
fn bilinear_functions_are_homogeneous_of_degree_one_and_bipower_functions_of_their_exponent(
    [negative, positive, z]: [i8; 3],
    [exponent, factor]: [u8; 2],
) -> bool {
    let [negative, positive, z] = [negative, positive, z].map(|k| f64::from(k) / 32.0);
    let [exponent, lambda] = [exponent, factor].map(|k| (f64::from(k) + 1.0) / 64.0);
    let bilinear = Activation::Bilu { negative, positive };
    let bipower = Activation::Bipu { exponent, negative, positive };
    [(bilinear, 1.0), (bipower, exponent)]
        .into_iter()
        .all(|(f, c)| f.degree() == Some(c) && close(f.apply(lambda * z), lambda.powf(c) * f.apply(z)))
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

/// A bipower function of degree `c`, plus a part that saturates, a wave and a shift.
fn continuous(c: f64, [positive, negative, tanh, wave, shift]: [f64; 5], z: f64) -> f64 {
    let bipower = Activation::Bipu { exponent: c, negative, positive };
    bipower.apply(z) + tanh * z.tanh() + wave * z.sin() + shift
}

#[test]
fn of_continuous_functions_just_the_bipower_ones_fit_a_degree_at_all_samples_and_fit_their_own() {
    let places = || (-40..=40).map(|k| f64::from(k) * 0.15);
    for (c, degree) in [0.5, 1.0, 2.0].into_iter().flat_map(|c| [0.5, 1.0, 2.0].map(|degree| (c, degree))) {
        // all numbers of five digits 0, 1, 2
        for k in 0..3i32.pow(5) {
            let numbers = [0, 1, 2, 3, 4].map(|place| f64::from(k / 3i32.pow(place) % 3) / 2.0);
            let f = |z: f64| continuous(c, numbers, z);
            let obeys = |z: f64| [0.3, 1.7, 4.0].iter().all(|l| close(f(l * z), l.powf(degree) * f(z)));
            let zero = numbers == [0.0; 5];
            let bipower = numbers[2..] == [0.0; 3];
            assert_eq!(places().all(obeys), zero || bipower && c == degree, "{c} {degree} {numbers:?}");
        }
    }
}

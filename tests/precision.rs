//! A small residual is not a small error, and nobody is told so.

mod bank;

use bank::{Raw, solve_checked};
use synbal::solve::{Method, Settings, Status};

/// Two units tied by heavy weights both ways and grounded by light ones; the optimum is known by symmetry, as is the
/// answer when the light weights are `light` in and `light * skew` out.
fn tied_pair(heavy: f64, light: f64, skew: f64) -> (Raw, [f64; 2]) {
    let raw = Raw::graph(
        2,
        2.0,
        &[
            (Some(0), Some(1), heavy),
            (Some(1), Some(0), heavy),
            (None, Some(0), light),
            (Some(0), None, light * skew),
            (None, Some(1), light),
            (Some(1), None, light * skew),
        ],
    );
    (raw, [skew.ln() / 2.0; 2])
}

#[test]
fn converged_means_that_the_weights_are_right_and_the_bound_covers_the_error() {
    for (heavy, light) in [(1e6, 1e-6), (1e3, 1e-3), (1e2, 1.0), (1e8, 1e-8)] {
        for skew in [1.0, 3.0, 100.0, 1e4] {
            let (raw, x) = tied_pair(heavy, light, skew);
            let problem = raw.problem();
            for (method, name) in Method::ALL {
                let settings = Settings { method, max_iterations: 300, ..Settings::default() };
                let solution = solve_checked(&raw, &problem, &settings);
                let off = (0..2).map(|v| (solution.log_scales[v] - x[v]).abs()).fold(0.0, f64::max).exp_m1();
                let place = format!("{name}, {heavy:e} against {light:e}, skew {skew}: off by {off:e}, {solution:?}");
                assert!(off <= solution.error_bound, "{place}");
                assert!(solution.status != Status::Converged || off <= settings.weight_tolerance, "{place}");
            }
        }
    }
}

#[test]
fn weights_that_f64_cannot_determine_are_reported_as_imprecise() {
    let (raw, _) = tied_pair(1e6, 1e-6, 100.0);
    let solution = solve_checked(&raw, &raw.problem(), &Settings::default());
    assert_ne!(solution.status, Status::Converged);
    assert!(solution.error_bound > 1e-6);
}

#[test]
fn an_exponent_of_a_hundred_is_balanced_where_newton_stalls() {
    let units = 12;
    let weight = |i: usize, j: usize| 10f64.powf(3.0 * ((7 * i + 13 * j) as f64).sin());
    let places =
        (0..units).flat_map(|i| (0..units).filter(move |&j| (i + 2 * j) % 3 != 0 && i != j).map(move |j| (i, j)));
    let edges: Vec<_> = places.map(|(i, j)| (Some(i), Some(j), weight(i, j))).collect();
    let raw = Raw::graph(units, 100.0, &edges);
    let solution = solve_checked(&raw, &raw.problem(), &Settings::default());
    assert!(solution.residual <= 1e-12, "{:?} {:e}", solution.status, solution.residual);
    assert!(matches!(solution.status, Status::Converged | Status::Imprecise));
    assert!(solution.trace.windows(2).all(|w| w[0].iteration <= w[1].iteration));
}

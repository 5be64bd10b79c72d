//! All methods and schedules, and the comparison of what they found.

use super::{Edge, Raw};
use quickcheck::TestResult;
use std::sync::atomic::{AtomicUsize, Ordering};
use synbal::solve::{Method, Schedule, Settings, Solution, Status};

/// Sweeps of local balancing: far fewer than it may need, so that tests stay quick.
const SWEEPS: usize = 400;

pub fn schedules(variables: usize) -> Vec<Schedule> {
    let layers: Vec<Vec<usize>> = (0..variables).collect::<Vec<_>>().chunks(2).map(<[usize]>::to_vec).collect();
    let backwards = (0..variables).rev().collect();
    vec![
        Schedule::Uniform,
        Schedule::Permutation,
        Schedule::Cyclic,
        Schedule::Greedy,
        Schedule::Forward(layers.clone()),
        Schedule::Backward(layers.clone()),
        Schedule::Parallel(layers),
        Schedule::Sequence(backwards),
        Schedule::Poisson,
    ]
}

/// Every method, local balancing with every schedule.
pub fn ways(variables: usize) -> Vec<Settings> {
    let other = |method| Settings { method, max_iterations: 200, ..Settings::default() };
    let local = |schedule| Settings { method: Method::Local, schedule, max_iterations: SWEEPS, ..Settings::default() };
    let others = Method::ALL.iter().filter(|(m, _)| *m != Method::Local).map(|(m, _)| other(*m));
    others.chain(schedules(variables).into_iter().map(local)).collect()
}

/// The largest relative difference of a weight between two solutions.
fn difference(raw: &Raw, a: &Solution, b: &Solution) -> f64 {
    let live = raw.edges.iter().filter(|e| e.weight != 0.0);
    let log = |e: &Edge| e.log_multiplier(&a.log_scales) - e.log_multiplier(&b.log_scales);
    live.map(|e| log(e).abs().exp_m1()).fold(0.0, f64::max)
}

/// Compares solutions of one problem, each with each, and counts the pairs whose error bounds say little.
#[derive(Default)]
pub struct Tally {
    pairs: AtomicUsize,
    loose: AtomicUsize,
    unknown: AtomicUsize,
    problems: AtomicUsize,
    /// Problems that the default method does not solve, and some other one does.
    missed: AtomicUsize,
}

impl Tally {
    pub const fn new() -> Self {
        Self {
            pairs: AtomicUsize::new(0),
            loose: AtomicUsize::new(0),
            unknown: AtomicUsize::new(0),
            problems: AtomicUsize::new(0),
            missed: AtomicUsize::new(0),
        }
    }

    /// Solves in every way; fails where two solutions differ by more than their error bounds.
    pub fn compare(&self, raw: &Raw, solve: impl Fn(&Settings) -> Solution) -> TestResult {
        let solved = |settings: Settings| {
            let solution = solve(&settings);
            (settings, solution)
        };
        let solutions: Vec<(Settings, Solution)> = ways(raw.variables).into_iter().map(solved).collect();
        let solved = |s: &Solution| s.status == Status::Converged;
        let missed = !solved(&solutions[0].1) && solutions.iter().any(|s| solved(&s.1));
        self.problems.fetch_add(1, Ordering::Relaxed);
        self.missed.fetch_add(usize::from(missed), Ordering::Relaxed);
        for (k, (way, a)) in solutions.iter().enumerate() {
            for (other, b) in &solutions[..k] {
                let bound = a.error_bound + b.error_bound;
                self.pairs.fetch_add(1, Ordering::Relaxed);
                self.loose.fetch_add(usize::from(bound > 1e-9), Ordering::Relaxed);
                self.unknown.fetch_add(usize::from(bound.is_infinite()), Ordering::Relaxed);
                let off = difference(raw, a, b);
                if off > bound {
                    return TestResult::error(format!(
                        "{:?} {:?} ({:?}, bound {:e}) and {:?} {:?} ({:?}, bound {:e}) differ by {off:e}",
                        way.method,
                        way.schedule,
                        a.status,
                        a.error_bound,
                        other.method,
                        other.schedule,
                        b.status,
                        b.error_bound
                    ));
                }
            }
        }
        TestResult::passed()
    }

    /// Prints how many pairs of solutions had bounds that say little; there must be pairs whose bounds say much.
    pub fn report(&self) {
        let count = |n: &AtomicUsize| n.load(Ordering::Relaxed);
        let [pairs, loose, unknown] = [&self.pairs, &self.loose, &self.unknown].map(count);
        let share = |n: usize| 100.0 * n as f64 / pairs as f64;
        println!("{pairs} pairs, bounds exceed 1e-9: {:.1} %, unknown: {:.1} %", share(loose), share(unknown));
        println!("the default method missed {} of {} problems", count(&self.missed), count(&self.problems));
        assert!(pairs > loose, "no bound says anything");
    }
}

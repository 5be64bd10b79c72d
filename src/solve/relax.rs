//! Single variables whose inflow and outflow are far apart, brought together one by one.

use super::equations::{Equations, Near};
use std::collections::VecDeque;

/// Units that are looked at, at most, for every unit.
const LOOKS: usize = 4;

/// The connections at every variable.
pub(super) struct Joined {
    start: Vec<u32>,
    connections: Vec<u32>,
}

impl Joined {
    pub fn new(equations: &Equations, variables: usize) -> Self {
        let mut start = vec![0; variables + 1];
        equations.terms.iter().for_each(|t| start[t.0 as usize + 1] += 1);
        (0..variables).for_each(|v| start[v + 1] += start[v]);
        let mut next = start.clone();
        let mut connections = vec![0; equations.terms.len()];
        for (k, terms) in equations.connections().enumerate() {
            for &(v, _) in terms {
                connections[next[v as usize] as usize] = k as u32;
                next[v as usize] += 1;
            }
        }
        Self { start, connections }
    }

    fn at(&self, v: u32) -> &[u32] {
        &self.connections[self.start[v as usize] as usize..self.start[v as usize + 1] as usize]
    }
}

/// Closes wide gaps one by one, and those that open beside them; whether there were any, and which share of a pass it took.
pub(super) fn relax(near: &Near, joined: &Joined, wide: f64, x: &mut [f64]) -> (bool, f64) {
    let equations = near.equations;
    let mut waiting: VecDeque<u32> = (0..x.len() as u32).filter(|&v| near.gaps[v as usize].abs() > wide).collect();
    let mut waits = vec![false; x.len()];
    waiting.iter().for_each(|&v| waits[v as usize] = true);
    let (found, mut seen) = (!waiting.is_empty(), 0);
    for _ in 0..LOOKS * x.len() {
        let Some(v) = waiting.pop_front() else { break };
        waits[v as usize] = false;
        seen += joined.at(v).len();
        let (gap, slope) = equations.gap(joined.at(v), v, x);
        if gap.is_nan() || gap.abs() <= wide || slope <= 0.0 {
            continue;
        }
        x[v as usize] -= gap / slope;
        for &k in joined.at(v) {
            for &(other, _) in equations.terms_of(k).iter().filter(|t| t.0 != v) {
                if equations.moves[other as usize] && !std::mem::replace(&mut waits[other as usize], true) {
                    waiting.push_back(other);
                }
            }
        }
    }
    (found, seen as f64 / equations.terms.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::super::equations::tests::{problem, random};
    use super::*;
    use quickcheck_macros::quickcheck;

    #[quickcheck]
    fn no_gap_stays_wide(seed: u64) {
        let problem = problem(seed);
        let n = problem.variables();
        let equations = Equations::new(&problem, &vec![true; n]).unwrap();
        let joined = Joined::new(&equations, n);
        let mut x: Vec<f64> = random(n, seed).iter().map(|x| 5.0 * x).collect();
        // what was looked at is bounded, so it may take a few calls from afar
        for _ in 0..100 {
            let near = equations.at(&x).unwrap();
            let wide = near.gaps.iter().any(|gap| gap.abs() > 0.1);
            assert_eq!(relax(&near, &joined, 0.1, &mut x).0, wide);
            if !wide {
                return;
            }
        }
        panic!("some gap stays wide");
    }

    #[quickcheck]
    fn a_single_gap_is_that_of_all(seed: u64) {
        let problem = problem(seed);
        let n = problem.variables();
        let equations = Equations::new(&problem, &vec![true; n]).unwrap();
        let (joined, x) = (Joined::new(&equations, n), random(n, seed));
        let near = equations.at(&x).unwrap();
        for (v, gap) in near.gaps.iter().enumerate() {
            let (own, slope) = equations.gap(joined.at(v as u32), v as u32, &x);
            assert!((own - gap).abs() < 1e-12 && slope > 0.0, "{own} {gap}");
        }
    }
}

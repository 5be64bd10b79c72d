//! Greedy local balancing: always the unit whose exact step lowers the cost most.
//!
//! Complexity: a step reads the connections of the unit and of all its neighbours, and updates a tournament tree.

use super::incidence::Incidence;
use super::local::movable;
use super::run::{End, Run};
use crate::numeric::Wide;

/// Balances greedily until the recomputed residual is within the tolerance.
pub(super) fn balance(run: &mut Run, x: &mut [f64]) -> End {
    let moves = movable(run);
    let mut incidence = Incidence::<Wide>::new(run.problem, x);
    let entries = run.problem.entries().max(1) as f64;
    let n = moves.iter().filter(|m| **m).count().max(1);
    let mut best = Tournament::new(moves.len());
    let gain = |incidence: &Incidence<Wide>, v: usize| {
        let local = incidence.local(v);
        let t = incidence.exact_step(&local);
        (incidence.decrease(&local, t), local.visits)
    };
    (0..moves.len()).filter(|&v| moves[v]).for_each(|v| best.set(v, gain(&incidence, v).0));
    for sweep in 0.. {
        let point = run.point(x);
        let go_on = run.step(sweep, &point);
        if run.residual(&point) <= run.settings.tolerance {
            return End::Tolerance;
        }
        if !go_on {
            return End::Cancelled;
        }
        if sweep >= run.settings.max_iterations {
            return End::Limit;
        }
        let mut visits = 0;
        for _ in 0..n {
            let (v, decrease) = best.largest();
            if decrease <= Wide::ZERO {
                return End::Stalled;
            }
            let local = incidence.local(v);
            x[v] += run.settings.relaxation * incidence.exact_step(&local);
            incidence.update(v, x);
            for u in incidence.neighbours(v) {
                if moves[u as usize] {
                    let (decrease, read) = gain(&incidence, u as usize);
                    best.set(u as usize, decrease);
                    visits += read;
                }
            }
        }
        run.passes += visits as f64 / entries;
    }
    unreachable!("the loop ends by returning")
}

/// A complete binary tree whose every node knows the largest leaf below it.
struct Tournament {
    leaves: usize,
    value: Vec<Wide>,
    winner: Vec<u32>,
}

impl Tournament {
    fn new(n: usize) -> Self {
        let leaves = n.next_power_of_two().max(1);
        let mut winner = vec![0; 2 * leaves];
        (0..leaves).for_each(|i| winner[leaves + i] = i as u32);
        (1..leaves).rev().for_each(|i| winner[i] = winner[2 * i]);
        Self { leaves, value: vec![Wide::ZERO; leaves], winner }
    }

    fn set(&mut self, leaf: usize, value: Wide) {
        self.value[leaf] = value;
        let mut node = (self.leaves + leaf) / 2;
        while node > 0 {
            let (a, b) = (self.winner[2 * node], self.winner[2 * node + 1]);
            self.winner[node] = if self.value[a as usize] >= self.value[b as usize] { a } else { b };
            node /= 2;
        }
    }

    fn largest(&self) -> (usize, Wide) {
        let leaf = self.winner[1.min(self.winner.len() - 1)] as usize;
        (leaf, self.value[leaf])
    }
}

//! Which log-scales the non-zero weights determine, and what the others are set to.

use super::Problem;
use crate::error::Result;
use crate::manifold::{Form, ManifoldBuilder};

/// The kernel of the map from log-scales to the log-multipliers of the non-zero weights.
///
/// A part of the network that touches no visible unit may shift along a kernel vector (for degree 1: all its log-scales by
/// the same amount) without changing any weight. Its *gauge*: log-scales orthogonal to the kernel, for degree 1 of mean
/// zero. Log-scales on which no non-zero weight depends stay zero.
#[derive(Clone, Debug)]
pub struct Gauge {
    /// Whether some non-zero weight depends on the variable.
    pub active: Vec<bool>,
    /// Kernel vectors as `(variable, value)`, over active variables only.
    pub kernel: Vec<Vec<(u32, f64)>>,
    /// One variable for every kernel vector; fixing them makes the rest unique.
    pub pins: Vec<u32>,
    /// Dimension of the manifold of the non-zero weights.
    pub dimension: usize,
}

impl Gauge {
    /// The gauge of a problem.
    ///
    /// Complexity: one read of the pattern, and almost linear in ports for degree 1; exact elimination over the rationals
    /// for what else is not connected to a visible unit.
    ///
    /// # Errors
    /// When a kernel vector has entries that no `f64` holds.
    pub fn of(problem: &Problem) -> Result<Self> {
        Self::within(problem, &vec![true; problem.variables])
    }

    /// The gauge when only some variables may move: the others count as visible, neither active nor part of the kernel.
    ///
    /// # Errors
    /// As for [`of`](Self::of).
    ///
    /// # Panics
    /// When `inside` has not one entry for every variable.
    pub fn within(problem: &Problem, inside: &[bool]) -> Result<Self> {
        let mut parent: Vec<u32> = (0..problem.ports.len() as u32).collect();
        let mut used = vec![false; problem.ports.len()];
        for block in &problem.blocks {
            block.spanning(|r, c| {
                let (head, tail) = (block.heads[r], block.tails[c]);
                // most were joined before
                if head != tail && parent[head as usize] == parent[tail as usize] {
                    return;
                }
                used[head as usize] = true;
                used[tail as usize] = true;
                let (a, b) = (find(&mut parent, head), find(&mut parent, tail));
                parent[a.max(b) as usize] = a.min(b);
            });
        }
        let mut active = vec![false; problem.variables];
        // ports whose forms change alike
        let mut relations: Vec<[&Form; 2]> = vec![];
        for port in 0..problem.ports.len() as u32 {
            let root = find(&mut parent, port);
            let alike = [port, root].map(|port| &problem.ports[port as usize]);
            let [one, other] = alike.map(Form::terms);
            if !used[port as usize] || alike[0] == alike[1] && !alike[0].is_rounded() {
                continue;
            }
            relations.push(alike);
            if one.len() <= 1 && other.len() <= 1 && one != other {
                one.iter().chain(other).for_each(|&(v, _)| active[v as usize] = true);
            } else {
                alike[0].plus(-1.0, alike[1]).terms().iter().for_each(|&(v, _)| active[v as usize] = true);
            }
        }
        active.iter_mut().zip(inside).for_each(|(a, i)| *a &= i);
        // where every part touches a visible unit, as in most networks, nothing is left to be fixed
        if relations.iter().all(|[one, other]| one.terms().len() == 1 && other.terms().is_empty()) {
            let dimension = active.iter().filter(|a| **a).count();
            return Ok(Self { active, kernel: vec![], pins: vec![], dimension });
        }
        let mut builder = ManifoldBuilder::new();
        (0..problem.variables).for_each(|_| {
            builder.variable();
        });
        (0..problem.variables).filter(|&v| !active[v]).for_each(|v| builder.freeze(v));
        relations.iter().for_each(|[one, other]| builder.require_equal(one, other));
        let fixed = builder.build()?;
        let mut kernel = vec![vec![]; fixed.free()];
        let mut pins = vec![u32::MAX; fixed.free()];
        for (v, form) in fixed.forms().iter().enumerate() {
            for &(k, c) in form.terms() {
                kernel[k as usize].push((v as u32, c));
            }
            if let [(k, _)] = *form.terms() {
                pins[k as usize] = v as u32;
            }
        }
        let dimension = active.iter().filter(|a| **a).count() - kernel.len();
        Ok(Self { active, kernel: orthogonal(kernel), pins, dimension })
    }

    /// Whether a variable moves when the rest is unique: active, and no pin.
    #[must_use]
    pub fn moves(&self) -> Vec<bool> {
        let mut moves = self.active.clone();
        self.pins.iter().for_each(|&v| moves[v as usize] = false);
        moves
    }

    /// Moves log-scales into the gauge: the part along the kernel is removed, inactive ones become zero.
    pub fn apply(&self, x: &mut [f64]) {
        for vector in &self.kernel {
            let (mut product, mut norm) = (0.0, 0.0);
            for &(v, k) in vector {
                product += k * x[v as usize];
                norm += k * k;
            }
            vector.iter().for_each(|&(v, k)| x[v as usize] -= k * product / norm);
        }
        x.iter_mut().zip(&self.active).filter(|(_, a)| !**a).for_each(|(x, _)| *x = 0.0);
    }
}

fn find(parent: &mut [u32], mut node: u32) -> u32 {
    while parent[node as usize] != node {
        parent[node as usize] = parent[parent[node as usize] as usize];
        node = parent[node as usize];
    }
    node
}

/// Gram-Schmidt among vectors that share variables; vectors of different parts share none.
fn orthogonal(vectors: Vec<Vec<(u32, f64)>>) -> Vec<Vec<(u32, f64)>> {
    let mut owners: std::collections::HashMap<u32, Vec<usize>> = std::collections::HashMap::new();
    let mut done: Vec<Vec<(u32, f64)>> = vec![];
    for vector in vectors {
        let mut earlier: Vec<usize> = vector.iter().filter_map(|(v, _)| owners.get(v)).flatten().copied().collect();
        earlier.sort_unstable();
        earlier.dedup();
        let mut form = Form::from_terms(vector);
        for k in earlier {
            let other = Form::from_terms(done[k].clone());
            let dot = |a: &Form, b: &Form| -> f64 {
                let value = |v| b.terms().iter().find(|t| t.0 == v).map_or(0.0, |t| t.1);
                a.terms().iter().map(|&(v, c)| c * value(v)).sum()
            };
            form = form.plus(-dot(&form, &other) / dot(&other, &other), &other);
        }
        form.terms().iter().for_each(|(v, _)| owners.entry(*v).or_default().push(done.len()));
        done.push(form.terms().to_vec());
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Float;
    use crate::problem::{Port, ProblemBuilder, Stored};
    use crate::regularizer::Regularizer;
    use std::sync::Arc;

    #[test]
    fn blocks_in_a_file_may_have_no_rows_or_no_columns() {
        let norm = Regularizer::lp(2.0).unwrap();
        for by_columns in [false, true] {
            for empty_heads in [false, true] {
                let mut builder = ProblemBuilder::new(3);
                let ports: Vec<Port> = (0..3).map(|v| builder.port(&Form::variable(v))).collect();
                let stored = Stored::new(Arc::new(Vec::<u8>::new()), 0..0, Float::F32);
                let (heads, tails) = if empty_heads { (vec![], ports) } else { (ports, vec![]) };
                builder.stored("w", heads, tails, (stored, by_columns), &norm).unwrap();
                let gauge = Gauge::of(&builder.build()).unwrap();
                assert_eq!((gauge.active, gauge.dimension), (vec![false; 3], 0));
            }
        }
    }
}

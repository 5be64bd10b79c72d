//! What enters and leaves every variable of a problem at given log-scales.

use crate::numeric::{Wide, extent};

/// What enters and leaves every variable, and the total cost.
///
/// Flows are sums of slopes: `p` times the cost of every weight that the variable scales up (`inflow`) or down
/// (`outflow`), each times its coefficient in the weight's linear form. A cost that falls as the weight grows counts on the
/// other side, so flows are not negative. The gradient is `inflow - outflow`.
#[derive(Clone, Debug)]
pub struct Flows {
    /// The total cost F(x).
    pub cost: Wide,
    pub(super) sides: Sides,
}

/// What every variable scales up, and what it scales down, in the scalar of the pass.
#[derive(Clone, Debug)]
pub(super) enum Sides {
    Plain([Vec<f64>; 2]),
    Wide([Vec<Wide>; 2]),
}

impl Flows {
    /// What the variable scales up.
    #[must_use]
    pub fn inflow(&self, variable: usize) -> Wide {
        self.side(0, variable)
    }

    /// What the variable scales down.
    #[must_use]
    pub fn outflow(&self, variable: usize) -> Wide {
        self.side(1, variable)
    }

    fn side(&self, side: usize, variable: usize) -> Wide {
        match &self.sides {
            Sides::Plain(sides) => sides[side][variable].into(),
            Sides::Wide(sides) => sides[side][variable],
        }
    }

    /// Number of variables.
    #[must_use]
    pub fn variables(&self) -> usize {
        match &self.sides {
            Sides::Plain([inflow, _]) => inflow.len(),
            Sides::Wide([inflow, _]) => inflow.len(),
        }
    }

    /// `(inflow - outflow) / (inflow + outflow)` of one variable; zero where nothing flows.
    #[must_use]
    #[inline]
    pub fn imbalance(&self, variable: usize) -> f64 {
        match &self.sides {
            Sides::Plain([inflow, outflow]) => {
                let (mut i, mut o) = (inflow[variable], outflow[variable]);
                if i + o == f64::INFINITY {
                    (i, o) = (0.5 * i, 0.5 * o);
                }
                if i + o == 0.0 { 0.0 } else { (i - o) / (i + o) }
            }
            Sides::Wide([inflow, outflow]) => {
                let (i, o) = (inflow[variable], outflow[variable]);
                let total = i + o;
                if total.is_zero() { 0.0 } else { ((i - o) / total).to_f64() }
            }
        }
    }

    /// The relative residual: the largest magnitude of an imbalance.
    #[must_use]
    pub fn residual(&self) -> f64 {
        self.residual_of(0..self.variables())
    }

    /// The largest magnitude of an imbalance of the variables that count; infinite where one is not a number.
    #[must_use]
    pub(crate) fn residual_among(&self, counts: &[bool]) -> f64 {
        if let Sides::Plain([inflow, outflow]) = &self.sides {
            // without a branch, as long as all sums are ordinary numbers
            let mut ordinary = true;
            let sizes = inflow.iter().zip(outflow).zip(counts).map(|((i, o), &counts)| {
                let total = i + o;
                let size = (i - o).abs() / if total == 0.0 { 1.0 } else { total };
                ordinary &= size <= 1.0 && total < f64::INFINITY;
                if counts { size } else { 0.0 }
            });
            let (_, largest) = extent(sizes);
            if ordinary {
                return largest.max(0.0);
            }
        }
        self.residual_of((0..counts.len()).filter(|&v| counts[v]))
    }

    /// The largest magnitude of an imbalance of some variables; infinite where one is not a number.
    #[must_use]
    pub fn residual_of(&self, variables: impl IntoIterator<Item = usize>) -> f64 {
        let (mut largest, mut is_number) = (0.0, true);
        for v in variables {
            let size = self.imbalance(v).abs();
            is_number &= !size.is_nan();
            largest = if size > largest { size } else { largest };
        }
        if is_number { largest } else { f64::INFINITY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck_macros::quickcheck;

    #[quickcheck]
    fn the_residual_without_branches_is_that_of_every_variable_after_the_other(sides: Vec<(u8, u8, bool)>) {
        // nothing flows, both flow alike, and sums leave the range
        let flow = |k: u8| [0.0, 1.0, 3.0, 1e-310, f64::MAX, 7.5][usize::from(k % 6)];
        let plain = [0, 1].map(|side: usize| sides.iter().map(|s| flow([s.0, s.1][side])).collect());
        let flows = Flows { cost: Wide::ZERO, sides: Sides::Plain(plain) };
        let counts: Vec<bool> = sides.iter().map(|s| s.2).collect();
        let one_by_one = flows.residual_of((0..counts.len()).filter(|&v| counts[v]));
        assert_eq!(flows.residual_among(&counts), one_by_one);
    }
}

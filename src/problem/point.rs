//! A problem at given log-scales: one pass, curvatures, and products with the Hessian.

use super::block::{Amplitudes, Cost};
use super::ends::Ends;
use super::flows::{Flows, Sides};
use super::{Block, Problem};
use crate::numeric::{PLAIN_LOG, Scalar, Wide};

/// A problem at fixed log-scales.
#[derive(Debug)]
pub struct Point<'a> {
    problem: &'a Problem,
    /// The logarithm of the multiplier of every port: the value of its form.
    logs: Vec<f64>,
    flows: Flows,
    state: State,
}

#[derive(Debug)]
enum State {
    Plain(Data<f64>),
    Wide(Data<Wide>),
}

/// Everything that later products need, in the scalar of the pass.
#[derive(Debug)]
struct Data<S> {
    /// `exp(p form(x))` for every exponent p and port.
    up: Vec<Vec<S>>,
    /// `exp(-p form(x))` likewise.
    down: Vec<Vec<S>>,
    /// For every block the curvature of its rows, columns and, for convex costs, entries.
    curvature: Vec<Curvature<S>>,
    /// Diagonal of the Hessian.
    diagonal: Vec<S>,
}

#[derive(Debug)]
struct Curvature<S> {
    rows: Vec<S>,
    columns: Vec<S>,
    entries: Vec<S>,
}

impl Problem {
    /// Evaluates the problem at log-scales `x`: one read of every weight.
    ///
    /// Complexity: one multiplication and two additions a weight, one exponential a port and exponent.
    ///
    /// # Panics
    /// When `x` has the wrong length.
    #[must_use]
    pub fn point(&self, x: &[f64]) -> Point<'_> {
        self.point_by(x, f64::exp, Wide::exp)
    }

    /// The same with exponentials that no mathematical library is trusted with; they take some ten times as long.
    ///
    /// # Panics
    /// When `x` has the wrong length.
    #[must_use]
    pub fn proved_point(&self, x: &[f64]) -> Point<'_> {
        self.point_by(x, |log| Wide::proved_exp(log).to_f64(), Wide::proved_exp)
    }

    fn point_by(&self, x: &[f64], exp: impl Fn(f64) -> f64, wide_exp: impl Fn(f64) -> Wide) -> Point<'_> {
        assert_eq!(x.len(), self.variables, "one log-scale for every variable");
        let logs: Vec<f64> = self.ports.iter().map(|f| f.at(x)).collect();
        let largest = logs.iter().fold(0.0, |m: f64, l| m.max(l.abs()));
        let steepest = self.exponents.iter().fold(1.0, |m: f64, &p| m.max(p));
        let plain = largest * steepest <= PLAIN_LOG && self.blocks.iter().all(|b| b.values.passes_plain());
        if plain {
            let (cost, sides, data) = evaluate(self, &logs, exp);
            let flows = Flows { cost: cost.into(), sides: Sides::Plain(sides) };
            Point { problem: self, logs, flows, state: State::Plain(data) }
        } else {
            let (cost, sides, data) = evaluate(self, &logs, wide_exp);
            let flows = Flows { cost, sides: Sides::Wide(sides) };
            Point { problem: self, logs, flows, state: State::Wide(data) }
        }
    }
}

impl<'a> Point<'a> {
    /// Cost and flows.
    #[must_use]
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// The gradient divided by the diagonal of the Hessian, both of cost in log-scales; zero where nothing flows.
    #[must_use]
    pub fn scaled_gradient(&self) -> Vec<f64> {
        match (&self.flows.sides, &self.state) {
            (Sides::Plain([inflow, outflow]), State::Plain(data)) => {
                let gradient = inflow.iter().zip(outflow).map(|(i, o)| i - o);
                gradient.zip(&data.diagonal).map(|(g, &d)| if d == 0.0 { 0.0 } else { g / d }).collect()
            }
            _ => {
                let ratio = |v: usize, diagonal: Wide| {
                    let gradient = self.flows.inflow(v) - self.flows.outflow(v);
                    if diagonal.is_zero() { 0.0 } else { (gradient / diagonal).to_f64() }
                };
                self.diagonal().into_iter().enumerate().map(|(v, d)| ratio(v, d)).collect()
            }
        }
    }

    /// Diagonal of the Hessian.
    #[must_use]
    pub fn diagonal(&self) -> Vec<Wide> {
        match &self.state {
            State::Plain(data) => data.diagonal.iter().map(|&d| d.into()).collect(),
            State::Wide(data) => data.diagonal.clone(),
        }
    }

    /// `(H d)_i / H_ii` for every variable, where H is the Hessian: one read of every weight. Zero where H_ii is zero.
    #[must_use]
    pub fn scaled_product(&self, d: &[f64]) -> Vec<f64> {
        let along: Vec<f64> = self.problem.ports.iter().map(|f| f.at(d)).collect();
        match &self.state {
            State::Plain(data) => product(self.problem, data, &along),
            State::Wide(data) => product(self.problem, data, &along),
        }
    }

    /// Whether all numbers were in the range of `f64`.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.state, State::Plain(_))
    }

    /// The logarithm of the multiplier of every port.
    pub(crate) fn logs(&self) -> &[f64] {
        &self.logs
    }

    /// How far the logarithm of any cost is from where the multipliers of all ports had these logarithms; infinite for costs that
    /// are no powers, of which nothing tells how their curvatures change.
    pub(crate) fn log_change(&self, since: &[f64]) -> f64 {
        if !self.problem.is_powers() {
            return f64::INFINITY;
        }
        let along: Vec<f64> = self.logs.iter().zip(since).map(|(now, then)| now - then).collect();
        self.problem.log_change(&along)
    }

    /// A block, by its number.
    pub(super) fn block(&self, number: usize) -> &'a Block {
        &self.problem.blocks[number]
    }

    /// The multipliers of costs in the range of `f64`, for the block with this number; none where its costs are no powers.
    pub(super) fn plain_multipliers(&self, number: usize) -> Option<Multipliers<'_>> {
        match (&self.state, &self.problem.blocks[number].cost) {
            (State::Plain(data), &Cost::Power(p)) => {
                let exponent = self.problem.exponents[p];
                Some(Multipliers { up: &data.up[p], down: &data.down[p], square: exponent * exponent })
            }
            _ => None,
        }
    }

    /// The sums of a block's rows' and its columns' curvatures (of cost in log-multipliers), by its number; none where numbers
    /// leave the range of `f64`.
    pub(crate) fn plain_curvature_sums(&self, block: usize) -> Option<(&[f64], &[f64])> {
        match &self.state {
            State::Plain(data) => Some((&data.curvature[block].rows, &data.curvature[block].columns)),
            State::Wide(_) => None,
        }
    }

    /// Inflows and outflows, where all numbers are in the range of `f64`.
    pub(crate) fn plain_flows(&self) -> Option<&[Vec<f64>; 2]> {
        match &self.flows.sides {
            Sides::Plain(sides) => Some(sides),
            Sides::Wide(_) => None,
        }
    }

    /// The diagonal of the Hessian, where all numbers are in the range of `f64`.
    pub(crate) fn plain_diagonal(&self) -> Option<&[f64]> {
        match &self.state {
            State::Plain(data) => Some(&data.diagonal),
            State::Wide(_) => None,
        }
    }

    /// The curvature of a single connection's cost in its log-multiplier: that of a block with this index, from the tail to the
    /// head of two ports `[head, tail]`.
    #[must_use]
    pub fn curvature(&self, block: usize, index: usize, ports: [u32; 2]) -> Wide {
        match &self.state {
            State::Plain(data) => Curvatures::of(self.problem, data, block).at(index, ports).into(),
            State::Wide(data) => Curvatures::of(self.problem, data, block).at(index, ports),
        }
    }

    /// The curvatures of a block's connections, where all numbers are in the range of `f64`.
    pub(crate) fn plain_curvatures(&self, block: usize) -> Option<Curvatures<'_, f64>> {
        match &self.state {
            State::Plain(data) => Some(Curvatures::of(self.problem, data, block)),
            State::Wide(_) => None,
        }
    }
}

/// What multiplies the costs of powers at a point.
pub(super) struct Multipliers<'a> {
    /// `exp(p form(x))` for every port that is a head.
    pub up: &'a [f64],
    /// `exp(-p form(x))` for every port that is a tail.
    pub down: &'a [f64],
    /// `p^2`, the curvature of a cost in its log-multiplier over the cost.
    pub square: f64,
}

/// The curvatures of a block's connections at a point.
pub(crate) enum Curvatures<'a, S> {
    Powers { square: S, up: &'a [S], down: &'a [S], values: &'a Amplitudes },
    Entries(&'a [S]),
}

impl<'a, S: Scalar> Curvatures<'a, S> {
    fn of(problem: &'a Problem, data: &'a Data<S>, block: usize) -> Self {
        let Block { cost, values, .. } = &problem.blocks[block];
        match *cost {
            Cost::Power(p) => {
                let square = S::from(problem.exponents[p] * problem.exponents[p]);
                Self::Powers { square, up: &data.up[p], down: &data.down[p], values }
            }
            Cost::Convex(_) => Self::Entries(&data.curvature[block].entries),
        }
    }

    /// That of the connection with this index, from the tail to the head of two ports `[head, tail]`.
    #[inline]
    pub fn at(&self, index: usize, [head, tail]: [u32; 2]) -> S {
        match self {
            Self::Powers { square, up, down, values } => {
                *square * up[head as usize] * values.scalar(index) * down[tail as usize]
            }
            Self::Entries(entries) => entries[index],
        }
    }
}

fn evaluate<S: Scalar>(problem: &Problem, log: &[f64], exp: impl Fn(f64) -> S) -> (S, [Vec<S>; 2], Data<S>) {
    let powers = |sign: f64, ends: &dyn Fn(&Block) -> &[u32]| -> Vec<Vec<S>> {
        // only where a block of the exponent asks for them: zero elsewhere
        let mut powers = vec![vec![S::default(); log.len()]; problem.exponents.len()];
        for block in &problem.blocks {
            let Cost::Power(k) = block.cost else { continue };
            for &q in ends(block) {
                let power = &mut powers[k][q as usize];
                if *power == S::default() {
                    *power = exp(sign * problem.exponents[k] * log[q as usize]);
                }
            }
        }
        powers
    };
    let (up, down) = (powers(1.0, &|b| &b.heads), powers(-1.0, &|b| &b.tails));
    let mut slopes = Ends::new(problem);
    let mut curvatures = Ends::new(problem);
    let mut curvature = Vec::with_capacity(problem.blocks.len());
    let mut cost = S::default();
    for block in &problem.blocks {
        let (heads, tails) = (&block.heads, &block.tails);
        let parts = match &block.cost {
            Cost::Power(k) => {
                let p = problem.exponents[*k];
                let u = gather(&up[*k], heads);
                let v = gather(&down[*k], tails);
                let (mut rows, mut columns) = block.products(&v, &u);
                rows.iter_mut().zip(&u).for_each(|(s, u)| *s = *s * *u);
                columns.iter_mut().zip(&v).for_each(|(s, v)| *s = *s * *v);
                cost = rows.iter().fold(cost, |sum, r| sum + *r);
                slopes.add(heads, &rows, tails, &columns, p);
                rows.iter_mut().chain(&mut columns).for_each(|s| *s = *s * S::from(p * p));
                Curvature { rows, columns, entries: vec![] }
            }
            Cost::Convex(_) => {
                let parts = convex::<S>(block, log);
                cost = cost + S::from(parts.cost);
                let [(rows, columns), (falling_rows, falling_columns)] = &parts.slopes;
                slopes.add(heads, rows, tails, columns, 1.0);
                // a cost that falls pulls the other way: what it adds to a head is what a tail would
                slopes.add(tails, falling_columns, heads, falling_rows, 1.0);
                parts.curvature
            }
        };
        curvatures.add(heads, &parts.rows, tails, &parts.columns, 1.0);
        curvature.push(parts);
    }
    let diagonal = curvatures.diagonal(problem);
    (cost, slopes.flows(problem), Data { up, down, curvature, diagonal })
}

struct ConvexParts<S> {
    cost: f64,
    /// Sums over rows and columns of the slopes that rise, and of the magnitudes of those that fall.
    slopes: [(Vec<S>, Vec<S>); 2],
    curvature: Curvature<S>,
}

fn convex<S: Scalar>(block: &Block, log: &[f64]) -> ConvexParts<S> {
    let Cost::Convex(function) = &block.cost else { unreachable!("only called for convex blocks") };
    let Amplitudes::Plain(values) = &block.values else { unreachable!("convex blocks hold logarithms") };
    let (rows, columns) = (vec![S::default(); block.heads.len()], vec![S::default(); block.tails.len()]);
    let entries = vec![S::default(); values.len()];
    let mut parts = ConvexParts {
        cost: 0.0,
        slopes: [(rows.clone(), columns.clone()), (rows.clone(), columns.clone())],
        curvature: Curvature { rows, columns, entries },
    };
    block.for_each(|r, c, k| {
        if !block.has(k) {
            return;
        }
        let shift = log[block.heads[r] as usize] - log[block.tails[c] as usize];
        let [value, slope, curvature] = function.at(values[k] + shift);
        parts.cost += value;
        let (rows, columns) = &mut parts.slopes[usize::from(slope < 0.0)];
        let (slope, curvature) = (S::from(slope.abs()), S::from(curvature));
        rows[r] = rows[r] + slope;
        columns[c] = columns[c] + slope;
        parts.curvature.rows[r] = parts.curvature.rows[r] + curvature;
        parts.curvature.columns[c] = parts.curvature.columns[c] + curvature;
        parts.curvature.entries[k] = curvature;
    });
    parts
}

/// `(H d) / diagonal`, with `along` the change of every port's form in the direction d.
fn product<S: Scalar>(problem: &Problem, data: &Data<S>, along: &[f64]) -> Vec<f64> {
    let mut sums = Ends::<S>::new(problem);
    for (block, curvature) in problem.blocks.iter().zip(&data.curvature) {
        let (heads, tails) = (&block.heads, &block.tails);
        let change = |q: &u32| S::from(along[*q as usize]);
        let (mut rows, mut columns) = match &block.cost {
            Cost::Power(k) => {
                let square = S::from(problem.exponents[*k] * problem.exponents[*k]);
                let (up, down) = (&data.up[*k], &data.down[*k]);
                let row_in: Vec<S> = heads.iter().map(|q| square * up[*q as usize] * change(q)).collect();
                let column_in: Vec<S> = tails.iter().map(|q| square * down[*q as usize] * change(q)).collect();
                let (mut rows, mut columns) = block.products(&column_in, &row_in);
                rows.iter_mut().zip(heads).for_each(|(s, &q)| *s = *s * up[q as usize]);
                columns.iter_mut().zip(tails).for_each(|(s, &q)| *s = *s * down[q as usize]);
                (rows, columns)
            }
            Cost::Convex(_) => {
                let mut rows = vec![S::default(); heads.len()];
                let mut columns = vec![S::default(); tails.len()];
                block.for_each(|r, c, k| {
                    let entry = curvature.entries[k];
                    rows[r] = rows[r] + entry * change(&tails[c]);
                    columns[c] = columns[c] + entry * change(&heads[r]);
                });
                (rows, columns)
            }
        };
        for ((sum, total), q) in rows.iter_mut().zip(&curvature.rows).zip(heads) {
            *sum = change(q) * *total - *sum;
        }
        for ((sum, total), q) in columns.iter_mut().zip(&curvature.columns).zip(tails) {
            *sum = *sum - change(q) * *total;
        }
        sums.add(heads, &rows, tails, &columns, 1.0);
    }
    let ratio = |(g, d): (&S, &S)| if *d == S::default() { 0.0 } else { (*g / *d).to_f64() };
    sums.gradient(problem).iter().zip(&data.diagonal).map(ratio).collect()
}

fn gather<S: Copy>(values: &[S], ports: &[u32]) -> Vec<S> {
    ports.iter().map(|&q| values[q as usize]).collect()
}

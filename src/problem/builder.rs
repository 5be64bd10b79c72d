//! Building a problem from blocks of weights.

use super::Problem;
use super::block::{Amplitudes, Block, Cost, Pattern};
use super::stored::{Lines, Stored};
use super::weigh::{Costs, Summed, check, check_count, compress, not_finite, weighed};
use crate::error::Result;
use crate::manifold::Form;
use crate::numeric::Double;
use crate::regularizer::{Power, Regularizer};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Index of a port in its problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(pub(crate) u32);

impl Port {
    /// The port of everything whose log-scale is zero.
    pub const GROUND: Self = Self(0);
}

/// The weights of a block; only their magnitudes count.
#[derive(Clone, Debug)]
pub enum Weights {
    /// Row-major, `heads x tails`.
    Dense(Vec<f64>),
    /// `(row, column, weight)`, in any order; several entries of one place are separate weights.
    Sparse(Vec<(u32, u32, f64)>),
    /// Entry `i` sits in row `i` and column `i`.
    Diagonal(Vec<f64>),
}

/// Collects ports and blocks.
#[derive(Debug)]
pub struct ProblemBuilder {
    problem: Problem,
    /// Ports of forms that are one variable, by variable.
    single: Vec<Option<Port>>,
    /// Ports of all other forms.
    known: HashMap<Vec<(u32, u64)>, Port>,
    /// For every variable the number of the question in which it was seen last, and how many questions there were.
    seen: Vec<u64>,
    visits: u64,
    /// For every port its place in the list that was made last, if it is there.
    place: Vec<u32>,
}

impl ProblemBuilder {
    /// A problem in `variables` free log-scales, without ports and blocks.
    #[must_use]
    pub fn new(variables: usize) -> Self {
        let ports = Arc::new(vec![Form::zero()]);
        let problem =
            Problem { variables, ports, exponents: vec![], blocks: vec![], origin: vec![0; variables], given: 0.0 };
        let known = HashMap::from([(vec![], Port::GROUND)]);
        Self { problem, single: vec![None; variables], known, seen: vec![0; variables], visits: 0, place: vec![] }
    }

    /// The port with the given form; the same form always gives the same port.
    ///
    /// # Panics
    /// When the form names a variable outside the problem.
    pub fn port(&mut self, form: &Form) -> Port {
        if let Some((last, _)) = form.terms().last() {
            assert!((*last as usize) < self.problem.variables, "the form names variable {last}");
        }
        let ports = Arc::make_mut(&mut self.problem.ports);
        let new = || {
            ports.push(form.clone());
            Port(u32::try_from(ports.len() - 1).expect("at most 2^32 ports"))
        };
        let port = match form.terms() {
            [(variable, 1.0)] => *self.single[*variable as usize].get_or_insert_with(new),
            terms => {
                let key = terms.iter().map(|&(v, c)| (v, c.to_bits())).collect();
                *self.known.entry(key).or_insert_with(new)
            }
        };
        if form.is_rounded() {
            ports[port.0 as usize] = form.clone();
        }
        port
    }

    /// The distinct ports of some forms, in the order in which they come first, and the place of each form's port among them.
    pub fn distinct<'a>(&mut self, forms: impl IntoIterator<Item = &'a Form>) -> (Vec<Port>, Vec<u32>) {
        let mut list: Vec<Port> = vec![];
        let mut place_of = |form: &Form| {
            let port = self.port(form);
            self.place.resize(self.problem.ports.len(), 0);
            let place = &mut self.place[port.0 as usize];
            // a place of an earlier list names another port there
            if list.get(*place as usize) != Some(&port) {
                *place = list.len() as u32;
                list.push(port);
            }
            *place
        };
        let places = forms.into_iter().map(&mut place_of).collect();
        (list, places)
    }

    /// Adds a block: the weights between `heads` (rows) and `tails` (columns).
    ///
    /// Under a sum of powers the weights become one block for each power. A connection whose two ends share a variable
    /// (a self-connection, or one inside a tied group) moves to a block between its net form and the ground.
    ///
    /// # Errors
    /// When a weight is not finite, or shapes disagree.
    pub fn block(
        &mut self,
        name: &str,
        heads: Vec<Port>,
        tails: Vec<Port>,
        weights: Weights,
        regularizer: &Regularizer,
    ) -> Result<()> {
        check(name, heads.len(), tails.len(), &weights)?;
        let (pattern, weights) = compress(heads.len(), weights);
        self.add(name, heads, tails, (pattern, weights), weighed(regularizer));
        Ok(())
    }

    /// Adds a dense block whose weights stay in a file, stored row by row or, with `by_columns`, column by column.
    ///
    /// They are read anew in every pass where that is exact and quick: under powers of 1 and 2, in the range of `f64`,
    /// and where no connection has a variable at both ends. Elsewhere they are copied.
    ///
    /// # Errors
    /// When a weight is not finite, or shapes disagree.
    pub fn stored(
        &mut self,
        name: &str,
        heads: Vec<Port>,
        tails: Vec<Port>,
        (weights, by_columns): (Stored, bool),
        regularizer: &Regularizer,
    ) -> Result<()> {
        let places = (heads.len(), tails.len());
        check_count(name, places, weights.len())?;
        let (pattern, width) = if by_columns { (Pattern::DenseColumns, places.0) } else { (Pattern::Dense, places.1) };
        let lines = self.lines(&heads, &tails, &weights, width, regularizer);
        let Some(lines) = lines.filter(|lines| width > 0 && !lines.is_empty()) else {
            if let Some((k, weight)) = weights.first_faulty() {
                let (line, place) = (k / width, k % width);
                let (row, column) = if by_columns { (place, line) } else { (line, place) };
                return Err(not_finite(name, &format!("in row {row}, column {column}"), weight));
            }
            self.add(name, heads, tails, (pattern, weights.decode()), weighed(regularizer));
            return Ok(());
        };
        for (lines, exponent) in lines {
            let (cost, values) = (Cost::Power(self.exponent(exponent)), Amplitudes::Stored(lines));
            let (name, heads, tails, pattern) =
                (name.to_string(), raw(heads.clone()), raw(tails.clone()), pattern.clone());
            self.problem.blocks.push(Block { name, heads, tails, pattern, values, cost, source: None });
        }
        Ok(())
    }

    /// Says that costs of weights given so far or later carry rounding errors: at most so many units of roundoff, relative.
    /// Bounds that are proved take them into account.
    pub fn rounded(&mut self, units: f64) {
        self.problem.given = self.problem.given.max(units);
    }

    /// Whether no connection between these ports has a variable at both ends.
    pub fn is_apart(&mut self, heads: &[Port], tails: &[Port]) -> bool {
        self.visits += 1;
        let (ports, seen, now) = (&self.problem.ports, &mut self.seen, self.visits);
        for head in heads {
            ports[head.0 as usize].terms().iter().for_each(|t| seen[t.0 as usize] = now);
        }
        tails.iter().flat_map(|tail| ports[tail.0 as usize].terms()).all(|t| seen[t.0 as usize] != now)
    }

    /// Adds a dense block of sums between ports that are [apart](Self::is_apart).
    ///
    /// # Panics
    /// When there are not as many sums as places, or the ports are not apart.
    pub fn summed(&mut self, name: &str, heads: Vec<Port>, tails: Vec<Port>, summed: Summed) {
        assert!(self.is_apart(&heads, &tails), "no connection has a variable at both ends");
        assert!(summed.values.len() == heads.len() * tails.len(), "one sum for every place");
        let cost = Cost::Power(self.exponent(summed.power.exponent));
        self.push(name, (raw(heads), raw(tails)), vec![(Pattern::Dense, summed.values, cost, summed.source)]);
    }

    /// Adds a dense block of sums as [`Summed::new`] takes them, between any ports.
    ///
    /// # Errors
    /// When a sum is not finite, or shapes disagree.
    ///
    /// # Panics
    /// When the power is neither 1 nor 2.
    pub fn sums(
        &mut self,
        name: &str,
        heads: Vec<Port>,
        tails: Vec<Port>,
        (sums, roundings): (Vec<Double>, usize),
        power: Power,
    ) -> Result<()> {
        check_count(name, (heads.len(), tails.len()), sums.len())?;
        let mut result = Ok(());
        self.add(name, heads, tails, (Pattern::Dense, sums), |problem, (rows, columns), pattern, sums| {
            let places = if sums.len() == rows * columns { (rows, columns) } else { (sums.len(), 1) };
            let write = |places: Range<usize>, to: &mut [Double]| to.copy_from_slice(&sums[places]);
            match Summed::new(name, places, (write, roundings), power) {
                Ok(Summed { values, source, power }) => {
                    vec![(pattern.clone(), values, Cost::Power(problem.exponent(power.exponent)), source)]
                }
                Err(error) => {
                    result = Err(error);
                    vec![]
                }
            }
        });
        result
    }

    /// The stored amplitudes for every power; none where the weights must be copied.
    fn lines(
        &mut self,
        heads: &[Port],
        tails: &[Port],
        weights: &Stored,
        width: usize,
        regularizer: &Regularizer,
    ) -> Option<Vec<(Lines, f64)>> {
        let Regularizer::Powers(terms) = regularizer else { return None };
        if !self.is_apart(heads, tails) {
            return None;
        }
        terms.iter().map(|t| Some((Lines::new(weights.clone(), width, *t)?, t.exponent))).collect()
    }

    /// The index of an exponent among the problem's.
    pub(super) fn exponent(&mut self, p: f64) -> usize {
        let known = self.problem.exponents.iter().position(|&q| p == q);
        known.unwrap_or_else(|| {
            self.problem.exponents.push(p);
            self.problem.exponents.len() - 1
        })
    }

    /// Adds numbers of which `costs` tells what they cost.
    fn add<W: Copy + Default + PartialEq>(
        &mut self,
        name: &str,
        heads: Vec<Port>,
        tails: Vec<Port>,
        (pattern, mut weights): (Pattern, Vec<W>),
        mut costs: impl FnMut(&mut Self, (usize, usize), &Pattern, Vec<W>) -> Costs,
    ) {
        let loops = self.take_loops(&heads, &tails, &pattern, &mut weights);
        let (heads, tails) = (raw(heads), raw(tails));
        if !weights.is_empty() {
            let costs = costs(self, (heads.len(), tails.len()), &pattern, weights);
            self.push(name, (heads, tails), costs);
        }
        if !loops.is_empty() {
            let (ends, weights): (Vec<(u32, u32)>, Vec<W>) = loops.into_iter().unzip();
            let costs = costs(self, (ends.len(), ends.len()), &Pattern::Diagonal, weights);
            self.push(&within(name), ends.into_iter().unzip(), costs);
        }
    }

    fn push(&mut self, name: &str, (heads, tails): (Vec<u32>, Vec<u32>), costs: Costs) {
        for (pattern, values, cost, source) in costs {
            let (name, heads, tails) = (name.to_string(), heads.clone(), tails.clone());
            self.problem.blocks.push(Block { name, heads, tails, pattern, values, cost, source: Some(source) });
        }
    }

    /// The finished problem.
    #[must_use]
    pub fn build(self) -> Problem {
        self.problem
    }

    /// Sets connections whose ends share a variable to zero; returns the ports between which they have the same form, one of
    /// them the ground, and their weights.
    fn take_loops<W: Copy + Default + PartialEq>(
        &mut self,
        heads: &[Port],
        tails: &[Port],
        pattern: &Pattern,
        weights: &mut [W],
    ) -> Vec<((u32, u32), W)> {
        if self.is_apart(heads, tails) {
            return vec![];
        }
        let variables = |port: &Port| self.problem.ports[port.0 as usize].terms().iter().map(|t| t.0);
        let of_column = |(c, tail)| variables(tail).map(move |v| (v, c as u32));
        let mut columns_of: Vec<(u32, u32)> = tails.iter().enumerate().flat_map(of_column).collect();
        columns_of.sort_unstable();
        let mut columns = vec![];
        let mut loops = vec![];
        for (r, head) in heads.iter().enumerate() {
            columns.clear();
            for &(v, _) in self.problem.ports[head.0 as usize].terms() {
                let own = &columns_of[columns_of.partition_point(|one| one.0 < v)..];
                columns.extend(own.iter().take_while(|one| one.0 == v).map(|one| one.1));
            }
            columns.sort_unstable();
            columns.dedup();
            let shared = |c: u32| columns.binary_search(&c).is_ok();
            let mut take = |k: usize, c: usize| {
                let weight = std::mem::take(&mut weights[k]);
                if weight != W::default() {
                    let [head, tail] = [head, &tails[c]].map(|port| &self.problem.ports[port.0 as usize]);
                    let form = head.plus(-1.0, tail);
                    // a single variable is a head, or a tail where it counts against the form
                    let ends = match *form.terms() {
                        [(v, c)] if c < 0.0 => (0, self.port(&Form::term(v as usize, -c)).0),
                        _ => (self.port(&form).0, 0),
                    };
                    loops.push((ends, weight));
                }
            };
            match pattern {
                Pattern::Dense => columns.iter().for_each(|&c| take(r * tails.len() + c as usize, c as usize)),
                Pattern::DenseColumns => columns.iter().for_each(|&c| take(c as usize * heads.len() + r, c as usize)),
                Pattern::Sparse { start, column } if !columns.is_empty() => {
                    (start[r]..start[r + 1]).filter(|&k| shared(column[k])).for_each(|k| take(k, column[k] as usize))
                }
                Pattern::Diagonal if shared(r as u32) => take(r, r),
                Pattern::Sparse { .. } | Pattern::Diagonal => {}
            }
        }
        loops
    }
}

fn raw(ports: Vec<Port>) -> Vec<u32> {
    ports.into_iter().map(|p| p.0).collect()
}

/// The name of the connections inside of a block whose ends share a variable.
fn within(name: &str) -> String {
    format!("{name} (within)")
}

//! Building a problem from blocks of weights.

use super::Problem;
use super::block::{Amplitudes, Block, Cost, Pattern, Source, SumRests, is_plain};
use super::stored::{Lines, Stored};
use crate::error::{Error, ErrorKind, Result};
use crate::manifold::Form;
use crate::numeric::{DOUBLE_ROUNDOFF, Double, UNIT_ROUNDOFF, Wide};
use crate::regularizer::{Power, Regularizer};
use std::collections::{HashMap, HashSet};
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
    known: HashMap<Vec<(u32, u64)>, Port>,
}

impl ProblemBuilder {
    /// A problem in `variables` free log-scales, without ports and blocks.
    #[must_use]
    pub fn new(variables: usize) -> Self {
        let ports = vec![Form::zero()];
        let problem =
            Problem { variables, ports, exponents: vec![], blocks: vec![], origin: vec![0; variables], given: 0.0 };
        Self { problem, known: HashMap::from([(vec![], Port::GROUND)]) }
    }

    /// The port with the given form; the same form always gives the same port.
    ///
    /// # Panics
    /// When the form names a variable outside the problem.
    pub fn port(&mut self, form: &Form) -> Port {
        let key: Vec<_> = form.terms().iter().map(|&(v, c)| (v, c.to_bits())).collect();
        if let Some((last, _)) = key.last() {
            assert!((*last as usize) < self.problem.variables, "the form names variable {last}");
        }
        *self.known.entry(key).or_insert_with(|| {
            self.problem.ports.push(form.clone());
            Port(u32::try_from(self.problem.ports.len() - 1).expect("at most 2^32 ports"))
        })
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
        if let Some((k, weight)) = weights.first_faulty() {
            let (line, place) = (k / width, k % width);
            let (row, column) = if by_columns { (place, line) } else { (line, place) };
            return Err(not_finite(name, &format!("in row {row}, column {column}"), weight));
        }
        let lines = self.lines(&heads, &tails, &weights, width, regularizer);
        let Some(lines) = lines.filter(|_| width > 0) else {
            self.add(name, heads, tails, (pattern, weights.decode()), weighed(regularizer));
            return Ok(());
        };
        let raw = |ports: &[Port]| ports.iter().map(|p| p.0).collect::<Vec<u32>>();
        for (lines, exponent) in lines {
            let (cost, values) = (Cost::Power(self.exponent(exponent)), Amplitudes::Stored(lines));
            let (name, heads, tails, pattern) = (name.to_string(), raw(&heads), raw(&tails), pattern.clone());
            self.problem.blocks.push(Block { name, heads, tails, pattern, values, cost, source: None });
        }
        Ok(())
    }

    /// Says that costs of weights given so far or later carry rounding errors: at most so many units of roundoff, relative.
    /// Bounds that are proved take them into account.
    pub fn rounded(&mut self, units: f64) {
        self.problem.given = self.problem.given.max(units);
    }

    /// Adds a dense block of amplitudes: for every place, row by row, the sum of `|w|^p` over the weights there, which took at
    /// most so many roundings of [`Double`]. Powers of 1 and 2 only: those of others do not double exactly with the weights.
    ///
    /// # Errors
    /// When a sum is not finite, or shapes disagree.
    ///
    /// # Panics
    /// When the power is neither 1 nor 2.
    pub fn summed(
        &mut self,
        name: &str,
        heads: Vec<Port>,
        tails: Vec<Port>,
        (sums, roundings): (Vec<Double>, usize),
        power: Power,
    ) -> Result<()> {
        assert!(power.is_exact(), "powers of 1 and 2");
        check_count(name, (heads.len(), tails.len()), sums.len())?;
        if let Some(k) = sums.iter().position(|a| !a.to_f64().is_finite()) {
            let place = format!("in row {}, column {}", k / tails.len(), k % tails.len());
            return Err(not_finite(name, &place, sums[k].to_f64()));
        }
        self.add(name, heads, tails, (Pattern::Dense, sums), |problem, _, pattern, sums| {
            let (values, source) = rounded(&sums, roundings, power.coefficient);
            vec![(pattern.clone(), values, Cost::Power(problem.exponent(power.exponent)), source)]
        });
        Ok(())
    }

    /// The stored amplitudes for every power; none where the weights must be copied.
    fn lines(
        &self,
        heads: &[Port],
        tails: &[Port],
        weights: &Stored,
        width: usize,
        regularizer: &Regularizer,
    ) -> Option<Vec<(Lines, f64)>> {
        let Regularizer::Powers(terms) = regularizer else { return None };
        let variables = |ports: &[Port]| -> HashSet<u32> {
            ports.iter().flat_map(|p| self.problem.ports[p.0 as usize].terms()).map(|t| t.0).collect()
        };
        if !variables(heads).is_disjoint(&variables(tails)) {
            return None;
        }
        terms.iter().map(|t| Some((Lines::new(weights.clone(), width, *t)?, t.exponent))).collect()
    }

    /// The index of an exponent among the problem's.
    fn exponent(&mut self, p: f64) -> usize {
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
        costs: impl Fn(&mut Self, (usize, usize), &Pattern, Vec<W>) -> Costs,
    ) {
        let loops = self.take_loops(&heads, &tails, &pattern, &mut weights);
        let raw = |ports: Vec<Port>| ports.into_iter().map(|p| p.0).collect::<Vec<u32>>();
        let (heads, tails) = (raw(heads), raw(tails));
        if !weights.is_empty() {
            let costs = costs(self, (heads.len(), tails.len()), &pattern, weights);
            self.push(name, (heads, tails), costs);
        }
        if !loops.is_empty() {
            let (heads, weights): (Vec<u32>, Vec<W>) = loops.into_iter().unzip();
            let count = heads.len();
            let costs = costs(self, (count, count), &Pattern::Diagonal, weights);
            self.push(&format!("{name} (within)"), (heads, vec![0; count]), costs);
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

    /// Sets connections whose ends share a variable to zero; returns the port of their net form, and their weights.
    fn take_loops<W: Copy + Default + PartialEq>(
        &mut self,
        heads: &[Port],
        tails: &[Port],
        pattern: &Pattern,
        weights: &mut [W],
    ) -> Vec<(u32, W)> {
        let mut columns_of: HashMap<u32, Vec<u32>> = HashMap::new();
        for (c, tail) in tails.iter().enumerate() {
            for (variable, _) in self.problem.ports[tail.0 as usize].terms() {
                columns_of.entry(*variable).or_default().push(c as u32);
            }
        }
        let mut loops = vec![];
        for (r, head) in heads.iter().enumerate() {
            let head_form = self.problem.ports[head.0 as usize].clone();
            let mut columns: Vec<u32> =
                head_form.terms().iter().filter_map(|(v, _)| columns_of.get(v)).flatten().copied().collect();
            columns.sort_unstable();
            columns.dedup();
            let shared = |c: u32| columns.binary_search(&c).is_ok();
            let mut take = |k: usize, c: usize| {
                let weight = std::mem::take(&mut weights[k]);
                if weight != W::default() {
                    let tail_form = self.problem.ports[tails[c].0 as usize].clone();
                    loops.push((self.port(&head_form.plus(-1.0, &tail_form)).0, weight));
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

fn not_finite(name: &str, place: &str, weight: f64) -> Error {
    let problem = format!("the weight {place} is {weight}");
    Error::new(ErrorKind::Network, name, problem, "replace it by a finite number")
}

/// Refuses a dense block with another number of weights than places.
fn check_count(name: &str, (heads, tails): (usize, usize), count: usize) -> Result<()> {
    if heads.checked_mul(tails) == Some(count) {
        return Ok(());
    }
    let problem = format!("{count} weights for {heads} rows and {tails} columns");
    Err(Error::new(ErrorKind::Network, name, problem, "give one weight for every row and column"))
}

fn check(name: &str, heads: usize, tails: usize, weights: &Weights) -> Result<()> {
    let wrong = |problem: String, remedy: &str| Err(Error::new(ErrorKind::Network, name, problem, remedy));
    let finite = |place: &dyn Fn() -> String, w: f64| {
        if w.is_finite() {
            return Ok(());
        }
        Err(not_finite(name, &place(), w))
    };
    match weights {
        Weights::Dense(values) => {
            check_count(name, (heads, tails), values.len())?;
            for (k, &w) in values.iter().enumerate() {
                finite(&|| format!("in row {}, column {}", k / tails, k % tails), w)?;
            }
        }
        Weights::Sparse(entries) => {
            for &(r, c, w) in entries {
                if r as usize >= heads || c as usize >= tails {
                    return wrong(
                        format!("a weight in row {r}, column {c} of a block of {heads} rows and {tails} columns"),
                        "keep all places inside the block",
                    );
                }
                finite(&|| format!("in row {r}, column {c}"), w)?;
            }
        }
        Weights::Diagonal(values) => {
            if values.len() != heads || heads != tails {
                return wrong(
                    format!("{} diagonal weights for {heads} rows and {tails} columns", values.len()),
                    "give as many rows as columns as weights",
                );
            }
            for (k, &w) in values.iter().enumerate() {
                finite(&|| format!("in place {k}"), w)?;
            }
        }
    }
    Ok(())
}

fn compress(rows: usize, weights: Weights) -> (Pattern, Vec<f64>) {
    match weights {
        Weights::Dense(values) => (Pattern::Dense, values),
        Weights::Diagonal(values) => (Pattern::Diagonal, values),
        Weights::Sparse(mut entries) => {
            entries.sort_by_key(|&(r, c, _)| (r, c));
            let mut start = vec![0; rows + 1];
            entries.iter().for_each(|e| start[e.0 as usize + 1] += 1);
            (0..rows).for_each(|r| start[r + 1] += start[r]);
            let column = entries.iter().map(|e| e.1).collect();
            (Pattern::Sparse { start, column }, entries.iter().map(|e| e.2).collect())
        }
    }
}

fn nonzero(rows: usize, columns: usize, pattern: &Pattern, weights: &[f64]) -> (Pattern, Vec<f64>) {
    let entry = |k: usize, r: usize, c: usize| (r as u32, c as u32, weights[k]);
    let all: Vec<(u32, u32, f64)> = match pattern {
        Pattern::Dense => (0..weights.len()).map(|k| entry(k, k / columns, k % columns)).collect(),
        Pattern::DenseColumns => (0..weights.len()).map(|k| entry(k, k % rows, k / rows)).collect(),
        Pattern::Diagonal => (0..weights.len()).map(|k| entry(k, k, k)).collect(),
        Pattern::Sparse { start, column } => (0..rows)
            .flat_map(|r| (start[r]..start[r + 1]).map(move |k| (k, r)))
            .map(|(k, r)| entry(k, r, column[k] as usize))
            .collect(),
    };
    let costly = all.into_iter().filter(|e| e.2 != 0.0).collect();
    compress(rows, Weights::Sparse(costly))
}

/// What numbers of a block cost: one entry for every term of the regularizer.
type Costs = Vec<(Pattern, Amplitudes, Cost, Source)>;

/// The costs of weights.
fn weighed(
    regularizer: &Regularizer,
) -> impl Fn(&mut ProblemBuilder, (usize, usize), &Pattern, Vec<f64>) -> Costs + '_ {
    |problem, (rows, columns), pattern, weights| match regularizer {
        Regularizer::Powers(terms) => {
            let weights = Arc::new(weights);
            let cost = |term: &Power| {
                let source = Source::Weights { weights: Arc::clone(&weights), coefficient: term.coefficient };
                (pattern.clone(), powers(&weights, *term), Cost::Power(problem.exponent(term.exponent)), source)
            };
            terms.iter().map(cost).collect()
        }
        Regularizer::Convex(cost) => {
            let (pattern, weights) = nonzero(rows, columns, pattern, &weights);
            let wide: Vec<Wide> = weights.iter().map(|&w| w.into()).collect();
            let source = Source::Weights { weights: Arc::new(weights), coefficient: 1.0 };
            vec![(pattern, log_magnitudes(&wide), Cost::Convex(Arc::clone(cost)), source)]
        }
    }
}

/// Sums times their coefficient, and what the nearest `f64` leaves of them.
fn rounded(sums: &[Double], roundings: usize, coefficient: f64) -> (Amplitudes, Source) {
    let costs = || sums.iter().map(|&a| if coefficient == 1.0 { a } else { a * Double::from(coefficient) });
    let rest = |a: Double| if a.low() == 0.0 { 0.0 } else { (a.low() / a.to_f64()) as f32 };
    // single precision keeps 2^-24 of a rest of at most 2^-53
    let error = UNIT_ROUNDOFF * 2f64.powi(-23) + (roundings as f64 + 2.0) * DOUBLE_ROUNDOFF;
    let rests = SumRests { relative: costs().map(rest).collect(), error };
    let plain: Vec<f64> = costs().map(Double::to_f64).collect();
    let plain = if plain.iter().zip(sums).all(|(a, sum)| sum.to_f64() == 0.0 || is_plain(*a)) {
        Amplitudes::Plain(plain)
    } else {
        let wide = |a: &Double| Wide::from(a.to_f64()) * Wide::from(coefficient);
        Amplitudes::of(sums.iter().map(wide).collect())
    };
    (plain, Source::Sums(Arc::new(rests)))
}

/// `coefficient |w|^p` of every weight.
fn powers(weights: &[f64], Power { exponent: p, coefficient }: Power) -> Amplitudes {
    let power = |w: f64| match p {
        2.0 => w * w,
        1.0 => w,
        _ => w.powf(p),
    };
    let plain: Vec<f64> = weights.iter().map(|w| coefficient * power(w.abs())).collect();
    if plain.iter().zip(weights).all(|(a, w)| *w == 0.0 || is_plain(*a)) {
        return Amplitudes::Plain(plain);
    }
    let wide: Vec<Wide> = weights.iter().map(|&w| w.into()).collect();
    wide_powers(&wide, p, coefficient)
}

/// `coefficient |w|^p` of weights of any size.
pub(super) fn wide_powers(weights: &[Wide], p: f64, coefficient: f64) -> Amplitudes {
    Amplitudes::of(weights.iter().map(|&w| w.power(p) * Wide::from(coefficient)).collect())
}

/// `ln |w|` of every weight.
pub(super) fn log_magnitudes(weights: &[Wide]) -> Amplitudes {
    Amplitudes::Plain(weights.iter().map(|w| w.power(1.0).ln()).collect())
}

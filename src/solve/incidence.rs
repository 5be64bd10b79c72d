//! The connections seen from their units: what local steps read.

use crate::numeric::{Scalar, Wide};
use crate::problem::{Cost, Problem};
use std::collections::BTreeMap;

/// All connections at one end of one port, under one exponent: they share the factor of that port.
struct Arm {
    /// Index of the exponent, or none for convex costs.
    exponent: Option<usize>,
    port: u32,
    /// Coefficient of the variable in the log-multiplier: positive when the variable scales up.
    coefficient: f64,
    /// Whether the port is the head of the connections.
    is_head: bool,
    /// Range among the visits.
    first: usize,
    last: usize,
}

/// The multipliers at the current log-scales, and the connections of every variable.
pub(super) struct Incidence<'a, S> {
    problem: &'a Problem,
    /// Arms of variable v: `arms[start[v]..start[v + 1]]`.
    arms: Vec<Arm>,
    start: Vec<usize>,
    /// Other port and amplitude (or `ln |w|`) of every visit.
    visits: Vec<(u32, S)>,
    /// Block of every visit, for convex costs only.
    blocks: Vec<u32>,
    /// Ports whose form contains the variable.
    ports_of: Vec<Vec<u32>>,
    up: Vec<Vec<S>>,
    down: Vec<Vec<S>>,
    log: Vec<f64>,
}

/// The cost of a variable's connections along its own log-scale: `sum of cost_j exp(rate_j t)`, and convex ones.
pub(super) struct Local<S> {
    /// `(rate, cost)`; few distinct rates.
    pub terms: Vec<(f64, S)>,
    /// Connections read.
    pub visits: usize,
    convex: Vec<(u32, f64, f64)>,
}

impl<'a, S: Scalar> Incidence<'a, S> {
    /// Collects the connections of every variable. Memory: each connection twice.
    pub fn new(problem: &'a Problem, x: &[f64]) -> Self {
        type Key = (usize, u32, bool);
        let mut sizes: BTreeMap<Key, usize> = BTreeMap::new();
        let kind = |block: usize| match problem.blocks()[block].cost {
            Cost::Power(k) => k,
            Cost::Convex(_) => usize::MAX,
        };
        problem.for_each_entry(|e| {
            *sizes.entry((kind(e.block), e.head, true)).or_default() += 1;
            *sizes.entry((kind(e.block), e.tail, false)).or_default() += 1;
        });
        let mut cursor = BTreeMap::new();
        let mut total = 0;
        for (&key, &size) in &sizes {
            cursor.insert(key, total);
            total += size;
        }
        let mut visits = vec![(0, S::default()); total];
        let mut blocks = vec![0; total];
        problem.for_each_entry(|e| {
            let value = S::from_wide(problem.blocks()[e.block].values.get(e.index));
            for (port, is_head, other) in [(e.head, true, e.tail), (e.tail, false, e.head)] {
                let at = cursor.get_mut(&(kind(e.block), port, is_head)).expect("every key was counted");
                visits[*at] = (other, value);
                blocks[*at] = e.block as u32;
                *at += 1;
            }
        });
        let mut by_variable: Vec<Vec<Arm>> = (0..problem.variables()).map(|_| vec![]).collect();
        for (&(kind, port, is_head), &size) in &sizes {
            let last = cursor[&(kind, port, is_head)];
            for &(v, c) in problem.ports()[port as usize].terms() {
                let exponent = (kind != usize::MAX).then_some(kind);
                let coefficient = if is_head { c } else { -c };
                by_variable[v as usize].push(Arm { exponent, port, coefficient, is_head, first: last - size, last });
            }
        }
        let mut ports_of = vec![vec![]; problem.variables()];
        for (q, form) in problem.ports().iter().enumerate() {
            form.terms().iter().for_each(|&(v, _)| ports_of[v as usize].push(q as u32));
        }
        let mut start = vec![0];
        by_variable.iter().for_each(|a| start.push(start[start.len() - 1] + a.len()));
        let arms = by_variable.into_iter().flatten().collect();
        let none = vec![vec![S::default(); problem.ports().len()]; problem.exponents().len()];
        let log = vec![0.0; problem.ports().len()];
        let mut own = Self { problem, arms, start, visits, blocks, ports_of, up: none.clone(), down: none, log };
        for q in 0..problem.ports().len() {
            own.refresh(q, x);
        }
        own
    }

    /// Whether plain numbers hold everything: else the wide twin is needed.
    pub fn is_plain(problem: &Problem) -> bool {
        problem.blocks().iter().all(|b| b.values.is_plain())
    }

    /// The cost of the connections of `v` along its log-scale.
    pub fn local(&self, v: usize) -> Local<S> {
        let mut local = Local { terms: Vec::with_capacity(4), visits: 0, convex: vec![] };
        for arm in &self.arms[self.start[v]..self.start[v + 1]] {
            let visits = &self.visits[arm.first..arm.last];
            local.visits += visits.len();
            let Some(k) = arm.exponent else {
                let sign = if arm.is_head { 1.0 } else { -1.0 };
                let own = self.log[arm.port as usize];
                for (&(other, value), &block) in visits.iter().zip(&self.blocks[arm.first..arm.last]) {
                    let shift = sign * (own - self.log[other as usize]);
                    local.convex.push((block, arm.coefficient, value.to_f64() + shift));
                }
                continue;
            };
            let (own, others) = if arm.is_head { (&self.up[k], &self.down[k]) } else { (&self.down[k], &self.up[k]) };
            let sum = flow(visits, others);
            let rate = self.problem.exponents()[k] * arm.coefficient;
            let cost = own[arm.port as usize] * sum;
            match local.terms.iter_mut().find(|t| t.0 == rate) {
                Some(term) => term.1 = term.1 + cost,
                None => local.terms.push((rate, cost)),
            }
        }
        local
    }

    /// Slope and curvature of the local cost at `t`, both relative to the first term's size: rates near zero excepted.
    fn slopes(&self, local: &Local<S>, t: f64) -> (Wide, Wide, Wide) {
        let (mut up, mut down, mut curvature) = (Wide::ZERO, Wide::ZERO, Wide::ZERO);
        let mut add = |slope: Wide, bend: Wide| {
            if slope > Wide::ZERO {
                up = up + slope
            } else {
                down = down - slope
            }
            curvature = curvature + bend;
        };
        for &(rate, cost) in &local.terms {
            let now = cost.into() * Wide::exp(rate * t);
            add(now * Wide::from(rate), now * Wide::from(rate * rate));
        }
        for &(block, coefficient, log) in &local.convex {
            let Cost::Convex(function) = &self.problem.blocks()[block as usize].cost else { continue };
            let [_, slope, bend] = function.at(log + coefficient * t);
            add(Wide::from(coefficient * slope), Wide::from(coefficient * coefficient * bend));
        }
        (up, down, curvature)
    }

    /// The change of the variable's log-scale that minimizes the cost along it; zero where there is no minimum.
    ///
    /// With one rate up and one down (the paper's case) in closed form: rates a and -b, costs A and B give
    /// `ln(b B / (a A)) / (a + b)`. Otherwise by Newton's method on the logarithm of the ratio of the slopes, kept inside
    /// a bracket.
    pub fn exact_step(&self, local: &Local<S>) -> f64 {
        if let ([(r, x), (s, y)], true) = (&local.terms[..], local.convex.is_empty()) {
            let ((a, up), (b, down)) = if r > s { ((*r, *x), (-*s, *y)) } else { ((*s, *y), (-*r, *x)) };
            if a <= 0.0 || b <= 0.0 || up == S::default() || down == S::default() {
                return 0.0;
            }
            return (S::from(b) * down / (S::from(a) * up)).ln() / (a + b);
        }
        let (mut t, mut low, mut high) = (0.0, f64::NEG_INFINITY, f64::INFINITY);
        for _ in 0..200 {
            let (up, down, curvature) = self.slopes(local, t);
            if up.is_zero() && down.is_zero() || !local.has_both_signs() && local.convex.is_empty() {
                return 0.0;
            }
            let slope = up - down;
            if slope > Wide::ZERO {
                high = t
            } else {
                low = t
            }
            let total = up + down;
            if (slope / total).to_f64().abs() < 1e-16 {
                break;
            }
            // d/dt ln(up/down) is the curvature over half the flow near balance; far away this step is cautious
            let log_ratio = up.ln() - down.ln();
            let newton = if curvature.is_zero() || !log_ratio.is_finite() {
                if slope > Wide::ZERO { -1.0 } else { 1.0 }
            } else {
                -log_ratio * (total / (curvature + curvature)).to_f64()
            };
            let mut next = t + newton.clamp(-100.0, 100.0);
            if !(next > low && next < high) {
                next = if low.is_finite() && high.is_finite() { 0.5 * (low + high) } else { t };
            }
            if next == t || (next - t).abs() <= 1e-17 * t.abs() || next.abs() > 1e5 {
                break;
            }
            t = next;
        }
        t
    }

    /// How much a change `t` of the variable's log-scale lowers the cost.
    pub fn decrease(&self, local: &Local<S>, t: f64) -> Wide {
        let (up, down, _) = self.slopes(local, 0.0);
        let steepest = local.terms.iter().fold(1.0, |m: f64, r| m.max(r.0.abs()));
        if (t * steepest).abs() < 1e-3 || !local.convex.is_empty() {
            return (down - up) * Wide::from(0.5 * t);
        }
        local.terms.iter().map(|&(rate, cost)| cost.into() * (Wide::from(1.0) - Wide::exp(rate * t))).sum()
    }

    /// Brings the multipliers of the variable's ports up to date with `x`; the largest `|p form(x)|` among them.
    pub fn update(&mut self, v: usize, x: &[f64]) -> f64 {
        let mut largest = 0.0f64;
        for i in 0..self.ports_of[v].len() {
            largest = largest.max(self.refresh(self.ports_of[v][i] as usize, x));
        }
        largest
    }

    fn refresh(&mut self, q: usize, x: &[f64]) -> f64 {
        let log = self.problem.ports()[q].at(x);
        self.log[q] = log;
        let mut largest = 0.0f64;
        for (k, &p) in self.problem.exponents().iter().enumerate() {
            self.up[k][q] = S::exp(p * log);
            self.down[k][q] = S::exp(-p * log);
            largest = largest.max((p * log).abs());
        }
        largest
    }

    /// Variables that share a connection with `v`.
    pub fn neighbours(&self, v: usize) -> Vec<u32> {
        let mut list: Vec<u32> = self.arms[self.start[v]..self.start[v + 1]]
            .iter()
            .flat_map(|arm| &self.visits[arm.first..arm.last])
            .flat_map(|&(other, _)| self.problem.ports()[other as usize].terms().iter().map(|t| t.0))
            .collect();
        let own = self.ports_of[v].iter().flat_map(|&q| self.problem.ports()[q as usize].terms());
        list.extend(own.map(|t| t.0));
        list.sort_unstable();
        list.dedup();
        list
    }
}

/// The sum of amplitudes times the factors of their other ports. In lanes: a single sum waits for every addition, and a
/// sweep of dense layers takes twice as long.
fn flow<S: Scalar>(visits: &[(u32, S)], factors: &[S]) -> S {
    let (groups, rest) = visits.as_chunks::<LANES>();
    let mut lanes = [S::default(); LANES];
    for group in groups {
        for (lane, &(other, amplitude)) in lanes.iter_mut().zip(group) {
            *lane = *lane + amplitude * factors[other as usize];
        }
    }
    let rest = rest.iter().fold(S::default(), |sum, &(other, a)| sum + a * factors[other as usize]);
    lanes.into_iter().fold(rest, |sum, lane| sum + lane)
}

/// Visits that are added side by side.
const LANES: usize = 4;

impl<S: Scalar> Local<S> {
    fn has_both_signs(&self) -> bool {
        let zero = S::default();
        self.terms.iter().any(|t| t.0 > 0.0 && t.1 > zero) && self.terms.iter().any(|t| t.0 < 0.0 && t.1 > zero)
    }
}

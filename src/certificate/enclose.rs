//! Two vectors of log-scales with the optimum between them.

use crate::manifold::Form;
use crate::numeric::{Double, Wide};
use crate::problem::{LogScales, Problem};

/// Proved bounds on the optimum.
#[derive(Clone, Debug, PartialEq)]
pub struct Enclosure {
    /// Whole powers of two of the log-scales, for every variable.
    pub exponents: Vec<i32>,
    /// What the powers of two leave of the least possible log-scales. Variables that were held fixed have no width.
    pub lower: Vec<Double>,
    /// The same of the largest possible ones.
    pub upper: Vec<Double>,
    /// Largest relative width of the enclosure of any balanced weight.
    pub width: f64,
    /// Bound on how far the cost at any log-scales within these bounds is above the least cost; infinite beyond `f64`.
    pub gap: f64,
    /// Whether the signs were decided in twice the working precision.
    pub precise: bool,
}

/// The guess of the margins is widened by these factors, one after the other, until the proof succeeds.
const FACTORS: [f64; 4] = [1.25, 2.0, 6.0, 40.0];
/// Half widths of log-scales beyond this say nothing of use.
const WIDEST: f64 = 1.0;

/// Encloses the optimum of a problem around a candidate.
///
/// `problem` has the candidate's powers of two folded in, so that the candidate is its rest. `margins` are guesses of how
/// far each log-scale may be off; nothing is taken from them on trust. `fixed` variables keep their value: those on which
/// nothing depends, those outside a subset, and one for every part without ground, which only determines its weights.
///
/// Complexity: two reads of the weights, more where the margins were guessed too small.
///
/// # Errors
/// With the reason, when nothing was proved.
///
/// # Panics
/// When there are not as many margins and marks as variables.
pub fn enclose(problem: &Problem, candidate: &LogScales, margins: &[f64], fixed: &[bool]) -> Result<Enclosure, String> {
    let n = problem.variables();
    assert!(candidate.len() == n && margins.len() == n && fixed.len() == n, "one entry for every variable");
    if !problem.is_powers() {
        return Err("the costs are not powers of the weights".into());
    }
    if let Some(why) = problem.inexact() {
        return Err(why.into());
    }
    if !problem.has_comparison() {
        return Err(
            "a weight is scaled by the product of two units' scales, so signs do not enclose the optimum".into()
        );
    }
    let centre = candidate.precise_rest();
    let two_words = centre.iter().any(|x| x.low() != 0.0);
    let stiffness = least_stiffness(problem);
    // In one word; in two; and at last with margins that grow where a variable lacks its sign: linear solvers err by rounding of
    // the largest margins, which can be far more than the smallest.
    for (precise, growing) in [(false, false), (true, false), (true, true)] {
        if two_words && !precise {
            continue;
        }
        let mut margins = margins.to_vec();
        for factor in FACTORS {
            let reach: Vec<f64> = (0..n).map(|v| if fixed[v] { 0.0 } else { factor * margins[v] }).collect();
            if reach.iter().any(|z| z.is_nan() || *z > WIDEST) {
                break;
            }
            let at = |sign: f64| -> Vec<Double> {
                let moved = |(x, z): (&Double, &f64)| *x + Double::from(sign * z);
                let plain = |x: Double| if precise { x } else { Double::from(x.to_f64()) };
                centre.iter().zip(&reach).map(moved).map(plain).collect()
            };
            let (lower, upper) = (at(-1.0), at(1.0));
            let Some(low) = Signs::at(problem, &lower, precise) else { break };
            let mut lacking = low.lacking(-1.0, fixed);
            if lacking.is_empty() {
                let Some(high) = Signs::at(problem, &upper, precise) else { break };
                lacking = high.lacking(1.0, fixed);
            }
            if lacking.is_empty() {
                let reach: Vec<f64> = lower.iter().zip(&upper).map(|(l, u)| (*u - *l).to_f64()).collect();
                let exponents = candidate.exponents().to_vec();
                let spread = spread(problem, &reach);
                let gap = low.gap(problem, &reach, spread);
                let width = (spread * (1.0 + 1e-12)).exp_m1() * (1.0 + 1e-12);
                return Ok(Enclosure { exponents, lower, upper, width, gap, precise });
            }
            if growing {
                lacking.iter().for_each(|(v, lack)| margins[*v] += 2.0 * lack / (factor * stiffness));
            }
        }
    }
    Err("rounding hides the signs that would enclose the optimum".into())
}

/// The least change of a relative imbalance by a step of its own log-scale: exponent times coefficient.
fn least_stiffness(problem: &Problem) -> f64 {
    let coefficients = problem.ports().iter().flat_map(|form| form.terms().iter().map(|&(_, c)| c.abs()));
    let least = |numbers: &mut dyn Iterator<Item = f64>| numbers.fold(f64::INFINITY, f64::min);
    least(&mut problem.exponents().iter().copied()) * least(&mut coefficients.into_iter())
}

/// Upper bound on the range of any log-multiplier when every log-scale has a range.
fn spread(problem: &Problem, ranges: &[f64]) -> f64 {
    let range = |form: &Form| form.terms().iter().map(|&(v, c)| c.abs() * ranges[v as usize]).sum();
    let at_port: Vec<f64> = problem.ports().iter().map(range).collect();
    let widest = |ports: &[u32]| ports.iter().map(|&q| at_port[q as usize]).fold(0.0, f64::max);
    problem.blocks().iter().map(|b| widest(&b.heads) + widest(&b.tails)).fold(0.0, f64::max)
}

/// Relative imbalances at one point, and how far rounding may have moved them.
struct Signs {
    imbalance: Vec<f64>,
    /// Inflow plus outflow.
    through: Vec<Wide>,
    roundoff: f64,
}

impl Signs {
    fn at(problem: &Problem, x: &[Double], precise: bool) -> Option<Self> {
        let all = 0..x.len();
        let signs = if precise {
            let flows = problem.precise_flows(x)?;
            let through = |v: usize| Wide::from((flows.inflow[v] + flows.outflow[v]).to_f64());
            let imbalance = all.clone().map(|v| flows.imbalance(v)).collect();
            Self { imbalance, through: all.map(through).collect(), roundoff: flows.roundoff }
        } else {
            let plain: Vec<f64> = x.iter().map(|x| x.to_f64()).collect();
            let point = problem.proved_point(&plain);
            let flows = point.flows();
            let through = |v: usize| flows.inflow(v) + flows.outflow(v);
            let imbalance = all.clone().map(|v| flows.imbalance(v)).collect();
            Self { imbalance, through: all.map(through).collect(), roundoff: problem.roundoff(&plain) }
        };
        (signs.roundoff < 0.01).then_some(signs)
    }

    /// The variables that are not fixed and lack the sign, and the imbalance that each needs to have it. Computed flows are off by
    /// a factor within `1 +- roundoff`, so their difference by at most that times their exact sum; the rest of three roundoffs
    /// covers second order.
    fn lacking(&self, sign: f64, fixed: &[bool]) -> Vec<(usize, f64)> {
        let need = |v: usize| 3.0 * self.roundoff - sign * self.imbalance[v];
        let lacks = |&(_, need): &(usize, f64)| need.is_nan() || need >= 0.0;
        (0..fixed.len()).filter(|&v| !fixed[v]).map(|v| (v, need(v))).filter(lacks).collect()
    }

    /// By convexity `F(x) - min F <= gradient(x) . (x - optimum)`. Between the bounds every cost changes by a factor of at
    /// most `exp(p spread)`, and each coordinate by its range.
    fn gap(&self, problem: &Problem, ranges: &[f64], spread: f64) -> f64 {
        let steepest = problem.exponents().iter().fold(0.0, |m: f64, &p| m.max(p));
        let change = (steepest * spread).exp_m1() + 4.0 * self.roundoff;
        let bound = |v: usize| Wide::from(self.imbalance[v].abs() + change) * self.through[v] * Wide::from(ranges[v]);
        let gap: Wide = (0..ranges.len()).filter(|&v| ranges[v] > 0.0).map(bound).sum();
        // what is too small for `f64` is not nothing
        if gap.is_zero() { 0.0 } else { (gap.to_f64() * (1.0 + 1e-9)).max(f64::MIN_POSITIVE) }
    }
}

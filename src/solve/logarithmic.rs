//! A start for Newton's method in sparse graphs: the logarithms of inflow and outflow made equal.
//!
//! Newton's method on the cost moves a unit whose costs are too small by one in logarithm at a time, and damps all others for
//! it. The equations `ln inflow = ln outflow` are nearly linear however far they are from balance: along a chain they
//! are linear. Their Jacobian is no symmetric matrix; a symmetric one beside it preconditions, near balance the Hessian.
//!
//! Nothing here leaves the range of `f64`, for all is in logarithms. Complexity: a few factorizations, and some ten solves and
//! walks over the connections for each.

use super::cholesky::Cholesky;
use super::relax::{Joined, relax};
use super::run::Run;
use crate::numeric::dot;
use crate::problem::Problem;
use rayon::prelude::*;

/// Steps after which the start is left to others.
const MOST_STEPS: usize = 40;
/// Newton's method on the cost squares its error from here: no gap is wider, and the mean gap is small. On a grid of a million
/// units it takes 7 steps from a mean of 1e-3, and 20 from 4e-2.
const NEAR: f64 = 0.2;
const SMALL: f64 = 1e-3;
/// Where no gap is wider, the Hessian resembles the Jacobian more than a matrix of the parts of costs in flows does: on a grid of a
/// million units a step takes two vectors with it, and five or more without.
const BALANCED: f64 = 0.5;
/// Logarithms of costs that are further apart leave the range of `f64` together.
const FURTHEST: f64 = 600.0;
/// A step is halved until it makes the gaps smaller, at most so often.
const MOST_HALVINGS: i32 = 10;
/// Gaps beyond this are closed one by one after every step: it leaves few, and steps of all others wait for them. Far from
/// balance, and where all gaps are within [`BALANCED`]: what is left of them there is what the next step cannot close.
const WIDE: [f64; 2] = [0.5 * NEAR, 0.1 * NEAR];
/// Steps in a row that make no gap smaller at any length, after which the start is left to others.
const MOST_FAILURES: usize = 1;
/// A step need not be more precise than this.
const PRECISION: f64 = 0.1;
/// Connections whose exponentials one thread takes at a time.
const AT_ONCE: usize = 1 << 14;
/// Vectors that a step is made of at most.
const VECTORS: usize = 10;

/// Log-scales near the optimum from `x`; none where the steps do not lead there.
pub(super) fn start(run: &mut Run, equations: &Equations, x: &[f64], factor: &mut Cholesky) -> Option<Vec<f64>> {
    let joined = Joined::new(equations, x.len());
    let mut x = x.to_vec();
    let mut failures = 0;
    run.passes += 1.0;
    let mut near = equations.at(&x)?;
    for _ in 0..MOST_STEPS {
        let widest = near.gaps.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        if widest <= NEAR && size(&near.gaps) <= SMALL * x.len() as f64 {
            return Some(x);
        }
        let before = size(&near.gaps);
        let tangent = near.tangent(widest <= BALANCED);
        let exponent = |block: usize| run.problem.blocks()[block].exponent(run.problem).unwrap_or(1.0);
        let weight = |block: usize, order: usize| exponent(block).powi(2) * tangent.symmetric[order];
        if !factor.factorize_weighted(&run.moves, &tangent.diagonals.1, weight) {
            return None;
        }
        let (step, passes) = tangent.step(|side| factor.solve_weighted(&run.moves, side));
        // two of them at once, in a problem of a million units, are a tenth of a gigabyte
        drop(tangent);
        run.passes += passes;
        if step.iter().any(|d| !d.is_finite()) {
            return None;
        }
        let shorter = (0..MOST_HALVINGS).find_map(|halvings| {
            let length = 0.5f64.powi(halvings);
            let trial: Vec<f64> = x.iter().zip(&step).map(|(x, d)| x + length * d).collect();
            run.passes += 1.0;
            let next = equations.at(&trial)?;
            (size(&next.gaps) < (1.0 - 0.1 * length) * before).then_some((trial, next))
        });
        failures = if shorter.is_some() { 0 } else { failures + 1 };
        if failures > MOST_FAILURES {
            return None;
        }
        near = match shorter {
            Some((next, near)) => {
                x = next;
                near
            }
            None => equations.at(&x)?,
        };
        let (relaxed, share) = relax(&near, &joined, WIDE[usize::from(widest <= BALANCED)], &mut x);
        run.passes += share;
        if relaxed {
            run.passes += 1.0;
            near = equations.at(&x)?;
        }
    }
    None
}

/// The connections of a problem under powers, as equations between the variables that move.
pub(super) struct Equations {
    /// First term of every connection.
    start: Vec<usize>,
    /// Variables, and the change of a cost's logarithm along each of them.
    pub terms: Vec<(u32, f64)>,
    /// Logarithm of every cost at zero.
    logs: Vec<f64>,
    pub moves: Vec<bool>,
}

impl Equations {
    /// The equations; none for costs that are no powers.
    pub fn new(problem: &Problem, moves: &[bool]) -> Option<Self> {
        if !problem.is_powers() {
            return None;
        }
        let mut own = Self { start: vec![0], terms: vec![], logs: vec![], moves: moves.to_vec() };
        problem.for_each_entry(|entry| {
            let p = problem.blocks()[entry.block].exponent(problem).unwrap_or(1.0);
            own.terms.extend(problem.form(&entry).terms().iter().map(|&(v, c)| (v, p * c)));
            own.start.push(own.terms.len());
            own.logs.push(problem.log_cost(&entry));
        });
        Some(own)
    }

    pub fn connections(&self) -> impl Iterator<Item = &[(u32, f64)]> {
        self.start.windows(2).map(|ends| &self.terms[ends[0]..ends[1]])
    }

    pub fn terms_of(&self, k: u32) -> &[(u32, f64)] {
        &self.terms[self.start[k as usize]..self.start[k as usize + 1]]
    }

    /// The gap at one variable, whose connections are given, and its slope.
    pub fn gap(&self, connections: &[u32], variable: u32, x: &[f64]) -> (f64, f64) {
        // of inflow and outflow: the largest logarithm, and sums relative to it, once and twice times the coefficient
        let mut flows = [(f64::NEG_INFINITY, 0.0, 0.0); 2];
        for &k in connections {
            let terms = self.terms_of(k);
            let log = self.logs[k as usize] + along(terms, x);
            for &(_, c) in terms.iter().filter(|t| t.0 == variable) {
                let (largest, sum, square) = &mut flows[side(c)];
                if log > *largest {
                    let shrink = (*largest - log).exp();
                    (*largest, *sum, *square) = (log, *sum * shrink, *square * shrink);
                }
                let share = (log - *largest).exp();
                *sum += c.abs() * share;
                *square += c * c * share;
            }
        }
        let [(up, into, into_slope), (down, out, out_slope)] = flows;
        (up - down + (into / out).ln(), into_slope / into + out_slope / out)
    }

    /// The gaps at `x`; none where nothing enters or leaves a variable that moves.
    pub fn at(&self, x: &[f64]) -> Option<Near<'_>> {
        let logs: Vec<f64> = self
            .start
            .par_windows(2)
            .zip(&self.logs)
            .map(|(ends, log)| log + along(&self.terms[ends[0]..ends[1]], x))
            .collect();
        // inflow and outflow are summed relative to the largest cost
        let mut largest = vec![[f64::NEG_INFINITY; 2]; x.len()];
        for (terms, log) in self.connections().zip(&logs) {
            for &(v, c) in terms {
                let largest = &mut largest[v as usize][side(c)];
                *largest = largest.max(*log);
            }
        }
        let mut shares = vec![0.0; self.terms.len()];
        let (mut rest, mut parts) = (&mut shares[..], vec![]);
        for (part, logs) in logs.chunks(AT_ONCE).enumerate() {
            let first = part * AT_ONCE;
            let (own, after) = rest.split_at_mut(self.start[first + logs.len()] - self.start[first]);
            parts.push((first, logs, own));
            rest = after;
        }
        parts.into_par_iter().for_each(|(first, logs, own)| {
            let mut own = own.iter_mut();
            for (k, log) in (first..).zip(logs) {
                for (&(v, c), share) in self.terms_of(k as u32).iter().zip(&mut own) {
                    *share = (log - largest[v as usize][side(c)]).exp();
                }
            }
        });
        let (mut sums, mut squares) = (vec![[0.0; 2]; x.len()], vec![[0.0; 2]; x.len()]);
        for (&(v, c), share) in self.terms.iter().zip(&shares) {
            sums[v as usize][side(c)] += c.abs() * share;
            squares[v as usize][side(c)] += c * c * share;
        }
        let moving = |v: usize, value: f64| if self.moves[v] { value } else { 0.0 };
        let gap = |v: usize| largest[v][0] - largest[v][1] + (sums[v][0] / sums[v][1]).ln();
        let gaps: Vec<f64> = (0..x.len()).into_par_iter().map(|v| moving(v, gap(v))).collect();
        if gaps.iter().any(|g| !g.is_finite()) {
            return None;
        }
        let slope = |v: usize| squares[v][0] / sums[v][0] + squares[v][1] / sums[v][1];
        let diagonal = (0..x.len()).into_par_iter().map(|v| moving(v, slope(v))).collect();
        Some(Near { equations: self, gaps, diagonal, logs, largest, sums, shares })
    }
}

/// How the logarithm of a cost changes along `x`.
fn along(terms: &[(u32, f64)], x: &[f64]) -> f64 {
    terms.iter().map(|&(v, c)| c * x[v as usize]).sum()
}

/// Whether a term with such a coefficient leaves its variable, not enters it.
fn side(coefficient: f64) -> usize {
    usize::from(coefficient < 0.0)
}

/// The sum of all gaps.
fn size(gaps: &[f64]) -> f64 {
    gaps.iter().map(|g| g.abs()).sum()
}

/// The equations at a point.
pub(super) struct Near<'a> {
    pub equations: &'a Equations,
    /// Logarithm of inflow over outflow, for every variable.
    pub gaps: Vec<f64>,
    /// The diagonal of the Jacobian.
    diagonal: Vec<f64>,
    /// Logarithm of every cost.
    logs: Vec<f64>,
    /// The largest logarithm of a cost that enters, and that leaves, every variable.
    largest: Vec<[f64; 2]>,
    /// Inflow and outflow over their largest costs.
    sums: Vec<[f64; 2]>,
    /// For every term, the cost of its connection over the largest one at its variable.
    shares: Vec<f64>,
}

impl<'a> Near<'a> {
    /// The slopes of the equations, in the memory of what they are made of, and a symmetric matrix that resembles the Jacobian: near
    /// balance the Hessian.
    fn tangent(self, balanced: bool) -> Tangent<'a> {
        let Self { equations, gaps, diagonal: own, logs, largest, sums, shares } = self;
        let (mut slopes, mut symmetric) = (shares, logs);
        for (&(v, c), part) in equations.terms.iter().zip(&mut slopes) {
            *part /= sums[v as usize][side(c)];
        }
        let (least, most) =
            symmetric.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), log| (a.min(*log), b.max(*log)));
        let hessian = balanced && most - least < FURTHEST;
        let mut diagonal = vec![0.0; gaps.len()];
        let mut parts = &slopes[..];
        for (terms, weight) in equations.connections().zip(&mut symmetric) {
            let own = parts.split_off(..terms.len()).unwrap_or_default();
            // the cost, or the geometric mean of its parts
            let product: f64 = own.iter().product();
            *weight = match own.len() {
                _ if hessian => (*weight - most).exp(),
                1 => product,
                2 if product > f64::MIN_POSITIVE => product.sqrt(),
                count => {
                    let flow = |v: usize, side: usize| largest[v][side] + sums[v][side].ln();
                    let sum: f64 = terms.iter().map(|&(v, c)| flow(v as usize, side(c))).sum();
                    (*weight - sum / count.max(1) as f64).exp()
                }
            };
            terms.iter().for_each(|&(v, c)| diagonal[v as usize] += c * c * *weight);
        }
        slopes.iter_mut().zip(&equations.terms).for_each(|(part, &(_, c))| *part *= c);
        Tangent { equations, gaps, slopes, symmetric, diagonals: (own, diagonal) }
    }
}

/// The equations near a point.
struct Tangent<'a> {
    equations: &'a Equations,
    /// Logarithm of inflow over outflow, for every variable.
    gaps: Vec<f64>,
    /// How the gap at the variable of every term changes with the logarithm of its connection's cost.
    slopes: Vec<f64>,
    /// For every connection the weight of a symmetric matrix that resembles the Jacobian.
    symmetric: Vec<f64>,
    /// The diagonals of the Jacobian and of the symmetric matrix.
    diagonals: (Vec<f64>, Vec<f64>),
}

impl Tangent<'_> {
    /// The Jacobian times `d`.
    fn product(&self, d: &[f64]) -> Vec<f64> {
        let mut image = vec![0.0; d.len()];
        let mut slopes = self.slopes.iter();
        for terms in self.equations.connections() {
            let along = along(terms, d);
            terms.iter().zip(&mut slopes).for_each(|(&(v, _), slope)| image[v as usize] += slope * along);
        }
        image.iter_mut().zip(&self.equations.moves).filter(|(_, moves)| !**moves).for_each(|(i, _)| *i = 0.0);
        image
    }

    /// Newton's step, and the passes that it took: generalized minimal residuals (Saad and Schultz 1986), with a
    /// preconditioner that solves with the symmetric matrix.
    fn step(&self, solve: impl Fn(&[f64]) -> Vec<f64>) -> (Vec<f64>, f64) {
        let gaps = &self.gaps;
        let n = gaps.len();
        // rows of the Jacobian and of the symmetric matrix are brought to one length
        let (own, other) = &self.diagonals;
        let ratio: Vec<f64> = own.iter().zip(other).map(|(a, b)| if *a > 0.0 { b / a } else { 0.0 }).collect();
        let precondition = |r: &[f64]| solve(&r.iter().zip(&ratio).map(|(r, ratio)| r * ratio).collect::<Vec<f64>>());
        let first = norm(gaps);
        let mut basis = vec![scaled(gaps, -1.0 / first)];
        // the Hessenberg matrix, turned into a triangle by rotations
        let (mut triangle, mut rotations, mut rest): (Vec<Vec<f64>>, Vec<(f64, f64)>, _) =
            (vec![], vec![], vec![first]);
        for k in 0..VECTORS {
            let mut next = self.product(&precondition(&basis[k]));
            let mut column = Vec::with_capacity(k + 2);
            for vector in &basis {
                let along = dot(vector, &next);
                next.iter_mut().zip(vector).for_each(|(n, v)| *n -= along * v);
                column.push(along);
            }
            let length = norm(&next);
            column.push(length);
            for (i, &(cosine, sine)) in rotations.iter().enumerate() {
                let (a, b) = (column[i], column[i + 1]);
                (column[i], column[i + 1]) = (cosine * a + sine * b, cosine * b - sine * a);
            }
            let hypotenuse = column[k].hypot(column[k + 1]);
            let (cosine, sine) = (column[k] / hypotenuse, column[k + 1] / hypotenuse);
            rotations.push((cosine, sine));
            column[k] = hypotenuse;
            column.truncate(k + 1);
            triangle.push(column);
            let last = rest[k];
            rest[k] = cosine * last;
            rest.push(-sine * last);
            if rest[k + 1].abs() <= PRECISION * first || length == 0.0 {
                break;
            }
            basis.push(scaled(&next, 1.0 / length));
        }
        let size = triangle.len();
        let mut parts = rest[..size].to_vec();
        for i in (0..size).rev() {
            parts[i] /= triangle[i][i];
            for j in 0..i {
                parts[j] -= triangle[i][j] * parts[i];
            }
        }
        let mut sum = vec![0.0; n];
        for (part, vector) in parts.iter().zip(&basis) {
            sum.iter_mut().zip(vector).for_each(|(s, v)| *s += part * v);
        }
        (precondition(&sum), size as f64)
    }
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn scaled(a: &[f64], factor: f64) -> Vec<f64> {
    a.iter().map(|a| factor * a).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::manifold::Form;
    use crate::problem::{ProblemBuilder, Weights};
    use crate::regularizer::Regularizer;
    use quickcheck_macros::quickcheck;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    pub fn random(n: usize, seed: u64) -> Vec<f64> {
        let mut random = StdRng::seed_from_u64(seed);
        (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
    }

    /// Layers of 4 and 5 units between the ground and the ground.
    pub fn problem(seed: u64) -> Problem {
        let mut builder = ProblemBuilder::new(9);
        let layers = [vec![Form::zero()], (0..4).map(Form::variable).collect(), (4..9).map(Form::variable).collect()];
        for (l, tails) in layers.iter().enumerate() {
            let heads = &layers[(l + 1) % 3];
            let weights = random(heads.len() * tails.len(), seed ^ l as u64).iter().map(|w| w + 2.0).collect();
            let [heads, tails] = [heads, tails].map(|forms| forms.iter().map(|f| builder.port(f)).collect());
            builder.block("layer", heads, tails, Weights::Dense(weights), &Regularizer::lp(1.5).unwrap()).unwrap();
        }
        builder.build()
    }

    #[quickcheck]
    fn the_product_is_the_derivative_of_the_gaps(seed: u64) {
        let problem = problem(seed);
        let n = problem.variables();
        let equations = Equations::new(&problem, &vec![true; n]).unwrap();
        let (x, d) = (random(n, seed), random(n, !seed));
        let moved = |h: f64| x.iter().zip(&d).map(|(x, d)| x + h * d).collect::<Vec<f64>>();
        const H: f64 = 1e-5;
        let (ahead, behind) = (equations.at(&moved(H)).unwrap(), equations.at(&moved(-H)).unwrap());
        let product = equations.at(&x).unwrap().tangent(false).product(&d);
        for ((a, b), p) in ahead.gaps.iter().zip(&behind.gaps).zip(product) {
            assert!(((a - b) / (2.0 * H) - p).abs() < 1e-6, "{a} {b} {p}");
        }
    }

    #[quickcheck]
    fn a_step_closes_the_gaps_of_the_linear_equations(seed: u64) {
        let problem = problem(seed);
        let n = problem.variables();
        let equations = Equations::new(&problem, &vec![true; n]).unwrap();
        let tangent = equations.at(&random(n, seed)).unwrap().tangent(seed.is_multiple_of(2));
        let (step, _) = tangent.step(|side| side.iter().zip(&tangent.diagonals.1).map(|(s, d)| s / d).collect());
        let left: Vec<f64> = tangent.product(&step).iter().zip(&tangent.gaps).map(|(p, g)| p + g).collect();
        assert!(norm(&left) <= 1.001 * PRECISION * norm(&tangent.gaps), "{}", norm(&left) / norm(&tangent.gaps));
    }
}

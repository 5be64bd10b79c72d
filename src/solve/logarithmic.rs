//! A start for Newton's method in sparse graphs: the logarithms of inflow and outflow made equal.
//!
//! Newton's method on the cost moves a unit whose costs are too small by one in logarithm at a time, and damps all others for
//! it. The equations `ln inflow = ln outflow` are nearly linear however far they are from balance: along a chain they
//! are linear. Their Jacobian is no symmetric matrix; that of a symmetric one beside it preconditions.
//!
//! Nothing here leaves the range of `f64`, for all is in logarithms. Complexity: a few factorizations, and some ten solves and
//! walks over the connections for each.

use super::cholesky::Cholesky;
use super::run::Run;
use crate::numeric::dot;
use crate::problem::Problem;

/// Steps after which the start is left to others.
const MOST_STEPS: usize = 40;
/// Newton's method on the cost squares its error from here.
const NEAR: f64 = 0.2;
/// A step is halved until it makes the gaps smaller, at most so often.
const MOST_HALVINGS: i32 = 10;
/// Local steps of half length after every step: they mend single units that it left far off.
const SMOOTHINGS: usize = 4;
/// Steps in a row that make no gap smaller at any length, after which the start is left to others.
const MOST_FAILURES: usize = 1;
/// A step need not be more precise than this.
const PRECISION: f64 = 0.1;
/// Vectors that a step is made of at most.
const VECTORS: usize = 10;

/// Log-scales near the optimum from `x`; none where the steps do not lead there.
pub(super) fn start(run: &mut Run, x: &[f64], factor: &mut Cholesky) -> Option<Vec<f64>> {
    let equations = Equations::new(run.problem, &run.moves)?;
    let mut x = x.to_vec();
    let mut failures = 0;
    run.passes += 1.0;
    let mut tangent = equations.at(&x)?;
    for _ in 0..MOST_STEPS {
        if tangent.gaps.iter().fold(0.0, |m: f64, g| m.max(g.abs())) <= NEAR {
            return Some(x);
        }
        let exponents = |block: usize| run.problem.blocks()[block].exponent(run.problem).unwrap_or(1.0);
        let weight = |block: usize, order: usize| exponents(block).powi(2) * tangent.symmetric[order];
        if !factor.factorize_weighted(&run.moves, &tangent.diagonals.1, weight) {
            return None;
        }
        let (step, passes) = tangent.step(|side| factor.solve_weighted(&run.moves, side));
        run.passes += passes;
        if step.iter().any(|d| !d.is_finite()) {
            return None;
        }
        let before = tangent.size();
        // two of them at once, in a problem of a million units, are a tenth of a gigabyte
        drop(tangent);
        let shorter = (0..MOST_HALVINGS).find_map(|halvings| {
            let length = 0.5f64.powi(halvings);
            let trial: Vec<f64> = x.iter().zip(&step).map(|(x, d)| x + length * d).collect();
            run.passes += 1.0;
            let next = equations.at(&trial)?;
            (next.size() < (1.0 - 0.1 * length) * before).then_some((trial, next))
        });
        failures = if shorter.is_some() { 0 } else { failures + 1 };
        if failures > MOST_FAILURES {
            return None;
        }
        tangent = match shorter {
            Some((next, tangent)) => {
                x = next;
                tangent
            }
            None => equations.at(&x)?,
        };
        for _ in 0..SMOOTHINGS {
            let local = tangent.gaps.iter().zip(&tangent.diagonals.0);
            let local = local.map(|(gap, slope)| if *slope > 0.0 { 0.5 * gap / slope } else { 0.0 });
            x.iter_mut().zip(local).for_each(|(x, d)| *x -= d);
            run.passes += 1.0;
            tangent = equations.at(&x)?;
        }
    }
    None
}

/// The connections of a problem under powers, as equations between the variables that move.
struct Equations {
    /// First term of every connection.
    start: Vec<usize>,
    /// Variables, and the change of a cost's logarithm along each of them.
    terms: Vec<(u32, f64)>,
    /// Logarithm of every cost at zero.
    logs: Vec<f64>,
    moves: Vec<bool>,
}

impl Equations {
    /// The equations; none for costs that are no powers.
    fn new(problem: &Problem, moves: &[bool]) -> Option<Self> {
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

    fn connections(&self) -> impl Iterator<Item = &[(u32, f64)]> {
        self.start.windows(2).map(|ends| &self.terms[ends[0]..ends[1]])
    }

    /// The equations at `x`, and their slopes; none where nothing enters or leaves a variable that moves.
    fn at(&self, x: &[f64]) -> Option<Tangent<'_>> {
        let along = |terms: &[(u32, f64)]| terms.iter().map(|&(v, c)| c * x[v as usize]).sum::<f64>();
        let logs: Vec<f64> = self.connections().zip(&self.logs).map(|(terms, log)| log + along(terms)).collect();
        // logarithms of inflow and outflow, summed relative to the largest cost
        let mut largest = vec![[f64::NEG_INFINITY; 2]; x.len()];
        for (terms, log) in self.connections().zip(&logs) {
            for &(v, c) in terms {
                let largest = &mut largest[v as usize][usize::from(c < 0.0)];
                *largest = largest.max(*log);
            }
        }
        let mut sums = vec![[0.0; 2]; x.len()];
        for (terms, log) in self.connections().zip(&logs) {
            for &(v, c) in terms {
                let side = usize::from(c < 0.0);
                sums[v as usize][side] += c.abs() * (log - largest[v as usize][side]).exp();
            }
        }
        let flows: Vec<[f64; 2]> = largest.iter().zip(&sums).map(|(m, s)| [0, 1].map(|i| m[i] + s[i].ln())).collect();
        let gap = |(flows, moves): (&[f64; 2], &bool)| if *moves { flows[0] - flows[1] } else { 0.0 };
        let gaps: Vec<f64> = flows.iter().zip(&self.moves).map(gap).collect();
        if gaps.iter().any(|g| !g.is_finite()) {
            return None;
        }
        let mut slopes = Vec::with_capacity(self.terms.len());
        let mut symmetric = Vec::with_capacity(logs.len());
        for (terms, log) in self.connections().zip(&logs) {
            let flow = |v: u32, c: f64| flows[v as usize][usize::from(c < 0.0)];
            slopes.extend(terms.iter().map(|&(v, c)| c * (log - flow(v, c)).exp()));
            let mean = terms.iter().map(|&(v, c)| flow(v, c)).sum::<f64>() / terms.len().max(1) as f64;
            symmetric.push((log - mean).exp());
        }
        let (mut own, mut other) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let mut each = slopes.iter();
        for (terms, weight) in self.connections().zip(&symmetric) {
            for (&(v, c), slope) in terms.iter().zip(&mut each) {
                own[v as usize] += c * slope;
                other[v as usize] += c * c * weight;
            }
        }
        Some(Tangent { equations: self, gaps, slopes, symmetric, diagonals: (own, other) })
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
    /// The sum of all gaps.
    fn size(&self) -> f64 {
        self.gaps.iter().map(|g| g.abs()).sum()
    }

    /// The Jacobian times `d`.
    fn product(&self, d: &[f64]) -> Vec<f64> {
        let mut image = vec![0.0; d.len()];
        let mut slopes = self.slopes.iter();
        for terms in self.equations.connections() {
            let along: f64 = terms.iter().map(|&(v, c)| c * d[v as usize]).sum();
            terms.iter().zip(&mut slopes).for_each(|(&(v, _), slope)| image[v as usize] += slope * along);
        }
        image.iter_mut().zip(&self.equations.moves).filter(|(_, moves)| !**moves).for_each(|(i, _)| *i = 0.0);
        image
    }

    /// Newton's step, and the passes that it took: generalized minimal residuals (Saad and Schultz 1986), with a
    /// preconditioner that solves with the symmetric matrix.
    fn step(&self, solve: impl Fn(&[f64]) -> Vec<f64>) -> (Vec<f64>, f64) {
        let n = self.gaps.len();
        // rows of the Jacobian and of the symmetric matrix are brought to one length
        let (own, other) = &self.diagonals;
        let ratio: Vec<f64> = own.iter().zip(other).map(|(a, b)| if *a > 0.0 { b / a } else { 0.0 }).collect();
        let precondition = |r: &[f64]| solve(&r.iter().zip(&ratio).map(|(r, ratio)| r * ratio).collect::<Vec<f64>>());
        let first = norm(&self.gaps);
        let mut basis = vec![scaled(&self.gaps, -1.0 / first)];
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
mod tests {
    use super::*;
    use crate::manifold::Form;
    use crate::problem::{ProblemBuilder, Weights};
    use crate::regularizer::Regularizer;
    use quickcheck_macros::quickcheck;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    fn random(n: usize, seed: u64) -> Vec<f64> {
        let mut random = StdRng::seed_from_u64(seed);
        (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
    }

    /// Layers of 4 and 5 units between the ground and the ground.
    fn problem(seed: u64) -> Problem {
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
        let product = equations.at(&x).unwrap().product(&d);
        for ((a, b), p) in ahead.gaps.iter().zip(&behind.gaps).zip(product) {
            assert!(((a - b) / (2.0 * H) - p).abs() < 1e-6, "{a} {b} {p}");
        }
    }

    #[quickcheck]
    fn a_step_closes_the_gaps_of_the_linear_equations(seed: u64) {
        let problem = problem(seed);
        let n = problem.variables();
        let equations = Equations::new(&problem, &vec![true; n]).unwrap();
        let tangent = equations.at(&random(n, seed)).unwrap();
        let (step, _) = tangent.step(|side| side.iter().zip(&tangent.diagonals.1).map(|(s, d)| s / d).collect());
        let left: Vec<f64> = tangent.product(&step).iter().zip(&tangent.gaps).map(|(p, g)| p + g).collect();
        assert!(norm(&left) <= 1.001 * PRECISION * norm(&tangent.gaps), "{}", norm(&left) / norm(&tangent.gaps));
    }
}

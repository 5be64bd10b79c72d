//! Newton's step on `ln inflow = ln outflow`.

use super::equations::{Equations, Near, along, side};
use crate::numeric::dot;

/// Logarithms of costs that are further apart leave the range of `f64` together.
const FURTHEST: f64 = 600.0;
/// A step need not be more precise than this.
const PRECISION: f64 = 0.1;
/// Vectors that a step is made of at most.
const VECTORS: usize = 10;

/// The equations near a point.
pub(super) struct Tangent<'a> {
    equations: &'a Equations,
    /// Logarithm of inflow over outflow, for every variable.
    gaps: Vec<f64>,
    /// How the gap at the variable of every term changes with the logarithm of its connection's cost.
    slopes: Vec<f64>,
    /// For every connection the weight of a symmetric matrix that resembles the Jacobian.
    pub symmetric: Vec<f64>,
    /// The diagonals of the Jacobian and of the symmetric matrix.
    pub diagonals: (Vec<f64>, Vec<f64>),
}

impl<'a> Tangent<'a> {
    /// The slopes of the equations, in the memory of what they are made of, and a symmetric matrix that resembles the Jacobian: near
    /// balance the Hessian.
    pub fn of(near: Near<'a>, balanced: bool) -> Self {
        let Near { equations, gaps, diagonal: own, logs, largest, sums, shares } = near;
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
        Self { equations, gaps, slopes, symmetric, diagonals: (own, diagonal) }
    }

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
    pub fn step(&self, solve: impl Fn(&[f64]) -> Vec<f64>) -> (Vec<f64>, f64) {
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
mod tests {
    use super::super::equations::tests::{problem, random};
    use super::*;
    use quickcheck_macros::quickcheck;

    #[quickcheck]
    fn the_product_is_the_derivative_of_the_gaps(seed: u64) {
        let problem = problem(seed);
        let n = problem.variables();
        let equations = Equations::new(&problem, &vec![true; n]).unwrap();
        let (x, d) = (random(n, seed), random(n, !seed));
        let moved = |h: f64| x.iter().zip(&d).map(|(x, d)| x + h * d).collect::<Vec<f64>>();
        const H: f64 = 1e-5;
        let (ahead, behind) = (equations.at(&moved(H)).unwrap(), equations.at(&moved(-H)).unwrap());
        let product = Tangent::of(equations.at(&x).unwrap(), false).product(&d);
        for ((a, b), p) in ahead.gaps.iter().zip(&behind.gaps).zip(product) {
            assert!(((a - b) / (2.0 * H) - p).abs() < 1e-6, "{a} {b} {p}");
        }
    }

    #[quickcheck]
    fn a_step_closes_the_gaps_of_the_linear_equations(seed: u64) {
        let problem = problem(seed);
        let n = problem.variables();
        let equations = Equations::new(&problem, &vec![true; n]).unwrap();
        let tangent = Tangent::of(equations.at(&random(n, seed)).unwrap(), seed.is_multiple_of(2));
        let (step, _) = tangent.step(|side| side.iter().zip(&tangent.diagonals.1).map(|(s, d)| s / d).collect());
        let left: Vec<f64> = tangent.product(&step).iter().zip(&tangent.gaps).map(|(p, g)| p + g).collect();
        assert!(norm(&left) <= 1.001 * PRECISION * norm(&tangent.gaps), "{}", norm(&left) / norm(&tangent.gaps));
    }
}

//! How far above the least cost a candidate can be, where its weights are not enclosed: weak duality.
//!
//! With costs `c_k` of exponents `p_k` on log-multipliers `a_k . x`, let H be the Hessian at the candidate, G the gradient,
//! and `H y = G`. The flows `g_k = c_k (1 - p_k a_k . y)` balance every variable exactly, so where all are positive
//! `F - min F <= sum (g_k - c_k)^2 / c_k = y . H y = G . H^-1 G` (`gap_bound_any_forms` in `proofs/theories`). The exact y
//! need not be known: a proved lower bound mu on the eigenvalues of H, scaled to unit diagonal, gives `|G|^2 / mu` in that
//! scale.
//!
//! Source of the bound on eigenvalues: S. Rump, "Verification of positive definiteness", BIT 46 (2006): a Cholesky factor
//! that exists in floating point proves it up to its a-priori rounding.

use crate::numeric::{UNIT_ROUNDOFF, Wide};
use crate::problem::{LogScales, Problem};
use faer::{Mat, Side};

/// Variables up to which a dense matrix is decomposed: about two seconds.
const MOST_VARIABLES: usize = 1000;
/// Weights times variables up to which the Hessian is built column by column.
const MOST_READS: usize = 4_000_000_000;

/// Upper bound on the cost at `candidate` less the least cost.
///
/// As for [`super::enclose`], the problem has the candidate's powers of two folded in, and `fixed` variables keep their
/// value. Complexity: one read of the weights and one factorization's n^2 numbers for each of n variables.
///
/// # Errors
/// With the reason, when nothing was proved.
///
/// # Panics
/// When there are not as many marks as variables.
pub fn gap(problem: &Problem, candidate: &LogScales, fixed: &[bool]) -> Result<f64, String> {
    let n = problem.variables();
    assert!(candidate.len() == n && fixed.len() == n, "one entry for every variable");
    if !problem.is_powers() {
        return Err("the costs are not powers of the weights".into());
    }
    let free: Vec<usize> = (0..n).filter(|&v| !fixed[v]).collect();
    if free.len() > MOST_VARIABLES || problem.places().saturating_mul(free.len()) > MOST_READS {
        return Err(format!(
            "the problem is too large for a proof by a dense matrix (over {MOST_VARIABLES} variables)"
        ));
    }
    let x = candidate.rest();
    let roundoff = problem.roundoff(x);
    if let Some(why) = problem.inexact() {
        return Err(why.into());
    }
    let point = problem.proved_point(x);
    let (flows, diagonal) = (point.flows(), point.diagonal());
    let root: Vec<f64> = free.iter().map(|&v| diagonal[v].to_f64().sqrt()).collect();
    if root.iter().any(|d| !d.is_normal()) || roundoff > 1e-6 {
        return Err("numbers leave the range of double precision".into());
    }
    // the squared gradient in the scale of the diagonal, with what rounding may hide
    let squared: f64 = free
        .iter()
        .zip(&root)
        .map(|(&v, d)| {
            let (into, out) = (flows.inflow(v), flows.outflow(v));
            let gradient = Wide::to_f64(into - out).abs() + 3.0 * roundoff * Wide::to_f64(into + out);
            (gradient / d).powi(2)
        })
        .sum();
    let squared = squared * (1.0 + 1e-9);
    let least = least_eigenvalue(&scaled_hessian(problem, x, &free, &root), roundoff)?;
    // all flows stay positive
    let mut steepest = vec![0.0; n];
    free.iter().zip(&root).for_each(|(&v, d)| steepest[v] = d.recip());
    let reach = |form: &crate::manifold::Form| -> f64 {
        form.terms().iter().map(|&(v, c)| (c * steepest[v as usize]).powi(2)).sum::<f64>().sqrt()
    };
    let furthest = problem.ports().iter().map(reach).fold(0.0, f64::max);
    let power = problem.exponents().iter().fold(0.0, |m: f64, &p| m.max(p));
    let moved = 2.0 * power * furthest * squared.sqrt() / least;
    if moved.is_nan() || moved > 0.5 {
        return Err("the candidate is too far from the optimum, or its problem too badly conditioned".into());
    }
    Ok(squared / least * (1.0 + 1e-9))
}

/// The Hessian over the free variables, scaled to unit diagonal.
fn scaled_hessian(problem: &Problem, x: &[f64], free: &[usize], root: &[f64]) -> Mat<f64> {
    let point = problem.proved_point(x);
    let mut matrix = Mat::zeros(free.len(), free.len());
    let mut direction = vec![0.0; problem.variables()];
    for (j, &v) in free.iter().enumerate() {
        direction[v] = 1.0 / root[j];
        let product = point.scaled_product(&direction);
        direction[v] = 0.0;
        free.iter().enumerate().for_each(|(i, &u)| matrix[(i, j)] = product[u] * root[i]);
    }
    matrix
}

/// A proved lower bound on the eigenvalues of the matrix whose entries, of magnitude 1 at most, were computed with an absolute
/// error of a few `roundoff`.
fn least_eigenvalue(matrix: &Mat<f64>, roundoff: f64) -> Result<f64, String> {
    let n = matrix.nrows();
    if n == 0 {
        return Ok(1.0);
    }
    let failed = || "no bound on the curvature was found".to_string();
    let estimate = matrix.self_adjoint_eigenvalues(Side::Lower).map_err(|_| failed())?[0];
    // of the entries, and of a Cholesky factorization of a matrix with unit diagonal
    let doubt = n as f64 * (6.0 * roundoff + 2.0 * (n as f64 + 3.0) * UNIT_ROUNDOFF);
    for part in [0.5, 0.25, 0.1] {
        let shift = part * estimate;
        if shift.is_nan() || shift <= 4.0 * doubt {
            break;
        }
        let mut shifted = matrix.clone();
        (0..n).for_each(|i| shifted[(i, i)] -= shift);
        if shifted.llt(Side::Lower).is_ok() {
            return Ok(shift - doubt);
        }
    }
    Err(failed())
}

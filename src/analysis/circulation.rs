//! The largest geometric mean of weights under a circulation: what no rescaling can bring the largest weight below, for units
//! of any degrees, tied scales and gating.
//!
//! A circulation is a share `g >= 0` for every connection, in total 1, orthogonal to the manifold: for every log-scale the sum
//! of shares times its coefficients in the log-multipliers vanishes. So a rescaling leaves `sum g ln |w|` as it is, and the
//! largest weight is at least its exponential. Linear-programming duality says that the largest such mean is reached. For
//! degree 1 the shares lie on cycles ([`largest_cycle_mean`](super::largest_cycle_mean)).

use crate::error::{Error, ErrorKind, Result};
use crate::existence::maximize;
use crate::problem::Problem;
use crate::solve::heaviest;
use good_lp::{Expression, ResolutionError, Variable, constraint, variable, variables};

/// Pairs of ports up to which the simplex method runs: its vertices are exact to rounding.
const SIMPLEX_PAIRS: usize = 400;
/// Shares below this part of the largest are what rounding leaves of zero.
const NEGLIGIBLE: f64 = 1e-8;

/// A circulation of largest geometric mean.
#[derive(Clone, Debug, PartialEq)]
pub struct CirculationMean {
    /// The geometric mean of the weights, each with its share.
    pub mean: f64,
    /// Pairs (head port, tail port) with a positive share, heaviest first; the shares' sum is 1. One of many circulations
    /// where several reach the mean.
    pub shares: Vec<((u32, u32), f64)>,
    /// The largest magnitude of what rounding leaves of a sum that vanishes, over all log-scales: the largest weight at
    /// log-scales `x` is at least `mean exp(-residual sum |x_v|)`.
    pub residual: f64,
}

/// The circulation of largest geometric mean among the connections that have a variable; none where there is no circulation,
/// so that all these weights can fall without bound. Of several weights between the same ports the heaviest counts.
///
/// Complexity: one linear program with an unknown for every pair of connected ports and a row for every variable; above a few
/// hundred pairs by interior points, and a second one by the simplex method among the pairs that are left, where they are few.
///
/// # Errors
/// When costs are not powers, when weights were summed, or the program fails.
pub fn largest_circulation_mean(problem: &Problem) -> Result<Option<CirculationMean>> {
    let pairs = heaviest(problem, false)?;
    if pairs.is_empty() {
        return Ok(None);
    }
    let Some(shares) = program(problem, &pairs)? else { return Ok(None) };
    let (mut left, mut shares) = without_negligible(&pairs, &shares);
    if pairs.len() > SIMPLEX_PAIRS && left.len() <= SIMPLEX_PAIRS {
        // a vertex among them is exact to rounding; there is none where a share that counts was negligible
        if let Some(vertex) = program(problem, &left)? {
            (left, shares) = without_negligible(&left, &vertex);
        }
    }
    let total: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|g| *g /= total);
    let mean: f64 = left.iter().zip(&shares).map(|(&(_, log), g)| g * log).sum();
    let sums = conservation(problem, &left).into_iter().map(|row| row.iter().map(|&(k, c)| c * shares[k]).sum::<f64>());
    let residual = sums.fold(0.0, |m: f64, sum| m.max(sum.abs()));
    let mut shares: Vec<_> = left.iter().map(|pair| pair.0).zip(shares).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(Some(CirculationMean { mean: mean.exp(), shares, residual }))
}

/// A pair of ports (head, tail) with the logarithm of the heaviest weight between them.
type Pair = ((u32, u32), f64);

/// The pairs whose shares are more than rounding leaves of zero, with their shares.
fn without_negligible(pairs: &[Pair], shares: &[f64]) -> (Vec<Pair>, Vec<f64>) {
    let largest = shares.iter().fold(0.0, |m: f64, &g| m.max(g));
    pairs.iter().zip(shares).filter(|(_, g)| **g > NEGLIGIBLE * largest).map(|(&pair, &g)| (pair, g)).unzip()
}

/// For every variable the pairs that depend on it, with its coefficients in their log-multipliers.
fn conservation(problem: &Problem, pairs: &[Pair]) -> Vec<Vec<(usize, f64)>> {
    let mut rows = vec![vec![]; problem.variables()];
    for (k, &((head, tail), _)) in pairs.iter().enumerate() {
        let form = problem.ports()[head as usize].plus(-1.0, &problem.ports()[tail as usize]);
        form.terms().iter().for_each(|&(v, c)| rows[v as usize].push((k, c)));
    }
    rows
}

/// Maximizes the mean of the pairs' logarithms: one share for every pair, none where no circulation exists.
fn program(problem: &Problem, pairs: &[Pair]) -> Result<Option<Vec<f64>>> {
    variables! { unknowns: }
    let shares: Vec<Variable> = unknowns.add_vector(variable().min(0).max(1), pairs.len());
    let mean = shares.iter().zip(pairs).fold(Expression::default(), |sum, (&g, &(_, log))| sum + log * g);
    let conserved = |row: Vec<(usize, f64)>| {
        let left = row.iter().fold(Expression::default(), |sum, &(k, c)| sum + c * shares[k]);
        constraint!(left == 0.0)
    };
    let mut rows: Vec<_> =
        conservation(problem, pairs).into_iter().filter(|row| !row.is_empty()).map(conserved).collect();
    rows.push(constraint!(shares.iter().sum::<Expression>() == 1.0));
    match maximize(unknowns, mean, rows, pairs.len() <= SIMPLEX_PAIRS, &shares) {
        Ok(shares) => Ok(Some(shares)),
        Err(ResolutionError::Infeasible) => Ok(None),
        Err(e) => {
            let remedy = "scale the weights closer together";
            Err(Error::new(ErrorKind::Unsupported, "norm inf", format!("the linear program failed: {e}"), remedy))
        }
    }
}

//! The p axis: the optima for many exponents, and what they tend to as p goes to zero.

use super::{add_form, add_square};
use crate::balance::{Balanced, balance};
use crate::error::{Error, ErrorKind, Result};
use crate::problem::{Gauge, Port, Problem, ProblemBuilder, Weights};
use crate::regularizer::Regularizer;
use crate::solve::Settings;
use nalgebra::{DMatrix, DVector};
use std::ops::ControlFlow;

/// The optima for exponents in the given order, each solve starting from the optimum before.
///
/// `lower` makes the problem of an exponent, for instance by `Network::lower`.
///
/// # Errors
/// Those of `lower` and of the solves.
pub fn norm_path(
    exponents: &[f64],
    settings: &Settings,
    mut lower: impl FnMut(f64) -> Result<Problem>,
) -> Result<Vec<Balanced>> {
    let mut start = settings.start.clone();
    let mut path = Vec::with_capacity(exponents.len());
    for &p in exponents {
        let settings = Settings { start, ..settings.clone() };
        let balanced = balance(&lower(p)?, &settings, &mut |_| ControlFlow::Continue(()))?;
        start = Some(balanced.solution.log_scales.clone());
        path.push(balanced);
    }
    Ok(path)
}

/// The optimum for small p is `leading / p + constant + O(p)` in log-scales.
///
/// To leading order only the architecture and the coefficients alpha count: in the limit `|w|^p = 1` for every non-zero weight,
/// and `exp(p L)` stays finite where L grows like `1 / p`.
#[derive(Clone, Debug)]
pub struct SmallNorms {
    /// Minimizes `sum alpha exp(L)` over all non-zero weights.
    pub leading: Vec<f64>,
    /// Minimizes `sum alpha exp(L at leading) (ln |w| + L)^2`.
    pub constant: Vec<f64>,
}

impl SmallNorms {
    /// The log-scales of an exponent, to first order.
    #[must_use]
    pub fn at(&self, p: f64) -> Vec<f64> {
        self.leading.iter().zip(&self.constant).map(|(v, x)| v / p + x).collect()
    }
}

/// The expansion for small p of a problem whose costs are `alpha |w|^p`, with any one exponent.
///
/// Complexity: one solve and O(n^3 + connections) in n variables.
///
/// # Errors
/// When a cost is no power, exponents differ, weights were summed, no minimum is attained, or the least-squares problem is not
/// positive definite in double precision.
pub fn small_norms(problem: &Problem, settings: &Settings) -> Result<SmallNorms> {
    let wrong = |problem: &str, remedy: &str| Error::new(ErrorKind::Unsupported, "p to zero", problem, remedy);
    if !problem.is_powers() {
        return Err(wrong("a cost that is no power has no exponent to vary", "use a power as regularizer"));
    }
    if problem.exponents().len() > 1 {
        return Err(wrong("there are several exponents", "give all weights one norm"));
    }
    if problem.blocks().iter().any(|b| b.is_summed()) {
        let remedy = "lower the model with every weight apart (OnnxModel::lower_apart)";
        return Err(wrong("weights that share both ends were summed", remedy));
    }
    let mut builder = ProblemBuilder::new(problem.variables());
    let ports: Vec<Port> = problem.ports().iter().map(|form| builder.port(form)).collect();
    let one = Regularizer::lp(1.0)?;
    let mut lines = vec![];
    let mut failed = Ok(());
    problem.for_each_entry(|e| {
        let mut add = || -> Result<()> {
            let alpha = problem.blocks()[e.block].coefficient();
            lines.push((problem.form(&e), problem.log_weight(&e), alpha));
            let (head, tail) = (ports[e.head as usize], ports[e.tail as usize]);
            builder.block("connection", vec![head], vec![tail], Weights::Dense(vec![alpha]), &one)
        };
        if failed.is_ok() {
            failed = add();
        }
    });
    failed?;
    let unit = builder.build();
    let balanced = balance(&unit, settings, &mut |_| ControlFlow::Continue(()))?;
    if balanced.existence.direction().is_some() {
        return Err(wrong("no minimum is attained", "leave out the connections that escape"));
    }
    let leading = balanced.solution.log_scales;
    let mut normal = DMatrix::zeros(leading.len(), leading.len());
    let mut right = DVector::zeros(leading.len());
    for (form, log, alpha) in &lines {
        let weight = alpha * form.at(&leading).exp();
        add_square(&mut normal, weight, form);
        add_form(&mut right, -weight * log, form);
    }
    let gauge = Gauge::of(problem)?;
    // pinned and inactive variables stay zero
    let still = |v: usize| !gauge.active[v] || normal[(v, v)] == 0.0 || gauge.pins.contains(&(v as u32));
    for v in (0..leading.len()).filter(|&v| still(v)).collect::<Vec<_>>() {
        normal.row_mut(v).fill(0.0);
        normal.column_mut(v).fill(0.0);
        normal[(v, v)] = 1.0;
        right[v] = 0.0;
    }
    let factor = normal.cholesky().ok_or_else(|| {
        wrong("the least-squares problem is not positive definite in double precision", "use a smaller network")
    })?;
    let mut constant: Vec<f64> = factor.solve(&right).iter().copied().collect();
    gauge.apply(&mut constant);
    Ok(SmallNorms { leading, constant })
}

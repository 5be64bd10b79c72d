//! The limit of the optima as p goes to infinity: lexicographic least weights, by a sequence of linear programs.
//!
//! The least possible largest weight leaves freedom. Among its optima, minimize the largest of all weights that are not forced to it, and
//! so on: the weights become unique. For matrices this is max-balancing (Schneider and Schneider 1991).

use crate::error::{Error, ErrorKind, Result};
use crate::existence::existence;
use crate::manifold::Form;
use crate::problem::{Gauge, Problem};
use crate::solve::heaviest;
use good_lp::{
    Constraint, Expression, ProblemVariables, Solution as _, SolverModel, Variable, constraint, microlp, variable,
    variables,
};

/// Slack of the programs' own rounding.
const SLACK: f64 = 1e-9;

/// The weights that are least in lexicographic order, the largest first.
#[derive(Clone, Debug)]
pub struct MaxBalanced {
    /// Free log-scales, in the gauge of the problem.
    pub log_scales: Vec<f64>,
    /// The largest weight of every program, falling: at each level some weights are forced to it and stay.
    pub levels: Vec<f64>,
}

/// The max-balanced weights; coefficients of the cost are ignored.
///
/// Complexity: at most as many levels as the manifold has dimensions, each a few linear programs with a row for every pair of
/// connected ports, by the simplex method: a tool for research, for up to some thousands of connections. Log-scales are exact to about 1e-8.
///
/// # Errors
/// When costs are not powers, no minimum is attained, or a program fails.
pub fn max_balanced(problem: &Problem) -> Result<MaxBalanced> {
    if existence(problem).direction().is_some() {
        let remedy = "leave out the connections that escape";
        return Err(fault("no minimum is attained: weights fall for ever".into(), remedy));
    }
    let rows = heaviest(problem, false)?;
    let line = |&((head, tail), log): &((u32, u32), f64)| {
        (problem.ports()[head as usize].plus(-1.0, &problem.ports()[tail as usize]), log)
    };
    let mut open: Vec<(Form, f64)> = rows.iter().map(line).collect();
    let mut fixed = Fixed { variables: problem.variables(), rows: vec![], reduced: vec![] };
    let (mut levels, mut log_scales) = (vec![], vec![0.0; problem.variables()]);
    while !open.is_empty() {
        let (level, x) = fixed.lower_all(&open)?;
        let at = |(form, log): &(Form, f64)| form.at(&x) + log;
        let mut tight: Vec<usize> = (0..open.len()).filter(|&k| at(&open[k]) > level - SLACK).collect();
        // some of them could still be lower: those that a program finds so, until it finds none
        loop {
            let free = fixed.loosen(&open, level, &tight)?;
            if free.is_empty() {
                break;
            }
            tight.retain(|k| !free.contains(k));
        }
        if tight.is_empty() {
            return Err(fault("rounding hides which weights are forced".into(), "scale the weights closer together"));
        }
        tight.iter().for_each(|&k| fixed.force(open[k].clone(), level));
        open = open.into_iter().enumerate().filter(|(k, _)| !tight.contains(k)).map(|(_, row)| row).collect();
        // what the forced weights determine is settled
        open.retain(|(form, _)| !fixed.determines(form));
        levels.push(level.exp());
        log_scales = x;
    }
    Gauge::of(problem)?.apply(&mut log_scales);
    Ok(MaxBalanced { log_scales, levels })
}

fn fault(problem: String, remedy: &str) -> Error {
    Error::new(ErrorKind::Unsupported, "norm inf", problem, remedy)
}

/// The forms whose values are settled.
struct Fixed {
    variables: usize,
    /// Independent forms with their values.
    rows: Vec<(Form, f64)>,
    /// The same after elimination, each with its leading variable.
    reduced: Vec<(u32, Form)>,
}

impl Fixed {
    /// What remains of a form after elimination of the settled ones.
    fn reduce(&self, form: &Form) -> Form {
        let remove = |form: Form, (lead, row): &(u32, Form)| match form.terms().iter().find(|t| t.0 == *lead) {
            Some(&(_, c)) => form.plus(-c, row),
            None => form,
        };
        let rest = self.reduced.iter().fold(form.clone(), remove);
        Form::from_terms(rest.terms().iter().copied().filter(|t| t.1.abs() > SLACK))
    }

    fn determines(&self, form: &Form) -> bool {
        self.reduce(form).is_zero()
    }

    /// Settles `form(x) + log = level`.
    fn force(&mut self, (form, log): (Form, f64), level: f64) {
        let rest = self.reduce(&form);
        let Some(&(lead, c)) = rest.terms().iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())) else { return };
        self.rows.push((form, level - log));
        self.reduced.push((lead, rest.plus(1.0 / c - 1.0, &rest)));
    }

    /// The least possible largest of the open weights, and log-scales that reach it.
    fn lower_all(&self, open: &[(Form, f64)]) -> Result<(f64, Vec<f64>)> {
        variables! { unknowns: }
        let x = self.unknowns(&mut unknowns);
        let t = unknowns.add(variable().min(-1e6).max(1e6));
        let below = open.iter().map(|(form, log)| constraint!(expression(form, &x) + *log <= t));
        let all: Vec<Constraint> = below.chain(self.settled(&x)).collect();
        let solved = all.into_iter().fold(unknowns.minimise(t).using(microlp), SolverModel::with);
        let solved = solved.solve().map_err(failed)?;
        Ok((solved.value(t), x.iter().map(|&v| solved.value(v)).collect()))
    }

    /// Which of the `tight` weights can be below `level` while none is above it.
    fn loosen(&self, open: &[(Form, f64)], level: f64, tight: &[usize]) -> Result<Vec<usize>> {
        variables! { unknowns: }
        let x = self.unknowns(&mut unknowns);
        let slack: Vec<Variable> = unknowns.add_vector(variable().min(0.0).max(1.0), tight.len());
        let total: Expression = slack.iter().sum();
        let below = open.iter().enumerate().map(|(k, (form, log))| {
            let used = tight.iter().position(|&j| j == k);
            let slack = used.map_or(Expression::from(0.0), |j| Expression::from(slack[j]));
            constraint!(expression(form, &x) + *log + slack <= level + SLACK)
        });
        let all: Vec<Constraint> = below.chain(self.settled(&x)).collect();
        let solved = all.into_iter().fold(unknowns.maximise(total).using(microlp), SolverModel::with);
        let solved = solved.solve().map_err(failed)?;
        Ok(tight.iter().zip(&slack).filter(|(_, s)| solved.value(**s) > 1e3 * SLACK).map(|(&k, _)| k).collect())
    }

    fn unknowns(&self, unknowns: &mut ProblemVariables) -> Vec<Variable> {
        unknowns.add_vector(variable().min(-1e4).max(1e4), self.variables)
    }

    fn settled(&self, x: &[Variable]) -> impl Iterator<Item = Constraint> {
        self.rows.iter().map(|(form, value)| constraint!(expression(form, x) == *value))
    }
}

fn expression(form: &Form, x: &[Variable]) -> Expression {
    let mut sum = Expression::from(0.0);
    form.terms().iter().for_each(|&(v, c)| sum += c * x[v as usize]);
    sum
}

fn failed(e: good_lp::ResolutionError) -> Error {
    fault(format!("a linear program failed: {e}"), "scale the weights closer together")
}

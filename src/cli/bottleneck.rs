//! Under the norm inf: which weights keep the largest one from being smaller, in words.

use crate::analysis::{largest_circulation_mean, largest_cycle_mean};
use crate::lowered::{Lowered, NamedForm};
use crate::manifold::Form;
use crate::report::{SHOWN, cost, some};

/// Why the largest weight cannot be smaller, where finding it takes no time that matters: the cycle of largest geometric mean,
/// beyond degree 1 the circulation.
pub fn bottleneck(lowered: &Lowered) -> Option<String> {
    // a tenth of a second, and 160 MB
    const WORK: usize = 10_000_000;
    let problem = &lowered.problem;
    let variables = problem.variables();
    if variables.saturating_mul(variables.max(problem.places())) > WORK {
        return None;
    }
    let (mean, shown) = if problem.is_graph() { cycle(lowered)? } else { circulation(lowered)? };
    Some(format!("no scaling has a smaller largest weight: {} is the geometric mean {shown}", cost(mean)))
}

/// The cycle of largest geometric mean, in words.
fn cycle(lowered: &Lowered) -> Option<(f64, String)> {
    let cycle = largest_cycle_mean(&lowered.problem).ok()??;
    let name = |node: usize| {
        let unit = lowered.units.iter().find(|u| u.form.terms().first().is_some_and(|t| t.0 as usize == node));
        unit.map_or("outside".to_string(), |u| u.name.to_string())
    };
    let around: Vec<String> = cycle.nodes.iter().chain(cycle.nodes.first()).map(|&node| name(node)).collect();
    let shown = if around.len() > 12 { format!("{} units", around.len() - 1) } else { around.join(" -> ") };
    Some((cycle.mean, format!("along {shown}")))
}

/// The circulation of largest geometric mean, in words: its heaviest connections with their shares.
fn circulation(lowered: &Lowered) -> Option<(f64, String)> {
    let circulation = largest_circulation_mean(&lowered.problem).ok()??;
    let name = |port: u32| end(lowered, &lowered.problem.ports()[port as usize]);
    let line = |&((head, tail), share): &((u32, u32), f64)| format!("{share:.3} {} -> {}", name(tail), name(head));
    let heaviest: Vec<String> = circulation.shares.iter().take(SHOWN).map(line).collect();
    Some((circulation.mean, format!("with the shares {}", some(&heaviest, circulation.shares.len(), SHOWN))))
}

/// What a connection ends in: the first unit whose log-scale is a multiple of the form, else a unit for every variable.
fn end(lowered: &Lowered, form: &Form) -> String {
    let unit = |form: &Form| {
        let &(v, c) = form.terms().first()?;
        let of = |unit: &&NamedForm| match unit.form.terms().first() {
            Some(&(w, d)) => v == w && form.plus(-c / d, &unit.form).is_zero(),
            None => false,
        };
        lowered.units.iter().find(of).map(|unit| unit.name.to_string())
    };
    let parts = || form.terms().iter().map(|&(v, _)| unit(&Form::variable(v as usize))).collect::<Option<Vec<_>>>();
    match form.is_zero() {
        true => "outside".into(),
        false => unit(form).or_else(|| parts().map(|names| names.join(" and "))).unwrap_or("a linked scale".into()),
    }
}

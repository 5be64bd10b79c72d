//! Floor 5: what a run says of itself, as one JSON object or as a table for people.

mod memory;

pub use memory::{Memory, forget_peak, peak};

use crate::lowered::{Frozen, Lowered, NamedForm, Scaling};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::{Deserialize, Serialize};

/// Version of the JSON objects; it grows when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// Seconds of every phase.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Seconds {
    /// Reading the file and lowering it to a problem.
    pub read: f64,
    /// Existence, solve and proof.
    pub solve: f64,
    /// Of these the iterations of the solver alone, until the residual was within the tolerance; null where it never was.
    pub to_tolerance: Option<f64>,
    /// One complete read of the weights, for comparison; null where nothing was solved.
    pub pass: Option<f64>,
    /// Scaling and writing.
    pub write: f64,
    /// Comparing outputs.
    pub check: f64,
    /// Everything.
    pub total: f64,
}

/// A node or unit that is left alone.
#[derive(Clone, Debug, Serialize)]
pub struct FrozenNode {
    /// Its name.
    pub node: String,
    /// Why.
    pub reason: String,
}

/// The object of `balance`.
#[derive(Clone, Debug, Serialize)]
pub struct BalanceReport {
    /// Version of this object.
    pub schema: u32,
    /// How the solve ended; `no minimum` when connections escape, `limit` when they were set to zero.
    pub status: String,
    /// Whether the minimum is attained: attained, escapes or undecided.
    pub existence: String,
    /// Why existence is undecided or the limit was refused.
    pub reason: Option<String>,
    /// The exponent, or `inf`.
    pub norm: serde_json::Value,
    /// The solver that ran.
    pub method: String,
    /// Units or channels that have a scale, free or not.
    pub units: usize,
    /// Free log-scales.
    pub variables: usize,
    /// Dimension of the manifold of the non-zero weights that do not escape.
    pub dimension: usize,
    /// Weights that have a cost.
    pub weights: u64,
    /// Cost as given, escaping connections left out.
    pub cost_before: f64,
    /// Cost after balancing; for a minimum not attained the infimum.
    pub cost_after: f64,
    /// How far the cost is above the optimum, relatively, where an option keeps it from there; else null.
    pub above_optimum: Option<f64>,
    /// Relative residual as given.
    pub residual_before: f64,
    /// Relative residual after balancing, before rounding to the type of the file.
    pub residual_after: f64,
    /// Relative residual of what was written, read again; null when nothing was, or without the check.
    pub residual_written: Option<f64>,
    /// First-order bound on the relative error of every weight; null when none is known.
    pub error_bound: Option<f64>,
    /// About the smallest eigenvalue of the Hessian scaled to a diagonal of ones; null where it is not known.
    pub smallest_eigenvalue: Option<f64>,
    /// What it predicts: sweeps of local balancing that gain one digit.
    pub sweeps_per_digit: Option<f64>,
    /// Largest relative width of the proved enclosure of any exact weight; null when nothing was proved.
    pub certified_width: Option<f64>,
    /// Proved bound on how far the cost is above the least one, relative to it; null when nothing was proved.
    pub certified_gap: Option<f64>,
    /// The certificate that was written.
    pub certificate: Option<String>,
    /// Why nothing was proved.
    pub uncertified: Option<String>,
    /// With `--exact`: stored weights that are proved to be the exact optimum, rounded once to their type.
    pub weights_proved: Option<u64>,
    /// With `--exact`: weights within a relative distance of 2^-100 of the middle between two neighbours, rounded to the even one.
    pub weights_tied: Option<u64>,
    /// With `--exact`: stored weights whose bounds reach two neighbours in their type.
    pub weights_undecided: Option<u64>,
    /// Newton steps or sweeps.
    pub iterations: usize,
    /// Complete reads of the problem's connections by the solver, its error bound and refinement included.
    pub passes: f64,
    /// The same until the residual was within the tolerance; null where it never was.
    pub passes_to_tolerance: Option<f64>,
    /// Seconds of every phase.
    pub seconds: Seconds,
    /// Largest resident memory of the phases.
    pub memory: Memory,
    /// What is left alone, and why.
    pub frozen: Vec<FrozenNode>,
    /// Units that do nothing.
    pub dead: Vec<String>,
    /// Connections that escape, the first ones by name.
    pub escaping: Vec<String>,
    /// How many escape.
    pub escaping_count: usize,
    /// Largest difference of an output relative to the range of outputs; null when unchecked.
    pub function_difference: Option<f64>,
    /// What one rounding of every weight does to the same outputs.
    pub function_rounding: Option<f64>,
    /// Why the function was not checked.
    pub unchecked: Option<String>,
    /// Whatever else the user should know.
    pub notes: Vec<String>,
}

impl From<&Frozen> for FrozenNode {
    fn from(frozen: &Frozen) -> Self {
        Self { node: frozen.node.clone(), reason: frozen.reason.clone() }
    }
}

/// The file of `--scales`: the log-scale of every unit or channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalesFile {
    /// Version of the format.
    pub schema: u32,
    /// Every unit in the order of the network.
    pub units: Vec<UnitScale>,
}

/// One line of the scales file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitScale {
    /// Name of the unit or channel.
    pub name: String,
    /// Its log-scale: incoming weights are multiplied by the exponential of it.
    pub log_scale: f64,
    /// The same without rounding, where powers of two are kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<ExactScale>,
    /// How the log-scale moves along the direction of the limit; only where the limit was asked for and granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
}

/// A log-scale in two parts: `exponent ln 2 + rest`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactScale {
    /// The exact power of two.
    pub exponent: i32,
    /// The rest, a natural logarithm.
    pub rest: f64,
}

impl ScalesFile {
    /// The log-scales of all units of a network at the free log-scales of a scaling.
    #[must_use]
    pub fn new(units: &[NamedForm], scaling: &Scaling) -> Self {
        let total = scaling.scales.total();
        // adding zero turns a negative zero into a positive one
        let scale = |u: &NamedForm| {
            let own = scaling.scales.at(&u.form);
            UnitScale {
                name: u.name.to_string(),
                log_scale: u.form.at(&total) + 0.0,
                exact: (own.exponent != 0).then_some(ExactScale { exponent: own.exponent, rest: own.log + 0.0 }),
                limit: scaling.direction.as_ref().map(|d| u.form.at(d) + 0.0),
            }
        };
        Self { schema: SCHEMA, units: units.iter().map(scale).collect() }
    }
}

/// A table of two columns, without lines and without spaces at the ends of lines.
#[must_use]
pub fn pairs(rows: &[(&str, String)]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    rows.iter().for_each(|(name, value)| {
        table.add_row([*name, value]);
    });
    flush_left(table)
}

/// A table with a header, without lines and without spaces at the ends of lines.
#[must_use]
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(header).add_rows(rows);
    flush_left(table)
}

fn flush_left(mut table: Table) -> String {
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 1));
    }
    table.trim_fmt()
}

/// A number as JSON: whole ones without a fraction, and none where JSON has none.
#[must_use]
pub fn number(value: f64) -> serde_json::Value {
    // up to here every whole f64 is an integer of JSON, too
    if value.fract() == 0.0 && value.abs() < 1e15 { (value as i64).into() } else { value.into() }
}

/// A residual or difference for people.
#[must_use]
pub fn small(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value:.1e}") }
}

/// A cost for people, with enough digits to compare two of them.
#[must_use]
pub fn cost(value: f64) -> String {
    if value == 0.0 {
        "0".into()
    } else if value.is_finite() {
        format!("{value:.12e}")
    } else {
        "beyond the range of f64".into()
    }
}

/// What running the original and the scaled network showed, for people.
#[must_use]
pub fn function_line(unchecked: Option<&str>, difference: Option<f64>, rounding: Option<f64>) -> String {
    match (unchecked, difference, rounding) {
        (None, Some(d), Some(r)) => {
            format!("outputs differ by {} of their range; rounding alone {}", small(d), small(r))
        }
        (reason, ..) => format!("unchecked: {}", reason.unwrap_or("unknown")),
    }
}

/// Some names, and how many more there are: `total` in all.
#[must_use]
pub fn some(names: &[String], total: usize, shown: usize) -> String {
    let listed: Vec<&str> = names.iter().take(shown).map(String::as_str).collect();
    let more = total.saturating_sub(listed.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", listed.join(", "))
}

/// Names that a line for people holds.
pub const SHOWN: usize = 5;

/// What is left alone and what does nothing, for people, with at most so many names in a line; empty when there is neither.
#[must_use]
pub fn left_alone(lowered: &Lowered, shown: usize) -> String {
    let mut text = String::new();
    if !lowered.frozen.is_empty() {
        // one line for each reason: a layer of a thousand units is no list of a thousand lines
        let mut reasons: Vec<(&str, Vec<String>)> = vec![];
        for frozen in &lowered.frozen {
            match reasons.iter_mut().find(|(reason, _)| *reason == frozen.reason) {
                Some((_, nodes)) => nodes.push(frozen.node.clone()),
                None => reasons.push((&frozen.reason, vec![frozen.node.clone()])),
            }
        }
        let row = |(reason, nodes): &(&str, Vec<String>)| {
            vec![format!("  {}", some(nodes, nodes.len(), shown)), (*reason).to_string()]
        };
        text += &format!("\nleft alone:\n{}\n", table(&["  node", "reason"], reasons.iter().map(row).collect()));
    }
    if !lowered.dead.is_empty() {
        let names = some(&lowered.dead, lowered.dead.len(), shown.saturating_mul(2));
        text += &format!("\ndead units (no signal passes through them): {names}\n");
    }
    text
}

//! Floor 5: what a run says of itself, as one JSON object or as a table for people.

use crate::lowered::{Frozen, Lowered, NamedForm};
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
    /// Existence and solve.
    pub solve: f64,
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
    /// Relative residual as given.
    pub residual_before: f64,
    /// Relative residual after balancing, before rounding to the type of the file.
    pub residual_after: f64,
    /// Relative residual of what was written; null when nothing was.
    pub residual_written: Option<f64>,
    /// First-order bound on the relative error of every weight; null when none is known.
    pub error_bound: Option<f64>,
    /// Newton steps or sweeps.
    pub iterations: usize,
    /// Complete reads of the problem's connections.
    pub passes: f64,
    /// Seconds of every phase.
    pub seconds: Seconds,
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
}

impl ScalesFile {
    /// The log-scales of all units of a network at the given free log-scales.
    #[must_use]
    pub fn new(units: &[NamedForm], log_scales: &[f64]) -> Self {
        let scale = |u: &NamedForm| UnitScale { name: u.name.clone(), log_scale: u.form.at(log_scales) };
        Self { schema: SCHEMA, units: units.iter().map(scale).collect() }
    }
}

/// A table of two columns, without lines.
#[must_use]
pub fn pairs(rows: &[(&str, String)]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    rows.iter().for_each(|(name, value)| {
        table.add_row([*name, value]);
    });
    table
}

/// A table with a header, without lines.
#[must_use]
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(header).add_rows(rows);
    table
}

/// What is left alone and what does nothing, for people; empty when there is neither.
#[must_use]
pub fn left_alone(lowered: &Lowered) -> String {
    let mut text = String::new();
    if !lowered.frozen.is_empty() {
        let row = |f: &Frozen| vec![format!("  {}", f.node), f.reason.clone()];
        let rows = lowered.frozen.iter().map(row).collect();
        text += &format!("\nleft alone:\n{}\n", table(&["  node", "reason"], rows));
    }
    if !lowered.dead.is_empty() {
        let names: Vec<&str> = lowered.dead.iter().take(10).map(String::as_str).collect();
        let more = lowered.dead.len() - names.len();
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        text += &format!("\ndead units (no signal passes through them): {}{rest}\n", names.join(", "));
    }
    text
}

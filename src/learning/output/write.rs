//! Writing results to a folder.

use super::html::page;
use super::{Cell, Results, Table, svg};
use crate::error::{Error, ErrorKind, Result};
use crate::files::write_atomic;
use std::path::Path;

/// The file of all results.
pub const JSON: &str = "results.json";

/// Writes `results.json`, a CSV file for every table, an SVG file for every chart, and `report.html`; replaces what is there.
///
/// # Errors
/// When the operating system refuses.
pub fn write(results: &Results, folder: &Path) -> Result<()> {
    let put = |name: &str, text: &str| write_atomic(&folder.join(name), text.as_bytes(), true);
    let figures: Vec<String> = results.charts.iter().map(svg).collect::<Result<_>>()?;
    for (chart, figure) in results.charts.iter().zip(&figures) {
        put(&format!("{}.svg", chart.name), figure)?;
    }
    for table in &results.tables {
        put(&format!("{}.csv", table.name), &csv(table))?;
    }
    put("report.html", &page(results, &figures))?;
    let json = serde_json::to_string_pretty(results)
        .map_err(|e| Error::new(ErrorKind::Format, JSON, e.to_string(), "report this as a fault of the program"))?;
    put(JSON, &(json + "\n"))
}

/// A table as comma-separated values, numbers with all their digits.
fn csv(table: &Table) -> String {
    let quoted = |text: &str| match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_string(),
    };
    let line = |cells: Vec<String>| cells.join(",") + "\n";
    let cell = |c: &Cell| match c {
        Cell::Text(text) => quoted(text),
        Cell::Number(v) => v.to_string(),
        Cell::Empty => String::new(),
    };
    let heads = line(table.columns.iter().map(|c| quoted(c)).collect());
    table.rows.iter().fold(heads, |text, row| text + &line(row.iter().map(cell).collect()))
}

//! The results of an experiment, and the files that show them.

mod chart;
mod html;
mod write;

pub use chart::svg;
pub use write::{JSON, write};

use serde::Serialize;

/// Version of the JSON object; it grows when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// Everything that an experiment found. It holds no times: the same experiment gives the same bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    /// Version of this object.
    pub schema: u32,
    /// Name of the experiment.
    pub experiment: String,
    /// What it asks, in a sentence.
    pub question: String,
    /// The data, and where it is from.
    pub data: String,
    /// What was done, in sentences.
    pub method: Vec<String>,
    /// What was claimed, and what came out.
    pub claims: Vec<Claim>,
    /// The numbers.
    pub tables: Vec<Table>,
    /// The pictures.
    pub charts: Vec<Chart>,
    /// The largest change of any output by a balancing, relative to the range of outputs; none where nothing was balanced.
    pub function_difference: Option<f64>,
}

/// A claim and its verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// The claim.
    pub claim: String,
    /// Whether it holds here.
    pub verdict: Verdict,
    /// The numbers behind the verdict.
    pub found: String,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds here.
    Reproduced,
    /// It does not.
    NotReproduced,
    /// It holds, and goes away where the learning rate is chosen for each arm.
    LearningRate,
    /// The interval of the seeds allows both.
    Undecided,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::NotReproduced => "not reproduced",
            Self::LearningRate => "reproduced, but explained by the learning rate",
            Self::Undecided => "undecided by these seeds",
        }
    }

    /// Reproduced or not.
    #[must_use]
    pub fn from(holds: bool) -> Self {
        if holds { Self::Reproduced } else { Self::NotReproduced }
    }
}

/// Rows of text and numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// Name of its CSV file.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// Heads of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// An entry of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number with all its digits; tables for people show four.
    Number(f64),
    /// Nothing.
    Empty,
}

impl Cell {
    /// For people.
    #[must_use]
    pub fn show(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Empty => String::new(),
            Self::Number(v) if *v == 0.0 => "0".into(),
            Self::Number(v) if v.fract() == 0.0 && v.abs() < 1e6 => format!("{v}"),
            Self::Number(v) if (1e-3..1e5).contains(&v.abs()) => {
                let digits = (3 - v.abs().log10().floor() as i32).clamp(0, 6) as usize;
                format!("{v:.digits$}")
            }
            Self::Number(v) => format!("{v:.2e}"),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        if value.is_finite() { Self::Number(value) } else { Self::Text(value.to_string()) }
    }
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Empty, Self::from)
    }
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(name: &str, title: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(ToString::to_string).collect();
        Self { name: name.into(), title: title.into(), columns, rows: vec![] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// Series in one pair of axes.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// Name of its SVG file.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The axis from left to right.
    pub x: Axis,
    /// The axis from bottom to top.
    pub y: Axis,
    /// The series.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Clone, Debug, Serialize)]
pub struct Axis {
    /// What it shows.
    pub label: String,
    /// Whether equal distances are equal ratios; points that are not positive are left out.
    pub log: bool,
}

/// Points with a name.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Name in the legend; series of one name share colour and entry.
    pub name: String,
    /// Whether points are connected.
    pub line: bool,
    /// The points.
    pub points: Vec<(f64, f64)>,
}

impl Axis {
    /// Even steps.
    #[must_use]
    pub fn linear(label: &str) -> Self {
        Self { label: label.into(), log: false }
    }

    /// Powers of ten.
    #[must_use]
    pub fn log(label: &str) -> Self {
        Self { label: label.into(), log: true }
    }
}

impl Series {
    /// Connected points.
    #[must_use]
    pub fn line(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), line: true, points: points.into_iter().collect() }
    }

    /// Markers.
    #[must_use]
    pub fn points(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), line: false, points: points.into_iter().collect() }
    }
}

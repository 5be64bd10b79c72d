//! Figures of the examples: SVG files in `target/figures`. Series differ in colour (the palette of Okabe and Ito, which colour-blind
//! readers can tell apart), and in marker or dashes.
#![allow(dead_code)]

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use std::error::Error;
use std::ops::Range;
use std::path::PathBuf;
use synbal::problem::Problem;

const SIZE: (u32, u32) = (760, 480);
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// The marker of series `k`, at a point of the chart or of its legend.
macro_rules! marker {
    ($k:expr, $at:expr, $colour:expr) => {
        match $k % 3 {
            0 => Circle::new($at, 4, $colour.filled()).into_dyn(),
            1 => TriangleMarker::new($at, 5, $colour.filled()).into_dyn(),
            _ => Cross::new($at, 4, $colour.stroke_width(2)).into_dyn(),
        }
    };
}

/// What an axis shows.
#[derive(Clone, Copy)]
pub struct Axis {
    label: &'static str,
    log: bool,
}

/// An axis with even steps.
pub fn linear(label: &'static str) -> Axis {
    Axis { label, log: false }
}

/// An axis with powers of ten; points that are not positive are left out.
pub fn log(label: &'static str) -> Axis {
    Axis { label, log: true }
}

/// How points are drawn.
#[derive(Clone, Copy, PartialEq)]
pub enum Style {
    Line,
    Points,
}

/// Points `(x, y)` with a name.
pub struct Series {
    name: String,
    style: Style,
    points: Vec<(f64, f64)>,
    /// The series whose colour it has; its own where that is none.
    like: Option<usize>,
}

impl Series {
    /// In the colour of series `k`.
    pub fn like(self, k: usize) -> Self {
        Self { like: Some(k), ..self }
    }
}

/// A line with a name.
pub fn line(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
    Series { name: name.into(), style: Style::Line, points: points.into_iter().collect(), like: None }
}

/// Markers with a name.
pub fn points(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
    Series { name: name.into(), style: Style::Points, points: points.into_iter().collect(), like: None }
}

/// Draws series in one pair of axes to `target/figures/NAME.svg`.
pub fn chart(name: &str, title: &str, x: Axis, y: Axis, series: &[Series]) -> Result<(), Box<dyn Error>> {
    let on = |axis: Axis, v: f64| if axis.log { v.log10() } else { v };
    let placed = |s: &Series| -> Vec<(f64, f64)> {
        let all = s.points.iter().map(|&(a, b)| (on(x, a), on(y, b)));
        all.filter(|(a, b)| a.is_finite() && b.is_finite()).collect()
    };
    let placed: Vec<Vec<(f64, f64)>> = series.iter().map(placed).collect();
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = || placed.iter().flatten().map(of);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let margin = (0.05 * (high - low)).max(1e-9 + 1e-3 * high.abs());
        low - margin..high + margin
    };
    let path = place(name)?;
    let root = canvas(&path)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 17))
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(72)
        .build_cartesian_2d(range(|p| p.0), range(|p| p.1))?;
    let text = |axis: Axis| move |v: &f64| if axis.log { power(*v) } else { plain(*v) };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(x.label)
        .y_desc(y.label)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .x_label_formatter(&text(x))
        .y_label_formatter(&text(y))
        .draw()?;
    let corner = emptiest(&placed, &range(|p| p.0), &range(|p| p.1));
    for (k, (s, at)) in series.iter().zip(placed).enumerate() {
        let colour = COLOURS[s.like.unwrap_or(k) % COLOURS.len()];
        match s.style {
            Style::Line => {
                // whole, long, short, shorter: every fourth line is whole
                let (dash, gap) = [(1000, 0), (12, 5), (6, 4), (2, 4)][k % 4];
                let line = DashedLineSeries::new(at, dash, gap, colour.stroke_width(2));
                chart.draw_series(line)?.label(s.name.clone()).legend(move |(x, y)| {
                    let ends = vec![(x, y), (x + 22, y)];
                    DashedPathElement::new(ends, dash, gap, colour.stroke_width(2)).into_dyn()
                })
            }
            Style::Points => chart
                .draw_series(at.into_iter().map(|p| marker!(k, p, colour)))?
                .label(s.name.clone())
                .legend(move |(x, y)| marker!(k, (x + 9, y), colour)),
        };
    }
    chart
        .configure_series_labels()
        .position(corner)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.4))
        .label_font(("sans-serif", 13))
        .draw()?;
    done(&root, &path)
}

/// Draws for every item two bars, one above the other.
pub fn bars(
    name: &str,
    title: &str,
    value: &'static str,
    pair: [&str; 2],
    items: &[(String, [f64; 2])],
) -> Result<(), Box<dyn Error>> {
    let most = items.iter().flat_map(|i| i.1).fold(0.0, f64::max);
    let path = place(name)?;
    let root = canvas(&path)?;
    let count = items.len() as f64;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 17))
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(190)
        .build_cartesian_2d(0.0..most * 1.08, count..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .light_line_style(TRANSPARENT)
        .x_desc(value)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .x_label_formatter(&|v| plain(*v))
        .draw()?;
    for (which, label) in pair.into_iter().enumerate() {
        let colour = COLOURS[which];
        let bar = |(k, item): (usize, &(String, [f64; 2]))| {
            let top = k as f64 + 0.15 + 0.35 * which as f64;
            Rectangle::new([(0.0, top), (item.1[which], top + 0.3)], colour.filled())
        };
        chart
            .draw_series(items.iter().enumerate().map(bar))?
            .label(label)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 16, y + 5)], colour.filled()));
    }
    let style = ("sans-serif", 13).into_font().color(&BLACK);
    for (k, item) in items.iter().enumerate() {
        let (_, y) = chart.backend_coord(&(0.0, k as f64 + 0.35));
        root.draw_text(&item.0, &style, (16, y))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.4))
        .label_font(("sans-serif", 13))
        .draw()?;
    done(&root, &path)
}

/// Draws what enters and what leaves every unit, before and after balancing: after, all points are on the diagonal.
pub fn flows(name: &str, title: &str, problem: &Problem, optimum: &[f64]) -> Result<(), Box<dyn Error>> {
    let at = |x: &[f64]| {
        let point = problem.point(x);
        let flows = point.flows();
        let pair = |v: usize| (flows.inflow(v).to_f64(), flows.outflow(v).to_f64());
        (0..x.len()).map(pair).collect::<Vec<_>>()
    };
    let (before, after) = (at(&vec![0.0; optimum.len()]), at(optimum));
    let all = || before.iter().chain(&after).flat_map(|p| [p.0, p.1]).filter(|&v| v > 0.0);
    let ends = [all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max)];
    let diagonal = line("balance", ends.map(|v| (v, v)));
    let series = [diagonal, points("as given", before), points("balanced", after)];
    chart(name, title, log("inflow (cost)"), log("degree times outflow (cost)"), &series)
}

/// The corner that series cover least, lines between points included.
fn emptiest(series: &[Vec<(f64, f64)>], x: &Range<f64>, y: &Range<f64>) -> SeriesLabelPosition {
    let share = |v: f64, range: &Range<f64>| (v - range.start) / (range.end - range.start);
    let corners = [
        (SeriesLabelPosition::LowerRight, true, false),
        (SeriesLabelPosition::UpperRight, true, true),
        (SeriesLabelPosition::UpperLeft, false, true),
        (SeriesLabelPosition::LowerLeft, false, false),
    ];
    let covered = |right: bool, upper: bool| {
        let inside = |p: (f64, f64)| {
            let (h, v) = (share(p.0, x), share(p.1, y));
            (if right { h } else { 1.0 - h }) > 0.55 && (if upper { v } else { 1.0 - v }) > 0.7
        };
        let between = |pair: &[(f64, f64)]| {
            let [a, b] = [pair[0], pair[1]];
            (0..20).map(move |k| f64::from(k) / 20.0).map(move |t| (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)))
        };
        series
            .iter()
            .flat_map(|s| s.windows(2).flat_map(between).chain(s.last().copied()))
            .filter(|p| inside(*p))
            .count()
    };
    let least = corners.into_iter().min_by_key(|&(_, right, upper)| covered(right, upper));
    least.map_or(SeriesLabelPosition::UpperRight, |corner| corner.0)
}

/// A place on an axis of powers of ten.
fn power(exponent: f64) -> String {
    let whole = exponent.round();
    match (exponent - whole).abs() < 1e-9 {
        true if whole.abs() > 2.0 => format!("1e{whole:.0}"),
        _ => plain(10f64.powf(exponent)),
    }
}

/// A number to three digits.
fn plain(value: f64) -> String {
    match value.abs() {
        ..1e-9 => "0".into(),
        1e-2..1e4 => {
            let unit = 10f64.powf(value.abs().log10().floor() - 2.0);
            // rounded again, for a multiple of the unit carries its rounding
            format!("{}", ((value / unit).round() * unit * 1e6).round() / 1e6)
        }
        _ => format!("{value:.1e}"),
    }
}

fn place(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/figures"));
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("{name}.svg")))
}

fn canvas(path: &std::path::Path) -> Result<DrawingArea<SVGBackend<'_>, Shift>, Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    Ok(root)
}

fn done(root: &DrawingArea<SVGBackend<'_>, Shift>, path: &std::path::Path) -> Result<(), Box<dyn Error>> {
    root.present()?;
    println!("figure: {}", path.display());
    Ok(())
}

//! Charts as SVG. Colours are those of Okabe and Ito, which colour-blind readers can tell apart.

use super::{Axis, Chart, Series};
use crate::error::{Error, ErrorKind, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::ops::Range;

const SIZE: (u32, u32) = (820, 440);
/// Width of the legend.
const LEGEND: u32 = 150;
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// A chart as an SVG document.
///
/// # Errors
/// When drawing fails, which only a chart of numbers that are not finite can do.
pub fn svg(chart: &Chart) -> Result<String> {
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    draw(chart, &root).map_err(|e| {
        Error::new(ErrorKind::Unsupported, format!("chart {}", chart.name), e, "report this as a fault of the program")
    })?;
    drop(root);
    Ok(text)
}

type Points = Vec<(f64, f64)>;

fn draw(chart: &Chart, root: &DrawingArea<SVGBackend<'_>, Shift>) -> std::result::Result<(), String> {
    let fault = |e: DrawingAreaErrorKind<std::io::Error>| e.to_string();
    let placed: Vec<Points> = chart.series.iter().map(|s| place(s, &chart.x, &chart.y)).collect();
    root.fill(&WHITE).map_err(fault)?;
    let mut context = ChartBuilder::on(root)
        .caption(&chart.title, ("sans-serif", 16))
        .margin(12)
        .margin_right(LEGEND)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(range(&placed, |p| p.0), range(&placed, |p| p.1))
        .map_err(fault)?;
    let text = |axis: &Axis| {
        let log = axis.log;
        move |v: &f64| if log { number(10f64.powf(*v)) } else { number(*v) }
    };
    context
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(chart.x.label.as_str())
        .y_desc(chart.y.label.as_str())
        .label_style(("sans-serif", 12))
        .axis_desc_style(("sans-serif", 14))
        .x_label_formatter(&text(&chart.x))
        .y_label_formatter(&text(&chart.y))
        .draw()
        .map_err(fault)?;
    let mut names: Vec<&str> = vec![];
    for (series, at) in chart.series.iter().zip(placed) {
        let known = names.iter().position(|n| *n == series.name);
        let index = known.unwrap_or(names.len());
        let colour = COLOURS[index % COLOURS.len()];
        let drawn = match (series.line, index < COLOURS.len()) {
            (true, true) => context.draw_series(LineSeries::new(at, colour.stroke_width(2))).map(drop),
            // the colours begin anew, with dashes
            (true, false) => context.draw_series(DashedLineSeries::new(at, 7, 4, colour.stroke_width(2))).map(drop),
            (false, _) => context.draw_series(at.into_iter().map(|p| Circle::new(p, 4, colour.filled()))).map(drop),
        };
        drawn.map_err(fault)?;
        if known.is_none() {
            names.push(&series.name);
        }
    }
    legend(root, &names).map_err(fault)?;
    root.present().map_err(fault)
}

/// The names of the series, beside the plot: there they cover nothing.
fn legend(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    names: &[&str],
) -> std::result::Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let left = (SIZE.0 - LEGEND) as i32 + 12;
    let style = ("sans-serif", 12).into_font().color(&BLACK);
    for (k, name) in names.iter().enumerate() {
        let (y, colour) = (48 + 18 * k as i32, COLOURS[k % COLOURS.len()]);
        let parts: &[(i32, i32)] = if k < COLOURS.len() { &[(0, 20)] } else { &[(0, 8), (12, 20)] };
        for (from, to) in parts {
            root.draw(&PathElement::new(vec![(left + from, y), (left + to, y)], colour.stroke_width(3)))?;
        }
        root.draw_text(name, &style, (left + 26, y - 6))?;
    }
    Ok(())
}

fn place(series: &Series, x: &Axis, y: &Axis) -> Points {
    let on = |axis: &Axis, v: f64| if axis.log { v.log10() } else { v };
    let all = series.points.iter().map(|&(a, b)| (on(x, a), on(y, b)));
    all.filter(|(a, b)| a.is_finite() && b.is_finite()).collect()
}

fn range(placed: &[Points], of: fn(&(f64, f64)) -> f64) -> Range<f64> {
    let values = || placed.iter().flatten().map(of);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        return 0.0..1.0;
    }
    let margin = (0.05 * (high - low)).max(1e-9 + 1e-3 * high.abs());
    low - margin..high + margin
}

/// A number to three digits.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        1e-2..1e4 => {
            let digits = (2 - value.abs().log10().floor() as i32).max(0) as usize;
            let text = format!("{value:.digits$}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
        }
        _ => format!("{value:.1e}").replace(".0e", "e"),
    }
}

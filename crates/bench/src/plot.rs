//! Plots of a report as SVG: latency by quantile, the rate over time, and medians side by side ([`bars`]).

pub(crate) mod bars;

use anyhow::{Context, Result};
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (900, 480);
const COLOURS: [RGBColor; 10] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(255, 127, 14),
    RGBColor(140, 86, 75),
    RGBColor(227, 119, 194),
    RGBColor(90, 90, 90),
    RGBColor(188, 189, 34),
    RGBColor(23, 190, 207),
];

/// One line of a plot.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Latency by quantile, of as many nines as were measured; both axes logarithmic.
pub(crate) fn latency(path: &Path, lines: &[Line]) -> Result<()> {
    let (x_max, y_max) = bounds(lines).context("nothing to plot")?;
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Latency by quantile", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..x_max, (0.05..y_max.max(0.1) * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("quantile")
        .y_desc("ms")
        .x_label_formatter(&|nines| quantile(*nines))
        .draw()?;
    draw(&mut chart, lines, SeriesLabelPosition::LowerRight)?;
    Ok(area.present()?)
}

/// Requests answered in each second.
pub(crate) fn rates(path: &Path, lines: &[Line]) -> Result<()> {
    let (x_max, y_max) = bounds(lines).context("nothing to plot")?;
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Requests answered in each second", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(80)
        .build_cartesian_2d(0.0..x_max.max(1.0), 0.0..y_max * 1.1 + 1.0)?;
    chart.configure_mesh().x_desc("second").y_desc("a second").draw()?;
    draw(&mut chart, lines, SeriesLabelPosition::UpperRight)?;
    Ok(area.present()?)
}

fn draw<'a, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    lines: &[Line],
    names: SeriesLabelPosition,
) -> Result<()>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let series = LineSeries::new(line.points.iter().copied(), colour.stroke_width(2));
        let colour = *colour;
        let key = move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2));
        chart.draw_series(series)?.label(&line.name).legend(key);
    }
    chart
        .configure_series_labels()
        .position(names)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    Ok(())
}

/// The greatest of both axes.
fn bounds(lines: &[Line]) -> Option<(f64, f64)> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let x = points().map(|(x, _)| *x).max_by(f64::total_cmp)?;
    Some((x, points().map(|(_, y)| *y).max_by(f64::total_cmp)?))
}

/// `0.99` of two nines, and so on.
fn quantile(nines: f64) -> String {
    format!("{:.5}", 1.0 - 10_f64.powf(-nines)).trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_names_its_lines_and_axes() {
        let folder = tempfile::tempdir().unwrap();
        let lines = [Line { name: "add".to_owned(), points: vec![(0.0, 1.0), (3.0, 9.0)] }];
        for (name, plot) in
            [("latency.svg", latency as fn(&Path, &[Line]) -> Result<()>), ("rates.svg", rates)]
        {
            let path = folder.path().join(name);
            plot(&path, &lines).unwrap();
            let svg = std::fs::read_to_string(&path).unwrap();
            assert!(svg.contains("add") && svg.contains("polyline"), "{name}");
        }
        assert!(latency(&folder.path().join("none.svg"), &[]).is_err());
        assert_eq!([1.0, 2.0, 3.0].map(quantile), ["0.9", "0.99", "0.999"]);
    }
}

//! Bars: values side by side on a logarithmic axis, a group for each name below it, in it a bar for each series.

use super::{COLOURS, SIZE};
use anyhow::{Context, Result};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::path::Path;

/// What there is to show.
pub(crate) struct Bars {
    pub(crate) caption: String,
    /// What a value is.
    pub(crate) unit: String,
    /// Names; behind a comma they go on in a line of their own.
    pub(crate) groups: Vec<String>,
    /// By name, with a value for each group.
    pub(crate) series: Vec<(String, Vec<f64>)>,
}

/// What stands at the foot of a bar: the axis is logarithmic and has no zero.
const FOOT: f64 = 0.02;
/// The part of the width that a group of bars takes.
const FILLED: f64 = 0.8;
/// Pixels from one line of a name to the next.
const LINE: i32 = 15;

/// Draws them.
#[expect(clippy::cast_precision_loss, reason = "a few bars")]
pub(crate) fn draw(path: &Path, bars: &Bars) -> Result<()> {
    let values = bars.series.iter().flat_map(|(_, values)| values).copied();
    let greatest = values.max_by(f64::total_cmp).context("nothing to plot")?;
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (groups, width) = (bars.groups.len() as f64, FILLED / bars.series.len() as f64);
    let mut chart = ChartBuilder::on(&area)
        .caption(&bars.caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..groups, (FOOT..greatest.max(1.0) * 5.0).log_scale())?;
    chart.configure_mesh().disable_x_mesh().x_labels(0).y_desc(&bars.unit).draw()?;
    for (number, ((name, values), colour)) in bars.series.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let left = |group: usize| group as f64 + (1.0 - FILLED) / 2.0 + number as f64 * width;
        let boxes = values.iter().enumerate().map(|(group, value)| {
            let corners = [(left(group), FOOT), (left(group) + width, value.max(FOOT))];
            Rectangle::new(corners, colour.filled())
        });
        let colour = *colour;
        let key = move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled());
        chart.draw_series(boxes)?.label(name).legend(key);
        let above = centred(10, VPos::Bottom);
        let figures = values.iter().enumerate().map(|(group, value)| {
            let middle = (left(group) + width / 2.0, value.max(FOOT) * 1.06);
            Text::new(format!("{value:.2}"), middle, above.clone())
        });
        chart.draw_series(figures)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK)
        .draw()?;
    for (group, name) in bars.groups.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(group as f64 + 0.5, FOOT));
        for (line, text) in (0..).zip(name.split(", ")) {
            let at = (x, y + 6 + line * LINE);
            area.draw(&Text::new(text.to_owned(), at, centred(12, VPos::Top)))?;
        }
    }
    Ok(area.present()?)
}

fn centred(size: i32, upright: VPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK).pos(Pos::new(HPos::Center, upright))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_named_and_bear_their_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bars.svg");
        let (groups, series) = (vec!["one, machine".to_owned()], vec![("read".to_owned(), vec![0.25])]);
        draw(&path, &Bars { caption: "p50".to_owned(), unit: "ms".to_owned(), groups, series }).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        assert!(["one", "machine", "read", "0.25"].iter().all(|word| svg.contains(word)), "{svg}");
        assert!(!svg.contains("one, machine"), "two lines");
    }
}

//! A report as files: `report.json` for programs, `report.md` for people, and plots beside them.

use super::Report;
use crate::{
    figures::{Measured, TABLE},
    plot::{self, Line},
    row::{Latency, Row, Work},
};
use anyhow::{Context, Result};
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

/// Writes all and says where.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) fn write(report: &Report, out: &Path) -> Result<()> {
    let text = markdown(report)?;
    for (name, text) in [("report.json", serde_json::to_string_pretty(report)?), ("report.md", text.clone())]
    {
        let path = out.join(name);
        fs::write(&path, text).with_context(|| format!("`{}` cannot be written", path.display()))?;
    }
    if let lines @ [_, ..] = latencies(report).as_slice() {
        plot::latency(&out.join("latency.svg"), lines)?;
    }
    if let lines @ [_, ..] = rates(report).as_slice() {
        plot::rates(&out.join("rates.svg"), lines)?;
    }
    if let Some(phases) = &report.phases {
        plot::bars::draw(&out.join("phases.svg"), &phases.bars())?;
    }
    println!("\n{text}\nwritten to {}", out.join("report.md").display());
    Ok(())
}

/// One turn as a line.
pub(super) fn row(row: &Row) -> String {
    let mut line = format!("round {} {:<12} {:>8.0}/s", row.round, row.work.name(), row.per_second);
    if let Some(latency) = &row.latency {
        let Latency { p50_ms, p99_ms, max_ms, .. } = latency;
        write!(line, "  ms p50 {p50_ms:.2} p99 {p99_ms:.2} max {max_ms:.1}").ok(); // a string takes everything
    }
    if row.refused > 0 {
        write!(line, ", {} refused", row.refused).ok(); // as above
    }
    line
}

/// All that had turns.
fn works(report: &Report) -> impl Iterator<Item = Work> + use<> {
    report.rows.iter().map(|row| row.work).collect::<BTreeSet<_>>().into_iter()
}

/// The turns of a work; of what several are compared with, those among the turns of the first.
fn turns_of(report: &Report, work: Work) -> impl Iterator<Item = &Row> {
    let of_work = move |row: &&Row| row.work == work;
    let beside = report.rows.iter().find(of_work).map(|row| row.beside);
    report.rows.iter().filter(of_work).filter(move |row| Some(row.beside) == beside)
}

/// Of the last round of each work, and of the open loop.
fn latencies(report: &Report) -> Vec<Line> {
    let rows = works(report).filter_map(|work| turns_of(report, work).last());
    let rows = rows.filter_map(|row| Some((row.work.name().to_owned(), row.latency.as_ref()?)));
    let half = report.half.iter().flat_map(|half| {
        [("mix at half rate".to_owned(), &half.latency), ("writes at half rate".to_owned(), &half.writes)]
    });
    let lines = rows.chain(half).map(|(name, latency)| Line { name, points: latency.curve.clone() });
    lines.filter(|line| !line.points.is_empty()).collect()
}

/// Of each work, its rounds one behind the other, and of the open loop.
fn rates(report: &Report) -> Vec<Line> {
    let line = |name: &str, seconds: &mut dyn Iterator<Item = u64>| {
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let points = seconds.enumerate().map(|(second, count)| (second as f64, count as f64));
        Line { name: name.to_owned(), points: points.collect() }
    };
    // The last second of a turn is not a whole one.
    let whole = |seconds: &[u64]| seconds.split_last().map_or(Vec::new(), |(_, whole)| whole.to_vec());
    let works = works(report)
        .map(|work| line(work.name(), &mut turns_of(report, work).flat_map(|row| whole(&row.each_second))));
    let half =
        report.half.iter().map(|half| line("mix at half rate", &mut whole(&half.each_second).into_iter()));
    works.chain(half).filter(|line| !line.points.is_empty()).collect()
}

fn markdown(report: &Report) -> Result<String> {
    let mut text = String::new();
    let machine = &report.machine;
    writeln!(text, "# Evercart beside the yardsticks of this machine\n")?;
    if report.smoke {
        writeln!(text, "**A smoke run: it shows that measuring works, and its figures mean nothing.**\n")?;
    }
    writeln!(
        text,
        "{}. {}, {} cores, {:.1} GB, Linux {}, {}. {} carts, {} connections; the load generator shares the cores.\n",
        report.started,
        machine.cpu,
        machine.cores,
        machine.memory_gb,
        machine.kernel,
        machine.file_system,
        report.carts,
        report.connections,
    )?;
    table(&mut text, report)?;
    sections(&mut text, report)?;
    turns(&mut text, report)?;
    writeln!(text, "\nVersions and commands:\n")?;
    for (name, version) in &report.versions {
        writeln!(text, "- {name}: {version}")?;
    }
    for (name, command) in &report.commands {
        writeln!(text, "- `{name}`: `{command}`")?;
    }
    Ok(text)
}

fn table(text: &mut String, report: &Report) -> Result<()> {
    writeln!(
        text,
        "| figure | what | measured | floor | aim | reaches | note |\n|---|---|---|---|---|---|---|"
    )?;
    for (figure, declared) in report.figures.iter().zip(&TABLE) {
        let unit = if figure.unit == "ratio" { "" } else { figure.unit };
        let value = figure.value.map_or("–".to_owned(), |value| format!("{value:.2} {unit}"));
        let (value, verdict) = (value.trim(), figure.verdict());
        writeln!(
            text,
            "| `{}` | {} | {value} | {} | {} | {verdict} | {} |",
            figure.name, declared.meaning, figure.floor, figure.aim, figure.note
        )?;
    }
    Ok(())
}

fn sections(text: &mut String, report: &Report) -> Result<()> {
    writeln!(text, "\nCarts were loaded at {:.0}/s.", report.loaded.carts_per_second)?;
    if let Some(Measured { value, note }) = &report.append {
        writeln!(text, "What an add sends, made durable and nothing else: {value:.2} of hello ({note}).")?;
    }
    if let Some(sync) = &report.sync {
        write!(
            text,
            "Disk: {:.0}/s overwritten and synced (p99 {:.2} ms)",
            sync.fdatasync_per_second, sync.fdatasync.p99_ms
        )?;
        let direct = sync.direct_per_second.map(|rate| format!(", {rate:.0}/s with O_DIRECT and O_DSYNC"));
        writeln!(text, "{}.", direct.unwrap_or_default())?;
    }
    if let Some(flash_sale) = &report.flash_sale {
        writeln!(text, "{}", flash_sale.told())?;
    }
    if let Some(phases) = &report.phases {
        writeln!(text, "\n{}", phases.told()?)?;
    }
    if let Some(overload) = &report.overload {
        let gb =
            |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| format!("{:.2}", bytes as f64 / 1e9));
        let recovered =
            overload.recovered_after_s.map_or("never".to_owned(), |after| format!("after {after:.1} s"));
        writeln!(
            text,
            "Overload: {:.0}/s meant, {:.0}/s offered over {} connections; {:.0} % of the best rate answered, {} refused \
             (p99 {:.1} ms, {} without Retry-After), {} failed, {} never sent; {} to {} GB resident; well again {recovered}.",
            overload.meant_per_second,
            overload.offered_per_second,
            overload.connections,
            overload.goodput_share * 100.0,
            overload.refused,
            overload.refusal.p99_ms,
            overload.refused_silently,
            overload.failed,
            overload.unsent,
            gb(overload.rss_before_bytes),
            gb(overload.rss_after_bytes),
        )?;
    }
    for (name, why) in &report.failures {
        writeln!(text, "**`{name}` is missing: {why}.**")?;
    }
    Ok(())
}

fn turns(text: &mut String, report: &Report) -> Result<()> {
    writeln!(
        text,
        "\n| round | work | a second | p50 ms | p99 ms | p99.9 ms | max ms | refused |\n|---|---|---|---|---|---|---|---|"
    )?;
    let shown = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
    for row in &report.rows {
        let latency = row.latency.as_ref();
        writeln!(
            text,
            "| {} | {} | {:.0} | {} | {} | {} | {} | {} |",
            row.round,
            row.work.name(),
            row.per_second,
            shown(latency.map(|latency| latency.p50_ms)),
            shown(latency.map(|latency| latency.p99_ms)),
            shown(latency.and_then(|latency| latency.p999_ms)),
            shown(latency.map(|latency| latency.max_ms)),
            row.refused
        )?;
    }
    Ok(())
}

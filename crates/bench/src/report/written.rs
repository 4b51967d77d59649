//! A report as files: `report.json` for programs, `report.md` for people.

use super::Report;
use crate::{
    figures::TABLE,
    run::{Row, Work},
};
use anyhow::{Context, Result};
use std::{fmt::Write as _, fs, path::Path};

/// Writes both and says where.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) fn write(report: &Report, out: &Path) -> Result<()> {
    let text = markdown(report)?;
    for (name, text) in [("report.json", serde_json::to_string_pretty(report)?), ("report.md", text.clone())]
    {
        let path = out.join(name);
        fs::write(&path, text).with_context(|| format!("`{}` cannot be written", path.display()))?;
    }
    println!("\n{text}\nwritten to {}", out.join("report.md").display());
    Ok(())
}

/// One turn as a line.
pub(super) fn row(row: &Row) -> String {
    let Latency { p50, p99, max } = Latency::of(row);
    let mut line = format!(
        "round {} {:<6} {:>8.0}/s  ms p50 {p50:.2} p99 {p99:.2} max {max:.1}",
        row.round,
        name(row.work),
        row.per_second
    );
    if row.refused > 0 {
        write!(line, ", {} refused", row.refused).ok(); // a string takes everything
    }
    line
}

struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

impl Latency {
    fn of(row: &Row) -> Self {
        Self { p50: row.latency.p50_ms, p99: row.latency.p99_ms, max: row.latency.max_ms }
    }
}

fn name(work: Work) -> &'static str {
    match work {
        Work::Hello => "hello",
        Work::Get => "get",
        Work::Add => "add",
        Work::Mixed => "mixed",
        Work::Redis => "redis",
    }
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
    writeln!(
        text,
        "| figure | what | measured | floor | aim | reaches | note |\n|---|---|---|---|---|---|---|"
    )?;
    for (figure, declared) in report.figures.iter().zip(&TABLE) {
        let value =
            figure.value.map_or("–".to_owned(), |value| format!("{value:.2} {}", unit(figure.unit)));
        writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} | {} |",
            figure.name,
            declared.meaning,
            value.trim(),
            figure.floor,
            figure.aim,
            figure.verdict(),
            figure.note
        )?;
    }
    writeln!(
        text,
        "\n| round | work | per second | p50 ms | p99 ms | p99.9 ms | max ms | refused |\n|---|---|---|---|---|---|---|---|"
    )?;
    for row in &report.rows {
        let latency = row.latency;
        writeln!(
            text,
            "| {} | {} | {:.0} | {:.2} | {:.2} | {:.2} | {:.1} | {} |",
            row.round,
            name(row.work),
            row.per_second,
            latency.p50_ms,
            latency.p99_ms,
            latency.p999_ms,
            latency.max_ms,
            row.refused
        )?;
    }
    writeln!(text, "\nVersions and commands:\n")?;
    for (name, version) in &report.versions {
        writeln!(text, "- {name}: {version}")?;
    }
    for (name, command) in &report.commands {
        writeln!(text, "- `{name}`: `{command}`")?;
    }
    Ok(text)
}

fn unit(unit: &'static str) -> &'static str {
    if unit == "ratio" { "" } else { unit }
}

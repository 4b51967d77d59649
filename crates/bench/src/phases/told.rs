//! Phases as tables of a report, and as bars.

use super::{Phases, Turn};
use crate::plot::bars::Bars;
use anyhow::Result;
use std::fmt::Write as _;

impl Phases {
    /// In the words of the report.
    pub(crate) fn told(&self) -> Result<String> {
        let mut text = String::from("## Phases of a shop over real engines\n\n");
        writeln!(
            text,
            "{} carts of 3 to 5 lines, each as popular as any other; turns of {} s over HTTP, {} requests under way at once. \
             Local servers with small heaps on the cores of the load, PostgreSQL without syncs and DynamoDB Local in memory: \
             what is durable is phase 0 alone. Times inside are means; a cache counts as the engine's. Operations are those of \
             requests, and behind the plus those of workers behind them.\n",
            self.carts,
            self.seconds,
            super::IN_FLIGHT.map(|count| count.to_string()).join(" and "),
        )?;
        writeln!(
            text,
            "| phase | request | under way | a second | p50 ms | p99 ms | in the server ms | of it evercart's own | \
             operations of the engine |\n|---|---|---|---|---|---|---|---|---|"
        )?;
        for phase in &self.phases {
            let title = format!("{}: {}", phase.number, phase.name);
            for turn in &phase.turns {
                writeln!(text, "| {title} | {} |", row(turn))?;
            }
            if let Some(why) = &phase.failure {
                writeln!(text, "| {title} | missing: {} | | | | | | | |", why.replace('\n', " "))?;
            }
        }
        Ok(text)
    }

    /// The medians, of the phases that were measured.
    pub(crate) fn bars(&self) -> Bars {
        let measured: Vec<_> = self.phases.iter().filter(|phase| !phase.turns.is_empty()).collect();
        let groups = measured.iter().map(|phase| format!("{}: {}", phase.number, phase.name)).collect();
        let turns = measured.first().map_or([].as_slice(), |phase| phase.turns.as_slice());
        let series = turns.iter().enumerate().map(|(at, turn)| {
            let values = measured.iter().filter_map(|phase| Some(phase.turns.get(at)?.latency.p50_ms));
            (format!("{}, {} under way", turn.work, turn.in_flight), values.collect())
        });
        let series = series.collect();
        Bars { caption: "Median time of a request".to_owned(), unit: "ms".to_owned(), groups, series }
    }
}

fn row(turn: &Turn) -> String {
    let Turn { work, in_flight, per_second, refused, latency, inside } = turn;
    let operations = inside.engine_operations.iter().map(|(name, by)| format!("{by:.2} {name}"));
    let operations: Vec<String> = operations.collect();
    let own = inside.own_share();
    let own_ms = inside.server_ms * own;
    let refused = if *refused > 0 { format!(", {refused} refused") } else { String::new() };
    format!(
        "{work} | {in_flight} | {per_second:.0}{refused} | {:.2} | {:.2} | {:.3} | {:.0} % ({own_ms:.3} ms) | {:.2} ({}) + {:.2}",
        latency.p50_ms,
        latency.p99_ms,
        inside.server_ms,
        own * 100.0,
        inside.operations(),
        operations.join(", "),
        inside.worker_operations,
    )
}

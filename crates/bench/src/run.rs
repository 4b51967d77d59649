//! Both sides in turn: A B C A B C A B C, each for the same time, while the others are held still.
//!
//! A row is what one turn saw. Medians over the rounds go into figures, all rows into the report.

use crate::{
    process::Side,
    workload::{self, Guests, Mix, Restorers, Shoppers, Smallest},
    yardstick::redis::Programs,
};
use anyhow::{Context, Result, ensure};
use gameday::load::{self, Pace, Plan, Recording};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// Keep-alive connections of every closed loop.
pub(crate) const CONNECTIONS: usize = 64;
/// Longer than it takes to put carts back between turns.
const RESTORE_MAX: Duration = Duration::from_secs(120);

/// What can have a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// The smallest answer.
    Hello,
    /// A cart read.
    Get,
    /// A line added.
    Add,
    /// Five reads to an add.
    Mixed,
    /// A value set.
    Redis,
}

/// What one turn saw.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// Which turn.
    pub(crate) round: u32,
    /// Of what.
    pub(crate) work: Work,
    /// Requests of the measured kinds, answered in a second.
    pub(crate) per_second: f64,
    /// Carts put back beside them, in a second.
    pub(crate) restored_per_second: f64,
    /// Answered 503.
    pub(crate) refused: u64,
    /// Answered otherwise, or not at all. A row with any counts for nothing.
    pub(crate) failed: u64,
    /// Milliseconds of the measured kinds.
    pub(crate) latency: Latency,
    /// Answered in each second.
    pub(crate) each_second: Vec<u64>,
    /// The program that asked, where it was another than this.
    pub(crate) command: Option<String>,
}

/// Milliseconds at quantiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) max_ms: f64,
}

/// The programs of a run that are measured over the network, each where something needs it.
pub(crate) struct Sides {
    pub(crate) hello: Option<Side>,
    pub(crate) evercart: Option<(Side, Arc<Guests>)>,
    pub(crate) redis: Option<(Side, Programs)>,
}

impl Sides {
    fn all(&self) -> impl Iterator<Item = &Side> {
        let evercart = self.evercart.iter().map(|(side, _)| side);
        self.hello.iter().chain(evercart).chain(self.redis.iter().map(|(side, _)| side))
    }

    /// Runs `turn` with only one of them awake.
    pub(crate) fn alone<T>(&self, name: &str, turn: impl FnOnce() -> Result<T>) -> Result<T> {
        let others: Vec<&Side> = self.all().filter(|side| side.name != name).collect();
        others.iter().try_for_each(|side| side.hold())?;
        let outcome = turn();
        others.iter().try_for_each(|side| side.wake())?;
        outcome
    }

    /// One turn of a closed loop.
    pub(crate) fn turn(&self, work: Work, round: u32, duration: Duration) -> Result<Row> {
        match work {
            Work::Hello => {
                let side = self.hello.as_ref().context("no `hello` was started")?;
                let recording = self.alone(side.name, || Ok(load::run(closed(side, duration), Smallest)?))?;
                Row::of(work, round, &recording, &[workload::READ])
            }
            Work::Get => self.shop(work, Mix::Reads, round, duration),
            Work::Add => self.shop(work, Mix::Adds, round, duration),
            Work::Mixed => self.shop(work, Mix::Mixed, round, duration),
            Work::Redis => {
                let (side, programs) = self.redis.as_ref().context("no redis was started")?;
                let (command, said) =
                    self.alone(side.name, || programs.load(side.address, CONNECTIONS, duration))?;
                let latency = Latency {
                    p50_ms: said.p50_ms,
                    p99_ms: said.p99_ms,
                    max_ms: said.max_ms,
                    ..Latency::default()
                };
                let (per_second, command) = (said.per_second, Some(command));
                let empty = Recording::new(0);
                Ok(Row { per_second, latency, command, ..Row::of(work, round, &empty, &[])? })
            }
        }
    }

    fn shop(&self, work: Work, mix: Mix, round: u32, duration: Duration) -> Result<Row> {
        let (side, guests) = self.evercart.as_ref().context("evercart was not started")?;
        let shoppers = Shoppers::new(guests, mix, u64::from(round) << 8 | work as u64)?;
        let recording = self.alone(side.name, || Ok(load::run(closed(side, duration), shoppers)?))?;
        self.restore()?;
        Row::of(work, round, &recording, &[workload::READ, workload::ADD])
    }

    /// Puts the carts back that have grown.
    pub(crate) fn restore(&self) -> Result<()> {
        let Some((side, guests)) = &self.evercart else { return Ok(()) };
        let recording = load::run(closed(side, RESTORE_MAX), Restorers::new(guests)?)?;
        let failed = recording.failed() + recording.refused();
        ensure!(failed == 0, "{failed} carts could not be put back");
        Ok(())
    }
}

fn closed(side: &Side, duration: Duration) -> Plan {
    let pace = Pace::Closed;
    Plan { address: side.address, connections: CONNECTIONS, duration, pace, kinds: workload::KINDS }
}

impl Row {
    fn of(work: Work, round: u32, recording: &Recording, measured: &[usize]) -> Result<Self> {
        let failed = recording.failed();
        ensure!(failed == 0, "{failed} requests of {work:?} failed: the figure would count for nothing");
        let all = |kinds: &[usize]| -> u64 {
            kinds.iter().map(|kind| recording.kinds[*kind].latency_us.len()).sum()
        };
        let restored = if recording.kinds.is_empty() { 0 } else { all(&[workload::RESTORE]) };
        Ok(Self {
            round,
            work,
            per_second: rate(all(measured), recording.elapsed),
            restored_per_second: rate(restored, recording.elapsed),
            refused: recording.refused(),
            failed,
            latency: Latency::of(recording, measured),
            each_second: recording.seconds.iter().map(|second| second.done).collect(),
            command: None,
        })
    }
}

impl Latency {
    /// Over these kinds together.
    pub(crate) fn of(recording: &Recording, kinds: &[usize]) -> Self {
        let mut kinds = kinds.iter().map(|kind| &recording.kinds[*kind].latency_us);
        let Some(mut all) = kinds.next().cloned() else { return Self::default() };
        // All have the same bounds, so that none can be refused.
        kinds.for_each(|other| _ = all.add(other).ok());
        let at = |quantile| ms(all.value_at_quantile(quantile));
        Self { p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), p999_ms: at(0.999), max_ms: ms(all.max()) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds far below 2^52")]
fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
fn rate(count: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// All turns of all rounds, told as they end.
pub(crate) fn rounds(
    sides: &Sides,
    works: &BTreeSet<Work>,
    rounds: u32,
    duration: Duration,
    mut tell: impl FnMut(&Row),
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for round in 1..=rounds {
        for work in works {
            let row = sides.turn(*work, round, duration)?;
            tell(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}

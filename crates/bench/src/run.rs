//! Both sides in turn: A B C A B C A B C, each for the same time, while the others are held still.

use crate::{
    inside::asked::Asked,
    process::Side,
    row::{Latency, Row, Work},
    sizes::{ToEmpty, ToFull},
    workload::{self, Guests, Mix, Shoppers, Smallest},
    yardstick::redis::Programs,
};
use anyhow::{Context, Result};
use gameday::load::{self, Pace, Plan, Source};
use std::{sync::Arc, time::Duration};

/// Keep-alive connections of every closed loop.
pub(crate) const CONNECTIONS: usize = 64;

/// Turns with carts of two sizes are shorter by this, so that full ones do not grow much.
const SIZES_SHARE: u32 = 4;

/// A server with the guests of its shop.
pub(crate) struct Shop {
    pub(crate) side: Side,
    pub(crate) guests: Arc<Guests>,
}

/// The programs that are measured, each where something needs it.
#[derive(Default)]
pub(crate) struct Sides {
    pub(crate) hello: Option<Side>,
    pub(crate) append: Option<Shop>,
    pub(crate) evercart: Option<Shop>,
    pub(crate) small: Option<Shop>,
    pub(crate) redis: Option<(Side, Programs)>,
    pub(crate) whole: Option<Asked>,
    pub(crate) engine: Option<Asked>,
}

impl Sides {
    /// All that were started.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Side> {
        let shops = self.evercart.iter().chain(&self.small).chain(&self.append).map(|shop| &shop.side);
        let asked = self.whole.iter().chain(&self.engine).map(Asked::side);
        self.hello.iter().chain(shops).chain(self.redis.iter().map(|(side, _)| side)).chain(asked)
    }

    /// Runs `turn` with only one of them awake.
    fn alone<T>(&self, awake: &Side, turn: impl FnOnce() -> Result<T>) -> Result<T> {
        let others: Vec<&Side> = self.all().filter(|side| side.name != awake.name).collect();
        others.iter().try_for_each(|side| side.hold())?;
        let outcome = turn();
        others.iter().try_for_each(|side| side.wake())?;
        outcome
    }

    /// One turn of a closed loop.
    pub(crate) fn turn(&self, work: Work, round: u32, duration: Duration) -> Result<Row> {
        let missing = || format!("nothing was started for `{}`", work.name());
        match work {
            Work::Hello => {
                let side = self.hello.as_ref().with_context(missing)?;
                let recording = self.alone(side, || Ok(load::run(closed(side, duration), Smallest)?))?;
                Row::of(work, round, &recording, &[workload::READ])
            }
            Work::Get | Work::Add | Work::Mixed | Work::AddToEmpty | Work::AddToFull => {
                let shop = self.evercart.as_ref().with_context(missing)?;
                self.alone(&shop.side, || shop.turn(work, round, duration))
            }
            Work::Small | Work::Append => {
                let shop = if work == Work::Small { &self.small } else { &self.append };
                let shop = shop.as_ref().with_context(missing)?;
                self.alone(&shop.side, || shop.turn(work, round, duration))
            }
            Work::Redis => {
                let (side, programs) = self.redis.as_ref().with_context(missing)?;
                let load = || programs.load(side.address, CONNECTIONS, duration);
                let (command, said) = self.alone(side, load)?;
                let (p50_ms, p99_ms, max_ms) = (said.p50_ms, said.p99_ms, said.max_ms);
                let latency = Some(Latency { p50_ms, p99_ms, max_ms, ..Latency::default() });
                Ok(Row { command: Some(command), latency, ..Row::bare(work, round, said.per_second) })
            }
            Work::Whole | Work::Engine => {
                let asked = if work == Work::Whole { &self.whole } else { &self.engine };
                let asked = asked.as_ref().with_context(missing)?;
                self.alone(asked.side(), || asked.turn(work, round, duration))
            }
        }
    }
}

impl Shop {
    fn turn(&self, work: Work, round: u32, duration: Duration) -> Result<Row> {
        let mix = match work {
            Work::AddToEmpty => {
                return self.load(work, round, duration / SIZES_SHARE, ToEmpty(Arc::clone(&self.guests)));
            }
            Work::AddToFull => {
                return self.load(work, round, duration / SIZES_SHARE, ToFull::new(Arc::clone(&self.guests)));
            }
            Work::Get => Mix::Reads,
            Work::Add | Work::Append => Mix::Adds,
            _ => Mix::Mixed,
        };
        let shoppers = Shoppers::new(&self.guests, mix, u64::from(round) << 8 | work as u64)?;
        self.load(work, round, duration, shoppers)
    }

    /// One turn of a closed loop with requests of any source.
    fn load(&self, work: Work, round: u32, duration: Duration, source: impl Source + 'static) -> Result<Row> {
        let recording = load::run(closed(&self.side, duration), source)?;
        Row::of(work, round, &recording, &[workload::READ, workload::ADD])
    }
}

fn closed(side: &Side, duration: Duration) -> Plan {
    side.plan(CONNECTIONS, duration, Pace::Closed)
}

/// A work that is measured, and what it is compared with: they take turns. Other works have theirs before or after, so that no
/// figure is of a store that does something else, or of what that left behind.
pub(crate) struct Group {
    /// The one that is measured.
    pub(crate) of: Work,
    /// All of them, in the order of their turns.
    pub(crate) works: Vec<Work>,
}

/// All turns of all rounds of a group, told as they end.
pub(crate) fn rounds(
    sides: &Sides,
    group: &Group,
    rounds: u32,
    duration: Duration,
    mut tell: impl FnMut(&Row),
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for round in 1..=rounds {
        for work in &group.works {
            let row = Row { beside: group.of, ..sides.turn(*work, round, duration)? };
            tell(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}

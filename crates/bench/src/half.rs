//! The open loop: the mix at half of the rate that it saturates at, each latency from the intended moment of sending.
//!
//! A closed loop hides stalls, because nothing is sent while nothing is answered. Here everything is meant to be sent at
//! its moment, and what waited, in the server or in this program, waited.

use crate::{
    figures::Measured,
    row::{Latency, rate},
    run::{CONNECTIONS, Shop},
    workload::{self, Mix, Shoppers},
};
use anyhow::{Context, Result, ensure};
use gameday::load::{self, Pace};
use serde::Serialize;
use std::time::Duration;

/// What was seen.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Half {
    /// Requests that were meant to be sent in a second.
    pub(crate) meant_per_second: f64,
    /// For so long.
    pub(crate) seconds: u64,
    /// Reads and adds, answered in a second.
    pub(crate) per_second: f64,
    /// Answered 503.
    pub(crate) refused: u64,
    /// Moments at which nothing was sent any more.
    pub(crate) unsent: u64,
    /// Of reads and adds.
    pub(crate) latency: Latency,
    /// Of all writes: adds, and carts cleared.
    pub(crate) writes: Latency,
    /// Answered in each second.
    pub(crate) each_second: Vec<u64>,
}

/// Runs it against a warm server that answered `saturated` requests of all kinds in a second.
pub(crate) fn run(shop: &Shop, saturated: f64, duration: Duration) -> Result<Half> {
    let meant_per_second = saturated / 2.0;
    let pace = Pace::Open { per_second: meant_per_second };
    let plan = shop.side.plan(CONNECTIONS, duration, pace);
    let recording = load::run(plan, Shoppers::new(&shop.guests, Mix::Mixed, HALF_SEED)?)?;
    ensure!(recording.failed() == 0, "{} requests failed", recording.failed());
    let (mix, writes) = ([workload::READ, workload::ADD], [workload::ADD, workload::CLEAR]);
    let done = mix.iter().map(|kind| recording.kinds[*kind].latency_us.len()).sum();
    Ok(Half {
        meant_per_second,
        seconds: duration.as_secs(),
        per_second: rate(done, recording.elapsed),
        refused: recording.refused(),
        unsent: recording.unsent,
        latency: Latency::of_kinds(&recording, &mix).context("no kinds")?,
        writes: Latency::of_kinds(&recording, &writes).context("no kinds")?,
        each_second: recording.seconds.iter().map(|second| second.done).collect(),
    })
}

const HALF_SEED: u64 = 0x4a1f;

impl Half {
    /// Its two figures.
    pub(crate) fn measured(&self) -> [(&'static str, Measured); 2] {
        let asked = format!("{:.0}/s for {} s", self.meant_per_second, self.seconds);
        let lost = if self.refused + self.unsent > 0 {
            format!("; {} refused, {} never sent: no latency tells of them", self.refused, self.unsent)
        } else {
            String::new()
        };
        let p999 = self.latency.p999_ms.unwrap_or_default();
        let note = format!("{asked}; p50 {:.2}, p99 {:.2}{lost}", self.latency.p50_ms, self.latency.p99_ms);
        let slowest =
            format!("{asked}; p99.9 of writes {:.2}{lost}", self.writes.p999_ms.unwrap_or_default());
        [
            ("p999_half_ms", Measured { value: p999, note }),
            ("max_half_ms", Measured { value: self.writes.max_ms, note: slowest }),
        ]
    }
}

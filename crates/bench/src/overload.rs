//! Three times as much as can be answered: what is still answered, how fast the rest is refused, and how soon all is well.
//!
//! An open loop over so many connections, that the server and not the number of connections bounds what waits. How much
//! was really offered is said: where it is less than meant, the load generator itself was short of the cores, which it
//! shares.

use crate::{
    row::{Latency, rate},
    run::Shop,
    workload::{self, Mix, Shoppers},
};
use anyhow::{Context, Result};
use gameday::load::{self, Pace};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use std::time::{Duration, Instant};

const TIMES: f64 = 3.0;
/// Twice the requests that a server has under way at most, by default: with fewer connections none is ever refused.
const CONNECTIONS: usize = 4_096;
/// One connection and a short burst show whether all is well again.
const PROBE: Duration = Duration::from_millis(100);
const RECOVERY_MAX: Duration = Duration::from_secs(60);
/// The slowest answer of a server that is well.
const WELL_MS: f64 = 50.0;

/// What was seen.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Overload {
    pub(crate) meant_per_second: f64,
    /// Requests that were sent in a second.
    pub(crate) offered_per_second: f64,
    pub(crate) connections: usize,
    pub(crate) seconds: f64,
    /// Answered 2xx, over what a closed loop got at best.
    pub(crate) goodput_share: f64,
    pub(crate) refused: u64,
    /// 503 without `Retry-After`.
    pub(crate) refused_silently: u64,
    /// Answered otherwise, and connections that broke.
    pub(crate) failed: u64,
    pub(crate) unsent: u64,
    /// Of refusals, from when the request was sent.
    pub(crate) refusal: Latency,
    pub(crate) rss_before_bytes: Option<u64>,
    pub(crate) rss_after_bytes: Option<u64>,
    /// From the last answer of the load until probes are answered without refusal and fast; none if that took longer
    /// than anybody waits.
    pub(crate) recovered_after_s: Option<f64>,
}

/// Runs it against a server that answered `saturated` requests of all kinds in a second.
pub(crate) fn run(shop: &Shop, saturated: f64, duration: Duration) -> Result<Overload> {
    raise_descriptors();
    let rss_before_bytes = shop.side.resident_bytes();
    let meant_per_second = saturated * TIMES;
    let pace = Pace::Open { per_second: meant_per_second };
    let plan = shop.side.plan(CONNECTIONS, duration, pace);
    let recording = load::run(plan, Shoppers::new(&shop.guests, Mix::Mixed, OVERLOAD_SEED)?)?;
    let recovered_after_s = recover(shop, Instant::now())?;
    let refusals = recording.kinds.iter().map(|kind| &kind.refusal_us);
    let (done, refused, failed) = (recording.done(), recording.refused(), recording.failed());
    Ok(Overload {
        meant_per_second,
        offered_per_second: rate(done + refused + failed, recording.elapsed),
        connections: CONNECTIONS,
        seconds: recording.elapsed.as_secs_f64(),
        goodput_share: rate(done, recording.elapsed) / saturated,
        refused,
        refused_silently: recording.kinds.iter().map(|kind| kind.refused_silently).sum(),
        failed,
        unsent: recording.unsent,
        refusal: Latency::over(refusals).context("no kinds")?,
        rss_before_bytes,
        rss_after_bytes: shop.side.resident_bytes(),
        recovered_after_s,
    })
}

const OVERLOAD_SEED: u64 = 0x0ad5;

/// As many open files as this process may have. Where that is not enough, connections break, and that is counted.
fn raise_descriptors() {
    let limits = getrlimit(Resource::Nofile);
    // Where it is refused the limit stays what it is.
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits }).ok();
}

/// Seconds until a probe sees a server that is well.
fn recover(shop: &Shop, since: Instant) -> Result<Option<f64>> {
    let plan = shop.side.plan(1, PROBE, Pace::Closed);
    while since.elapsed() < RECOVERY_MAX {
        let begun = since.elapsed();
        let seen = load::run(plan, Shoppers::new(&shop.guests, Mix::Mixed, OVERLOAD_SEED)?)?;
        let kinds: Vec<usize> = (0..workload::KINDS).collect();
        let slowest = Latency::of_kinds(&seen, &kinds).map_or(0.0, |latency| latency.max_ms);
        if seen.done() > 0 && seen.failed() + seen.refused() == 0 && slowest < WELL_MS {
            return Ok(Some(begun.as_secs_f64()));
        }
    }
    Ok(None)
}

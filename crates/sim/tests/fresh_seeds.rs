//! Seeds that nobody has run before, for as many seconds as `EVERCART_SIM_SECONDS` says; a second if it says nothing.
//!
//! A seed that breaks a promise is printed with its trace. It belongs into `seeds.rs` as a named test.

#![allow(clippy::panic, clippy::print_stdout, reason = "a test")]

use sim::{Climate, Options};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

#[test]
fn fresh_seeds_break_nothing() {
    let seconds = std::env::var("EVERCART_SIM_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
    let first = u64::try_from(now & u128::from(u64::MAX >> 8)).unwrap_or(0) << 8; // the upper bits do not matter
    let mut counts: BTreeMap<&str, (u64, usize, usize)> = BTreeMap::new();
    let mut seed = first;
    while Instant::now() < end {
        let report = sim::run(seed, &Options::default());
        if report.violation.is_some() {
            panic!("{report}");
        }
        let (seeds, requests, applied) = counts.entry(report.climate.name).or_default();
        (*seeds, *requests, *applied) = (*seeds + 1, *requests + report.requests, *applied + report.applied);
        seed += 1;
    }
    assert_eq!(counts.len(), Climate::ALL.len(), "every climate had its turn");
    for (climate, (seeds, requests, applied)) in counts {
        println!("{climate}: {seeds} seeds from {first:#x}, {requests} requests, {applied} applied");
    }
}

//! How long a server that was killed takes to answer again.
//!
//! It is killed in the middle of adds, so that its journal holds as much as it does at work, and the clock runs from the
//! start of the next process to its first answer of a cart.

use crate::{
    figures::{self, Measured},
    process::Side,
    run::CONNECTIONS,
    workload::{Guests, Mix, Shoppers},
};
use anyhow::{Context, Result, ensure};
use gameday::load::{self, Pace, Source};
use serde::Serialize;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// How often it was tried, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Opening {
    /// Seconds of each.
    pub(crate) seconds: Vec<f64>,
    /// Adds between two of them.
    pub(crate) adds: Vec<u64>,
}

/// One request.
struct Once(Shoppers, bool);

impl Source for Once {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<usize> {
        if std::mem::replace(&mut self.1, true) { None } else { self.0.next(request) }
    }
}

/// Works, kills and opens on `data`, `rounds` times.
pub(crate) fn run(
    binary: &Path,
    data: &Path,
    guests: &Arc<Guests>,
    rounds: u32,
    work: Duration,
) -> Result<Opening> {
    let mut opening = Opening { seconds: Vec::new(), adds: Vec::new() };
    for round in 0..rounds {
        let side = Side::evercart("evercart", binary, data)?;
        let shoppers = |mix| Shoppers::new(guests, mix, u64::from(round));
        let adds = load::run(side.plan(CONNECTIONS, work, Pace::Closed), shoppers(Mix::Adds)?)?;
        opening.adds.push(adds.done());
        drop(side); // kills it

        let start = Instant::now();
        let side = Side::evercart("evercart", binary, data)?;
        let seen = load::run(side.plan(1, work, Pace::Closed), Once(shoppers(Mix::Reads)?, false))?;
        let elapsed = start.elapsed();
        ensure!(seen.done() == 1, "the first read was not answered");
        opening.seconds.push(elapsed.as_secs_f64());
    }
    Ok(opening)
}

impl Opening {
    /// The median.
    pub(crate) fn measured(&self, carts: u64) -> Result<Measured> {
        let value = figures::median(&self.seconds).context("nothing was opened")?;
        let shown: Vec<String> = self.seconds.iter().map(|seconds| format!("{seconds:.2}")).collect();
        let (adds, shown) = (self.adds.first().copied().unwrap_or_default(), shown.join(", "));
        Ok(Measured { value, note: format!("with {carts} carts, after {adds} adds; each {shown}") })
    }
}

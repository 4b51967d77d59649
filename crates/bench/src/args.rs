//! The words of `bench report`.

use crate::{
    figures::{APPEND, TABLE},
    yardstick::redis::Programs,
};
use anyhow::{Result, ensure};
use clap::Args;
use std::{collections::BTreeSet, path::PathBuf, time::Duration};

/// Words of `bench report`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReportArgs {
    /// The server to measure
    #[arg(long, value_name = "FILE")]
    pub(crate) evercart: PathBuf,
    /// `redis-server`, with `redis-benchmark` beside it; without it, nothing is compared with redis
    #[arg(long, value_name = "FILE")]
    pub(crate) redis: Option<PathBuf>,
    /// Where the report and all data go
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Carts in the shop
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10..))]
    carts: u64,
    /// Measure these figures alone, and `append_vs_hello`, `overload`, `sync` or `flash_sale`; `engines` only where it is
    /// asked for
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Seconds of the open loop, the long one
    #[arg(long, value_name = "S", default_value_t = 600)]
    seconds: u64,
    /// Everything in seconds, to see that it works: figures mean nothing
    #[arg(long)]
    pub(crate) smoke: bool,
}

/// Sections of a report that are no figures of the table.
pub(crate) const OVERLOAD: &str = "overload";
pub(crate) const SYNC: &str = "sync";
pub(crate) const FLASH_SALE: &str = "flash_sale";
/// The phases of a shop over real engines: minutes, and servers that must be had first. Never by default.
pub(crate) const ENGINES: &str = "engines";

const SMOKE_CARTS: u64 = 2_000;
/// At 50,000 reads a second, by Zipf, one cart in ten of a million is asked for anew in the last of 30 seconds.
const CARTS_WARMED_PER_S: u64 = 50_000;
const SMOKE_TURN: Duration = Duration::from_millis(300);

impl ReportArgs {
    /// Carts in the shop.
    pub(crate) fn carts(&self) -> u64 {
        let needs_few = self.smoke || self.only == [ENGINES];
        if needs_few { self.carts.min(SMOKE_CARTS) } else { self.carts }
    }

    /// Carts in the small shop that growth is measured against.
    pub(crate) fn small_carts(&self) -> u64 {
        (self.carts() / 10).min(100_000)
    }

    /// How often each side has its turn.
    pub(crate) fn rounds(&self) -> u32 {
        if self.smoke { 1 } else { 3 }
    }

    /// How long a turn takes.
    pub(crate) fn turn(&self) -> Duration {
        if self.smoke { SMOKE_TURN } else { Duration::from_secs(8) }
    }

    /// How long everything is warmed: the more carts there are, the longer it takes until those that are asked for often
    /// are known.
    pub(crate) fn warm(&self) -> Duration {
        if self.smoke { SMOKE_TURN } else { Duration::from_secs(10 + self.carts() / CARTS_WARMED_PER_S) }
    }

    /// How long the open loop takes.
    pub(crate) fn half(&self) -> Duration {
        if self.smoke { SMOKE_TURN } else { Duration::from_secs(self.seconds) }
    }

    /// How long a turn of a phase takes, and the time before it to warm up.
    pub(crate) fn phase_turn(&self) -> (Duration, Duration) {
        let seconds = Duration::from_secs;
        if self.smoke { (SMOKE_TURN, SMOKE_TURN) } else { (seconds(6), seconds(3)) }
    }

    /// How long overload takes.
    pub(crate) fn overload(&self) -> Duration {
        if self.smoke { SMOKE_TURN } else { Duration::from_secs(15) }
    }

    /// What is asked for.
    pub(crate) fn wanted(&self) -> Result<BTreeSet<String>> {
        let all = TABLE.iter().map(|declared| declared.name).chain([APPEND, OVERLOAD, SYNC, FLASH_SALE]);
        let all: BTreeSet<String> = all.map(str::to_owned).collect();
        for name in &self.only {
            let names: Vec<&str> = all.iter().map(String::as_str).chain([ENGINES]).collect();
            let is_known = names.contains(&name.as_str());
            ensure!(is_known, "there is no figure `{name}`: there are {}", names.join(", "));
        }
        Ok(if self.only.is_empty() { all } else { self.only.iter().cloned().collect() })
    }

    /// Redis, where it is had.
    pub(crate) fn programs(&self) -> Option<Programs> {
        let server = self.redis.clone()?;
        let benchmark = server.with_file_name("redis-benchmark");
        Some(Programs { server, benchmark })
    }
}

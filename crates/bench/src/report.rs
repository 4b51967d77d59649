//! `bench report`: all that is measured in one run, and its two files.
//!
//! Nothing is written into the report but what this run saw; what it did not measure, it says.

mod written;

use crate::{
    figures::{self, Measured, TABLE},
    loading,
    machine::{self, Machine},
    process::Side,
    run::{self, Row, Sides, Work},
    workload::Guests,
    yardstick::redis::Programs,
};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;
use server::{keys::Keys, wiring::World};
use service::Environment as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

/// Words of `bench report`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReportArgs {
    /// The server to measure
    #[arg(long, value_name = "FILE")]
    evercart: PathBuf,
    /// `redis-server`, with `redis-benchmark` beside it; without it, nothing is compared with redis
    #[arg(long, value_name = "FILE")]
    redis: Option<PathBuf>,
    /// Where the report and all data go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Carts in the shop
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    carts: u64,
    /// Measure these figures alone
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Seconds of the open loop, the long one
    #[arg(long, value_name = "S", default_value_t = 600)]
    seconds: u64,
    /// Everything in seconds, to see that it works: figures mean nothing
    #[arg(long)]
    smoke: bool,
}

/// What a report says.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    started: String,
    machine: Machine,
    versions: BTreeMap<&'static str, String>,
    commands: BTreeMap<&'static str, String>,
    carts: u64,
    connections: usize,
    loaded_carts_per_second: Option<f64>,
    smoke: bool,
    figures: Vec<figures::Figure>,
    rows: Vec<Row>,
}

const ROUNDS: u32 = 3;
const TURN: Duration = Duration::from_secs(8);
const WARM: Duration = Duration::from_secs(10);
const SMOKE_TURN: Duration = Duration::from_millis(400);
const SMOKE_CARTS: u64 = 2_000;

impl ReportArgs {
    fn carts(&self) -> u64 {
        if self.smoke { self.carts.min(SMOKE_CARTS) } else { self.carts }
    }

    fn turn(&self) -> Duration {
        if self.smoke { SMOKE_TURN } else { TURN }
    }

    /// The names of the figures that are asked for.
    fn wanted(&self) -> Result<BTreeSet<String>> {
        let known = || TABLE.iter().map(|declared| declared.name.to_owned());
        for name in &self.only {
            let names: Vec<String> = known().collect();
            ensure!(names.contains(name), "there is no figure `{name}`: there are {}", names.join(", "));
        }
        Ok(if self.only.is_empty() { known().collect() } else { self.only.iter().cloned().collect() })
    }

    fn programs(&self) -> Option<Programs> {
        let server = self.redis.clone()?;
        let benchmark = server.with_file_name("redis-benchmark");
        Some(Programs { server, benchmark })
    }
}

/// Measures, and writes `report.json` and `report.md`.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) fn run(args: &ReportArgs) -> Result<()> {
    let wanted = args.wanted()?;
    std::fs::create_dir_all(&args.out)?;
    let out = args.out.canonicalize()?;
    let started = jiff::Timestamp::now().to_string();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let loaded =
        runtime.block_on(loading::loaded(&out, args.carts())).context("the carts cannot be loaded")?;
    drop(runtime);
    if let Some(rate) = loaded.carts_per_second {
        println!("{} carts loaded, {rate:.0}/s", args.carts());
    }

    let works = works(&wanted, args.programs().is_some());
    let sides = start(args, &works, &loaded.folder, &out.join("run"))?;
    if let Some((_, guests)) = &sides.evercart {
        println!("warming: {} carts, {} connections", guests.carts(), run::CONNECTIONS);
        sides.turn(Work::Get, 0, if args.smoke { SMOKE_TURN } else { WARM })?;
    }
    let rows = run::rounds(&sides, &works, ROUNDS, args.turn(), |row| println!("{}", written::row(row)))?;

    let mut measured = figures::ratios(&rows);
    measured.extend(resident(&sides, args.carts()).map(|resident| ("rss_gb", resident)));
    let measured = |name: &str| -> Option<&Measured> { measured.get(name).filter(|_| wanted.contains(name)) };
    let report = Report {
        started,
        machine: Machine::here(&out),
        versions: versions(args),
        commands: commands(&sides),
        carts: args.carts(),
        connections: run::CONNECTIONS,
        loaded_carts_per_second: loaded.carts_per_second,
        smoke: args.smoke,
        figures: TABLE.iter().map(|declared| declared.figure(measured(declared.name))).collect(),
        rows,
    };
    drop(sides);
    written::write(&report, &out)
}

fn works(wanted: &BTreeSet<String>, has_redis: bool) -> BTreeSet<Work> {
    let mut works = figures::works(wanted);
    if !has_redis {
        works.remove(&Work::Redis);
    }
    works
}

/// Starts what these works need, evercart on a copy of the loaded data.
fn start(args: &ReportArgs, works: &BTreeSet<Work>, loaded: &Path, folder: &Path) -> Result<Sides> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("`{}` cannot be removed", folder.display()))?;
    }
    std::fs::create_dir_all(folder)?;
    let hello = works.contains(&Work::Hello).then(Side::hello).transpose()?;
    let redis = works.contains(&Work::Redis).then(|| args.programs()).flatten();
    let redis =
        redis.map(|programs| Ok::<_, anyhow::Error>((programs.serve(&folder.join("redis"))?, programs)));
    let shops = works.iter().any(|work| matches!(work, Work::Get | Work::Add | Work::Mixed));
    let evercart = shops.then(|| {
        let data = folder.join("evercart");
        loading::copy(loaded, &data)?;
        let guests = Guests::new(args.carts(), &Keys::open(&data)?.tokens, World.now());
        Ok::<_, anyhow::Error>((Side::evercart(&args.evercart, &data)?, guests))
    });
    Ok(Sides { hello, evercart: evercart.transpose()?, redis: redis.transpose()? })
}

/// Memory of the server after all its turns.
fn resident(sides: &Sides, carts: u64) -> Option<Measured> {
    let (side, _) = sides.evercart.as_ref()?;
    #[expect(clippy::cast_precision_loss, reason = "bytes far below 2^52")]
    let value = side.resident_bytes()? as f64 / 1e9;
    Some(Measured { value, note: format!("with {carts} carts, after all turns") })
}

fn commands(sides: &Sides) -> BTreeMap<&'static str, String> {
    let evercart = sides.evercart.iter().map(|(side, _)| side);
    let all = sides.hello.iter().chain(evercart).chain(sides.redis.iter().map(|(side, _)| side));
    all.map(|side| (side.name, side.command.clone())).collect()
}

fn versions(args: &ReportArgs) -> BTreeMap<&'static str, String> {
    let mut versions = BTreeMap::from([("evercart", machine::version(&args.evercart, "--version"))]);
    versions.extend(args.redis.iter().map(|redis| ("redis", machine::version(redis, "--version"))));
    versions
}

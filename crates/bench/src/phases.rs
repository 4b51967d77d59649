//! The phases of a shop's growth side by side: the same small shop over each engine, from the very files of `examples/`.
//!
//! Servers are those of the crate `engines`: real ones, alone on this machine, with small heaps, and with syncs switched
//! off where they have such a switch. What always holds: load and engine share the cores; every cart is as popular as any
//! other; a phase whose engine cannot be had is missing and says why. It is no ratio and no figure of the table.

mod inside;
mod place;
mod stocked;
mod told;

use crate::{
    args::ReportArgs,
    row::{Latency, rate},
    workload::{self, Guests, Mix, Shoppers},
};
use anyhow::{Context, Result, ensure};
use gameday::load::{self, Pace};
use inside::{Inside, Metrics};
use place::Place;
use serde::Serialize;
use server::{keys::Keys, wiring::World};
use service::Environment as _;
use std::{fs, path::Path};

/// Carts in the shop: all of them fit into every cache.
const CARTS: u64 = 2_000;
const SMOKE_CARTS: u64 = 50;
/// Requests under way at once.
const IN_FLIGHT: [usize; 2] = [1, 64];

/// What was seen of all phases.
#[derive(Debug, Serialize)]
pub(crate) struct Phases {
    carts: u64,
    seconds: f64,
    phases: Vec<Phase>,
}

/// One of them.
#[derive(Debug, Serialize)]
struct Phase {
    number: u32,
    /// The engine, and what stands before it.
    name: &'static str,
    turns: Vec<Turn>,
    /// Why there are none.
    failure: Option<String>,
}

/// One kind of request at one number of them under way.
#[derive(Debug, Serialize)]
struct Turn {
    work: &'static str,
    in_flight: usize,
    per_second: f64,
    refused: u64,
    latency: Latency,
    inside: Inside,
}

/// Measures all phases, one after the other.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) fn run(args: &ReportArgs, folder: &Path) -> Result<Phases> {
    let carts = if args.smoke { SMOKE_CARTS } else { CARTS };
    let mut phases = Vec::new();
    for (number, name) in (0..).zip(place::NAMES) {
        println!("phase {number}: {name}");
        let turns = phase(args, number, carts, &folder.join(format!("phase-{number}")));
        let (turns, failure) = match turns {
            Ok(turns) => (turns, None),
            Err(error) => (Vec::new(), Some(format!("{error:#}"))),
        };
        failure.iter().for_each(|why| println!("phase {number} is missing: {why}"));
        phases.push(Phase { number, name, turns, failure });
    }
    ensure!(!args.smoke || phases.iter().all(|phase| phase.failure.is_none()), "a phase is missing");
    Ok(Phases { carts, seconds: args.phase_turn().0.as_secs_f64(), phases })
}

fn phase(args: &ReportArgs, number: u32, carts: u64, folder: &Path) -> Result<Vec<Turn>> {
    let place = Place::of(number)?;
    fs::create_dir_all(folder)?;
    place.init(&args.evercart)?;
    let data = folder.join("data");
    fs::create_dir_all(&data)?;
    let side = place.serve(&args.evercart, &data)?;
    let guests = Guests::new(carts, &Keys::open(&data)?.tokens, World.now());
    stocked::fill(&args.evercart, &data, &side, &guests).context("the shop cannot be filled")?;
    let mut turns = Vec::new();
    for in_flight in IN_FLIGHT {
        for (work, mix, kind) in [("add", Mix::Adds, workload::ADD), ("read", Mix::Reads, workload::READ)] {
            let plan = |duration| side.plan(in_flight, duration, Pace::Closed);
            let shoppers = |seed| Shoppers::even(&guests, mix, seed);
            let (duration, warm) = args.phase_turn();
            load::run(plan(warm), shoppers(1)?)?;
            let before = Metrics::of(&side)?;
            let seen = load::run(plan(duration), shoppers(2)?)?;
            let after = Metrics::of(&side)?;
            ensure!(seen.failed() == 0, "{} of `{work}` failed: it would count for nothing", seen.failed());
            let latency = Latency::of_kinds(&seen, &[kind]).context("no such kind")?;
            let done = seen.kinds[kind].latency_us.len();
            let turn = Turn {
                work,
                in_flight,
                per_second: rate(done, seen.elapsed),
                refused: seen.refused(),
                latency: Latency { curve: Vec::new(), ..latency },
                inside: Inside::between(&before, &after)?,
            };
            tell(&turn);
            turns.push(turn);
        }
    }
    Ok(turns)
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn tell(turn: &Turn) {
    let Turn { work, in_flight, per_second, latency, inside, .. } = turn;
    println!(
        "  {work} at {in_flight}: {per_second:.0}/s, ms p50 {:.2} p99 {:.2}; {:.3} of {:.3} ms in the engine",
        latency.p50_ms, latency.p99_ms, inside.store_ms, inside.server_ms
    );
}

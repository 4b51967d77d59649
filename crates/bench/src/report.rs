//! `bench report`: all that is measured in one run, and its files.
//!
//! Nothing is written into the report but what this run saw; what it did not measure, or could not, it says.

mod written;

use crate::{
    args::{ENGINES, FLASH_SALE, OVERLOAD, ReportArgs, SYNC},
    figures::{self, Figure, HALF, Measured, TABLE},
    flash_sale::{self, FlashSale},
    ground::Ground,
    half::{self, Half},
    machine::{self, Machine},
    opening::{self, Opening},
    overload::{self, Overload},
    phases::{self, Phases},
    row::{Row, Work},
    run::{self, Sides},
    yardstick::sync::{self, Sync},
};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a report says.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    started: String,
    machine: Machine,
    versions: BTreeMap<&'static str, String>,
    commands: BTreeMap<&'static str, String>,
    carts: u64,
    connections: usize,
    smoke: bool,
    loaded: crate::loading::Loaded,
    figures: Vec<Figure>,
    rows: Vec<Row>,
    /// An append and nothing else, over `hello`.
    append: Option<Measured>,
    half: Option<Half>,
    overload: Option<Overload>,
    opening: Option<Opening>,
    sync: Option<Sync>,
    flash_sale: Option<FlashSale>,
    phases: Option<Phases>,
    /// Sections that could not be measured, and why.
    failures: BTreeMap<&'static str, String>,
}

/// Measures, and writes the report.
pub(crate) fn run(args: &ReportArgs) -> Result<()> {
    let wanted = args.wanted()?;
    std::fs::create_dir_all(&args.out)?;
    let out = args.out.canonicalize()?;
    let started = jiff::Timestamp::now().to_string();
    let works = works(&wanted, args.programs().is_some());
    let ground = Ground::prepare(args, &out, &works)?;
    let (inside, network): (BTreeSet<Work>, _) = works.iter().partition(|work| work.is_inside());
    let (sides, rows) = take_turns(args, &ground, &network)?;
    let mut report = Report {
        started,
        machine: Machine::here(&out),
        versions: versions(args),
        commands: BTreeMap::new(),
        carts: args.carts(),
        connections: run::CONNECTIONS,
        smoke: args.smoke,
        loaded: ground.loaded.clone(),
        figures: Vec::new(),
        rows,
        append: None,
        half: None,
        overload: None,
        opening: None,
        sync: None,
        flash_sale: None,
        phases: None,
        failures: BTreeMap::new(),
    };
    report.note_commands(&sides);
    let mut measured = sized(&report, &sides);
    report.press(args, sides, &wanted);
    ground.clear()?;
    let (sides, rows) = take_turns(args, &ground, &inside)?;
    report.note_commands(&sides);
    report.rows.extend(rows);
    drop(sides);
    ground.clear()?;
    report.open(args, &ground, &wanted);
    ground.clear()?;
    measured.extend(figures::ratios(&report.rows));
    report.append = measured.remove(figures::APPEND);
    measured.extend(report.half.iter().flat_map(Half::measured));
    let opening = report.opening.as_ref().map(|opening| opening.measured(args.carts())).transpose()?;
    measured.extend(opening.map(|opening| ("open_s", opening)));
    let of = |name: &str| measured.get(name).filter(|_| wanted.contains(name));
    report.figures = TABLE.iter().map(|declared| declared.figure(of(declared.name))).collect();
    written::write(&report, &out)?;
    if args.smoke { report.complete(&wanted, args.redis.is_some()) } else { Ok(()) }
}

/// Starts what these works need, and gives each, when it is warm, its turns.
#[expect(clippy::print_stdout, reason = "the output of the command")]
fn take_turns(args: &ReportArgs, ground: &Ground, works: &BTreeSet<Work>) -> Result<(Sides, Vec<Row>)> {
    let sides = ground.start(args, works)?;
    let mut rows = Vec::new();
    for group in figures::groups(works) {
        for work in group.works.iter().filter(|work| work.is_warmed()) {
            println!("warming `{}`", work.name());
            sides.turn(*work, 0, args.warm())?;
        }
        let tell = |row: &Row| println!("{}", written::row(row));
        rows.extend(run::rounds(&sides, &group, args.rounds(), args.turn(), tell)?);
    }
    Ok((sides, rows))
}

fn works(wanted: &BTreeSet<String>, has_redis: bool) -> BTreeSet<Work> {
    let mut works = figures::works(wanted);
    if wanted.contains(OVERLOAD) || wanted.contains("rss_gb") {
        works.insert(Work::Mixed);
    }
    if !has_redis {
        works.remove(&Work::Redis);
    }
    works
}

/// Figures of what there is of data: in memory after all turns, on disk when all was folded.
#[expect(clippy::cast_precision_loss, reason = "bytes far below 2^52")]
fn sized(report: &Report, sides: &Sides) -> BTreeMap<&'static str, Measured> {
    let (loaded, carts) = (&report.loaded, report.carts);
    let bytes = Measured {
        value: loaded.settled_bytes as f64 / carts as f64,
        note: format!(
            "{carts} carts of 3.9 lines with title, picture and page; beside them {} MB of journal",
            loaded.journal_bytes >> 20
        ),
    };
    let resident = sides.evercart.as_ref().and_then(|shop| shop.side.resident_bytes());
    let note = format!("with {carts} carts, after all turns");
    let resident = resident.map(|bytes| ("rss_gb", Measured { value: bytes as f64 / 1e9, note }));
    resident.into_iter().chain([("bytes_per_cart", bytes)]).collect()
}

impl Report {
    fn note_commands(&mut self, sides: &Sides) {
        self.commands.extend(sides.all().map(|side| (side.name, side.command.clone())));
    }

    /// What is measured at a rate that follows from that of a closed loop.
    fn press(&mut self, args: &ReportArgs, mut sides: Sides, wanted: &BTreeSet<String>) {
        let mixed = self.rows.iter().filter(|row| row.work == Work::Mixed);
        let rates: Vec<f64> = mixed.map(|row| row.per_second + row.cleared_per_second).collect();
        let Some((saturated, shop)) = figures::median(&rates).zip(sides.evercart.take()) else { return };
        // Nothing else is left beside the one that is measured.
        drop(sides);
        if HALF.iter().any(|name| wanted.contains(*name)) {
            self.half = self.noted("half", half::run(&shop, saturated, args.half()));
        }
        if wanted.contains(OVERLOAD) {
            self.overload = self.noted(OVERLOAD, overload::run(&shop, saturated, args.overload()));
        }
    }

    fn open(&mut self, args: &ReportArgs, ground: &Ground, wanted: &BTreeSet<String>) {
        if wanted.contains("open_s") {
            let opening = ground.copy("opening", &ground.loaded, args.carts()).and_then(|(data, guests)| {
                opening::run(&args.evercart, &data, &guests, args.rounds(), args.turn())
            });
            self.opening = self.noted("open_s", opening);
        }
        if wanted.contains(SYNC) {
            self.sync = self.noted(SYNC, sync::run(&ground.folder, args.turn()));
        }
        if wanted.contains(FLASH_SALE) {
            self.flash_sale = self.noted(FLASH_SALE, flash_sale::measure(&ground.folder, args.smoke));
        }
        if wanted.contains(ENGINES) {
            self.phases = self.noted(ENGINES, phases::run(args, &ground.folder));
        }
    }

    /// Fails where something that was asked for was not measured: what a smoke run is for.
    fn complete(&self, wanted: &BTreeSet<String>, has_redis: bool) -> Result<()> {
        let needs_redis = |figure: &Figure| figure.name == "add_vs_redis";
        let figures = self.figures.iter().filter(|figure| wanted.contains(figure.name));
        let missing = figures.filter(|figure| figure.value.is_none() && (has_redis || !needs_redis(figure)));
        let missing: Vec<&str> =
            missing.map(|figure| figure.name).chain(self.failures.keys().copied()).collect();
        ensure!(missing.is_empty(), "not measured: {}", missing.join(", "));
        Ok(())
    }

    /// One section that fails takes no other with it.
    #[expect(clippy::print_stdout, reason = "the output of the command")]
    fn noted<T>(&mut self, name: &'static str, outcome: Result<T>) -> Option<T> {
        let outcome = outcome.with_context(|| format!("`{name}` could not be measured"));
        if let Err(error) = &outcome {
            println!("{error:#}");
            self.failures.insert(name, format!("{error:#}"));
        }
        outcome.ok()
    }
}

fn versions(args: &ReportArgs) -> BTreeMap<&'static str, String> {
    let mut versions = BTreeMap::from([("evercart", machine::version(&args.evercart, "--version"))]);
    versions.extend(args.redis.iter().map(|redis| ("redis", machine::version(redis, "--version"))));
    versions
}

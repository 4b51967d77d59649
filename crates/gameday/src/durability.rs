//! What a real server keeps of what it acknowledged when it is killed, filled up, damaged, stopped and misled about the
//! time: a scenario for each, each with its own judgement.
//!
//! What always holds: an independent record says what was acknowledged (`record`), requests go over HTTP, and every
//! scenario works in a folder of its own. The store is configured small, so that folds, compactions and the recycling of
//! journal files are under way all the time. Deliberately absent: loss of power below the process. A killed process
//! leaves its page cache behind; what a torn write looks like is made by hand (`torn`).

pub mod api;
pub mod checkouts;
mod clock;
pub mod crowd;
mod flash_sale;
mod flips;
mod frame;
mod full_disk;
mod kill;
pub mod planted;
pub mod record;
pub mod report;
pub mod shop;
pub mod shown;
pub mod tab;
mod terminate;
mod torn;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use report::{Outcome, Report, Verdict};

/// What can happen to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The checks find mistakes that are planted.
    Planted,
    /// SIGKILL under load and in quiet moments.
    Kill,
    /// SIGTERM under load.
    Terminate,
    /// The last write of the journal is torn.
    Torn,
    /// The clock goes an hour back and forth.
    Clock,
    /// The disk fills up.
    FullDisk,
    /// Bytes of every kind of file are flipped.
    Flips,
    /// SIGKILL in the middle of many checkouts.
    Checkouts,
    /// Ten thousand buyers want a thousand units.
    FlashSale,
}

/// How to go about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The built server.
    pub binary: PathBuf,
    /// What to do, in this order; everything where empty.
    pub scenarios: Vec<Scenario>,
    /// More rounds.
    pub is_long: bool,
    /// What chance starts from.
    pub seed: u64,
    /// Where the scenarios work; a temporary folder by default.
    pub folder: Option<PathBuf>,
    /// No progress on standard error.
    pub is_quiet: bool,
    /// This process may mount file systems, and they end with it.
    pub has_own_mounts: bool,
}

/// Where a scenario takes place.
#[derive(Debug)]
pub struct Ground {
    /// The built server.
    pub binary: PathBuf,
    /// A folder of its own.
    pub folder: PathBuf,
    /// More rounds.
    pub is_long: bool,
    /// What chance starts from.
    pub seed: u64,
    has_own_mounts: bool,
    progress: ProgressBar,
}

impl Ground {
    /// A ground in a folder, without progress.
    pub fn new(binary: PathBuf, folder: PathBuf, seed: u64) -> Self {
        Self { binary, folder, is_long: false, seed, has_own_mounts: false, progress: ProgressBar::hidden() }
    }

    /// So many in the short form, so many in the long one.
    fn rounds(&self, short: usize, long: usize) -> usize {
        if self.is_long { long } else { short }
    }

    fn tell(&self, what: String) {
        self.progress.set_message(what);
        self.progress.tick();
    }
}

impl Scenario {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    async fn run(self, ground: &Ground) -> Result<Verdict> {
        match self {
            Self::Planted => planted::run(ground).await,
            Self::Kill => kill::run(ground).await,
            Self::Terminate => terminate::run(ground).await,
            Self::Torn => torn::run(ground).await,
            Self::Clock => clock::run(ground).await,
            Self::FullDisk if ground.has_own_mounts => full_disk::run_inside(ground).await,
            Self::FullDisk => full_disk::run(ground).await,
            Self::Flips => flips::run(ground).await,
            Self::Checkouts => checkouts::run(ground).await,
            Self::FlashSale => flash_sale::run(ground).await,
        }
    }
}

/// Runs the scenarios, one after the other. What one of them finds does not keep the others from running.
pub async fn run(options: &Options) -> Result<Report> {
    let folder =
        tempfile::Builder::new().prefix("evercart-crash-").tempdir().context("no temporary folder")?;
    let root = options.folder.clone().unwrap_or_else(|| folder.path().to_owned());
    // A check that silently stopped running is worse than none.
    let required = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let mut outcomes = Vec::new();
    let scenarios = match options.scenarios.as_slice() {
        [] => Scenario::value_variants(),
        chosen => chosen,
    };
    for scenario in scenarios {
        let name = scenario.name();
        let ground = Ground {
            binary: options.binary.clone(),
            folder: root.join(&name),
            is_long: options.is_long,
            seed: options.seed,
            has_own_mounts: options.has_own_mounts,
            progress: progress(&name, options.is_quiet),
        };
        std::fs::create_dir_all(&ground.folder).context("the folder of a scenario cannot be made")?;
        let started = Instant::now();
        let verdict = scenario
            .run(&ground)
            .await
            .unwrap_or_else(|error| Verdict::failed(format!("the scenario could not go on: {error:#}")));
        let verdict = if required { verdict.required() } else { verdict };
        ground.progress.finish_and_clear();
        outcomes.push(Outcome { name, seconds: started.elapsed().as_secs_f64(), verdict });
    }
    let report = Report { seed: options.seed, is_long: options.is_long, outcomes };
    if !report.has_passed() && options.folder.is_none() {
        // What was found is there to be looked at.
        drop(folder.keep());
    }
    Ok(report)
}

fn progress(name: &str, is_quiet: bool) -> ProgressBar {
    if is_quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_prefix(name.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {msg}") {
        bar.set_style(style);
    }
    bar
}

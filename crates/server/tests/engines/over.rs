//! A test binary runs itself once more, with every shop that its tests open over another engine.
//!
//! The claims are the same and so is their code: what differs is the configuration file of each shop. A shop has tables of
//! its own, made by the command an operator makes them with. Deliberately absent: layers between the service and the engine
//! that a released server does not have.

use crate::combination::Combination;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

/// Holds the configuration of shops, in the process that runs over another engine than the embedded one.
const VARIABLE: &str = "TESTED_SHOPS_OVER";
/// Stands in it for the name of each shop's tables.
const APART: &str = "APART";
/// A shop's own configuration, in its data directory. Whoever has none is given new tables.
pub(crate) const FILE: &str = "over.toml";
/// Tests of the other process at a time. They wait for servers more than they work.
const THREADS: &str = "--test-threads=4";
/// One combination at a time: each has tests enough for all cores.
static TURN: Mutex<()> = Mutex::new(());
/// Patience with the catalogue: a busy machine is not a catalogue that is away.
const SETTINGS: &str = "[catalog]\nwait_ms = 1000\n";

/// The configuration of the shop with this data directory, whose tables are there when this returns; `None` where it has
/// the embedded engine. The same directory is the same tables.
pub(crate) fn config_of(data: &Path) -> Option<PathBuf> {
    static SHOPS: AtomicU32 = AtomicU32::new(0);
    let text = std::env::var(VARIABLE).ok()?;
    let file = data.join(FILE);
    if !file.exists() {
        let number = SHOPS.fetch_add(1, Ordering::Relaxed);
        let apart = format!("shop_{}_{number}", std::process::id());
        std::fs::create_dir_all(data).unwrap();
        std::fs::write(&file, text.replace(APART, &apart)).unwrap();
        let mut init = Command::new(env!("CARGO_BIN_EXE_evercart"));
        let made = init.args(["engine", "init", "--config"]).arg(&file).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    Some(file)
}

/// Runs the tests of this binary over a combination, but for those of these names and this module's caller, and fails with
/// what they say. At least `least` of them must be there.
pub(crate) fn passes(combination: Combination, caller: &str, skipped: &[&str], least: u32) {
    let Some(config) = combination.config(APART) else { return };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args([THREADS, "--skip", caller]).args(skipped.iter().flat_map(|name| ["--skip", *name]));
    // What its shops leave behind goes with this folder.
    again.env(VARIABLE, config + SETTINGS).env("TMPDIR", folder.path());
    let ended = again.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{combination:?}:\n{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    let passed = said.split_once("test result: ok. ").and_then(|(_, rest)| rest.split_once(" passed"));
    let passed: u32 = passed.unwrap().0.parse().unwrap();
    assert!(passed >= least, "{combination:?}: only {passed} tests:\n{said}");
    println!("{combination:?}: {passed} tests in {:.1} s", begun.elapsed().as_secs_f64());
}

//! The simulation finds what it is for: each planted bug within a number of seeds of which, without it, none breaks
//! a promise.
//!
//! P4 to P6, P8, P9, P11 and P12 are not looked for here: `testkit` finds those of operations (P4 to P6) and of the journal
//! (P11), the tests of `service` that of folding (P8), those of `storage-cassandra` that of the engine (P9), and those of
//! `storage-cache` that of a cache (P12).

#![allow(clippy::panic, clippy::print_stdout, reason = "a test")]

use cart::planted::{Bug, plant};
use sim::{Climate, Options, Report};

/// Seeds within which a bug is found. `seeds.rs` runs more of each climate without one.
const SEEDS: u64 = 200;
/// Whichever promise.
const ANY: &str = "";

/// Finds `bug` as a breach of a promise, in a climate that has what it takes to see it.
fn finds(bug: Bug, broken: &str, climate: Climate, seeds: u64) {
    let options = Options { climate: Some(climate), ..Options::default() };
    let planted = plant(bug);
    let found = (0..seeds).map(|seed| sim::run(seed, &options)).find(|report| breaks(report, broken));
    let Some(found) = found else { panic!("{bug:?} was not found as `{broken}` in {seeds} seeds") };
    println!("{bug:?}: {found}");
    drop(planted);
    for seed in 0..=found.seed {
        assert_eq!(sim::run(seed, &options).violation, None, "without the bug seed {seed} breaks nothing");
    }
}

/// True when it ended with a breach of this promise, or of any where none is named.
fn breaks(report: &Report, promise: &str) -> bool {
    report.violation.as_ref().is_some_and(|violation| violation.promise.starts_with(promise))
}

#[test]
fn the_simulation_finds_p1_a_retry_that_gets_a_new_dot() {
    finds(Bug::P1RetryGetsNewDot, ANY, Climate::BRISK, SEEDS);
}

#[test]
fn the_simulation_finds_p2_a_removal_of_what_the_server_sees() {
    finds(Bug::P2RemoveKillsWhatServerSees, "LostAdd", Climate::BRISK, SEEDS);
}

#[test]
fn the_simulation_finds_p3_entries_folded_into_a_new_dot() {
    finds(Bug::P3EntriesFoldedIntoNewDot, ANY, Climate::BRISK, SEEDS);
}

#[test]
fn the_simulation_finds_p7_a_context_that_forgets_early() {
    finds(Bug::P7ContextDroppedEarly, "Resurrection", Climate::ABSENCE, 400);
}

#[test]
fn the_simulation_finds_p10_a_lane_that_counts_again_from_one() {
    finds(Bug::P10LaneWriterReused, ANY, Climate::BRISK, SEEDS);
}

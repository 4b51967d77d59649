//! The simulation finds what it is for: each planted bug within a number of seeds of which, without it, none breaks
//! a promise.
//!
//! P4 to P6 and P8 to P12 are not looked for here, P10 apart: `testkit` finds those of operations and of the journal,
//! and the service has nothing yet in which the others could be.

#![allow(clippy::panic, clippy::print_stdout, reason = "a test")]

use cart::planted::{Bug, plant};
use sim::{Climate, Options, Report};

/// Seeds within which a bug is found. `seeds.rs` runs more of each climate without one.
const SEEDS: u64 = 200;

/// Finds `bug` in a climate that has what it takes to see it.
fn finds(bug: Bug, climate: Climate, seeds: u64) -> Report {
    let options = Options { climate: Some(climate), ..Options::default() };
    let planted = plant(bug);
    let found = (0..seeds).map(|seed| sim::run(seed, &options)).find(|report| report.violation.is_some());
    let Some(found) = found else { panic!("{bug:?} was not found in {seeds} seeds") };
    println!("{bug:?}: {found}");
    drop(planted);
    for seed in 0..=found.seed {
        assert_eq!(sim::run(seed, &options).violation, None, "without the bug seed {seed} breaks nothing");
    }
    found
}

fn promise(report: Report) -> String {
    report.violation.map(|violation| violation.promise).unwrap_or_default()
}

#[test]
fn the_simulation_finds_p1_a_retry_that_gets_a_new_dot() {
    assert!(!promise(finds(Bug::P1RetryGetsNewDot, Climate::BRISK, SEEDS)).is_empty());
}

#[test]
fn the_simulation_finds_p2_a_removal_of_what_the_server_sees() {
    assert!(promise(finds(Bug::P2RemoveKillsWhatServerSees, Climate::BRISK, SEEDS)).starts_with("LostAdd"));
}

#[test]
fn the_simulation_finds_p3_entries_folded_into_a_new_dot() {
    assert!(!promise(finds(Bug::P3EntriesFoldedIntoNewDot, Climate::BRISK, SEEDS)).is_empty());
}

#[test]
fn the_simulation_finds_p7_a_context_that_forgets_early() {
    assert!(promise(finds(Bug::P7ContextDroppedEarly, Climate::ABSENCE, 400)).starts_with("Resurrection"));
}

#[test]
fn the_simulation_finds_p10_a_lane_that_counts_again_from_one() {
    assert!(!promise(finds(Bug::P10LaneWriterReused, Climate::BRISK, SEEDS)).is_empty());
}

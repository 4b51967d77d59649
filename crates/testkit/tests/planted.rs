//! The checks find what they are for: each planted bug is found within the budget in which, without it, nothing is.

#![allow(clippy::panic, reason = "a test")]

use cart::planted::{Bug, plant};
use testkit::{
    climate::Climate,
    schedule::{Failure, budget, search},
    shown::Broken,
};

/// Schedules within which a bug is found. `schedules.rs` runs twice as many of each climate without one.
const SCHEDULES: u64 = 3000;

/// Finds `bug` in a climate that has what it takes to see it, and gives back the promise that it breaks.
fn finds(bug: Bug, climate: Climate) -> Broken {
    let planted = plant(bug);
    let found = search(climate, budget(SCHEDULES), 14);
    let Some(Failure { schedule, violation, .. }) = found else { panic!("{bug:?} was not found") };
    assert_eq!(schedule.run().err().as_ref(), Some(&violation), "a schedule replays");
    drop(planted);
    assert_eq!(schedule.run().err(), None, "without the bug the same schedule breaks nothing");
    violation.broken
}

#[test]
fn the_checks_find_p1_a_retry_that_gets_a_new_dot() {
    assert_eq!(finds(Bug::P1RetryGetsNewDot, Climate::CALM), Broken::Invention);
}

#[test]
fn the_checks_find_p2_a_removal_of_what_the_server_sees() {
    finds(Bug::P2RemoveKillsWhatServerSees, Climate::CALM);
}

#[test]
fn the_checks_find_p3_entries_folded_into_a_new_dot() {
    finds(Bug::P3EntriesFoldedIntoNewDot, Climate::CALM);
}

#[test]
fn the_checks_find_p4_a_move_as_removal_and_add() {
    finds(Bug::P4MoveAsRemoveAndAdd, Climate::CALM);
}

#[test]
fn the_checks_find_p5_a_lowering_that_mints() {
    finds(Bug::P5SetDownMints, Climate::CALM);
}

#[test]
fn the_checks_find_p6_a_raise_that_replaces() {
    finds(Bug::P6SetUpReplaces, Climate::CALM);
}

#[test]
fn the_checks_find_p7_a_context_dropped_early() {
    finds(Bug::P7ContextDroppedEarly, Climate::MONTHS);
}

#[test]
fn the_checks_find_p10_a_lane_writer_that_is_used_again() {
    finds(Bug::P10LaneWriterReused, Climate::RESTORES);
}

#[test]
fn the_checks_find_p11_a_journal_that_replays_operations() {
    finds(Bug::P11JournalReplaysOperations, Climate::PATHS);
}

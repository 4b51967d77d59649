//! The same seeds on every run: none of them breaks a promise, and each is the same run every time.

#![allow(clippy::panic, reason = "a test")]

use sim::{Climate, Options};

/// Runs so many seeds of a climate; the first that breaks a promise fails with its whole report.
fn all_fine(climate: Climate, seeds: u64) {
    let options = Options { climate: Some(climate), ..Options::default() };
    let mut applied = 0;
    for seed in 0..seeds {
        let report = sim::run(seed, &options);
        if report.violation.is_some() {
            panic!("{report}");
        }
        applied += report.applied;
    }
    assert!(applied > 5 * usize::try_from(seeds).unwrap_or(0), "only {applied} requests were applied");
}

#[test]
fn races_and_lost_answers_break_nothing() {
    all_fine(Climate::BRISK, 600);
}

#[test]
fn many_writers_of_one_cart_break_nothing() {
    all_fine(Climate::CROWD, 300);
}

#[test]
fn logins_and_their_undoing_break_nothing() {
    all_fine(Climate::LOGINS, 600);
}

#[test]
fn days_apart_expiry_and_erasure_break_nothing() {
    all_fine(Climate::DAYS, 400);
}

#[test]
fn regions_that_were_away_for_a_month_break_nothing() {
    all_fine(Climate::ABSENCE, 400);
}

/// The decision was stored and its answer lost, and the node that knew of it died: a policy that nobody applied yet
/// means nothing. The checker once took the account's own dots in the decision for its being applied.
#[test]
fn a_decision_that_nobody_applied_means_nothing() {
    let options = Options { climate: Some(Climate::LOGINS), ..Options::default() };
    let report = sim::run(0x11ed5, &options);
    assert_eq!(report.violation, None, "{report}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for climate in Climate::ALL {
        let options = Options { climate: Some(climate), trace_lines_max: usize::MAX };
        for seed in 0..20 {
            let (first, second) = (sim::run(seed, &options), sim::run(seed, &options));
            assert_eq!(first.trace, second.trace, "seed {seed:#x}, climate {}", climate.name);
            assert_eq!(first.trace_hash, second.trace_hash);
        }
    }
}

#[test]
fn another_seed_is_another_run() {
    let options = Options { climate: Some(Climate::BRISK), ..Options::default() };
    assert_ne!(sim::run(1, &options).trace_hash, sim::run(2, &options).trace_hash);
}

//! The planted bugs of checkout: each is found, within a number of states that never changes.
//!
//! A check that finds nothing is worth what it finds when there is something. Which promise is broken is named too,
//! so that a check which looks at the wrong thing is noticed.

use crate::{
    explore::explore,
    setup::{Faults, Setup},
    worlds,
};
use checkout::planted::{Bug, plant};

/// States within which each must be found.
const BUDGET: usize = 300_000;

fn finds(bug: Bug, setup: &Setup, promise: &str) {
    let planted = plant(bug);
    let report = explore(setup, BUDGET);
    drop(planted);
    let Some((what, trace)) = report.violation else {
        panic!("{bug:?} is not found in {} states of `{}`", report.states, setup.name)
    };
    println!("{bug:?}: {} states, {} steps: {what}", report.states, trace.len());
    assert!(what.starts_with(promise), "{what}\n  {}", trace.join("\n  "));
}

fn faults(setup: Setup, faults: Faults) -> Setup {
    Setup { faults, ..setup }
}

#[test]
fn p13_holds_that_expire_by_time_alone_are_found() {
    let slow = Faults { passes: 1, ..Faults::default() };
    finds(Bug::P13HoldsExpireByTimeAlone, &faults(worlds::last_unit(), slow), "K2");
}

#[test]
fn p14_a_resolver_that_reads_a_stale_ledger_is_found() {
    let slow = Faults { passes: 1, ..Faults::default() };
    finds(Bug::P14ResolverReadsStaleLedger, &faults(worlds::last_unit(), slow), "K2");
}

#[test]
fn p15_stock_that_forgets_what_is_over_is_found() {
    // The second driver takes over by a clock that is fast for a moment, and holds again what was sold.
    let jump = Faults { jumps: 1, ..Faults::default() };
    finds(Bug::P15NoDoneNoFence, &faults(worlds::one_key_one_owner(), jump), "K1");
}

#[test]
fn p16_a_grant_that_credits_first_is_found() {
    finds(Bug::P16GrantCreditsBeforeDebit, &faults(worlds::grants(), Faults::default()), "K1");
}

#[test]
fn p17_a_cart_that_is_not_claimed_is_found() {
    finds(Bug::P17CartIsNotClaimed, &faults(worlds::two_keys(), Faults::default()), "K5");
}

#[test]
fn p18_a_resolver_that_applies_unlisted_holds_is_found() {
    let jump = Faults { jumps: 1, passes: 1, ..Faults::default() };
    finds(Bug::P18ResolverAppliesUnlisted, &faults(worlds::one_key_on_two_nodes(), jump), "K2");
}

#[test]
fn p19_a_guests_ledger_that_stays_behind_is_found() {
    finds(Bug::P19GuestLedgerIsNotMoved, &faults(worlds::two_accounts(), Faults::default()), "K5");
}

#[test]
fn p20_an_abort_that_forgets_the_void_is_found() {
    let slow = Faults { passes: 1, ..Faults::default() };
    finds(Bug::P20AbortForgetsVoid, &faults(worlds::payment(), slow), "K6");
}

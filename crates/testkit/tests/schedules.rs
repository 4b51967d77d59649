//! Random schedules: the product shows what the operations mean, at every read and in the end.

#![allow(clippy::panic, reason = "a test")]

use testkit::{
    climate::Climate,
    schedule::{budget, search},
};

fn holds(climate: Climate) {
    // Most are short, because short ones show what broke; some are long, because carts live long.
    let found = search(climate, budget(5000), 14).or_else(|| search(climate, budget(500), 50));
    if let Some(failure) = found {
        panic!("{failure}");
    }
}

#[test]
fn regions_that_write_rows_keep_every_promise() {
    holds(Climate::CALM);
}

#[test]
fn deltas_journals_and_lost_acknowledgements_keep_every_promise() {
    holds(Climate::PATHS);
}

#[test]
fn months_and_forgotten_writers_keep_every_promise() {
    holds(Climate::MONTHS);
}

#[test]
fn months_of_deltas_and_journals_keep_every_promise() {
    holds(Climate::MONTHS_OF_PATHS);
}

#[test]
fn logins_keep_every_promise() {
    holds(Climate::LOGINS);
}

#[test]
fn restores_keep_every_promise() {
    holds(Climate::RESTORES);
}

#[test]
fn erasures_keep_every_promise() {
    holds(Climate::ERASURES);
}

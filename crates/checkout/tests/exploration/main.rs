//! The machines of this crate, driven through every schedule of small worlds and through random ones of larger.
//!
//! The machines, the records and their rules are the product's own; only stores, hook, carts and time are a model.
//! Budgets are states and steps, never time: a run finds the same on every machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test, which says how many states it saw"
)]

mod explore;
mod model;
mod planted;
mod setup;
mod world;
mod worlds;

use explore::{Report, explore, wander};
use setup::Setup;

/// More than any of the worlds has.
const STATES_MAX: usize = 3_000_000;
/// Steps of random walks, for each seed.
const STEPS: usize = 1_000_000;
/// The same in each of the small worlds.
const ROUGH_STEPS: usize = 100_000;

fn passes(setup: &Setup, report: &Report) {
    println!("{}: {} states", setup.name, report.states);
    if let Some((what, trace)) = &report.violation {
        panic!("{}: {what}\n  {}", setup.name, trace.join("\n  "));
    }
}

fn check(setup: &Setup) {
    let report = explore(setup, STATES_MAX);
    passes(setup, &report);
    assert!(report.is_complete, "{}: more than {STATES_MAX} states", setup.name);
}

#[test]
fn a_guest_and_the_account_that_took_it_in_buy_once() {
    check(&worlds::guest_and_account());
    check(&worlds::two_skus());
}

#[test]
fn money_is_never_kept_without_an_order() {
    check(&worlds::payment());
    check(&worlds::one_key_with_payment());
    check(&worlds::confirm_and_cancel());
}

#[test]
fn one_key_is_one_order_however_many_nodes_drive_it() {
    check(&worlds::one_key_on_two_nodes());
    check(&worlds::one_key_one_owner());
    check(&worlds::split());
}

#[test]
fn two_tabs_buy_a_cart_once() {
    check(&worlds::two_keys());
    check(&worlds::no_keys());
}

#[test]
fn two_accounts_do_not_both_buy_what_one_guest_brought() {
    check(&worlds::two_accounts());
    check(&worlds::three_claimants());
}

#[test]
fn granted_units_are_sold_once() {
    check(&worlds::grants());
    check(&worlds::last_unit());
}

#[test]
fn a_customers_limit_holds_over_all_requests() {
    check(&worlds::customer_limit());
}

#[test]
fn an_undo_and_a_checkout_do_not_both_have_a_dot() {
    check(&worlds::undo());
}

/// How many times more than on every day.
fn schedules() -> u64 {
    std::env::var("EVERCART_SCHEDULES").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

#[test]
fn a_crowd_keeps_every_promise_on_random_walks() {
    let setup = worlds::crowd();
    for seed in 1..=2 * schedules() {
        passes(&setup, &wander(&setup, seed, STEPS));
    }
}

#[test]
fn rough_worlds_keep_every_promise_on_random_walks() {
    for setup in worlds::rough() {
        for seed in 1..=schedules() {
            passes(&setup, &wander(&setup, seed, ROUGH_STEPS));
        }
    }
}

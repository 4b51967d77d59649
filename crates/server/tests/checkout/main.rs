//! Checkout with the shop's own programs, asked over real connections: what hooks answer, late, twice, never, or wrongly,
//! and that no money stays set aside without an order (K6).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test, and a harness outside of `#[test]` functions"
)]

mod action;
mod answers;
#[path = "../engines/combination.rs"]
mod combination;
mod encrypted;
mod outages;
#[path = "../engines/over.rs"]
mod over;
mod over_engines;
mod purchases;
mod recount;
mod shop;
mod tls;

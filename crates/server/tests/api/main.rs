//! What the HTTP API promises, asked for over real connections: one file for each resource, and one for each kind of
//! claim that concerns them all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wrong_self_convention,
    reason = "a test; `answer.is(200)` reads as the claim it is"
)]

mod admin_carts;
mod bad_input;
mod bulk;
mod cart;
mod carts_of_services;
mod carts_of_shoppers;
mod catalog;
mod checkout;
mod claims;
#[path = "../engines/combination.rs"]
mod combination;
mod cookies;
mod corrupt;
mod entries;
mod harness;
mod holders;
mod idempotency;
mod key_rotation;
mod lifecycle;
mod lines;
mod operations;
#[path = "../engines/over.rs"]
mod over;
mod over_engines;
mod pains;
mod random_input;
mod receipts;
mod replace;
mod sessions;
mod shapes;
mod subjects;

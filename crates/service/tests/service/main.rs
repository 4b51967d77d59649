//! What the service promises its callers, over the memory engine in both of its write paths.
//!
//! Time is tokio's paused clock, so nothing here waits, and chance is a counter, so every run is the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod adds;
mod bulk;
mod catalog;
mod checkout;
mod checkout_proof;
mod claims;
mod conditions;
mod expiry;
mod faults;
mod fold;
mod freshness;
mod index;
mod journal;
mod lanes;
mod lines;
mod made;
mod nodes;
mod refresh;
mod sessions;
mod subjects;
mod transfer;
mod undo;
mod unseen;

use service::proof::world;

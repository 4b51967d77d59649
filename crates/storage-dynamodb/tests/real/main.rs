//! The engine on the vendor's own server, and behind a relay that does to it what the server alone never does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod conformance;
mod costs;
mod cuts;
mod encrypted;
mod limits;
mod local;
mod lost_answers;
mod messages;
mod relay;
mod server_faults;
mod throttled;

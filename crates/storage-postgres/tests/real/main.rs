//! The engine on real PostgreSQL servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod conformance;
mod crash;
mod failures;
mod moving;
mod opening;
mod replicas;
mod setup;
mod silence;

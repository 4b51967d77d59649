//! Caches over the in-memory engine, with a real Redis: what holds whoever races, and whatever happens to Redis.

#![expect(clippy::unwrap_used, reason = "tests: a helper that fails fails the test")]

mod cancelled;
mod coherence;
mod conformance;
mod ground;
mod measured;
mod outage;
mod races;
mod start;
mod tls;

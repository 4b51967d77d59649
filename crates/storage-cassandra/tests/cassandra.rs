//! The engine against real nodes of Apache Cassandra.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test, also outside of `#[test]` functions"
)]

#[path = "cassandra/cluster.rs"]
mod cluster;
#[path = "cassandra/conformance.rs"]
mod conformance;
#[path = "cassandra/due.rs"]
mod due;
#[path = "cassandra/emptied.rs"]
mod emptied;
#[path = "cassandra/encrypted.rs"]
mod encrypted;
#[path = "cassandra/expiry.rs"]
mod expiry;
#[path = "cassandra/faults.rs"]
mod faults;
#[path = "cassandra/fold.rs"]
mod fold;
#[path = "cassandra/node.rs"]
mod node;
#[path = "cassandra/refusals.rs"]
mod refusals;

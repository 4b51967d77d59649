//! The engine on PostgreSQL 15 and later: rows under conditional writes, reads from replicas where they may be stale, and
//! slots spread over several clusters.
//!
//! What always holds:
//! - Every statement is a transaction of its own, in one round trip. An acknowledged write is committed, and as durable
//!   as the server makes a commit; a server whose commits may be forgotten is refused.
//! - A slot is served by one shard at most, and the shards know which, not the configuration.
//! - Every call ends within its timeouts, and every failed write says whether it may have been applied.
//!
//! Connections are sessions with settings and prepared statements: a pooler in between must pool sessions, not statements
//! or transactions. A key of a record may be about 2,600 bytes long.
//!
//! Deliberately absent: joining rows in the database, transactions over several rows, triggers, listening.

mod carts;
mod catalog;
mod conditional;
mod dial;
mod engine;
mod error;
mod failure;
mod layout;
mod linear;
pub mod meter;
mod moving;
mod node;
mod options;
mod pages;
pub mod plan;
mod replica;
mod schema;
mod server_url;
mod shard;
mod slot;
mod whereabouts;

pub use engine::Postgres;
pub use error::OpenError;
pub use layout::{check, init};
pub use moving::{Moved, forget_slots, move_slots};
pub use options::{PostgresOptions, ShardOptions, Timeouts, TlsMode};
pub use server_url::{BadServerUrl, ServerUrl};
pub use slot::{BadRanges, Ranges, Slot};
pub use whereabouts::ShardReport;

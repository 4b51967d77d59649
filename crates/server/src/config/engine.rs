//! Which engine keeps carts, records and items.
//!
//! Always holds: the tables of engines that are not used are read and checked like any other, and nothing is connected
//! to. Deliberately absent: what the engines do with their settings (`wiring`).

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// The one inside, in the data directory.
    #[default]
    Embedded,
    /// PostgreSQL 15 or later, of one cluster or several.
    Postgres,
    /// DynamoDB, or what speaks its protocol.
    Dynamodb,
    /// Apache Cassandra, or what speaks its protocol.
    Cassandra,
}

impl EngineKind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Postgres => "postgres",
            Self::Dynamodb => "dynamodb",
            Self::Cassandra => "cassandra",
        }
    }
}

/// A default of an engine, as it is configured.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

//! Phase 1: PostgreSQL, with replicas for reads that may be a little old, of one cluster or several.

use super::WiringError;
use crate::config::Config;
use storage::Stores;
use storage_postgres::{OpenError, Postgres, ShardReport};

/// Opens it.
pub async fn open(config: &Config) -> Result<Stores, WiringError> {
    let options = config.postgres.options()?;
    Ok(Postgres::open(&options).await.map_err(failed)?.stores())
}

/// Makes its tables.
pub async fn init(config: &Config) -> Result<Vec<String>, WiringError> {
    let options = config.postgres.options()?;
    Ok(storage_postgres::init(&options).await.map_err(failed)?.iter().map(told).collect())
}

/// Looks at its tables and settings.
pub async fn check(config: &Config) -> Result<Vec<String>, WiringError> {
    let options = config.postgres.options()?;
    Ok(storage_postgres::check(&options).await.map_err(failed)?.iter().map(told).collect())
}

fn told(shard: &ShardReport) -> String {
    let between = match shard.slots_between.len() {
        0 => String::new(),
        number => format!(", {number} of them on their way"),
    };
    format!("{} serves {} slots{between}", shard.server, shard.slots_here)
}

fn failed(error: OpenError) -> WiringError {
    WiringError::Engine { engine: "postgres", source: error.into() }
}

//! Phase 1: PostgreSQL, with replicas for reads that may be a little old, of one cluster or several.

use super::WiringError;
use crate::config::Config;
use std::collections::BTreeSet;
use storage::Stores;
use storage_postgres::{OpenError, Postgres, Ranges, ShardReport, Slot};

/// Opens it.
pub async fn open(config: &Config) -> Result<Stores, WiringError> {
    let options = config.postgres.options()?;
    Ok(Postgres::open(&options).await.map_err(failed)?.stores())
}

/// Makes its tables.
pub async fn init(config: &Config) -> Result<Vec<String>, WiringError> {
    let options = config.postgres.options()?;
    Ok(told(&storage_postgres::init(&options).await.map_err(failed)?))
}

/// Looks at its tables and settings.
pub async fn check(config: &Config) -> Result<Vec<String>, WiringError> {
    let options = config.postgres.options()?;
    Ok(told(&storage_postgres::check(&options).await.map_err(failed)?))
}

fn told(shards: &[ShardReport]) -> Vec<String> {
    let named = |what: &str, slots: &BTreeSet<Slot>| match slots.is_empty() {
        true => String::new(),
        false => format!("{what}{}", Ranges(slots.clone())),
    };
    let shard = |(number, shard): (usize, &ShardReport)| {
        let (server, count) = (&shard.server, shard.slots_here.len());
        let here = named(": ", &shard.slots_here);
        let leaving = named("; on their way from it: ", &shard.slots_leaving);
        let arriving = named("; on their way to it: ", &shard.slots_arriving);
        format!("shard {number}, {server}, serves {count} slots{here}{leaving}{arriving}")
    };
    shards.iter().enumerate().map(shard).collect()
}

fn failed(error: OpenError) -> WiringError {
    WiringError::Engine { engine: "postgres", source: error.into() }
}

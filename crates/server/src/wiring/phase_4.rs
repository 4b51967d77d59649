//! Phase 4: Cassandra, active-active in many data centres; one deployment for each region.

use super::WiringError;
use crate::config::Config;
use storage::Stores;
use storage_cassandra::{OpenError, schema};

/// Opens it.
pub async fn open(config: &Config) -> Result<Stores, WiringError> {
    let options = config.cassandra.options()?;
    storage_cassandra::open(&options).await.map_err(failed)
}

/// Makes its keyspace and tables.
pub async fn init(config: &Config) -> Result<Vec<String>, WiringError> {
    let options = config.cassandra.options()?;
    let made = schema::init(&options).await.map_err(failed)?;
    let tables = match made.tables.is_empty() {
        true => "all tables were there".to_owned(),
        false => format!("made {}", made.tables.join(", ")),
    };
    let keyspace = if made.is_new { "made keyspace" } else { "keyspace" };
    Ok(vec![format!("{keyspace} `{}`: {tables}", options.keyspace)])
}

/// Looks at its keyspace and tables.
pub async fn check(config: &Config) -> Result<Vec<String>, WiringError> {
    let options = config.cassandra.options()?;
    schema::check(&options).await.map_err(failed)?;
    Ok(vec![format!("keyspace `{}` is as it must be", options.keyspace)])
}

fn failed(error: OpenError) -> WiringError {
    WiringError::Engine { engine: "cassandra", source: error.into() }
}

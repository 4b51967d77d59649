//! Phase 3: DynamoDB, or what speaks its protocol.

use super::WiringError;
use crate::config::Config;
use storage::{StoreError, Stores};
use storage_dynamodb::DynamoDb;

/// Opens it.
pub async fn open(config: &Config) -> Result<Stores, WiringError> {
    let options = config.dynamodb.options()?;
    Ok(DynamoDb::open(options).await.map_err(failed)?.stores())
}

/// Makes its tables.
pub async fn init(config: &Config) -> Result<Vec<String>, WiringError> {
    let made = DynamoDb::init(config.dynamodb.options()?).await.map_err(failed)?;
    let mut told: Vec<String> = made.iter().map(|table| format!("made table `{table}`")).collect();
    if told.is_empty() {
        told.push("all tables were there".to_owned());
    }
    Ok(told)
}

/// Looks at its tables.
pub async fn check(config: &Config) -> Result<Vec<String>, WiringError> {
    open(config).await.map(|_| vec!["all tables are there, active, and as they must be".to_owned()])
}

fn failed(error: StoreError) -> WiringError {
    let source = match error {
        StoreError::Unavailable(source) | StoreError::Indeterminate(source) => source,
        other => other.into(),
    };
    WiringError::Engine { engine: "dynamodb", source }
}

//! The engine on the DynamoDB API: a table of carts, one of records, one of items.
//!
//! ```text
//! cart   → one query reads all rows of a cart; the own row is put on condition of its version
//! record → read consistently, put on condition of its version; an index says what is due
//! item   → put on condition of its revision; read in batches
//! ```
//! What always holds: a row is written by its owner alone; a refusal that may be the echo of an own attempt is never
//! called a conflict; an index is a hint, and what it says is read again where it matters. Layout, costs and what it needs
//! are in `docs/operations/dynamodb.md`.
//!
//! Deliberately absent: transactions, TTLs, a cache (DAX), streams, and any retry of a caller's work.

mod attempts;
mod batch;
mod cart_index;
mod cart_key;
mod carts;
mod catalog;
mod check;
mod conditional;
mod engine;
mod error;
mod index;
mod item;
mod linear;
pub mod meter;
mod options;
mod outcome;
mod region;
mod schema;

use std::sync::Arc;

use storage::error::Result;
use storage::{StoreError, Stores};

pub use error::DynamoDbError;
pub use options::{Access, DynamoDbOptions, Home};
pub use storage::Secret;

use carts::DynamoDbCartStore;
use catalog::DynamoDbCatalogStore;
use engine::Engine;
use linear::DynamoDbLinearStore;

/// An engine whose tables were found as they must be.
#[derive(Clone, Debug)]
pub struct DynamoDb {
    engine: Engine,
    /// Where records are.
    home: Engine,
    options: DynamoDbOptions,
}

impl DynamoDb {
    /// Connects, and looks whether the tables are there, are ours, and are in the region that is meant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with a [`DynamoDbError`] as its source, which says what to do.
    pub async fn open(options: DynamoDbOptions) -> Result<Self> {
        let database = Self::connect(options).await?;
        database.check().await?;
        Ok(database)
    }

    /// Creates the tables that are missing, billed on demand, and waits until all are active: up to two minutes. Gives
    /// the names of those it created; running it again is harmless.
    ///
    /// # Errors
    /// As [`DynamoDb::open`], and [`StoreError::Indeterminate`] where a table may have been created: run it again.
    pub async fn init(options: DynamoDbOptions) -> Result<Vec<String>> {
        let database = Self::connect(options).await?;
        let places = schema::places(&database.engine, &database.home);
        let created = schema::create(&places, database.options.deletion_protection).await?;
        database.check().await?;
        Ok(created)
    }

    /// Looks again: for readiness, and for an operator.
    ///
    /// # Errors
    /// As [`DynamoDb::open`].
    pub async fn check(&self) -> Result<()> {
        check::check(&schema::places(&self.engine, &self.home)).await
    }

    /// The three stores.
    pub fn stores(&self) -> Stores {
        let engine = || self.engine.clone();
        Stores {
            carts: Arc::new(DynamoDbCartStore { engine: engine() }),
            linear: Arc::new(DynamoDbLinearStore { engine: self.home.clone() }),
            catalog: Arc::new(DynamoDbCatalogStore { engine: engine() }),
        }
    }

    /// Capacity units consumed through this value and its clones, by operation, as the metric counts them.
    pub fn consumed_capacity(&self) -> Vec<(&'static str, f64)> {
        self.engine.meter.totals()
    }

    async fn connect(options: DynamoDbOptions) -> Result<Self> {
        let unavailable = |error: DynamoDbError| StoreError::Unavailable(error.into());
        options.validate().map_err(unavailable)?;
        region::check_endpoints(&options)?;
        let engine = Engine::new(&options).await.map_err(unavailable)?;
        let home = engine.at_home(&options).await.map_err(unavailable)?;
        Ok(Self { engine, home, options })
    }
}

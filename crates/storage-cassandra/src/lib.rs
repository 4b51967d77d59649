//! Carts and records on Apache Cassandra 5.
//!
//! Deltas are the write path: one blind, immutable insert at `LOCAL_QUORUM`. A row is written by its owner alone, on
//! condition of its version, by `LOCAL_SERIAL`; records are decided at the one serial level that their keyspace was made
//! with. Every request goes to the data centre it belongs to and to no other, and no write is sent twice by the driver.
//!
//! Deliberately absent: counters, secondary indexes, a time to live on any row, batches, conditional writes on the way
//! of an add, failing over to another data centre, and the rule of when deltas may be deleted: whoever calls
//! `remove_deltas` owes that.

mod carts;
mod catalog;
mod conditional;
mod connect;
mod error;
mod linear;
mod number;
mod open_error;
mod options;
pub mod schema;
mod statement;

pub use carts::ENTRIES_MISSED;
pub use open_error::OpenError;
pub use options::{CassandraOptions, Credentials, EventualReads, SerialLevel, TlsOptions};
pub use storage::Secret;

use carts::CassandraCartStore;
use catalog::CassandraCatalogStore;
use linear::CassandraLinearStore;
use std::sync::Arc;
use storage::Stores;

/// Opens the three stores of a keyspace that [`schema::init`] has made.
///
/// # Errors
///
/// An [`OpenError`] that says what to do: the cluster is not reached or lets nobody in, a name is wrong, or the schema
/// is missing or of another release.
pub async fn open(options: &CassandraOptions) -> Result<Stores, OpenError> {
    let session = Arc::new(connect::session(options).await?);
    schema::check_session(&session, options).await?;
    Ok(Stores {
        carts: CassandraCartStore::open(session.clone(), options).await?,
        linear: Arc::new(CassandraLinearStore::open(session.clone(), options).await?),
        catalog: Arc::new(CassandraCatalogStore::open(session, options).await?),
    })
}

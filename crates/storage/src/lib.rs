//! What evercart asks of a storage engine, and nothing more.
//!
//! Three narrow traits: [`CartStore`] keeps the rows of carts on an engine's fast tier, [`LinearStore`] keeps
//! records that need linearizability on its strongest, [`CatalogStore`] keeps the shop's items. Engines keep
//! bytes; joining is done by the `cart` crate, never by a database. Deliberately absent: transactions, engine
//! TTLs on live rows, secondary indexes on the hot path.
//!
//! The in-memory engine in [`memory`] is the reference; the suite in `conformance` is what every engine and
//! every layer must pass.

pub mod capabilities;
pub mod cart_store;
pub mod catalog_store;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod layer;
pub mod linear_store;
pub mod memory;
pub mod secret;
pub mod sku_index;

pub use cart;

pub use capabilities::{Capabilities, WritePath};
pub use cart_store::{
    Bucket, CartRows, CartStore, Consistency, DeltaKey, DeltaRow, Edition, Glance, Grown, Owner, Replaced,
    RowKey, RowsAtHand, Snapshot, Ticket, Version,
};
pub use catalog_store::{CatalogRow, CatalogStore, PutOutcome};
pub use error::StoreError;
pub use linear_store::{DueCursor, DueRecord, Inserted, LinearStore, LinearTable, Record, RecordReplaced};
pub use secret::Secret;
pub use sku_index::SkuIndex;

use std::sync::Arc;

/// The three stores of one engine, each possibly under layers.
#[derive(Clone)]
pub struct Stores {
    /// Rows of carts.
    pub carts: Arc<dyn CartStore>,
    /// Linearizable records.
    pub linear: Arc<dyn LinearStore>,
    /// The shop's items.
    pub catalog: Arc<dyn CatalogStore>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").field("capabilities", &self.carts.capabilities()).finish_non_exhaustive()
    }
}

//! Counts and times what is asked of a store.
//!
//! Metrics: `evercart_store_operations_total{store,operation,outcome}` and
//! `evercart_store_operation_duration_seconds{store,operation}`. No ids in labels.

use crate::{
    Bucket, Capabilities, CartRows, CartStore, CatalogRow, CatalogStore, Consistency, DeltaKey, DueCursor,
    DueRecord, Inserted, LinearStore, LinearTable, Owner, PutOutcome, Record, RecordReplaced, Replaced,
    RowKey, Stores, Version, error::Result,
};
use async_trait::async_trait;
use bytes::Bytes;
use cart::{CartId, Timestamp, line::Sku};
use std::{sync::Arc, time::Instant};

/// Operations of stores, by store, operation and outcome.
pub const OPERATIONS: &str = "evercart_store_operations_total";
/// Seconds that operations of stores took.
pub const DURATION: &str = "evercart_store_operation_duration_seconds";

/// Puts the layer around three stores.
pub fn measured(stores: Stores) -> Stores {
    Stores {
        carts: Arc::new(Measured(stores.carts)),
        linear: Arc::new(Measured(stores.linear)),
        catalog: Arc::new(Measured(stores.catalog)),
    }
}

/// A store that is measured.
pub struct Measured<S: ?Sized>(pub Arc<S>);

async fn timed<T>(
    store: &'static str,
    operation: &'static str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let started = Instant::now();
    let result = work.await;
    let outcome = result.as_ref().err().map_or("ok", |error| error.kind());
    metrics::counter!(OPERATIONS, "store" => store, "operation" => operation, "outcome" => outcome)
        .increment(1);
    metrics::histogram!(DURATION, "store" => store, "operation" => operation).record(started.elapsed());
    result
}

#[async_trait]
impl CartStore for Measured<dyn CartStore> {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        timed("carts", "load", self.0.load(cart, consistency)).await
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        timed("carts", "replace", self.0.replace(key, expected, folded_through, bytes)).await
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        timed("carts", "append", self.0.append(key, bytes)).await
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        timed("carts", "remove", self.0.remove(key, version)).await
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        timed("carts", "remove_deltas", self.0.remove_deltas(key, through)).await
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        timed("carts", "scan", self.0.scan(after, limit)).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        timed("carts", "find_unfolded", self.0.find_unfolded(owner, after, limit)).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        timed("carts", "owners", self.0.owners()).await
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        timed("carts", "register", self.0.register(owner)).await
    }
}

#[async_trait]
impl LinearStore for Measured<dyn LinearStore> {
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>> {
        timed(table.as_str(), "read", self.0.read(table, key)).await
    }

    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted> {
        timed(table.as_str(), "insert_if_absent", self.0.insert_if_absent(table, key, bytes, due)).await
    }

    async fn replace(
        &self,
        table: LinearTable,
        key: &[u8],
        expected: Version,
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<RecordReplaced> {
        timed(table.as_str(), "replace", self.0.replace(table, key, expected, bytes, due)).await
    }

    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced> {
        timed(table.as_str(), "remove", self.0.remove(table, key, expected)).await
    }

    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        timed(table.as_str(), "due", self.0.due(table, before, after, limit)).await
    }
}

#[async_trait]
impl CatalogStore for Measured<dyn CatalogStore> {
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>> {
        timed("catalog", "put_items", self.0.put_items(items)).await
    }

    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>> {
        timed("catalog", "get_items", self.0.get_items(skus)).await
    }

    async fn changed_since(
        &self,
        since: Option<u64>,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<CatalogRow>> {
        timed("catalog", "changed_since", self.0.changed_since(since, after, limit)).await
    }
}

//! Injects faults into a store: what a network and an engine can do to a request.
//!
//! A write that fails *before* was not applied; one that fails *after* was, and its answer is lost. A request may come
//! *twice*, and a caller may *stop* there: it is never answered, as by a process that was killed.

use crate::{
    Bucket, Capabilities, CartRows, CartStore, CatalogRow, CatalogStore, Consistency, DeltaKey, DueCursor,
    DueRecord, Edition, Glance, Grown, Inserted, LinearStore, LinearTable, Owner, PutOutcome, Record,
    RecordReplaced, Replaced, RowKey, RowsAtHand, StoreError, Stores, Ticket, Version, error::Result,
};
use async_trait::async_trait;
use bytes::Bytes;
use cart::{CartId, Timestamp, line::Sku};
use std::sync::Arc;

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It never reaches the store: `Unavailable`.
    Before,
    /// It is applied and its answer is lost: `Indeterminate` for a write, `Unavailable` for a read.
    After,
    /// It comes twice; the answer is the second one's.
    Twice,
    /// It never reaches the store, and is never answered.
    StopBefore,
    /// It is applied, and never answered.
    StopAfter,
}

/// Decides what happens to the next request, by the name of its operation.
pub trait Faults: Send + Sync + 'static {
    /// What happens to it.
    fn next(&self, operation: &'static str) -> Fault;
}

impl<F: Fn(&'static str) -> Fault + Send + Sync + 'static> Faults for F {
    fn next(&self, operation: &'static str) -> Fault {
        self(operation)
    }
}

/// Puts the layer around three stores.
pub fn faulty(stores: Stores, faults: Arc<dyn Faults>) -> Stores {
    Stores {
        carts: Arc::new(Faulty { store: stores.carts, faults: faults.clone() }),
        linear: Arc::new(Faulty { store: stores.linear, faults: faults.clone() }),
        catalog: Arc::new(Faulty { store: stores.catalog, faults }),
    }
}

/// A store whose requests meet faults.
pub struct Faulty<S: ?Sized> {
    store: Arc<S>,
    faults: Arc<dyn Faults>,
}

#[derive(Debug, thiserror::Error)]
#[error("injected fault in `{0}`")]
struct Injected(&'static str);

impl<S: ?Sized> Faulty<S> {
    async fn read<T, F: Future<Output = Result<T>>>(
        &self,
        operation: &'static str,
        work: impl Fn() -> F,
    ) -> Result<T> {
        match self.faults.next(operation) {
            Fault::None => work().await,
            Fault::Before | Fault::After => Err(StoreError::Unavailable(Box::new(Injected(operation)))),
            Fault::Twice => {
                work().await?;
                work().await
            }
            Fault::StopBefore | Fault::StopAfter => std::future::pending().await,
        }
    }

    async fn write<T, F: Future<Output = Result<T>>>(
        &self,
        operation: &'static str,
        work: impl Fn() -> F,
    ) -> Result<T> {
        self.write_with(self.faults.next(operation), operation, work).await
    }

    async fn write_with<T, F: Future<Output = Result<T>>>(
        &self,
        fault: Fault,
        operation: &'static str,
        work: impl Fn() -> F,
    ) -> Result<T> {
        match fault {
            Fault::None => work().await,
            Fault::Before => Err(StoreError::Unavailable(Box::new(Injected(operation)))),
            Fault::After => {
                work().await?;
                Err(StoreError::Indeterminate(Box::new(Injected(operation))))
            }
            Fault::Twice => {
                work().await?;
                work().await
            }
            Fault::StopBefore => std::future::pending().await,
            Fault::StopAfter => {
                drop(work().await);
                std::future::pending().await
            }
        }
    }
}

#[async_trait]
impl CartStore for Faulty<dyn CartStore> {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        self.read("load", || self.store.load(cart, consistency)).await
    }

    // What is at hand meets no fault.
    fn load_at_hand(&self, cart: CartId) -> Result<Option<RowsAtHand>> {
        self.store.load_at_hand(cart)
    }

    fn grown_since(&self, cart: CartId, edition: Edition) -> Option<Grown> {
        self.store.grown_since(cart, edition)
    }

    async fn glance(&self, cart: CartId) -> Result<Option<Glance>> {
        self.read("glance", || self.store.glance(cart)).await
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        self.write("replace", || self.store.replace(key, expected, folded_through, bytes.clone())).await
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        self.write("append", || self.store.append(key, bytes.clone())).await
    }

    // Only what meets no fault is left to become durable later.
    async fn take_in(&self, key: &DeltaKey, bytes: Bytes) -> Result<Ticket> {
        match self.faults.next("append") {
            Fault::None => self.store.take_in(key, bytes).await,
            fault => {
                let whole = self.write_with(fault, "append", || self.store.append(key, bytes.clone()));
                whole.await.map(|()| Ticket::DURABLE)
            }
        }
    }

    async fn durable(&self, ticket: Ticket) -> Result<()> {
        self.store.durable(ticket).await
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        self.write("remove", || self.store.remove(key, version)).await
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        self.write("remove_deltas", || self.store.remove_deltas(key, through)).await
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.read("scan", || self.store.scan(after, limit)).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.read("find_unfolded", || self.store.find_unfolded(owner, after, limit)).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        self.read("owners", || self.store.owners()).await
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.write("register", || self.store.register(owner)).await
    }
}

#[async_trait]
impl LinearStore for Faulty<dyn LinearStore> {
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>> {
        self.read("linear_read", || self.store.read(table, key)).await
    }

    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted> {
        self.write("linear_insert", || self.store.insert_if_absent(table, key, bytes.clone(), due)).await
    }

    async fn replace(
        &self,
        table: LinearTable,
        key: &[u8],
        expected: Version,
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<RecordReplaced> {
        self.write("linear_replace", || self.store.replace(table, key, expected, bytes.clone(), due)).await
    }

    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced> {
        self.write("linear_remove", || self.store.remove(table, key, expected)).await
    }

    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        self.read("due", || self.store.due(table, before, after.clone(), limit)).await
    }
}

#[async_trait]
impl CatalogStore for Faulty<dyn CatalogStore> {
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>> {
        self.write("put_items", || self.store.put_items(items.clone())).await
    }

    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>> {
        self.read("get_items", || self.store.get_items(skus)).await
    }

    async fn changed_since(
        &self,
        since: Option<u64>,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<CatalogRow>> {
        self.read("changed_since", || self.store.changed_since(since, after.clone(), limit)).await
    }
}

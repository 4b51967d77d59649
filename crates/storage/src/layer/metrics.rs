//! Counts and times what is asked of a store.
//!
//! Metrics: `evercart_store_operations_total{store,operation,asker,outcome}` and
//! `evercart_store_operation_duration_seconds{store,operation,asker}`, of those that may have had to wait. No ids in labels.

use super::asker::{asker, is_worker};
use crate::{
    Bucket, Capabilities, CartRows, CartStore, CatalogRow, CatalogStore, Consistency, DeltaKey, DueCursor,
    DueRecord, Edition, Glance, Grown, Inserted, LinearStore, LinearTable, Owner, PutOutcome, Record,
    RecordReplaced, Replaced, RowKey, RowsAtHand, Stores, Ticket, Version, error::Result,
};
use async_trait::async_trait;
use bytes::Bytes;
use cart::{CartId, Timestamp, line::Sku};
use metrics::{Counter, Histogram};
use parking_lot::RwLock;
use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

/// Operations of stores, by store, operation, [asker] and outcome.
pub const OPERATIONS: &str = "evercart_store_operations_total";
/// Seconds that operations of stores took.
pub const DURATION: &str = "evercart_store_operation_duration_seconds";

const LOAD: Operation = ("carts", "load");

/// Puts the layer around three stores.
pub fn measured(stores: Stores) -> Stores {
    Stores {
        carts: Arc::new(Measured::new(stores.carts)),
        linear: Arc::new(Measured::new(stores.linear)),
        catalog: Arc::new(Measured::new(stores.catalog)),
    }
}

/// A store that is measured.
pub struct Measured<S: ?Sized> {
    store: Arc<S>,
    /// What was asked of it before: to look a metric up in the recorder, all its labels are made and hashed anew.
    asked: RwLock<Vec<(Asked, Instruments)>>,
    /// Loads for requests of what was at hand.
    at_hand: OnceLock<Counter>,
}

/// Of which store, and what.
type Operation = (&'static str, &'static str);
/// And for whom.
type Asked = (Operation, &'static str);

/// The metrics of an operation that is done.
#[derive(Clone)]
struct Instruments {
    done: Counter,
    duration: Histogram,
}

impl<S: ?Sized> Measured<S> {
    /// Puts the layer around a store.
    pub fn new(store: Arc<S>) -> Self {
        Self { store, asked: RwLock::default(), at_hand: OnceLock::new() }
    }

    async fn timed<T>(&self, operation: Operation, work: impl Future<Output = Result<T>>) -> Result<T> {
        let started = Instant::now();
        let result = work.await;
        self.note(operation, started, &result);
        result
    }

    fn note<T>(&self, operation: Operation, started: Instant, result: &Result<T>) {
        let asked = (operation, asker());
        let instruments = self.instruments(asked);
        match result {
            Ok(_) => instruments.done.increment(1),
            Err(error) => counter(asked, error.kind()).increment(1),
        }
        instruments.duration.record(started.elapsed());
    }

    fn instruments(&self, asked: Asked) -> Instruments {
        let known = |all: &[(Asked, Instruments)]| {
            all.iter().find(|(other, _)| *other == asked).map(|(_, instruments)| instruments.clone())
        };
        if let Some(instruments) = known(&self.asked.read()) {
            return instruments;
        }
        let ((store, name), asker) = asked;
        let duration = metrics::histogram!(DURATION, "store" => store, "operation" => name, "asker" => asker);
        let instruments = Instruments { done: counter(asked, "ok"), duration };
        self.asked.write().push((asked, instruments.clone()));
        instruments
    }
}

fn counter(((store, operation), asker): Asked, outcome: &'static str) -> Counter {
    metrics::counter!(
        OPERATIONS, "store" => store, "operation" => operation, "asker" => asker, "outcome" => outcome
    )
}

#[async_trait]
impl CartStore for Measured<dyn CartStore> {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        self.timed(LOAD, self.store.load(cart, consistency)).await
    }

    // Counted and not timed: it would take longer to look at the clock.
    fn load_at_hand(&self, cart: CartId) -> Result<Option<RowsAtHand>> {
        let found = self.store.load_at_hand(cart);
        match &found {
            Ok(None) => {}
            Ok(Some(_)) if is_worker() => counter((LOAD, asker()), "ok").increment(1),
            Ok(Some(_)) => self.at_hand.get_or_init(|| counter((LOAD, asker()), "ok")).increment(1),
            Err(error) => counter((LOAD, asker()), error.kind()).increment(1),
        }
        found
    }

    // No rows are loaded but a few deltas, which is not counted as a load.
    fn grown_since(&self, cart: CartId, edition: Edition) -> Option<Grown> {
        self.store.grown_since(cart, edition)
    }

    // Not counted: unless the disk is asked, it costs less than counting.
    async fn glance(&self, cart: CartId) -> Result<Option<Glance>> {
        self.store.glance(cart).await
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        self.timed(("carts", "replace"), self.store.replace(key, expected, folded_through, bytes)).await
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        self.timed(("carts", "append"), self.store.append(key, bytes)).await
    }

    async fn take_in(&self, key: &DeltaKey, bytes: Bytes) -> Result<Ticket> {
        let started = Instant::now();
        let taken = self.store.take_in(key, bytes).await;
        if !matches!(taken, Ok(ticket) if ticket != Ticket::DURABLE) {
            self.note(("carts", "append"), started, &taken);
        }
        taken
    }

    // One append is counted once: when it is done.
    async fn durable(&self, ticket: Ticket) -> Result<()> {
        if ticket == Ticket::DURABLE {
            return self.store.durable(ticket).await;
        }
        self.timed(("carts", "append"), self.store.durable(ticket)).await
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        self.timed(("carts", "remove"), self.store.remove(key, version)).await
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        self.timed(("carts", "remove_deltas"), self.store.remove_deltas(key, through)).await
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.timed(("carts", "scan"), self.store.scan(after, limit)).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.timed(("carts", "find_unfolded"), self.store.find_unfolded(owner, after, limit)).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        self.timed(("carts", "owners"), self.store.owners()).await
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.timed(("carts", "register"), self.store.register(owner)).await
    }
}

#[async_trait]
impl LinearStore for Measured<dyn LinearStore> {
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>> {
        self.timed((table.as_str(), "read"), self.store.read(table, key)).await
    }

    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted> {
        self.timed((table.as_str(), "insert_if_absent"), self.store.insert_if_absent(table, key, bytes, due))
            .await
    }

    async fn replace(
        &self,
        table: LinearTable,
        key: &[u8],
        expected: Version,
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<RecordReplaced> {
        self.timed((table.as_str(), "replace"), self.store.replace(table, key, expected, bytes, due)).await
    }

    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced> {
        self.timed((table.as_str(), "remove"), self.store.remove(table, key, expected)).await
    }

    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        self.timed((table.as_str(), "due"), self.store.due(table, before, after, limit)).await
    }
}

#[async_trait]
impl CatalogStore for Measured<dyn CatalogStore> {
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>> {
        self.timed(("catalog", "put_items"), self.store.put_items(items)).await
    }

    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>> {
        self.timed(("catalog", "get_items"), self.store.get_items(skus)).await
    }

    async fn changed_since(
        &self,
        since: Option<u64>,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<CatalogRow>> {
        self.timed(("catalog", "changed_since"), self.store.changed_since(since, after, limit)).await
    }
}

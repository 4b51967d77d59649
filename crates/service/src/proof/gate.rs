//! A gate before the stores: a test holds a request of one kind there, or answers reads from
//! a replica that stopped replicating.

use async_trait::async_trait;
use bytes::Bytes;
use cart::{CartId, Timestamp, line::Sku};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use storage::{
    Bucket, Capabilities, CartRows, CartStore, CatalogRow, CatalogStore, Consistency, DeltaKey, DueCursor,
    DueRecord, Edition, Glance, Grown, Inserted, LinearStore, LinearTable, Owner, PutOutcome, Record,
    RecordReplaced, Replaced, RowKey, RowsAtHand, StoreError, Stores, Ticket, Version,
};
use tokio::sync::Semaphore;

type Result<T> = std::result::Result<T, StoreError>;

/// Where requests are held. Open unless a test closes it.
#[derive(Default)]
pub struct Gate {
    closed: Mutex<BTreeMap<&'static str, Arc<Barrier>>>,
    gone: Mutex<Option<&'static str>>,
    replica: Mutex<Option<BTreeMap<CartId, CartRows>>>,
    loads_at_hand: AtomicUsize,
}

/// Holds the first request of a kind that comes.
pub struct Barrier {
    arrived: Semaphore,
    opened: Semaphore,
}

impl Barrier {
    /// Waits until a request stands before the gate.
    pub async fn arrived(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets it through.
    pub fn open(&self) {
        self.opened.add_permits(1);
    }
}

impl Gate {
    /// Puts a gate before stores.
    pub fn before(stores: Stores) -> (Arc<Self>, Stores) {
        let gate = Arc::new(Self::default());
        let gated = gate.again(stores);
        (gate, gated)
    }

    /// Puts the same gate before these stores too.
    pub fn again(self: &Arc<Self>, stores: Stores) -> Stores {
        Stores {
            carts: Arc::new(Gated { store: stores.carts, gate: self.clone() }),
            linear: Arc::new(Gated { store: stores.linear, gate: self.clone() }),
            catalog: Arc::new(Gated { store: stores.catalog, gate: self.clone() }),
        }
    }

    /// Holds the next request of this name, before it reaches the store for a write and after it did for a read.
    pub fn hold_next(&self, name: &'static str) -> Arc<Barrier> {
        let barrier = Arc::new(Barrier { arrived: Semaphore::new(0), opened: Semaphore::new(0) });
        self.closed.lock().unwrap().insert(name, barrier.clone());
        barrier
    }

    /// How often rows were asked for without waiting.
    pub fn loads_at_hand(&self) -> usize {
        self.loads_at_hand.load(Ordering::Relaxed)
    }

    /// From now on no request of this name is ever answered.
    pub fn answer_no(&self, name: &'static str) {
        *self.gone.lock().unwrap() = Some(name);
    }

    /// From now on eventual reads answer what is stored of these carts at this moment.
    pub async fn freeze_replica(&self, carts: &dyn CartStore, frozen: &[CartId]) {
        let mut replica = BTreeMap::new();
        for cart in frozen {
            replica.insert(*cart, carts.load(*cart, Consistency::Strong).await.unwrap());
        }
        *self.replica.lock().unwrap() = Some(replica);
    }

    async fn pass(&self, name: &'static str) {
        if *self.gone.lock().unwrap() == Some(name) {
            std::future::pending::<()>().await;
        }
        let barrier = self.closed.lock().unwrap().remove(name);
        if let Some(barrier) = barrier {
            barrier.arrived.add_permits(1);
            barrier.opened.acquire().await.unwrap().forget();
        }
    }

    fn stale(&self, cart: CartId, consistency: Consistency) -> Option<CartRows> {
        let replica = self.replica.lock().unwrap();
        replica.as_ref().filter(|_| consistency == Consistency::Eventual)?.get(&cart).cloned()
    }
}

struct Gated<S: ?Sized> {
    store: Arc<S>,
    gate: Arc<Gate>,
}

#[async_trait]
impl CartStore for Gated<dyn CartStore> {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        if let Some(stale) = self.gate.stale(cart, consistency) {
            return Ok(stale);
        }
        let rows = self.store.load(cart, consistency).await;
        self.gate.pass("load").await;
        rows
    }

    fn load_at_hand(&self, cart: CartId) -> Result<Option<RowsAtHand>> {
        self.gate.loads_at_hand.fetch_add(1, Ordering::Relaxed);
        match self.gate.stale(cart, Consistency::Eventual) {
            Some(_) => Ok(None),
            None => self.store.load_at_hand(cart),
        }
    }

    fn grown_since(&self, cart: CartId, edition: Edition) -> Option<Grown> {
        self.store
            .grown_since(cart, edition)
            .filter(|_| self.gate.stale(cart, Consistency::Eventual).is_none())
    }

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
        self.gate.pass("write").await;
        self.store.replace(key, expected, folded_through, bytes).await
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        self.gate.pass("write").await;
        self.store.append(key, bytes).await
    }

    async fn take_in(&self, key: &DeltaKey, bytes: Bytes) -> Result<Ticket> {
        self.gate.pass("write").await;
        self.store.take_in(key, bytes).await
    }

    async fn durable(&self, ticket: Ticket) -> Result<()> {
        self.store.durable(ticket).await
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        self.store.remove(key, version).await
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        self.store.remove_deltas(key, through).await
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.store.scan(after, limit).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.store.find_unfolded(owner, after, limit).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        self.store.owners().await
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.store.register(owner).await
    }
}

#[async_trait]
impl LinearStore for Gated<dyn LinearStore> {
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>> {
        let record = self.store.read(table, key).await;
        self.gate.pass("read").await;
        record
    }

    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted> {
        self.store.insert_if_absent(table, key, bytes, due).await
    }

    async fn replace(
        &self,
        table: LinearTable,
        key: &[u8],
        expected: Version,
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<RecordReplaced> {
        self.store.replace(table, key, expected, bytes, due).await
    }

    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced> {
        self.store.remove(table, key, expected).await
    }

    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        self.store.due(table, before, after, limit).await
    }
}

#[async_trait]
impl CatalogStore for Gated<dyn CatalogStore> {
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>> {
        self.store.put_items(items).await
    }

    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>> {
        let items = self.store.get_items(skus).await;
        self.gate.pass("get_items").await;
        items
    }

    async fn changed_since(
        &self,
        since: Option<u64>,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<CatalogRow>> {
        self.store.changed_since(since, after, limit).await
    }
}

//! A room of its own on an engine that many tests share, and an engine that answers at once: whoever asks is held until the
//! answer is there.
//!
//! Always holds: every request is one request of the engine beneath. Carts, records and items of one room are none of
//! another's, by what their names begin with. While a caller is held its clock stands still where that is tokio's own, so a
//! play under a paused clock over a server is the same play as in memory. Deliberately absent: lists of all carts, which
//! could not be told apart by room.

use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use storage::{
    Bucket, Capabilities, CartRows, CartStore, CatalogRow, CatalogStore, Consistency, DeltaKey, DueCursor,
    DueRecord, Inserted, LinearStore, LinearTable, Owner, PutOutcome, Record, RecordReplaced, Replaced,
    RowKey, StoreError, Stores, Version,
    cart::{CartId, Timestamp, line::Sku},
};
use tokio::runtime::Handle;

type Result<T> = std::result::Result<T, StoreError>;

/// Records looked through in one request for those of a room that are due.
const PAGE: usize = 100;

/// The room of this number, on stores that live in another runtime.
pub(crate) fn room(stores: &Stores, engine: &Handle, number: u64) -> Stores {
    Stores {
        carts: Arc::new(Room { store: stores.carts.clone(), engine: engine.clone(), number }),
        linear: Arc::new(Room { store: stores.linear.clone(), engine: engine.clone(), number }),
        catalog: Arc::new(Room { store: stores.catalog.clone(), engine: engine.clone(), number }),
    }
}

struct Room<S: ?Sized> {
    store: Arc<S>,
    engine: Handle,
    number: u64,
}

impl<S: ?Sized + Send + Sync + 'static> Room<S> {
    /// Asks where the engine lives, and holds the caller's thread until the answer is there.
    fn held<T, F>(&self, ask: impl FnOnce(Arc<S>) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (answer, answered) = std::sync::mpsc::channel();
        let asked = ask(self.store.clone());
        self.engine.spawn(async move { answer.send(asked.await).ok() });
        answered.recv().expect("the engine answers")
    }

    /// A cart here as its engine knows it, and the other way round.
    fn cart(&self, cart: CartId) -> CartId {
        let mut bytes = cart.0;
        bytes.iter_mut().zip(self.number.to_be_bytes()).for_each(|(byte, of_room)| *byte ^= of_room);
        CartId(bytes)
    }

    fn row(&self, key: &RowKey) -> RowKey {
        RowKey { cart: self.cart(key.cart), ..key.clone() }
    }

    fn key(&self, key: &[u8]) -> Bytes {
        Bytes::from([&self.number.to_be_bytes()[..], key].concat())
    }

    fn sku(&self, sku: &Sku) -> Sku {
        Sku::parse(&format!("{}-{sku}", self.number)).expect("a SKU with a number before it is one")
    }
}

#[async_trait]
impl CartStore for Room<dyn CartStore> {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        let there = self.cart(cart);
        let mut rows = self.held(async move |store| store.load(there, consistency).await)?;
        rows.deltas.iter_mut().for_each(|delta| delta.key.cart = cart);
        Ok(rows)
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        let key = self.row(key);
        self.held(async move |store| store.replace(&key, expected, folded_through, bytes).await)
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        let key = DeltaKey { cart: self.cart(key.cart), ..key.clone() };
        self.held(async move |store| store.append(&key, bytes).await)
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        let key = self.row(key);
        self.held(async move |store| store.remove(&key, version).await)
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        let key = self.row(key);
        self.held(async move |store| store.remove_deltas(&key, through).await)
    }

    async fn scan(&self, _: Option<CartId>, _: usize) -> Result<Vec<CartId>> {
        panic!("a room has no list of its carts")
    }

    async fn find_unfolded(&self, _: &Owner, _: Option<CartId>, _: usize) -> Result<Vec<CartId>> {
        panic!("a room has no list of its carts")
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        self.held(async move |store| store.owners().await)
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        let owner = owner.clone();
        self.held(async move |store| store.register(&owner).await)
    }
}

#[async_trait]
impl LinearStore for Room<dyn LinearStore> {
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>> {
        let key = self.key(key);
        self.held(async move |store| store.read(table, &key).await)
    }

    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted> {
        let key = self.key(key);
        self.held(async move |store| store.insert_if_absent(table, &key, bytes, due).await)
    }

    async fn replace(
        &self,
        table: LinearTable,
        key: &[u8],
        expected: Version,
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<RecordReplaced> {
        let key = self.key(key);
        self.held(async move |store| store.replace(table, &key, expected, bytes, due).await)
    }

    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced> {
        let key = self.key(key);
        self.held(async move |store| store.remove(table, &key, expected).await)
    }

    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        let mut after = after.map(|after| DueCursor { key: self.key(&after.key), ..after });
        let (room, mut due) = (self.key(&[]), Vec::new());
        loop {
            let behind = after.clone();
            let page = self.held(async move |store| store.due(table, before, behind, PAGE).await)?;
            after =
                page.last().and_then(|last| Some(DueCursor { due: last.record.due?, key: last.key.clone() }));
            let (is_last, of_room) = (page.len() < PAGE, page.into_iter());
            let of_room = of_room.filter(|found| found.key.starts_with(&room));
            due.extend(of_room.map(|found| DueRecord { key: found.key.slice(room.len()..), ..found }));
            if is_last || due.len() >= limit {
                due.truncate(limit);
                return Ok(due);
            }
        }
    }
}

#[async_trait]
impl CatalogStore for Room<dyn CatalogStore> {
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>> {
        let items = items.into_iter().map(|item| CatalogRow { sku: self.sku(&item.sku), ..item }).collect();
        self.held(async move |store| store.put_items(items).await)
    }

    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>> {
        let there: Vec<Sku> = skus.iter().map(|sku| self.sku(sku)).collect();
        let found = self.held(async move |store| store.get_items(&there).await)?;
        let here = skus.iter().zip(found);
        Ok(here.map(|(sku, row)| Some(CatalogRow { sku: sku.clone(), ..row? })).collect())
    }

    async fn changed_since(
        &self,
        _: Option<u64>,
        _: Option<(u64, Sku)>,
        _: usize,
    ) -> Result<Vec<CatalogRow>> {
        panic!("a room has no list of its items")
    }
}

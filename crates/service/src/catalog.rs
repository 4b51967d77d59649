//! The shop's copy of its items, from which snapshots are taken.
//!
//! Nobody waits for an item longer than the settings allow; a catalogue that is away or slow never holds up a cart: the
//! add is accepted without a price, and reads show the price when it is back. A look that came too late for who asked goes
//! on behind them, and the next one finds what it found: else a store that is always a little slower than the wait, as one
//! is that has just been started, would never be heard.

use crate::{Environment, Settings};
use cart::{
    Timestamp,
    digest::items_digest,
    format,
    item::{Item, Snapshot},
    line::{Sku, Texts},
};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use storage::{CatalogRow, CatalogStore, PutOutcome, StoreError};
use tokio::sync::{Semaphore, oneshot};

/// Looks that are under way at once: a catalogue that hangs holds no more than these.
const LOOKS_MAX: usize = 256;
/// Milliseconds after which a look is given up.
const LOOK_MS_MAX: u64 = 10_000;

/// The shop's items.
pub struct Catalog {
    copy: Arc<LocalCopy>,
    environment: Arc<dyn Environment>,
    looks: Arc<Semaphore>,
    wait_ms: u64,
}

/// The store, and what is remembered of it.
struct LocalCopy {
    store: Arc<dyn CatalogStore>,
    cached: Cache<Sku, CatalogItem>,
    /// Counts changes. What was looked up before one that is counted by now may be older than it, and is not kept.
    changes: AtomicU64,
    /// Held while changes are counted, and while something is kept.
    keeping: Mutex<()>,
}

/// A change of items on its way; however it ends, the cache forgets them then.
struct Changing<'a> {
    copy: &'a LocalCopy,
    skus: Vec<Sku>,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let _keeping = self.copy.keeping.lock();
        self.copy.changes.fetch_add(1, Ordering::AcqRel);
        self.skus.iter().for_each(|sku| drop(self.copy.cached.remove(sku)));
    }
}

/// An item as the catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogItem {
    /// The item, stamped with its revision.
    pub snapshot: Snapshot,
    /// What else the shop says of it.
    pub attributes: Arc<Texts>,
}

/// An item on its way into the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewItem {
    /// Of what.
    pub sku: Sku,
    /// Rises with every change; the moment of the import where the feed does not say.
    pub revision: Option<u64>,
    /// The item.
    pub item: Item,
    /// What else the shop says of it.
    pub attributes: Texts,
}

/// What the catalogue knows of the items of a cart, after so many of its changes.
#[derive(Debug, Default)]
pub struct Newest {
    changes: Option<u64>,
    /// By SKU.
    items: Vec<(Sku, Snapshot)>,
    digest: u64,
}

impl Newest {
    fn of(changes: Option<u64>, mut items: Vec<(Sku, Snapshot)>) -> Self {
        items.sort_unstable();
        let digest = items_digest(items.iter().map(|(sku, snapshot)| (sku, snapshot)));
        Self { changes, items, digest }
    }

    /// 64 bits of a digest over all of them.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Which changes it is after: equal numbers, equal items. `None` where the store did not answer in time.
    pub fn changes(&self) -> Option<u64> {
        self.changes
    }

    /// The newest snapshot of an item, if it is known.
    pub fn get(&self, sku: &Sku) -> Option<Snapshot> {
        let found = self.items.binary_search_by(|(other, _)| other.cmp(sku)).ok()?;
        self.items.get(found).map(|(_, snapshot)| snapshot.clone())
    }
}

/// What the catalogue says of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has it.
    Item(CatalogItem),
    /// It does not have it.
    Unknown,
    /// It did not answer in time.
    Away,
}

impl Catalog {
    pub(crate) fn new(
        store: Arc<dyn CatalogStore>,
        environment: Arc<dyn Environment>,
        settings: &Settings,
    ) -> Self {
        let cached = Cache::new(usize::try_from(settings.catalog_cached_max).unwrap_or(usize::MAX));
        let (changes, keeping) = (AtomicU64::new(0), Mutex::default());
        let copy = Arc::new(LocalCopy { store, cached, changes, keeping });
        let looks = Arc::new(Semaphore::new(LOOKS_MAX));
        Self { copy, environment, looks, wait_ms: settings.catalog_wait_ms }
    }

    /// Looks one item up.
    pub async fn find(&self, sku: &Sku) -> Found {
        if let Some(item) = self.copy.cached.get(sku) {
            return Found::Item(item);
        }
        match self.fetch_in_time(vec![sku.clone()]).await {
            Some(mut found) => found.pop().flatten().map_or(Found::Unknown, Found::Item),
            None => Found::Away,
        }
    }

    /// The newest snapshots of these items, as far as they are known in time; each is named once.
    pub(crate) async fn newest(&self, skus: Vec<Sku>) -> Newest {
        let changes = self.copy.changes.load(Ordering::Acquire);
        let mut items = Vec::with_capacity(skus.len());
        let mut missing = Vec::new();
        for sku in skus {
            match self.copy.cached.get(&sku) {
                Some(item) => items.push((sku, item.snapshot)),
                None => missing.push(sku),
            }
        }
        if missing.is_empty() {
            return Newest::of(Some(changes), items);
        }
        let Some(found) = self.fetch_in_time(missing.clone()).await else {
            return Newest::of(None, items);
        };
        let found = missing.into_iter().zip(found);
        items.extend(found.filter_map(|(sku, item)| Some((sku, item?.snapshot))));
        Newest::of(Some(changes), items)
    }

    /// True when no item has changed since.
    pub(crate) fn is_current(&self, newest: &Newest) -> bool {
        newest.changes.is_some_and(|changes| self.is_at(changes))
    }

    /// True when items have changed so many times, and not once more.
    pub(crate) fn is_at(&self, changes: u64) -> bool {
        changes == self.copy.changes.load(Ordering::Acquire)
    }

    /// Stores items; one outcome for each, in order. Carts show them at their next read.
    pub(crate) async fn put(&self, items: Vec<NewItem>) -> Result<Vec<PutOutcome>, StoreError> {
        let now = self.environment.now();
        let skus = items.iter().map(|item| item.sku.clone()).collect();
        let _changing = Changing { copy: &self.copy, skus };
        self.copy.store.put_items(items.into_iter().map(|item| item.into_row(now)).collect()).await
    }

    /// The items of these SKUs, in order, however long it takes: for administration.
    pub async fn get(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogItem>>, StoreError> {
        self.copy.get(skus).await
    }

    /// All items, in the order in which they last changed, behind `after`, at most `limit`. One that changes while
    /// somebody pages comes again at the end.
    pub async fn list(
        &self,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<(Sku, CatalogItem)>, StoreError> {
        let rows = self.copy.store.changed_since(None, after, limit).await?;
        rows.into_iter().map(|row| Ok((row.sku.clone(), decode(&row)?))).collect()
    }

    /// What a look finds, unless that takes too long or there are too many already.
    async fn fetch_in_time(&self, skus: Vec<Sku>) -> Option<Vec<Option<CatalogItem>>> {
        let away = |why: &'static str| {
            metrics::counter!("evercart_catalog_away_total", "why" => why).increment(1);
        };
        let Ok(permit) = self.looks.clone().try_acquire_owned() else {
            away("busy");
            return None;
        };
        let (copy, given_up) = (self.copy.clone(), self.environment.sleep(LOOK_MS_MAX));
        let (tell, told) = oneshot::channel();
        self.environment.spawn(Box::pin(async move {
            let _permit = permit;
            tokio::select! {
                biased;
                // Nobody may listen any more: then it was for those who come next.
                found = copy.look(&skus) => drop(tell.send(found)),
                () = given_up => {}
            }
        }));
        let found = tokio::select! {
            biased;
            found = told => found.ok()?,
            () = self.environment.sleep(self.wait_ms) => {
                away("slow");
                return None;
            }
        };
        found.inspect_err(|error| away(error.kind())).ok()
    }
}

impl LocalCopy {
    async fn get(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogItem>>, StoreError> {
        self.store.get_items(skus).await?.iter().map(|row| row.as_ref().map(decode).transpose()).collect()
    }

    /// Looks items up, and remembers them.
    async fn look(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogItem>>, StoreError> {
        let changes_before = self.changes.load(Ordering::Acquire);
        let found = self.get(skus).await;
        match &found {
            Ok(found) => self.keep(skus, found, changes_before),
            Err(error) => {
                tracing::warn!(error = error as &dyn std::error::Error, "catalogue did not answer");
            }
        }
        found
    }

    /// Remembers what was found, unless a change has come between.
    fn keep(&self, skus: &[Sku], found: &[Option<CatalogItem>], changes_before: u64) {
        let _keeping = self.keeping.lock();
        if self.changes.load(Ordering::Acquire) == changes_before {
            let known = skus.iter().zip(found).filter_map(|(sku, item)| Some((sku, item.as_ref()?)));
            known.for_each(|(sku, item)| self.cached.insert(sku.clone(), item.clone()));
        }
    }
}

impl NewItem {
    fn into_row(self, now: Timestamp) -> CatalogRow {
        let bytes = format::encode_item(&self.item, &self.attributes).into();
        CatalogRow { sku: self.sku, revision: self.revision.unwrap_or(now.0), bytes }
    }
}

fn decode(row: &CatalogRow) -> Result<CatalogItem, StoreError> {
    let decoded = format::decode_item(&row.bytes);
    let (item, attributes) =
        decoded.map_err(|source| StoreError::Corrupt { record: format!("item {}", row.sku), source })?;
    Ok(CatalogItem {
        snapshot: Snapshot::new(row.revision, Arc::new(item)),
        attributes: Arc::new(attributes),
    })
}

//! Keeps the snapshots in carts fresh: what the shop has changed of an item is written into the carts that hold it.
//!
//! A change is announced before it is stored and again after, one record for each SKU that some cart holds; the worker
//! walks the holders of each by the index of SKUs, at a bounded rate, and writes down how far it came: so it goes on
//! after a crash, and whatever it does twice changes nothing. Reads never wait for it: they show the newest item that
//! the catalogue knows, whatever is written in the cart.
//!
//! Deliberately absent: refreshing carts that the index does not know yet. What they hold is shown as new as any.

use crate::{
    Service,
    catalog::{CatalogItem, NewItem},
    error::ServiceError,
};
use bytes::Bytes;
use cart::{
    Cart, CartId, Dot, Timestamp,
    entry::Entry,
    item::Snapshot,
    line::Sku,
    operation::{Refresh, Stamp},
};
use std::sync::{Arc, Weak};
use storage::{
    Consistency, DueRecord, Inserted, LinearTable, PutOutcome, Record, RecordReplaced, StoreError,
};

/// Carts of one page: how much is done twice after a crash.
const PAGE: usize = 64;
/// Items that are looked at in one turn.
const ITEMS: usize = 16;
/// Milliseconds without anything to do until the next look.
const IDLE_MS: u64 = 500;
/// Milliseconds after a failure.
const FAILED_MS: u64 = 5_000;
/// Milliseconds from an announcement to its turn: by then the item is stored.
const STORED_MS: u64 = 1_000;
const SECOND_MS: u64 = 1_000;

/// Carts that were given a newer snapshot.
pub const REFRESHED: &str = "evercart_refreshed_carts_total";
/// Carts that were looked at for one.
pub const LOOKED_AT: &str = "evercart_refresh_seen_total";

/// Refreshes for as long as the service is there, and not at all where its settings say so.
pub async fn run(service: Weak<Service>) {
    let mut pause = IDLE_MS;
    loop {
        let Some(sleep) = service.upgrade().map(|service| service.environment.sleep(pause)) else { return };
        sleep.await;
        let Some(service) = service.upgrade() else { return };
        let per_second = u64::from(service.settings.refresh_per_second);
        if per_second == 0 {
            return;
        }
        pause = match service.refresh_some().await {
            Ok(0) => IDLE_MS,
            Ok(seen) => seen as u64 * SECOND_MS / per_second,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "refreshing waits for the store");
                FAILED_MS
            }
        };
    }
}

impl Service {
    /// Stores items of the catalogue; one outcome for each, in order. Carts show them at their next read, and have them
    /// written down soon.
    pub async fn put_items(&self, items: Vec<NewItem>) -> Result<Vec<PutOutcome>, StoreError> {
        let changed = self.changed_holdings(&items).await?;
        let in_a_moment = Timestamp(self.environment.now().0.saturating_add(STORED_MS));
        for sku in &changed {
            self.announce(sku, in_a_moment).await?;
        }
        let outcomes = self.catalog.put(items).await?;
        // Whoever looked between then and now has seen the item as it was.
        for sku in &changed {
            self.announce(sku, self.environment.now()).await?;
        }
        Ok(outcomes)
    }

    /// Those of the items that say something new, and that some cart holds.
    async fn changed_holdings(&self, items: &[NewItem]) -> Result<Vec<Sku>, StoreError> {
        let Some(index) = self.index.get() else { return Ok(Vec::new()) };
        let mut held = Vec::new();
        for item in items {
            if !index.skus.find(&item.sku, None, 1).await?.is_empty() {
                held.push(item);
            }
        }
        let skus: Vec<Sku> = held.iter().map(|item| item.sku.clone()).collect();
        let known = self.catalog.get(&skus).await?;
        let is_news = |(item, known): &(&NewItem, Option<CatalogItem>)| {
            known.as_ref().is_none_or(|known| !item.item.says_the_same(&known.snapshot.item))
        };
        Ok(held.into_iter().zip(known).filter(is_news).map(|(item, _)| item.sku.clone()).collect())
    }

    /// Has the holders of an item walked from the first one on.
    async fn announce(&self, sku: &Sku, due: Timestamp) -> Result<(), StoreError> {
        let linear = &self.stores.linear;
        loop {
            let inserted = linear
                .insert_if_absent(LinearTable::Refresh, sku.as_bytes(), Bytes::new(), Some(due))
                .await?;
            let Inserted::Present(Record { version, .. }) = inserted else { return Ok(()) };
            let again = linear
                .replace(LinearTable::Refresh, sku.as_bytes(), version, Bytes::new(), Some(due))
                .await?;
            if matches!(again, RecordReplaced::Applied(_)) {
                return Ok(());
            }
        }
    }

    /// Refreshes a page of carts of each of some items; answers how many carts were looked at.
    pub async fn refresh_some(&self) -> Result<usize, ServiceError> {
        let now = self.environment.now();
        let due = self.stores.linear.due(LinearTable::Refresh, now, None, ITEMS).await?;
        let mut seen = 0;
        for announced in due {
            seen += self.refresh_page(announced).await?;
        }
        Ok(seen)
    }

    async fn refresh_page(&self, DueRecord { key, record }: DueRecord) -> Result<usize, ServiceError> {
        let linear = &self.stores.linear;
        let sku = std::str::from_utf8(&key).ok().and_then(Sku::parse);
        let (Some(sku), Some(index)) = (sku, self.index.get()) else {
            linear.remove(LinearTable::Refresh, &key, record.version).await?;
            return Ok(0);
        };
        let newest = self.catalog.get(std::slice::from_ref(&sku)).await?.pop().flatten();
        let after = <[u8; 16]>::try_from(&record.bytes[..]).ok().map(CartId);
        let holders = match newest {
            Some(_) => index.skus.find(&sku, after, PAGE).await?,
            None => Vec::new(),
        };
        for cart in &holders {
            if let Some(newest) = &newest {
                self.refresh(*cart, &sku, &newest.snapshot).await?;
            }
        }
        metrics::counter!(LOOKED_AT).increment(holders.len() as u64);
        // One that was announced again meanwhile begins again: then neither is done.
        match holders.last().filter(|_| holders.len() == PAGE) {
            Some(last) => {
                let cursor = Bytes::copy_from_slice(&last.0);
                linear.replace(LinearTable::Refresh, &key, record.version, cursor, record.due).await?;
            }
            None => drop(linear.remove(LinearTable::Refresh, &key, record.version).await?),
        }
        Ok(holders.len())
    }

    /// Writes the newest snapshot of an item into a cart, where it says something new.
    async fn refresh(&self, cart: CartId, sku: &Sku, newest: &Snapshot) -> Result<(), ServiceError> {
        // Most are found as they should be, and need no lane.
        let seen = self.load(cart, Consistency::Eventual).await?;
        if stale_dots(&seen.state, sku, newest).is_empty() {
            return Ok(());
        }
        let mut lane = self.lanes.enter(cart, || self.environment.random()).await;
        let loaded = self.load(cart, Consistency::Strong).await?;
        let dots = stale_dots(&loaded.state, sku, newest);
        if dots.is_empty() {
            return Ok(());
        }
        // The dot names the row and is never burned: a refresh says nothing that an operation could repeat.
        let (at, dot) = (self.environment.now(), lane.count());
        let delta = Refresh { dots, latest: newest.clone() }.delta(&Stamp { dot, origin: cart, at });
        self.store(cart, loaded, delta, dot, &mut lane).await?;
        metrics::counter!(REFRESHED).increment(1);
        Ok(())
    }
}

/// Dots that hold an item as it was.
fn stale_dots(state: &Cart, sku: &Sku, newest: &Snapshot) -> Vec<Dot> {
    if state.erased || state.merged_into.is_some() {
        return Vec::new();
    }
    let of_sku = state.shown().filter(|(_, shown)| shown.line.sku() == sku);
    of_sku.filter(|(_, shown)| is_stale(shown.entry, newest)).map(|(dot, _)| dot).collect()
}

fn is_stale(entry: &Entry, newest: &Snapshot) -> bool {
    let known = entry.latest.as_ref().or(entry.added.as_ref());
    let is_newer = entry.latest.as_ref().is_none_or(|latest| latest < newest);
    is_newer
        && known.is_none_or(|known| {
            !Arc::ptr_eq(&known.item, &newest.item) && !known.item.says_the_same(&newest.item)
        })
}

//! What a node shows of stock: as it knew it a moment ago.
//!
//! Carts and product pages are shown often, and what they show may be a moment old: whoever checks out asks the records.
//! A shop that tracks no stock pays nothing.

use crate::{Environment, Service, known::made::skus};
use bytes::Bytes;
use cart::{Cart, Timestamp, line::Sku};
use quick_cache::sync::Cache;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};
use storage::{LinearTable, StoreError};

/// SKUs of which a node remembers what it showed.
const SHOWN: usize = 200_000;
/// Milliseconds between two looks at one SKU for holds whose time is over, by those who want to hold it.
const LOOK_MS: u64 = 250;

/// Units that are available, by SKU, as they were lately.
pub(crate) struct Levels {
    shown: Cache<Sku, Shown>,
    /// When its holds were looked at.
    looked: Cache<Sku, Timestamp>,
    /// True once something in this shop is tracked.
    is_used: AtomicBool,
    shown_ms: u64,
    environment: Arc<dyn Environment>,
}

#[derive(Clone)]
struct Shown {
    /// None where it is not tracked. Below zero where changes were counted that had been seen: for a moment.
    available: Option<Arc<AtomicI64>>,
    at: Timestamp,
}

impl Shown {
    fn units(&self) -> Option<u64> {
        let units = self.available.as_ref()?.load(Ordering::Relaxed);
        Some(u64::try_from(units).unwrap_or(0))
    }
}

impl Levels {
    pub(crate) fn new(shown_ms: u64, environment: Arc<dyn Environment>) -> Self {
        let (shown, looked) = (Cache::new(SHOWN), Cache::new(SHOWN));
        Self { shown, looked, is_used: AtomicBool::new(false), shown_ms, environment }
    }

    /// What is known of a SKU has changed.
    pub(crate) fn forget(&self, sku: &Sku) {
        self.shown.remove(sku);
    }

    /// So many units of a SKU more can be bought, or fewer; nobody knows how many without a number. What is sold fast
    /// would else be read anew, from all its owners, for every cart that is shown.
    pub(crate) fn shift(&self, sku: &Sku, more: Option<i64>) {
        match more {
            None => self.forget(sku),
            Some(0) => {}
            Some(more) => {
                let shown = self.shown.get(sku).and_then(|shown| shown.available);
                shown.map(|units| units.fetch_add(more, Ordering::Relaxed));
            }
        }
    }

    /// True for one of many who want to hold a SKU at once: that one looks for holds whose time is over.
    pub(crate) fn may_look(&self, sku: &Sku) -> bool {
        let now = self.environment.now();
        let is_fresh = |at: Timestamp| now.0.abs_diff(at.0) < LOOK_MS;
        let may_look = !self.looked.get(sku).is_some_and(is_fresh);
        if may_look {
            self.looked.insert(sku.clone(), now);
        }
        may_look
    }

    fn known(&self, sku: &Sku) -> Option<Shown> {
        let now = self.environment.now().0;
        self.shown.get(sku).filter(|shown| now.abs_diff(shown.at.0) <= self.shown_ms)
    }
}

/// Units that are in a cart, at most.
pub(crate) fn units_in(state: &Cart) -> u64 {
    state.entries.values().filter_map(|entry| entry.n).map(u64::from).sum()
}

/// Stands in the store once something is tracked.
const TRACKED: &[u8] = b"stock is tracked";

impl Service {
    /// Something is tracked from now on: every node looks from its next sweep on at the latest.
    pub(crate) async fn note_tracking(&self) -> Result<(), StoreError> {
        if !self.checkout.levels.is_used.load(Ordering::Relaxed) {
            self.stores.linear.insert_if_absent(LinearTable::Shop, TRACKED, Bytes::new(), None).await?;
            self.checkout.levels.is_used.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Finds out whether something is tracked in this shop.
    pub(crate) async fn look_for_tracking(&self) -> Result<(), StoreError> {
        let is_used = &self.checkout.levels.is_used;
        if !is_used.load(Ordering::Relaxed) {
            let record = self.stores.linear.read(LinearTable::Shop, TRACKED).await?;
            is_used.store(record.is_some(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Units of a SKU that can be bought, as lately known; `None` where it is not tracked, or nobody can say.
    pub async fn available(&self, sku: &Sku) -> Option<u64> {
        let levels = &self.checkout.levels;
        if let Some(shown) = levels.known(sku) {
            return shown.units();
        }
        match self.stock_level(sku).await {
            Ok(level) => {
                let available = level.map(|level| level.available);
                let counted = available.map(|units| Arc::new(AtomicI64::new(units.cast_signed())));
                let shown = Shown { available: counted, at: self.environment.now() };
                levels.shown.insert(sku.clone(), shown);
                available
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "stock is not known at the moment");
                None
            }
        }
    }

    /// What is scarce of what a cart holds: units that can be bought of what there are few of, or fewer than it holds.
    pub(crate) async fn scarce(&self, state: &Cart) -> BTreeMap<Sku, u64> {
        if !self.checkout.levels.is_used.load(Ordering::Relaxed) {
            return BTreeMap::new();
        }
        self.scarce_of(units_in(state), &skus(state)).await
    }

    /// The same of a cart with so many units of these.
    pub(crate) async fn scarce_of(&self, units: u64, skus: &[Sku]) -> BTreeMap<Sku, u64> {
        let mut scarce = BTreeMap::new();
        if !self.checkout.levels.is_used.load(Ordering::Relaxed) {
            return scarce;
        }
        let few = self.checkout.low_stock_max.max(units.saturating_sub(1));
        for sku in skus {
            if let Some(available) = self.available(sku).await.filter(|available| *available <= few) {
                scarce.insert(sku.clone(), available);
            }
        }
        scarce
    }
}

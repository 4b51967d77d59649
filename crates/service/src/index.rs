//! Which carts hold a SKU: an index that is kept behind writes, and looked up with doubt.
//!
//! A write notes the id of its cart and goes on; a worker reads the noted carts again and puts them under what they
//! hold. A scan of all carts, from time to time and at a start that cannot tell what was written meanwhile, brings what
//! other nodes wrote and what was lost. Each cart that is answered was read for the answer: the index may leave one out
//! for a while, and never shows one that does not hold the SKU.

mod worker;

pub use worker::run;

use crate::{Service, error::ServiceError};
use cart::{Cart, CartId, Timestamp, entry::quantity, line::List, line::Sku};
use futures::future::join_all;
use parking_lot::Mutex;
use std::{collections::BTreeSet, ops::Bound, sync::Arc};
use storage::{Consistency, SkuIndex, StoreError, Ticket};
use tokio::sync::Notify;

/// Carts looked at for one page, for each that it may show: one that is found in vain costs a read.
const LOOKS: usize = 4;

/// How the index is kept.
#[derive(Clone, Copy, Debug)]
pub struct IndexSettings {
    /// Carts read in a second, for changes and scans together.
    pub carts_per_second: u64,
    /// Milliseconds between scans.
    pub scan_every_ms: u64,
    /// Noted carts beyond which all are scanned instead.
    pub noted_max: usize,
}

impl Default for IndexSettings {
    fn default() -> Self {
        Self { carts_per_second: 5_000, scan_every_ms: 24 * 60 * 60 * 1000, noted_max: 100_000 }
    }
}

/// The index of one node.
pub(crate) struct CartIndex {
    /// Where it is kept.
    pub(crate) skus: Arc<dyn SkuIndex>,
    settings: IndexSettings,
    noted: Mutex<Noted>,
    /// Rung when a cart is noted.
    bell: Arc<Notify>,
    /// When all carts were scanned, as long as nothing was lost since.
    scanned_at: Mutex<Option<Timestamp>>,
}

/// Carts that have changed.
#[derive(Default)]
struct Noted {
    carts: BTreeSet<CartId>,
    /// The last that was taken: the next is the one behind it, so that each has its turn.
    taken: Option<CartId>,
    /// Those that were taken and are not in the index yet.
    under_way: BTreeSet<CartId>,
    /// Some found no room here.
    overflowed: bool,
    /// What was noted can be read once this is durable.
    behind: Ticket,
}

/// A cart that holds a SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which.
    pub cart: CartId,
    /// Units in the cart, over all lines of the SKU.
    pub quantity: u64,
    /// Units saved for later.
    pub saved: u64,
    /// When the cart last changed.
    pub updated_at: Timestamp,
}

/// Some of the carts that hold a SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holders {
    /// In the order of their ids.
    pub carts: Vec<Holder>,
    /// Where to go on; `None` at the end.
    pub next: Option<CartId>,
    /// False while carts may be missing that were not changed just now: all are being scanned.
    pub complete: bool,
    /// Carts that had changed before this answer was looked for and were not in the index yet.
    pub waiting: usize,
}

impl CartIndex {
    /// Notes that a cart has changed. Waits for nothing but the lock of a set.
    pub(crate) fn note(&self, cart: CartId) {
        self.note_behind(cart, Ticket::DURABLE);
    }

    /// The same of a change that can be read once this is durable.
    pub(crate) fn note_behind(&self, cart: CartId, ticket: Ticket) {
        let mut noted = self.noted.lock();
        noted.behind = noted.behind.max(ticket);
        let is_first = noted.add(cart, self.settings.noted_max);
        drop(noted);
        if is_first {
            self.bell.notify_one();
        }
    }
}

impl Noted {
    /// True for the first that waits: the worker goes on by itself as long as there are others.
    fn add(&mut self, cart: CartId, most: usize) -> bool {
        let waiting = self.carts.len();
        if waiting < most {
            self.carts.insert(cart);
        } else if !self.carts.contains(&cart) {
            self.overflowed = true;
        }
        waiting == 0
    }

    fn waiting(&self) -> usize {
        self.carts.len() + self.under_way.len()
    }

    /// Takes some out, until [`Self::are_in`] says that they are in the index. What was taken before and is not is taken
    /// again.
    fn take(&mut self, most: usize) -> BTreeSet<CartId> {
        self.carts.extend(std::mem::take(&mut self.under_way));
        let behind = self.taken.map_or(Bound::Unbounded, Bound::Excluded);
        let taken: Vec<CartId> =
            self.carts.range((behind, Bound::Unbounded)).chain(&self.carts).take(most).copied().collect();
        self.taken = taken.last().copied();
        let taken = BTreeSet::from_iter(taken);
        self.under_way.clone_from(&taken);
        // One by one: writers wait for this lock, and far more carts may be noted than are taken.
        for cart in &taken {
            self.carts.remove(cart);
        }
        taken
    }

    fn are_in(&mut self) {
        self.under_way.clear();
    }
}

impl Service {
    /// Keeps an index of SKUs from now on; [`run`] is to be run beside requests. The first call decides.
    ///
    /// Where it holds all carts as they are now, `scanned_at` says when they were last scanned: it need not be soon again.
    pub fn keep_index(
        &self,
        skus: Arc<dyn SkuIndex>,
        settings: IndexSettings,
        scanned_at: Option<Timestamp>,
    ) {
        let index = CartIndex {
            skus,
            settings,
            noted: Mutex::default(),
            bell: Arc::default(),
            scanned_at: scanned_at.into(),
        };
        self.index.set(index).ok();
    }

    /// Carts that hold a SKU, in either list, behind `after`, at most `limit`; none where no index is kept.
    pub async fn find_holders(
        &self,
        sku: &Sku,
        after: Option<CartId>,
        limit: usize,
    ) -> Result<Holders, ServiceError> {
        let Some(index) = self.index.get() else {
            return Ok(Holders { carts: Vec::new(), next: None, complete: false, waiting: 0 });
        };
        // Before the look: what the worker puts in while the carts are read is not in this answer.
        let (complete, waiting) = (index.is_complete(), index.noted.lock().waiting());
        let (mut carts, mut next, mut looks) = (Vec::new(), after, 0);
        while carts.len() < limit && looks < limit * LOOKS {
            let wanted = limit - carts.len();
            let found = index.skus.find(sku, next, wanted).await?;
            looks += found.len();
            let is_last = found.len() < wanted;
            next = found.last().copied().or(next);
            carts.extend(self.really_hold(index, sku, &found).await?);
            if is_last {
                next = None;
                break;
            }
        }
        Ok(Holders { carts, next, complete, waiting })
    }

    /// Those of these carts that hold the SKU when they are read. The others are noted, so that they leave.
    async fn really_hold(
        &self,
        index: &CartIndex,
        sku: &Sku,
        found: &[CartId],
    ) -> Result<Vec<Holder>, ServiceError> {
        let mut holders = Vec::with_capacity(found.len());
        for state in self.read_all(found).await? {
            match state {
                (cart, Some(state)) if holds(&state, sku) => holders.push(Holder {
                    cart,
                    quantity: units(&state, sku, List::Cart),
                    saved: units(&state, sku, List::Saved),
                    updated_at: state.touched,
                }),
                (cart, _) => index.note(cart),
            }
        }
        Ok(holders)
    }

    /// Carts as they are now; `None` of one that cannot be read.
    async fn read_all(&self, carts: &[CartId]) -> Result<Vec<(CartId, Option<Arc<Cart>>)>, ServiceError> {
        let read = carts.iter().map(async |cart| match self.load(*cart, Consistency::Eventual).await {
            Ok(loaded) => Ok((*cart, Some(loaded.state))),
            Err(ServiceError::Store(StoreError::Corrupt { .. })) => Ok((*cart, None)),
            Err(error) => Err(error),
        });
        join_all(read).await.into_iter().collect()
    }
}

impl CartIndex {
    fn is_complete(&self) -> bool {
        let scanned = self.scanned_at.lock().is_some();
        scanned && !self.noted.lock().overflowed && self.skus.is_whole()
    }
}

/// The SKUs of a cart that somebody can still shop with: what a merged guest had is found in the account's.
fn skus_of(state: &Cart) -> BTreeSet<Sku> {
    if state.merged_into.is_some() {
        return BTreeSet::new();
    }
    state.shown().map(|(_, shown)| shown.line.sku().clone()).collect()
}

fn holds(state: &Cart, sku: &Sku) -> bool {
    state.merged_into.is_none() && state.shown().any(|(_, shown)| shown.line.sku() == sku)
}

/// Units of a SKU in a list, whatever their options. Groups are of one line, so that they count once among all.
fn units(state: &Cart, sku: &Sku, list: List) -> u64 {
    let shown = state.shown().filter(|(_, shown)| shown.list == list && shown.line.sku() == sku);
    quantity(shown.map(|(_, shown)| (shown.n, shown.entry.group)))
}

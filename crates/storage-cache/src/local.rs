//! The tier in this process: whole carts, bounded in bytes and by age.
//!
//! Carts share slots, and a slot counts the writes of its carts. Whoever fills a cart in shows the count that it saw before
//! it asked the engine; count, fill and removal happen under the slot's lock. So what was read before a write is never kept
//! after it. That two carts share a slot costs a dropped fill now and then, nothing else.

use crate::{
    meter::{self, Meter},
    rows::{Change, Patched, ordered, patched},
};
use parking_lot::Mutex;
use quick_cache::{Weighter, sync::Cache};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use storage::{
    CartRows,
    cart::{
        CartId,
        planted::{self, Bug},
    },
};

/// How many slots there are: a megabyte of them.
const SLOTS: usize = 1 << 15;
/// Bytes that a kept cart costs beside its rows, and each row beside its bytes, roughly.
const CART_BYTES: u64 = 200;
const ROW_BYTES: u64 = 120;

/// The tier.
pub(crate) struct Local {
    kept: Cache<CartId, Arc<Kept>, Weight>,
    slots: Box<[Mutex<Slot>]>,
    max_age: Duration,
    /// False while writes of other nodes may go unheard: then nothing is kept here.
    is_heard: AtomicBool,
    pub(crate) meter: Meter,
}

/// A cart as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) rows: CartRows,
    /// Before the engine was asked.
    pub(crate) read_at: Instant,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    writes: u64,
    /// Until then nothing is filled in: what is read may be from before a write.
    blocked_until: Option<Instant>,
}

/// What a fill must show: how many writes there had been before its read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(u64);

impl Local {
    pub(crate) fn new(bytes_max: u64, max_age: Duration, is_heard: bool) -> Self {
        let carts = usize::try_from(bytes_max / (CART_BYTES + ROW_BYTES + 300)).unwrap_or(usize::MAX);
        let slots = std::iter::repeat_with(Mutex::default).take(SLOTS).collect();
        let kept = Cache::with_weighter(carts, bytes_max, Weight);
        Self { kept, slots, max_age, is_heard: AtomicBool::new(is_heard), meter: Meter::of("local") }
    }

    /// Before a read: what its fill must show. `None` while nothing is kept.
    pub(crate) fn ticket(&self, cart: CartId) -> Option<Ticket> {
        self.is_heard.load(Ordering::SeqCst).then(|| Ticket(self.slot(cart).lock().writes))
    }

    /// The cart, if it is kept and young enough.
    pub(crate) fn find(&self, cart: CartId) -> Option<Arc<Kept>> {
        if !self.is_heard.load(Ordering::SeqCst) {
            return None;
        }
        self.kept.get(&cart).filter(|kept| kept.read_at.elapsed() < self.max_age)
    }

    /// Keeps what was read, unless it was written meanwhile. True when it is kept.
    pub(crate) fn fill(&self, cart: CartId, ticket: Ticket, read: Kept) -> bool {
        let ticket = match planted::is_on(Bug::P12FillOvertakesInvalidation) {
            true => self.ticket(cart).unwrap_or(ticket),
            false => ticket,
        };
        let slot = self.slot(cart).lock();
        let is_older = |kept: Arc<Kept>| kept.read_at > read.read_at;
        if slot.writes != ticket.0
            || slot.blocked_until.is_some_and(|until| Instant::now() < until)
            || self.kept.peek(&cart).is_some_and(is_older)
        {
            return false;
        }
        self.kept.insert(cart, Arc::new(Kept { rows: ordered(read.rows), ..read }));
        meter::kept(self.kept.len(), self.kept.weight());
        true
    }

    /// A cart was written: reads before it are not kept, and nothing is filled in for as long as `block`.
    pub(crate) fn change(&self, cart: CartId, change: Change<'_>, block: Duration) {
        let mut slot = self.slot(cart).lock();
        slot.writes += 1;
        if !block.is_zero() {
            slot.blocked_until = slot.blocked_until.max(Some(Instant::now() + block));
        }
        let Some(kept) = self.kept.peek(&cart) else { return };
        match patched(&kept.rows, change) {
            Patched::Changed(rows) => {
                self.kept.insert(cart, Arc::new(Kept { rows, read_at: kept.read_at }));
                self.meter.patched();
            }
            Patched::Same => {}
            Patched::Unfit => {
                self.kept.remove(&cart);
                self.meter.invalidated();
            }
        }
    }

    /// Drops everything, also what is being read now.
    pub(crate) fn clear(&self) {
        for slot in &self.slots {
            slot.lock().writes += 1;
        }
        self.kept.clear();
    }

    /// Writes of others go unheard from now on.
    pub(crate) fn stop(&self) {
        self.is_heard.store(false, Ordering::SeqCst);
        self.clear();
    }

    /// Writes of others are heard again.
    pub(crate) fn go_on(&self) {
        self.clear();
        self.is_heard.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::SeqCst)
    }

    pub(crate) fn carts(&self) -> usize {
        self.kept.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.kept.weight()
    }

    fn slot(&self, cart: CartId) -> &Mutex<Slot> {
        // Ids of carts are as good as random.
        let [.., high, low] = cart.0;
        let index = usize::from(u16::from_be_bytes([high, low])) % SLOTS;
        &self.slots[index]
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<CartId, Arc<Kept>> for Weight {
    fn weight(&self, _: &CartId, kept: &Arc<Kept>) -> u64 {
        let rows = kept.rows.snapshots.iter().map(|row| row.bytes.len());
        let all = rows.chain(kept.rows.deltas.iter().map(|row| row.bytes.len()));
        CART_BYTES + all.map(|length| ROW_BYTES + length as u64).sum::<u64>()
    }
}

#[cfg(test)]
mod tests;

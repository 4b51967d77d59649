//! Stock of one SKU at one owner: a bounded counter (1503.09052). An owner sells only rights that it holds.
//!
//! **K1**: what is sold, held and granted away never exceeds what was stocked and granted here. **K3**: a hold ends
//! by a decision of its cart's ledger, never by time alone. An attempt that was released or sold here is never held
//! here again: it stands in `done`, or its `prepare_by` does not exceed `fence`.
//!
//! Every change here is one conditional write of one record. Nothing here knows a store, a clock or another record;
//! what other owners granted comes in as their cumulative amount, of which the greatest is kept.

mod change;
mod owner;
mod spread;
#[cfg(test)]
mod tests;

pub use change::{Change, Changed, Outcome};
pub use owner::{Owner, StockKey};
pub use spread::{Rights, collapse, refill, spread_removal};

use crate::{
    id::{KeyHash, TxId},
    planted::{self, Bug},
    settings::{Clock, DONE_MAX, DONE_MS, DONE_MS_MIN},
};
use cart::{CartId, Timestamp};
use std::collections::BTreeMap;

/// What one owner has of one SKU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stock {
    /// Units that the shop put here, less what corrections took.
    pub restocked: u64,
    /// Units that a correction should have taken, had they not been held or sold: settled before anything is
    /// available again.
    pub short: u64,
    /// Units sold, ever.
    pub sold: u64,
    /// Rights given to other owners, ever.
    pub granted_out: BTreeMap<Owner, u64>,
    /// The most that each other owner is known to have given to this one.
    pub granted_in: BTreeMap<Owner, u64>,
    /// Units put aside for attempts that are not decided, or not applied yet.
    pub holds: BTreeMap<TxId, Hold>,
    /// Attempts that are over here, with their `prepare_by`.
    pub done: BTreeMap<TxId, Timestamp>,
    /// Attempts whose `prepare_by` does not exceed this are over here.
    pub fence: Timestamp,
    /// True after a restore, until somebody has counted.
    pub is_frozen: bool,
    /// Changes by the shop of the last day, so that none happens twice.
    pub changes: BTreeMap<KeyHash, Changed>,
}

/// Units put aside for one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    /// How many.
    pub quantity: u64,
    /// Whose ledger decides.
    pub cart: CartId,
    /// When somebody should ask it.
    pub until: Timestamp,
    /// Up to when this attempt may be held anew.
    pub prepare_by: Timestamp,
}

/// Why units are not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The attempt is over here, or too late to begin.
    Over,
    /// It already holds another quantity here.
    OtherQuantity,
    /// The owner is frozen until somebody has counted.
    Frozen,
    /// Less is available.
    Short {
        /// How much.
        available: u64,
    },
}

impl Stock {
    /// A new owner with units that the shop put here.
    pub fn of(restocked: u64) -> Self {
        Self { restocked, ..Self::default() }
    }

    /// Units held.
    pub fn held(&self) -> u64 {
        self.holds.values().map(|hold| hold.quantity).sum()
    }

    /// Units that can be held now; none while frozen.
    pub fn available(&self) -> u64 {
        if self.is_frozen { 0 } else { self.unspent().saturating_sub(self.short) }
    }

    /// What was stocked and granted here, less what was sold, held or granted away.
    fn unspent(&self) -> u64 {
        let into = self.restocked + self.granted_in.values().sum::<u64>();
        into.saturating_sub(self.granted_out.values().sum::<u64>() + self.sold + self.held())
    }

    /// Puts units aside. Asked again with the same quantity the answer is yes again, and nothing changes.
    pub fn prepare(&mut self, tx: TxId, hold: Hold, clock: Clock) -> Result<(), Refusal> {
        if let Some(held) = self.holds.get(&tx) {
            return if held.quantity == hold.quantity { Ok(()) } else { Err(Refusal::OtherQuantity) };
        }
        if self.is_over(tx, hold.prepare_by) || clock.now > hold.prepare_by {
            return Err(Refusal::Over);
        }
        if self.is_frozen {
            return Err(Refusal::Frozen);
        }
        match self.available() {
            available if available < hold.quantity => Err(Refusal::Short { available }),
            _ => {
                self.holds.insert(tx, hold);
                Ok(())
            }
        }
    }

    /// True when an attempt was released or sold here, or may have been.
    pub fn is_over(&self, tx: TxId, prepare_by: Timestamp) -> bool {
        let is_over = self.done.contains_key(&tx) || prepare_by <= self.fence;
        is_over && !planted::is_on(Bug::P15NoDoneNoFence)
    }

    /// Sells what the order lists of this owner, whatever was held; without a hold it was done before. True when
    /// something changed.
    pub fn apply(&mut self, tx: TxId, listed: u64) -> bool {
        let Some(hold) = self.holds.remove(&tx) else { return false };
        self.sold += listed;
        self.end(tx, hold);
        true
    }

    /// Gives back what an attempt held. True when something changed.
    pub fn release(&mut self, tx: TxId) -> bool {
        let Some(hold) = self.holds.remove(&tx) else { return false };
        self.end(tx, hold);
        true
    }

    fn end(&mut self, tx: TxId, hold: Hold) {
        if !planted::is_on(Bug::P15NoDoneNoFence) {
            self.done.insert(tx, hold.prepare_by);
        }
        self.settle_short();
    }

    /// Forgets attempts that were over long ago, and raises the fence over them. An hour; a minute when there are
    /// many, which is still longer than two trusted clocks can differ: nobody who could begin is refused.
    pub fn prune(&mut self, clock: Clock) {
        let keep_ms = if self.done.len() > DONE_MAX { DONE_MS_MIN } else { DONE_MS };
        let fence = &mut self.fence;
        self.done.retain(|_, prepare_by| {
            let is_old = clock.is_surely_past(*prepare_by, keep_ms);
            *fence = if is_old { *prepare_by.max(fence) } else { *fence };
            !is_old
        });
        self.forget_changes(clock);
    }

    /// Takes out of stock what is short, as far as it is there.
    fn settle_short(&mut self) {
        // Only what the shop put here itself can leave the books here; granted rights leave them with their giver.
        let settled = self.short.min(self.unspent()).min(self.restocked);
        self.short -= settled;
        self.restocked -= settled;
    }

    /// Debits rights for another owner until so many were given to it in all, as far as they are available. First of
    /// the two halves of a grant: in between nobody can sell the units. True when something changed.
    pub fn give(&mut self, to: &Owner, cumulative: u64) -> bool {
        let given = self.given_to(to);
        let more = cumulative.saturating_sub(given).min(self.available());
        if more > 0 {
            self.granted_out.insert(to.clone(), given + more);
        }
        more > 0
    }

    /// What was given to another owner, ever.
    pub fn given_to(&self, to: &Owner) -> u64 {
        self.granted_out.get(to).copied().unwrap_or_default()
    }

    /// Credits what another owner has given in all. True when that is news.
    pub fn receive(&mut self, from: &Owner, cumulative: u64) -> bool {
        let is_news = self.granted_in.get(from).copied().unwrap_or_default() < cumulative;
        if is_news {
            self.granted_in.insert(from.clone(), cumulative);
            self.settle_short();
        }
        is_news
    }

    /// Sets how much a customer may buy in all. What was sold and held before stays.
    pub fn bound(&mut self, quantity: u64) {
        self.restocked = quantity;
    }

    /// When somebody must ask ledgers about holds here.
    pub fn due(&self) -> Option<Timestamp> {
        self.holds.values().map(|hold| hold.until).min()
    }

    /// K1 of this record: true when nothing was spent that was not here.
    pub fn keeps_k1(&self) -> bool {
        let into = self.restocked + self.granted_in.values().sum::<u64>();
        self.granted_out.values().sum::<u64>() + self.sold + self.held() <= into
    }
}

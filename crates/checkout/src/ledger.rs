//! The ledger of one cart: claim, coordinator's log and commit point of its checkouts in one record.
//!
//! **K4**: that an order is committed, what it holds and which dots it bought become known in one write. **K5**: a dot
//! is bought once, because `consumed` is checked and extended in the record that is the claim. At most one attempt is
//! pending. An attempt that stands nowhere is aborted: no record means no.
//!
//! Nothing here knows stock: holds are released or sold by whoever reads here what was decided. The record is never
//! deleted.

mod claim;
mod guest;
#[cfg(test)]
mod tests;

pub use claim::{Claim, Claimed, KeyState};
pub use guest::{Joined, Moving, UndoClaimed};

use crate::{
    id::{BodyHash, KeyHash, TxId},
    planted::{self, Bug},
    settings::{Clock, KEY_DAYS, Settings},
    stock::StockKey,
};
use cart::{CartId, Dot, Timestamp, line::Sku};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the checkouts of one cart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    /// The attempt that has the cart.
    pub pending: Option<Pending>,
    /// Aborted attempts whose payment may not be void yet, with the moment of the decision.
    pub aborting: BTreeMap<TxId, Timestamp>,
    /// Orders that were committed and are not closed, or were closed not long ago.
    pub committed: BTreeMap<TxId, Committed>,
    /// Which order, or which undo of a merge, took a dot. None is ever dropped: rows can show a dot anew at any age, and
    /// this is then all that knows of it.
    pub consumed: BTreeMap<Dot, Taker>,
    /// Idempotency keys of the last week.
    pub keys: BTreeMap<KeyHash, KnownKey>,
    /// Guests whose ledgers were moved here, and whose consumed dots and keys are in this one.
    pub absorbed: BTreeSet<CartId>,
    /// The account whose ledger goes on for this one.
    pub moved_to: Option<CartId>,
}

/// An attempt that is not decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pending {
    /// Which.
    pub tx: TxId,
    /// What it would buy, by dot.
    pub dots: BTreeSet<Dot>,
    /// The same, by SKU.
    pub lines: BTreeMap<Sku, u64>,
    /// When it claimed the cart.
    pub claimed_at: Timestamp,
    /// Up to when stock may be held anew.
    pub prepare_by: Timestamp,
    /// From when on anybody may abort it.
    pub deadline: Timestamp,
    /// True while the shopper acts: nobody drives it, and whoever asks may.
    pub awaits_shopper: bool,
}

/// Units that an order holds, by where.
pub type Holds = BTreeMap<StockKey, u64>;

/// An order that happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Committed {
    /// What it takes from where; empty once closed.
    pub holds: Holds,
    /// Where it has been taken.
    pub applied: BTreeSet<StockKey>,
    /// When it was decided.
    pub at: Timestamp,
    /// True once everything is applied, consumed and published.
    pub is_closed: bool,
}

/// What took a dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Taker {
    /// An order bought it.
    Order(TxId),
    /// The undo of a merge returned it, in this cart.
    Undo(CartId),
}

/// What is known of an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KnownKey {
    /// The attempt that it named first.
    pub tx: TxId,
    /// The body that came with it.
    pub body: BodyHash,
    /// When.
    pub at: Timestamp,
    /// True once the attempt is an order; it may be one of a ledger that was absorbed.
    pub is_order: bool,
}

/// What a ledger says of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// Not decided.
    Pending(&'a Pending),
    /// Committed, and not closed.
    Open(&'a Committed),
    /// Committed, and nothing is left to do.
    Closed,
    /// Aborted, or never claimed: the same.
    Aborted,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committing {
    /// It is an order now.
    Committed,
    /// It was one already.
    Already,
    /// It was aborted before.
    Refused,
}

impl Ledger {
    /// What was decided on an attempt.
    pub fn state(&self, tx: TxId) -> State<'_> {
        match (&self.pending, self.committed.get(&tx)) {
            (_, Some(order)) if order.is_closed => State::Closed,
            (_, Some(order)) => State::Open(order),
            (Some(pending), None) if pending.tx == tx => State::Pending(pending),
            _ => State::Aborted,
        }
    }

    /// The commit point: the attempt becomes an order with what it holds, and its dots are bought.
    pub fn commit(&mut self, claim: &Pending, holds: Holds, at: Timestamp) -> Committing {
        let tx = claim.tx;
        if self.committed.contains_key(&tx) {
            return Committing::Already;
        }
        let is_unclaimed = planted::is_on(Bug::P17CartIsNotClaimed) && !self.aborting.contains_key(&tx);
        let dots = match self.pending.take_if(|pending| pending.tx == tx) {
            Some(pending) => pending.dots,
            None if is_unclaimed => claim.dots.clone(),
            None => return Committing::Refused,
        };
        let order = Committed { holds, applied: BTreeSet::new(), at, is_closed: false };
        self.committed.insert(tx, order);
        self.consumed.extend(dots.into_iter().map(|dot| (dot, Taker::Order(tx))));
        self.keys.values_mut().filter(|key| key.tx == tx).for_each(|key| key.is_order = true);
        Committing::Committed
    }

    /// Decides that an attempt does not happen. False when it is not pending: then nothing may be released.
    pub fn abort(&mut self, tx: TxId, at: Timestamp) -> bool {
        let is_aborted = self.pending.take_if(|pending| pending.tx == tx).is_some();
        if is_aborted || (planted::is_on(Bug::P17CartIsNotClaimed) && !self.committed.contains_key(&tx)) {
            self.aborting.insert(tx, at);
        }
        is_aborted
    }

    /// The payment of an aborted attempt is void, or there was none. True when something changed.
    pub fn void_acknowledged(&mut self, tx: TxId) -> bool {
        self.aborting.remove(&tx).is_some()
    }

    /// Keeps a claim standing, at most up to the bound of a shopper's time. True when something changed.
    pub fn renew(&mut self, tx: TxId, deadline: Timestamp, settings: &Settings) -> bool {
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.tx == tx) else { return false };
        let last = Timestamp(pending.claimed_at.0.saturating_add(settings.shopper_ms));
        let is_later = pending.deadline < deadline.min(last);
        pending.deadline = pending.deadline.max(deadline.min(last));
        is_later
    }

    /// Leaves an attempt to the shopper, with all the time a shopper has. True when something changed.
    pub fn await_shopper(&mut self, tx: TxId, clock: Clock, settings: &Settings) -> bool {
        let is_renewed = self.renew(tx, clock.plus(settings.shopper_ms), settings);
        match self.pending.as_mut().filter(|pending| pending.tx == tx && !pending.awaits_shopper) {
            Some(pending) => {
                pending.awaits_shopper = true;
                true
            }
            None => is_renewed,
        }
    }

    /// An order's units were taken there. True when something changed.
    pub fn applied(&mut self, tx: TxId, keys: &BTreeSet<StockKey>) -> bool {
        let Some(order) = self.committed.get_mut(&tx) else { return false };
        let before = order.applied.len();
        order.applied.extend(keys.iter().filter(|key| order.holds.contains_key(key)).cloned());
        before < order.applied.len()
    }

    /// Ends an order of which everything is applied. What it took from where is in its stock, and goes.
    pub fn close(&mut self, tx: TxId) -> bool {
        let Some(order) = self.committed.get_mut(&tx) else { return false };
        if order.is_closed || order.applied.len() < order.holds.len() {
            return false;
        }
        *order = Committed { holds: Holds::new(), applied: BTreeSet::new(), at: order.at, is_closed: true };
        true
    }

    /// The dots that an order bought.
    pub fn bought_by(&self, tx: TxId) -> BTreeSet<Dot> {
        let taken = self.consumed.iter().filter(|(_, taker)| **taker == Taker::Order(tx));
        taken.map(|(dot, _)| *dot).collect()
    }

    /// When the sweeper must look here.
    pub fn due(&self, settings: &Settings) -> Option<Timestamp> {
        let after = |at: &Timestamp| Timestamp(at.0.saturating_add(settings.patience_ms));
        let open = self.committed.values().filter(|order| !order.is_closed);
        let decided = open.map(|order| &order.at).chain(self.aborting.values()).map(after);
        decided.chain(self.pending.as_ref().map(|pending| pending.deadline)).min()
    }

    /// Forgets keys after a week, and closed orders that no key asks for any more.
    pub fn prune(&mut self, clock: Clock) {
        let is_old = |at: Timestamp| clock.is_surely_past(at.plus_days(KEY_DAYS), 0);
        self.keys.retain(|_, key| !is_old(key.at));
        self.committed.retain(|_, order| !order.is_closed || !is_old(order.at));
    }
}

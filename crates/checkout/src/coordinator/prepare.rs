//! Prepare: hold stock for every SKU of the claim, in order of SKU, each from as many owners as it takes.
//!
//! What is asked for is what the claim says, never what the cart says by now. What an attempt already holds somewhere
//! counts as it is. Once a SKU is short nothing more is held, and the rest is only looked at: the answer names all.

use super::{Coordinator, Stage};
use crate::{
    answer::{Answer, Shortage},
    effect::{Limit, Request},
    ledger::{Pending, State},
    settings::Clock,
    stock::{Hold, Refusal, StockKey},
};
use cart::line::Sku;

/// What one owner gives to an attempt.
enum Given {
    /// It holds so many.
    Held(u64),
    /// There is no record: nothing is tracked here.
    Untracked,
    /// It gives nothing, and has so many.
    No(u64),
    /// The attempt is over, or too late.
    Over,
}

impl Coordinator {
    pub(super) fn prepare(&mut self, cursor: usize, clock: Clock) -> Result<(), Request> {
        let Some(pending) = self.pending.clone() else { return Ok(()) };
        self.find_owners(&pending)?;
        let Some((sku, wanted)) = pending.lines.iter().nth(cursor) else {
            self.prepared();
            return Ok(());
        };
        if !self.stays_claimed(clock)? {
            self.abort(Answer::Aborted { tx: self.tx });
            return Ok(());
        }
        let is_over = if self.shortages.is_empty() {
            !self.hold(sku, *wanted, &pending, clock)?
        } else {
            self.look_at(sku, *wanted)?;
            false
        };
        if is_over {
            self.abort(Answer::Aborted { tx: self.tx });
        } else {
            self.stage = Stage::Prepare { sku: cursor + 1 };
        }
        Ok(())
    }

    fn prepared(&mut self) {
        let shortages = std::mem::take(&mut self.shortages);
        if shortages.is_empty() {
            self.stage = Stage::Pay;
        } else {
            self.abort(Answer::OutOfStock { tx: self.tx, shortages });
        }
    }

    /// Where everything of the claim may be held, asked once for all that the caller did not say.
    fn find_owners(&self, pending: &Pending) -> Result<(), Request> {
        let unknown = pending.lines.keys().filter(|sku| !self.placements.contains_key(*sku));
        let skus: Vec<Sku> = unknown.cloned().collect();
        if skus.is_empty() { Ok(()) } else { Err(Request::FindOwners { cart: self.cart, tx: self.tx, skus }) }
    }

    /// Holds a SKU; false when the attempt is over.
    fn hold(&mut self, sku: &Sku, wanted: u64, pending: &Pending, clock: Clock) -> Result<bool, Request> {
        let placement = self.placements.get(sku).cloned().unwrap_or_default();
        let keys = placement.owners.into_iter().map(|owner| StockKey::new(sku.clone(), owner));
        let keys = self.held_first(keys.collect())?;
        let (mut held, mut left_over, mut is_tracked) = (Vec::new(), 0, false);
        let mut left = wanted;
        for key in keys {
            if left == 0 {
                break;
            }
            match self.hold_at(&key, left, pending, clock)? {
                Given::Held(quantity) => {
                    left -= quantity;
                    held.push((key, quantity));
                }
                Given::Untracked => continue,
                Given::No(available) => left_over += available,
                Given::Over => return Ok(false),
            }
            is_tracked = true;
        }
        if is_tracked && left > 0 {
            self.falls_short(sku, wanted, wanted - left + left_over, false);
        } else if let Some(limit) = placement.limit {
            match self.hold_limit(sku, &limit, wanted, pending, clock)? {
                Given::Over => return Ok(false),
                Given::No(available) => self.falls_short(sku, wanted, available, true),
                Given::Held(quantity) => held.push((StockKey::new(sku.clone(), limit.owner), quantity)),
                Given::Untracked => {}
            }
        }
        self.holds.extend(held);
        Ok(true)
    }

    /// What an earlier driver of the attempt holds comes before what could be held: it may be too late for that.
    fn held_first(&self, mut keys: Vec<StockKey>) -> Result<Vec<StockKey>, Request> {
        if !self.is_earlier_attempt() {
            return Ok(keys);
        }
        for key in &keys {
            self.records.stock(key)?;
        }
        keys.sort_by_key(|key| {
            let stock = self.records.stock(key).ok().flatten();
            !stock.is_some_and(|stock| stock.holds.contains_key(&self.tx))
        });
        Ok(keys)
    }

    /// Holds as much of `left` as one owner has.
    fn hold_at(
        &mut self,
        key: &StockKey,
        left: u64,
        pending: &Pending,
        clock: Clock,
    ) -> Result<Given, Request> {
        let Some(stock) = self.records.stock(key)? else { return Ok(Given::Untracked) };
        // Of an earlier driver of this attempt, or of this one's last write.
        if let Some(hold) = stock.holds.get(&self.tx) {
            let quantity = hold.quantity;
            self.touched.insert(key.clone());
            return Ok(if quantity <= left { Given::Held(quantity) } else { Given::No(quantity) });
        }
        let quantity = left.min(stock.available());
        if quantity == 0 {
            let is_over = stock.is_over(self.tx, pending.prepare_by);
            return Ok(if is_over { Given::Over } else { Given::No(0) });
        }
        let mut prepared = stock.clone();
        match prepared.prepare(self.tx, self.hold_of(quantity, pending), clock) {
            Ok(()) => {
                prepared.prune(clock);
                self.touched.insert(key.clone());
                Err(self.records.write_stock(key, prepared))
            }
            Err(Refusal::Over) => Ok(Given::Over),
            Err(_) => Ok(Given::No(0)),
        }
    }

    /// Counts the units against what the customer may buy in all. The record is made by the first order.
    fn hold_limit(
        &mut self,
        sku: &Sku,
        limit: &Limit,
        wanted: u64,
        pending: &Pending,
        clock: Clock,
    ) -> Result<Given, Request> {
        let key = StockKey::new(sku.clone(), limit.owner.clone());
        let mut stock = self.records.stock(&key)?.cloned().unwrap_or_default();
        if let Some(hold) = stock.holds.get(&self.tx) {
            self.touched.insert(key);
            return Ok(if hold.quantity == wanted { Given::Held(wanted) } else { Given::No(0) });
        }
        stock.bound(limit.bound);
        match stock.prepare(self.tx, self.hold_of(wanted, pending), clock) {
            Ok(()) => {
                stock.prune(clock);
                self.touched.insert(key.clone());
                Err(self.records.write_stock(&key, stock))
            }
            Err(Refusal::Over) => Ok(Given::Over),
            Err(_) => Ok(Given::No(stock.available())),
        }
    }

    fn hold_of(&self, quantity: u64, pending: &Pending) -> Hold {
        Hold { quantity, cart: self.cart, until: pending.deadline, prepare_by: pending.prepare_by }
    }

    /// How much there is of a SKU, when another one is short already.
    fn look_at(&mut self, sku: &Sku, wanted: u64) -> Result<(), Request> {
        let placement = self.placements.get(sku).cloned().unwrap_or_default();
        let (mut available, mut is_tracked) = (0, false);
        for owner in placement.owners {
            if let Some(stock) = self.records.stock(&StockKey::new(sku.clone(), owner))? {
                is_tracked = true;
                available += stock.available();
            }
        }
        if is_tracked && available < wanted {
            self.falls_short(sku, wanted, available, false);
        }
        Ok(())
    }

    fn falls_short(&mut self, sku: &Sku, wanted: u64, available: u64, is_limit: bool) {
        self.shortages.push(Shortage { sku: sku.clone(), wanted, available, is_limit });
    }

    /// Keeps the claim standing while it is driven; false when it does not stand any more.
    pub(super) fn stays_claimed(&mut self, clock: Clock) -> Result<bool, Request> {
        let ledger = self.records.ledger(self.cart)?;
        let State::Pending(pending) = ledger.state(self.tx) else { return Ok(false) };
        let soon = clock.plus(self.settings.claim_ms / 3);
        if pending.deadline < soon {
            let mut renewed = ledger.clone();
            if renewed.renew(self.tx, clock.plus(self.settings.claim_ms), &self.settings) {
                return Err(self.records.write_ledger(self.cart, renewed));
            }
        }
        Ok(true)
    }
}

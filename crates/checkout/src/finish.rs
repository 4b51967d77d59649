//! After the commit point: sell what was held, take the dots out of the cart, publish, close.
//!
//! Every step may be repeated by anybody and changes nothing the second time. What cannot be done now stays open,
//! and the sweeper comes back to it. Driven by the coordinator, and by the sweeper after it.

use crate::{
    effect::{KillReason, Reply, Request},
    id::TxId,
    ledger::State,
    machine::Next,
    records::Records,
    settings::{Clock, Settings},
    stock::StockKey,
};
use cart::CartId;
use std::collections::BTreeSet;

/// What is left to do for one order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Finish {
    cart: CartId,
    tx: TxId,
    stage: Stage,
    applied: BTreeSet<StockKey>,
    /// What was read since the order was seen to be committed: that something is not held there can be believed.
    fresh: BTreeSet<StockKey>,
    /// What could not be reached now.
    skipped: BTreeSet<StockKey>,
    is_complete: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Apply,
    Consume,
    Publish,
    Close,
    End,
}

impl Finish {
    pub(crate) fn new(cart: CartId, tx: TxId) -> Self {
        Self {
            cart,
            tx,
            stage: Stage::Apply,
            applied: BTreeSet::new(),
            fresh: BTreeSet::new(),
            skipped: BTreeSet::new(),
            is_complete: true,
        }
    }

    pub(crate) fn take(&mut self, request: &Request, reply: &Reply) {
        match (request, reply) {
            (Request::WriteStock { key, .. }, Reply::Written(_)) => {
                self.applied.insert(key.clone());
            }
            (Request::WriteStock { key, .. } | Request::ReadStock(key), Reply::Stock(_)) => {
                self.fresh.insert(key.clone());
            }
            (Request::KillDots { .. }, Reply::Done) => self.stage = Stage::Publish,
            (Request::PublishOrder(_), Reply::Done) => self.stage = Stage::Close,
            _ => {}
        }
    }

    pub(crate) fn next(&mut self, records: &mut Records, clock: Clock, settings: &Settings) -> Next {
        if records.gives_up(settings.attempts_max) {
            self.skip(records);
        }
        while self.stage != Stage::End {
            if let Err(request) = self.advance(records, clock) {
                return Next::Ask(request);
            }
        }
        Next::End
    }

    /// Leaves a step to the sweeper.
    fn skip(&mut self, records: &Records) {
        self.is_complete = false;
        let at = self.next_key(records);
        self.stage = match (self.stage, at) {
            (Stage::Apply, Ok(Some(key))) => {
                self.skipped.insert(key);
                Stage::Apply
            }
            (Stage::Consume, _) => Stage::Publish,
            (Stage::Publish, _) => Stage::Close,
            _ => Stage::End,
        };
    }

    fn advance(&mut self, records: &Records, clock: Clock) -> Result<(), Request> {
        match self.stage {
            Stage::Apply => match self.next_key(records)? {
                Some(key) => self.apply(key, records, clock),
                None => {
                    self.stage = Stage::Consume;
                    Ok(())
                }
            },
            Stage::Consume => {
                let (cart, tx) = (self.cart, self.tx);
                let dots = records.ledger(cart)?.bought_by(tx);
                Err(Request::KillDots { cart, dots, why: KillReason::Bought(tx) })
            }
            Stage::Publish => Err(Request::PublishOrder(self.tx)),
            Stage::Close => self.close(records),
            Stage::End => Ok(()),
        }
    }

    /// The next place where the order's units are to be taken.
    fn next_key(&self, records: &Records) -> Result<Option<StockKey>, Request> {
        let State::Open(order) = records.ledger(self.cart)?.state(self.tx) else { return Ok(None) };
        let left = |key: &&StockKey| {
            !order.applied.contains(key) && !self.applied.contains(key) && !self.skipped.contains(key)
        };
        Ok(order.holds.keys().find(left).cloned())
    }

    fn apply(&mut self, key: StockKey, records: &Records, clock: Clock) -> Result<(), Request> {
        let State::Open(order) = records.ledger(self.cart)?.state(self.tx) else { return Ok(()) };
        let listed = order.holds.get(&key).copied().unwrap_or_default();
        let mut stock = records.stock(&key)?.cloned().unwrap_or_default();
        if stock.apply(self.tx, listed) {
            stock.prune(clock);
            return Err(records.write_stock(&key, stock));
        }
        if !self.fresh.contains(&key) {
            return Err(Request::ReadStock(key));
        }
        self.applied.insert(key);
        Ok(())
    }

    /// One write for all that was applied, and for the end where it is one.
    fn close(&mut self, records: &Records) -> Result<(), Request> {
        let mut ledger = records.ledger(self.cart)?.clone();
        let is_news = ledger.applied(self.tx, &self.applied);
        let is_closed = self.is_complete && ledger.close(self.tx);
        if is_news || is_closed {
            return Err(records.write_ledger(self.cart, ledger));
        }
        self.stage = Stage::End;
        Ok(())
    }
}

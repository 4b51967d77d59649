//! A cancellation: the owner of a cart, or an operator who wants a hold back, ends an attempt.
//!
//! There is no other way to release a hold by hand: it would take from a checkout what its commit is about to list
//! (K2). The reason of an operator is the caller's to log; an attempt that became an order before is not undone.

use crate::{
    abort::{Abort, Decision},
    answer::Answer,
    effect::{Placement, Reply, Request},
    id::TxId,
    ledger::{Pending, State},
    machine::{Desk, Driven, Next},
    records::Records,
    settings::{Clock, Settings},
    stock::StockKey,
};
use cart::{CartId, line::Sku};
use std::collections::{BTreeMap, BTreeSet};

/// Cancels one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cancel {
    cart: CartId,
    tx: TxId,
    settings: Settings,
    desk: Desk,
    records: Records,
    /// Where the attempt may hold something, once that was asked.
    owners: Option<BTreeSet<StockKey>>,
    abort: Option<Abort>,
    has_answered: bool,
}

impl Cancel {
    /// Cancels `tx` of `cart`.
    pub fn new(cart: CartId, tx: TxId, settings: Settings) -> Self {
        let (desk, records) = (Desk::default(), Records::default());
        Self { cart, tx, settings, desk, records, owners: None, abort: None, has_answered: false }
    }

    /// Asks where the attempt may hold something, so that it is released at once, and begins.
    fn begin(&mut self) -> Result<(), Request> {
        let ledger = self.records.ledger(self.cart)?;
        if let (State::Pending(pending), None) = (ledger.state(self.tx), &self.owners) {
            return Err(self.find_owners(pending));
        }
        let touched = self.owners.take().unwrap_or_default();
        self.abort = Some(Abort::new(self.cart, self.tx, touched));
        Ok(())
    }

    fn find_owners(&self, pending: &Pending) -> Request {
        let skus: Vec<Sku> = pending.lines.keys().cloned().collect();
        Request::FindOwners { cart: self.cart, tx: self.tx, skus }
    }

    fn tell(&mut self, answer: Answer, answers: &mut Vec<Answer>) {
        if !self.has_answered {
            self.has_answered = true;
            answers.push(answer);
        }
    }
}

/// Every record that an attempt may hold something in.
fn owners_of(found: &BTreeMap<Sku, Placement>) -> BTreeSet<StockKey> {
    let owners = found.iter().flat_map(|(sku, placement)| {
        let limit = placement.limit.iter().map(|limit| &limit.owner);
        placement.owners.iter().chain(limit).map(|owner| StockKey::new(sku.clone(), owner.clone()))
    });
    owners.collect()
}

impl Driven for Cancel {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn take(&mut self, request: Request, reply: Reply) {
        self.records.take(&request, &reply);
        if let Some(abort) = &mut self.abort {
            abort.take(&request, &reply);
        }
        if let (Request::FindOwners { .. }, Reply::Owners(found)) = (request, reply) {
            self.owners = Some(owners_of(&found));
        }
    }

    fn next(&mut self, clock: Clock, answers: &mut Vec<Answer>) -> Next {
        while self.abort.is_none() {
            if self.records.gives_up(self.settings.attempts_max) {
                self.tell(Answer::Unavailable { tx: Some(self.tx) }, answers);
                return Next::End;
            }
            if let Err(request) = self.begin() {
                return Next::Ask(request);
            }
        }
        let Some(abort) = &mut self.abort else { return Next::End };
        let next = abort.next(&mut self.records, clock, &self.settings);
        let (tx, has_ended) = (self.tx, matches!(next, Next::End));
        match abort.decided() {
            Some(Decision::Aborted) => self.tell(Answer::Aborted { tx }, answers),
            Some(Decision::Committed) => self.tell(Answer::Committed { tx, is_replayed: true }, answers),
            None if has_ended => self.tell(Answer::Unavailable { tx: Some(tx) }, answers),
            None => {}
        }
        next
    }

    fn has_nothing_open(&self) -> bool {
        self.desk.has_ended()
    }
}

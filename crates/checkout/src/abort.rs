//! The decision that an attempt does not happen, and what follows from it: release, void, acknowledge.
//!
//! The decision comes first and is refused once the attempt is an order; then nothing is released. Holds that are not
//! known here are found by the resolver. The payment is voided until that is acknowledged: the ledger remembers.

use crate::{
    effect::{Reply, Request},
    id::TxId,
    ledger::State,
    machine::Next,
    planted::{self, Bug},
    records::Records,
    settings::{Clock, Settings},
    stock::StockKey,
};
use cart::CartId;
use std::collections::BTreeSet;

/// What is left to do for one aborted attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Abort {
    cart: CartId,
    tx: TxId,
    stage: Stage,
    /// Where it may hold something.
    touched: BTreeSet<StockKey>,
    decision: Option<Decision>,
}

/// What an abort found or decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Decision {
    /// The attempt does not happen.
    Aborted,
    /// It has happened.
    Committed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Decide,
    Release,
    Void,
    Acknowledge,
    End,
}

impl Abort {
    pub(crate) fn new(cart: CartId, tx: TxId, touched: BTreeSet<StockKey>) -> Self {
        Self { cart, tx, stage: Stage::Decide, touched, decision: None }
    }

    /// The decision, once it stands and what is known to be held was released.
    pub(crate) fn decided(&self) -> Option<Decision> {
        self.decision.filter(|_| !matches!(self.stage, Stage::Decide | Stage::Release))
    }

    pub(crate) fn take(&mut self, request: &Request, reply: &Reply) {
        if let (Request::Void(_), Reply::Done) = (request, reply) {
            self.stage = Stage::Acknowledge;
        }
    }

    pub(crate) fn next(&mut self, records: &mut Records, clock: Clock, settings: &Settings) -> Next {
        if records.gives_up(settings.attempts_max) {
            self.skip(records);
        }
        while self.stage != Stage::End {
            if let Err(request) = self.advance(records, clock, settings) {
                return Next::Ask(request);
            }
        }
        Next::End
    }

    /// Leaves a step to the sweeper. A hold that cannot be reached now has its time, and then the resolver.
    fn skip(&mut self, records: &Records) {
        match self.stage {
            Stage::Release => {
                let unread = self.touched.iter().find(|key| self.is_held(key, records) != Ok(false)).cloned();
                unread.map(|key| self.touched.remove(&key));
            }
            _ => self.stage = Stage::End,
        }
    }

    fn is_held(&self, key: &StockKey, records: &Records) -> Result<bool, Request> {
        Ok(records.stock(key)?.is_some_and(|stock| stock.holds.contains_key(&self.tx)))
    }

    fn advance(&mut self, records: &Records, clock: Clock, settings: &Settings) -> Result<(), Request> {
        match self.stage {
            Stage::Decide => self.decide(records, clock),
            Stage::Release => self.release(records, clock, settings),
            Stage::Void => Err(Request::Void(self.tx)),
            Stage::Acknowledge => self.acknowledge(records),
            Stage::End => Ok(()),
        }
    }

    fn decide(&mut self, records: &Records, clock: Clock) -> Result<(), Request> {
        let ledger = records.ledger(self.cart)?;
        self.stage = match ledger.state(self.tx) {
            State::Pending(_) => {
                let mut aborted = ledger.clone();
                aborted.abort(self.tx, clock.now);
                return Err(records.write_ledger(self.cart, aborted));
            }
            State::Open(_) | State::Closed => {
                self.decision = Some(Decision::Committed);
                Stage::End
            }
            State::Aborted => {
                self.decision = Some(Decision::Aborted);
                Stage::Release
            }
        };
        Ok(())
    }

    fn release(&mut self, records: &Records, clock: Clock, settings: &Settings) -> Result<(), Request> {
        for key in &self.touched {
            if self.is_held(key, records)? {
                let mut stock = records.stock(key)?.cloned().unwrap_or_default();
                stock.release(self.tx);
                stock.prune(clock);
                return Err(records.write_stock(key, stock));
            }
        }
        let is_void = !settings.has_payment || planted::is_on(Bug::P20AbortForgetsVoid);
        self.stage = if is_void { Stage::Acknowledge } else { Stage::Void };
        Ok(())
    }

    fn acknowledge(&mut self, records: &Records) -> Result<(), Request> {
        let mut ledger = records.ledger(self.cart)?.clone();
        if ledger.void_acknowledged(self.tx) {
            return Err(records.write_ledger(self.cart, ledger));
        }
        self.stage = Stage::End;
        Ok(())
    }
}

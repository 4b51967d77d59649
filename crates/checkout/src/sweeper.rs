//! The sweeper of one ledger: aborts what is past its deadline, voids what was aborted, finishes what was committed.
//!
//! Runs on any node, beside live coordinators and other sweepers. It decides nothing that a coordinator may not
//! decide too, and each of its steps may be repeated.

use crate::{
    abort::Abort,
    answer::Answer,
    effect::{Found, Reply, Request},
    finish::Finish,
    id::TxId,
    ledger::Ledger,
    machine::{Desk, Driven, Next},
    records::Records,
    settings::{Clock, Settings},
};
use cart::CartId;
use std::collections::BTreeSet;

/// Sweeps one ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sweeper {
    cart: CartId,
    settings: Settings,
    desk: Desk,
    records: Records,
    doing: Option<Doing>,
    /// What was begun, so that each is begun once.
    begun: BTreeSet<TxId>,
    has_given_up: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Doing {
    Abort(Abort),
    Finish(Finish),
}

impl Sweeper {
    /// A sweeper of one ledger; the caller may have read it.
    pub fn new(cart: CartId, read: Option<Found<Ledger>>, settings: Settings) -> Self {
        let mut records = Records::default();
        if let Some(found) = read {
            records.know_ledger(cart, found);
        }
        let desk = Desk::default();
        Self { cart, settings, desk, records, doing: None, begun: BTreeSet::new(), has_given_up: false }
    }

    fn go_on(&mut self, clock: Clock) -> Next {
        loop {
            let next = match &mut self.doing {
                Some(Doing::Abort(abort)) => abort.next(&mut self.records, clock, &self.settings),
                Some(Doing::Finish(finish)) => finish.next(&mut self.records, clock, &self.settings),
                None => Next::End,
            };
            if let Next::Ask(request) = next {
                return Next::Ask(request);
            }
            match self.begin(clock) {
                Err(request) => return Next::Ask(request),
                Ok(None) => return Next::End,
                Ok(Some(doing)) => self.doing = Some(doing),
            }
        }
    }

    /// What is to be done next, if anything.
    fn begin(&mut self, clock: Clock) -> Result<Option<Doing>, Request> {
        if self.records.gives_up(self.settings.attempts_max) {
            self.has_given_up = true;
        }
        if self.has_given_up {
            return Ok(None);
        }
        let ledger = self.records.ledger(self.cart)?;
        let is_late = |deadline| clock.is_true && clock.is_past(deadline);
        let late =
            ledger.pending.iter().filter(|pending| is_late(pending.deadline)).map(|pending| pending.tx);
        let mut to_abort = late.chain(ledger.aborting.keys().copied());
        if let Some(tx) = to_abort.find(|tx| !self.begun.contains(tx)) {
            drop(to_abort);
            self.begun.insert(tx);
            // What it holds is not known here: holds have their own time, and the resolver.
            return Ok(Some(Doing::Abort(Abort::new(self.cart, tx, BTreeSet::new()))));
        }
        drop(to_abort);
        let mut open = ledger.committed.iter().filter(|(_, order)| !order.is_closed).map(|(tx, _)| *tx);
        let Some(tx) = open.find(|tx| !self.begun.contains(tx)) else { return Ok(None) };
        drop(open);
        self.begun.insert(tx);
        Ok(Some(Doing::Finish(Finish::new(self.cart, tx))))
    }
}

impl Driven for Sweeper {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn take(&mut self, request: Request, reply: Reply) {
        self.records.take(&request, &reply);
        match &mut self.doing {
            Some(Doing::Abort(abort)) => abort.take(&request, &reply),
            Some(Doing::Finish(finish)) => finish.take(&request, &reply),
            None => {}
        }
    }

    fn next(&mut self, clock: Clock, _: &mut Vec<Answer>) -> Next {
        self.go_on(clock)
    }

    fn has_nothing_open(&self) -> bool {
        self.desk.has_ended()
    }
}

//! The resolver: asks the ledgers about holds in doubt, and does what they decided.
//!
//! **K3**, and the other half of **K1** and **K2**: no hold ends by time alone. The ledger is read after the hold was
//! seen, and linearizably: the claim came before the hold, so an attempt that is neither pending nor committed there
//! is aborted, for good. Reading another way around would release what is about to be sold.

use crate::{
    answer::Answer,
    effect::{Found, Reply, Request},
    id::TxId,
    ledger::State,
    machine::{Desk, Driven, Next},
    planted::{self, Bug},
    records::Records,
    settings::{Clock, Settings},
    stock::{Hold, Stock, StockKey},
};
use cart::CartId;
use std::collections::BTreeMap;

/// Resolves the holds of one stock record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resolver {
    key: StockKey,
    reach: Reach,
    settings: Settings,
    desk: Desk,
    records: Records,
    verdicts: BTreeMap<TxId, Verdict>,
    /// The cart whose ledger is being asked about an attempt.
    asking: Option<(TxId, CartId)>,
    has_given_up: bool,
}

/// Which holds are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Those whose time is over.
    Due,
    /// All: somebody wants units, and little is available.
    All,
}

/// What a ledger says of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Verdict {
    Wait,
    Apply(u64),
    Release,
}

impl Resolver {
    /// A resolver of one record; the caller may have read it.
    pub fn new(key: StockKey, reach: Reach, read: Option<Found<Stock>>, settings: Settings) -> Self {
        let mut records = Records::default();
        if let Some(found) = read {
            records.know_stock(key.clone(), found);
        }
        let (desk, verdicts) = (Desk::default(), BTreeMap::new());
        Self { key, reach, settings, desk, records, verdicts, asking: None, has_given_up: false }
    }

    fn go_on(&mut self, clock: Clock) -> Next {
        if self.records.gives_up(self.settings.attempts_max) {
            self.has_given_up = true;
        }
        while !self.has_given_up {
            match self.advance(clock) {
                Err(request) => return Next::Ask(request),
                Ok(true) => return Next::End,
                Ok(false) => {}
            }
        }
        Next::End
    }

    /// One step further; true at the end.
    fn advance(&mut self, clock: Clock) -> Result<bool, Request> {
        let Some(stock) = self.records.stock(&self.key)? else { return Ok(true) };
        let in_doubt = |(tx, hold): &(&TxId, &Hold)| {
            let is_due = self.reach == Reach::All || clock.is_past(hold.until);
            is_due && !self.verdicts.contains_key(tx)
        };
        if let Some((tx, hold)) = stock.holds.iter().find(in_doubt) {
            let (tx, hold) = (*tx, *hold);
            self.ask(tx, hold, clock)?;
            return Ok(false);
        }
        let mut resolved = stock.clone();
        if self.carry_out(&mut resolved) {
            resolved.prune(clock);
            return Err(self.records.write_stock(&self.key, resolved));
        }
        Ok(true)
    }

    /// What the ledger says of a hold; an attempt past its deadline is aborted on the way.
    fn ask(&mut self, tx: TxId, hold: Hold, clock: Clock) -> Result<(), Request> {
        if planted::is_on(Bug::P13HoldsExpireByTimeAlone) {
            self.verdicts.insert(tx, Verdict::Release);
            return Ok(());
        }
        if self.asking != Some((tx, hold.cart)) {
            // What was known of the ledger may be older than the hold.
            self.asking = Some((tx, hold.cart));
            self.records.forget_ledger(hold.cart);
        }
        let ledger = self.records.ledger(hold.cart).map_err(as_planted)?;
        let verdict = match ledger.state(tx) {
            State::Pending(pending) if clock.is_true && clock.is_past(pending.deadline) => {
                return Err(self.records.abort(hold.cart, tx, clock));
            }
            State::Pending(_) => Verdict::Wait,
            State::Open(order) => match order.holds.get(&self.key) {
                Some(listed) => Verdict::Apply(*listed),
                None if planted::is_on(Bug::P18ResolverAppliesUnlisted) => Verdict::Apply(hold.quantity),
                None => Verdict::Release,
            },
            // What a closed order listed was applied before it was closed, and is never held again.
            State::Closed if planted::is_on(Bug::P18ResolverAppliesUnlisted) => Verdict::Apply(hold.quantity),
            State::Closed | State::Aborted => Verdict::Release,
        };
        self.verdicts.insert(tx, verdict);
        Ok(())
    }

    /// True when something changed. Verdicts are final, so they hold for a newer record too.
    fn carry_out(&self, stock: &mut Stock) -> bool {
        self.verdicts.iter().fold(false, |changed, (tx, verdict)| {
            let changes = match verdict {
                Verdict::Wait => false,
                Verdict::Apply(listed) => stock.apply(*tx, *listed),
                Verdict::Release => stock.release(*tx),
            };
            changed | changes
        })
    }
}

#[cfg(not(feature = "planted-bugs"))]
fn as_planted(request: Request) -> Request {
    request
}

#[cfg(feature = "planted-bugs")]
fn as_planted(request: Request) -> Request {
    match request {
        Request::ReadLedger(cart) if planted::is_on(Bug::P14ResolverReadsStaleLedger) => {
            Request::ReadStaleLedger(cart)
        }
        request => request,
    }
}

impl Driven for Resolver {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn take(&mut self, request: Request, reply: Reply) {
        self.records.take(&request, &reply);
    }

    fn next(&mut self, clock: Clock, _: &mut Vec<Answer>) -> Next {
        self.go_on(clock)
    }

    fn has_nothing_open(&self) -> bool {
        self.desk.has_ended()
    }
}

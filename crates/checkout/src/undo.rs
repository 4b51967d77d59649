//! The claim of an undo of a merge: it takes the brought dots before any cart is touched.
//!
//! An undo is a claim too. The guest's ledger moves into the account's, and the account's consumes the dots under the
//! undo's own name: from then on no order can have them, and undoing again is undoing once. Refused once an order has
//! one of them, or an attempt has either cart.

use crate::{
    answer::Answer,
    effect::{Reply, Request},
    ledger::{Joined, Moving, Taker, UndoClaimed},
    machine::{Desk, Driven, Next},
    records::Records,
    settings::{Clock, Settings},
};
use cart::{CartId, Dot};
use std::collections::BTreeSet;

/// Claims the dots of one merge for its undo.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimUndo {
    account: CartId,
    guest: CartId,
    /// The cart that the dots go back to.
    returned: CartId,
    dots: BTreeSet<Dot>,
    settings: Settings,
    desk: Desk,
    records: Records,
    joined: Joined,
}

impl ClaimUndo {
    /// Claims the dots that `guest` brought into `account`.
    pub fn new(account: CartId, guest: CartId, dots: BTreeSet<Dot>, settings: Settings) -> Self {
        Self {
            account,
            guest,
            returned: CartId::of_undo(account, guest),
            dots,
            settings,
            desk: Desk::default(),
            records: Records::default(),
            joined: Joined::default(),
        }
    }

    /// One step further; the answer at the end.
    fn advance(&mut self, clock: Clock) -> Result<Option<Answer>, Request> {
        if !clock.is_true {
            return Ok(Some(Answer::Unavailable { tx: None }));
        }
        if !self.is_absorbed()? {
            return self.move_guest(clock);
        }
        let mut ledger = self.records.ledger(self.account)?.clone();
        let answer = match ledger.claim_undo(&self.dots, self.returned, &self.joined, clock) {
            UndoClaimed::Claimed => return Err(self.records.write_ledger(self.account, ledger)),
            UndoClaimed::PastDeadline(tx) => return Err(self.records.abort(self.account, tx, clock)),
            UndoClaimed::Already => Answer::UndoClaimed,
            UndoClaimed::Bought(tx) => Answer::UndoRefused { by: Some(Taker::Order(tx)) },
            UndoClaimed::Returned(cart) => Answer::UndoRefused { by: Some(Taker::Undo(cart)) },
            UndoClaimed::Busy(tx) => Answer::Busy { tx, cart: self.account },
        };
        Ok(Some(answer))
    }

    fn is_absorbed(&self) -> Result<bool, Request> {
        let ledger = self.records.ledger(self.account)?;
        Ok(self.joined.absorbed.contains(&self.guest) || ledger.absorbed.contains(&self.guest))
    }

    fn move_guest(&mut self, clock: Clock) -> Result<Option<Answer>, Request> {
        let mut ledger = self.records.ledger(self.guest)?.clone();
        match ledger.move_to(self.account, clock) {
            Moving::Moved => Err(self.records.write_ledger(self.guest, ledger)),
            Moving::PastDeadline(tx) => Err(self.records.abort(self.guest, tx, clock)),
            Moving::Busy(tx) => Ok(Some(Answer::Busy { tx, cart: self.guest })),
            Moving::Elsewhere(_) => Ok(Some(Answer::UndoRefused { by: None })),
            Moving::Already => {
                self.joined.add(self.guest, &ledger);
                Ok(None)
            }
        }
    }
}

impl Driven for ClaimUndo {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn take(&mut self, request: Request, reply: Reply) {
        self.records.take(&request, &reply);
    }

    fn next(&mut self, clock: Clock, answers: &mut Vec<Answer>) -> Next {
        loop {
            if self.records.gives_up(self.settings.attempts_max) {
                answers.push(Answer::Unavailable { tx: None });
                return Next::End;
            }
            match self.advance(clock) {
                Err(request) => return Next::Ask(request),
                Ok(Some(answer)) => {
                    answers.push(answer);
                    return Next::End;
                }
                Ok(None) => {}
            }
        }
    }

    fn has_nothing_open(&self) -> bool {
        self.desk.has_ended()
    }
}

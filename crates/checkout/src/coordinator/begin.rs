//! Up to the claim: the key, the guests' ledgers, the cart's ledger. Nothing is held yet, and a refusal leaves
//! nothing behind but guests' ledgers that moved where they belong.

use super::{Coordinator, Stage};
use crate::{
    answer::Answer,
    effect::Request,
    ledger::{Claim, Claimed, Joined, KeyState, Moving, State, Taker},
    order::Order,
    planted::{self, Bug},
    settings::Clock,
};
use cart::{CartId, Dot};
use std::collections::{BTreeMap, BTreeSet};

impl Coordinator {
    pub(super) fn look_up(&mut self, clock: Clock) -> Result<(), Request> {
        let key = self.attempt.as_ref().and_then(|attempt| attempt.key);
        if let Some(known) = self.records.ledger(self.cart)?.find_key(key, &Joined::default(), clock) {
            self.refuse(known);
        } else {
            self.stage = Stage::Origins(self.origins());
        }
        Ok(())
    }

    /// The guests whose ledgers may still be elsewhere.
    fn origins(&self) -> BTreeSet<CartId> {
        let (Some(attempt), Ok(ledger)) = (&self.attempt, self.records.ledger(self.cart)) else {
            return BTreeSet::new();
        };
        if planted::is_on(Bug::P19GuestLedgerIsNotMoved) {
            return BTreeSet::new();
        }
        let all = attempt.merged.iter().chain(attempt.origins.values());
        all.filter(|origin| **origin != self.cart && !ledger.absorbed.contains(origin)).copied().collect()
    }

    pub(super) fn move_origins(&mut self, clock: Clock) -> Result<(), Request> {
        let Stage::Origins(left) = &self.stage else { return Ok(()) };
        let Some(origin) = left.first().copied() else {
            self.stage = Stage::Claim;
            return Ok(());
        };
        // Only accounts take ledgers, and only guests'. A dot of another account's history cannot be bought here.
        if origin.is_account() || !self.cart.is_account() {
            self.moved_elsewhere(origin);
            return Ok(());
        }
        let mut ledger = self.records.ledger(origin)?.clone();
        match ledger.move_to(self.cart, clock) {
            Moving::Moved => return Err(self.records.write_ledger(origin, ledger)),
            Moving::PastDeadline(tx) => return Err(self.records.abort(origin, tx, clock)),
            Moving::Busy(tx) => self.end(Answer::Busy { tx, cart: origin }),
            Moving::Elsewhere(_) => self.moved_elsewhere(origin),
            Moving::Already => {
                self.joined.add(origin, &ledger);
                self.records.forget_ledger(origin);
                self.origin_is_done(origin);
            }
        }
        Ok(())
    }

    /// Another account has this guest's ledger: its dots are not ours to sell. Without any of them in this attempt
    /// it does not matter.
    fn moved_elsewhere(&mut self, origin: CartId) {
        let origins = self.attempt.as_ref().map(|attempt| attempt.origins.clone()).unwrap_or_default();
        let dots: BTreeSet<Dot> =
            origins.into_iter().filter(|(_, of)| *of == origin).map(|(dot, _)| dot).collect();
        if dots.is_empty() {
            self.origin_is_done(origin);
        } else {
            let gone = dots.iter().map(|dot| (*dot, None)).collect();
            self.stage = Stage::Kill(dots, Answer::LinesChanged { gone });
        }
    }

    fn origin_is_done(&mut self, origin: CartId) {
        if let Stage::Origins(left) = &mut self.stage {
            left.remove(&origin);
        }
    }

    pub(super) fn claim(&mut self, clock: Clock) -> Result<(), Request> {
        let Some(attempt) = self.attempt.clone() else { return Ok(()) };
        let ledger = self.records.ledger(self.cart)?;
        if let State::Pending(pending) = ledger.state(self.tx) {
            self.pending = Some(pending.clone());
            self.stage = Stage::Prepare { sku: 0 };
            return Ok(());
        }
        if let Some(known) = ledger.find_key(attempt.key, &self.joined, clock) {
            self.refuse(known);
            return Ok(());
        }
        // Without a key nothing tells a claim that never arrived from one that was aborted since, and an attempt
        // that was aborted must not come back.
        let is_lost = self.is_claim_in_doubt && attempt.key.is_none();
        if is_lost || !clock.is_true {
            self.end(Answer::Unavailable { tx: is_lost.then_some(self.tx) });
            return Ok(());
        }
        if let Some(answer) = not_to_be_sold(&attempt.order, attempt.accept_total) {
            self.end(answer);
            return Ok(());
        }
        let order = &attempt.order;
        let claim = Claim { tx: self.tx, dots: order.dots.clone(), lines: order.demand(), key: attempt.key };
        let mut claimed = ledger.clone();
        match claimed.claim(&claim, &self.joined, clock, &self.settings) {
            Claimed::Claimed if !self.is_order_put => Err(Request::PutOrder(order.clone())),
            Claimed::Claimed => Err(self.records.write_ledger(self.cart, claimed)),
            Claimed::PastDeadline(tx) => Err(self.records.abort(self.cart, tx, clock)),
            refused => {
                self.refuse(refused);
                Ok(())
            }
        }
    }

    /// Ends a request that gets no claim of its own.
    fn refuse(&mut self, refused: Claimed) {
        match refused {
            Claimed::Known(tx, KeyState::Resumable) => {
                self.tx = tx;
                self.stage = Stage::Resume { has_taken_over: false };
            }
            Claimed::Known(tx, KeyState::Driven) => self.end(Answer::InProgress { tx }),
            Claimed::Known(tx, KeyState::Order) => self.end(Answer::Committed { tx, is_replayed: true }),
            Claimed::Known(tx, KeyState::Aborted) => self.end(Answer::Aborted { tx }),
            Claimed::KeyReused => self.end(Answer::KeyReused),
            Claimed::Moved(to) => self.end(Answer::CartMoved { to }),
            Claimed::Busy(tx) | Claimed::PastDeadline(tx) => self.end(Answer::Busy { tx, cart: self.cart }),
            // The own row shows what the ledger says is gone: without killing it there the next cart shows it again.
            Claimed::Bought(tx) => {
                let dots =
                    self.attempt.as_ref().map(|attempt| attempt.order.dots.clone()).unwrap_or_default();
                self.stage = Stage::Kill(dots, Answer::Committed { tx, is_replayed: true });
            }
            Claimed::Taken(taken) => {
                let dots = taken.keys().copied().collect();
                let gone: BTreeMap<Dot, Option<Taker>> =
                    taken.into_iter().map(|(dot, taker)| (dot, Some(taker))).collect();
                self.stage = Stage::Kill(dots, Answer::LinesChanged { gone });
            }
            Claimed::Claimed => {}
        }
    }

    /// Drives an attempt of an earlier request on, if nobody else does.
    pub(super) fn resume(&mut self, has_taken_over: bool, clock: Clock) -> Result<(), Request> {
        let tx = self.tx;
        let ledger = self.records.ledger(self.cart)?;
        match ledger.state(tx) {
            State::Open(_) | State::Closed => self.end(Answer::Committed { tx, is_replayed: true }),
            State::Aborted => self.end(Answer::Aborted { tx }),
            State::Pending(pending) if has_taken_over => {
                self.pending = Some(pending.clone());
                self.stage = Stage::Prepare { sku: 0 };
            }
            State::Pending(pending) if pending.key_state(clock) == KeyState::Driven => {
                self.end(Answer::InProgress { tx });
            }
            State::Pending(pending) if !clock.is_past(pending.deadline) => {
                self.stage = Stage::Resume { has_taken_over: true };
            }
            State::Pending(_) => {
                let mut renewed = ledger.clone();
                let deadline = clock.plus(self.settings.claim_ms);
                if clock.is_true && renewed.renew(tx, deadline, &self.settings) {
                    return Err(self.records.write_ledger(self.cart, renewed));
                }
                self.abort(Answer::Aborted { tx });
            }
        }
        Ok(())
    }

    pub(super) fn order_is_put(&mut self, put: &Order, found: Option<&Order>) {
        match found {
            Some(other) if other != put => self.end(Answer::Unavailable { tx: None }),
            _ => self.is_order_put = true,
        }
    }
}

/// What keeps an order from being claimed whatever the ledger says.
fn not_to_be_sold(order: &Order, accepted: Option<cart::money::Money>) -> Option<Answer> {
    let is_accepted = accepted.is_none_or(|accepted| accepted == order.total());
    match order.dots.is_empty() || order.lines.is_empty() {
        true => Some(Answer::Empty),
        false => (!is_accepted).then(|| Answer::PriceChanged { total: order.total() }),
    }
}

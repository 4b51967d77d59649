//! The coordinator of one request to check out: claim, prepare, pay, commit point, and then the rest.
//!
//! Two-phase commit with presumed abort. **K2**: what a commit lists was held when it was seen, and a hold ends by the
//! decision alone. **K6**: money is asked for between claim and commit point, and voided on every other way out. Any
//! number of coordinators may drive one attempt, and any of them may stop anywhere.
//!
//! The machine only looks at records and asks for the next write. After each reply it looks again from where it
//! stands, so that a write that was lost, repeated or overtaken needs no code of its own.

mod begin;
mod prepare;

use crate::{
    abort::{Abort, Decision},
    answer::{Answer, Shortage},
    effect::{Found, KillReason, Payment, Placement, Reply, Request},
    finish::Finish,
    id::{BodyHash, KeyHash, TxId},
    ledger::{Committing, Holds, Joined, Ledger, Pending, State},
    machine::{Desk, Driven, Next},
    order::Order,
    records::Records,
    settings::{Clock, Settings},
    stock::{Stock, StockKey},
};
use cart::{CartId, Dot, line::Sku, money::Money};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A request to buy what a cart shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// What would be bought; its `tx` is new, its dots are the ones that the shopper was shown.
    pub order: Arc<Order>,
    /// Whose history each dot belongs to, where that is another cart.
    pub origins: BTreeMap<Dot, CartId>,
    /// The guests that were merged into the cart.
    pub merged: BTreeSet<CartId>,
    /// The request's idempotency key and body. Without one a claim whose outcome is unknown ends in doubt.
    pub key: Option<(KeyHash, BodyHash)>,
    /// The total that the shopper said yes to; none where the shop asks for no consent.
    pub accept_total: Option<Money>,
    /// Where SKUs may be held, as far as the caller knows.
    pub placements: BTreeMap<Sku, Placement>,
}

/// Carries one request to check out through.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coordinator {
    settings: Settings,
    cart: CartId,
    /// `None` when an attempt of an earlier request is driven on.
    attempt: Option<Arc<Attempt>>,
    /// The attempt that is driven.
    tx: TxId,
    desk: Desk,
    records: Records,
    stage: Stage,
    /// What guests' ledgers bring into the claim.
    joined: Joined,
    placements: BTreeMap<Sku, Placement>,
    /// What the ledger says of the attempt that is driven.
    pending: Option<Pending>,
    /// What the commit will list.
    holds: Holds,
    /// Where something may be held.
    touched: BTreeSet<StockKey>,
    shortages: Vec<Shortage>,
    /// What is paid, of an order that another request drafted.
    total: Option<Money>,
    is_order_put: bool,
    is_claim_in_doubt: bool,
    has_answered: bool,
    /// Told, and not yet handed out.
    answers: Vec<Answer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Is the key known?
    Lookup,
    /// Move the ledgers of these guests here.
    Origins(BTreeSet<CartId>),
    /// Draft the order, claim the cart.
    Claim,
    /// Drive an earlier attempt on.
    Resume {
        has_taken_over: bool,
    },
    /// Hold stock, SKU by SKU.
    Prepare {
        sku: usize,
    },
    /// Ask for the money.
    Pay,
    /// Leave it to the shopper.
    Await,
    /// The commit point.
    Commit,
    /// What follows a commit.
    Finish(Finish),
    /// Undo, and give this answer.
    Abort(Abort, Answer),
    /// Take dots out of the cart's own row, and give this answer.
    Kill(BTreeSet<Dot>, Answer),
    End,
}

impl Coordinator {
    /// A request to buy.
    pub fn buy(attempt: Attempt, settings: Settings) -> Self {
        let (cart, tx) = (attempt.order.cart, attempt.order.tx);
        let placements = attempt.placements.clone();
        Self { placements, attempt: Some(Arc::new(attempt)), ..Self::new(cart, tx, Stage::Lookup, settings) }
    }

    /// A shopper comes back to an attempt that waits for them.
    pub fn confirm(cart: CartId, tx: TxId, settings: Settings) -> Self {
        Self::new(cart, tx, Stage::Resume { has_taken_over: false }, settings)
    }

    fn new(cart: CartId, tx: TxId, stage: Stage, settings: Settings) -> Self {
        Self {
            settings,
            cart,
            attempt: None,
            tx,
            desk: Desk::default(),
            records: Records::default(),
            stage,
            joined: Joined::default(),
            placements: BTreeMap::new(),
            pending: None,
            holds: Holds::new(),
            touched: BTreeSet::new(),
            shortages: Vec::new(),
            total: None,
            is_order_put: false,
            is_claim_in_doubt: false,
            has_answered: false,
            answers: Vec::new(),
        }
    }

    /// Saves a read: a ledger that the caller has read for this request. That it is not the newest any more breaks
    /// nothing, since every write names its version; at worst the cart is said to be busy a moment too long.
    pub fn know_ledger(&mut self, cart: CartId, ledger: Found<Ledger>) {
        self.records.know_ledger(cart, ledger);
    }

    /// Saves a read: a stock record that the caller has read for this request. That it is not the newest any more
    /// breaks nothing, since every write names its version; at worst units are said to be short that just came.
    pub fn know_stock(&mut self, key: StockKey, stock: Found<Stock>) {
        self.records.know_stock(key, stock);
    }

    /// The attempt that is driven: the request's own, or the one that its key named before.
    pub fn tx(&self) -> TxId {
        self.tx
    }

    /// True when the attempt is one of an earlier request, which may hold something.
    fn is_earlier_attempt(&self) -> bool {
        self.attempt.as_ref().is_none_or(|attempt| attempt.order.tx != self.tx)
    }

    fn go_on(&mut self, clock: Clock) -> Next {
        loop {
            match self.follow_up(clock) {
                Some(Next::Ask(request)) => return Next::Ask(request),
                Some(Next::End) => self.stage = Stage::End,
                None if self.records.gives_up(self.settings.attempts_max) => self.give_up(),
                None => {}
            }
            match self.advance(clock) {
                Err(request) => return Next::Ask(request),
                Ok(()) if self.stage == Stage::End => return Next::End,
                Ok(()) => {}
            }
        }
    }

    /// What follows a decision, and gives up by itself.
    fn follow_up(&mut self, clock: Clock) -> Option<Next> {
        match &mut self.stage {
            Stage::Finish(finish) => Some(finish.next(&mut self.records, clock, &self.settings)),
            Stage::Abort(abort, answer) => {
                let next = abort.next(&mut self.records, clock, &self.settings);
                let (tx, has_ended) = (self.tx, matches!(next, Next::End));
                let answer = match abort.decided() {
                    Some(Decision::Aborted) => Some(answer.clone()),
                    Some(Decision::Committed) => Some(Answer::Committed { tx, is_replayed: false }),
                    None => has_ended.then_some(Answer::Unavailable { tx: Some(tx) }),
                };
                answer.into_iter().for_each(|answer| self.tell(answer));
                Some(next)
            }
            _ => None,
        }
    }

    fn advance(&mut self, clock: Clock) -> Result<(), Request> {
        match &self.stage {
            Stage::Lookup => self.look_up(clock),
            Stage::Origins(_) => self.move_origins(clock),
            Stage::Claim => self.claim(clock),
            Stage::Resume { has_taken_over } => self.resume(*has_taken_over, clock),
            Stage::Prepare { sku } => self.prepare(*sku, clock),
            Stage::Pay => self.pay(clock),
            Stage::Await => self.await_shopper(clock),
            Stage::Commit => self.commit(clock),
            Stage::Kill(dots, _) => {
                let (cart, dots, why) = (self.cart, dots.clone(), KillReason::TakenElsewhere);
                Err(Request::KillDots { cart, dots, why })
            }
            Stage::Finish(_) | Stage::Abort(..) | Stage::End => Ok(()),
        }
    }

    /// Stores or hooks do not answer: whatever was begun is undone, or left to the sweeper.
    fn give_up(&mut self) {
        let tx = Some(self.tx);
        match &self.stage {
            Stage::Lookup | Stage::Origins(_) => self.end(Answer::Unavailable { tx: None }),
            Stage::Claim if !self.is_claim_in_doubt => self.end(Answer::Unavailable { tx: None }),
            Stage::Claim | Stage::Resume { .. } | Stage::Await | Stage::Commit => {
                self.end(Answer::Unavailable { tx });
            }
            Stage::Prepare { .. } | Stage::Pay => self.abort(Answer::Unavailable { tx }),
            Stage::Kill(_, answer) => {
                let answer = answer.clone();
                self.end(answer);
            }
            Stage::Finish(_) | Stage::Abort(..) | Stage::End => {}
        }
    }

    fn pay(&mut self, clock: Clock) -> Result<(), Request> {
        if !self.settings.has_payment {
            self.stage = Stage::Commit;
            return Ok(());
        }
        let drafted =
            self.attempt.as_ref().map(|attempt| &attempt.order).filter(|_| !self.is_earlier_attempt());
        let Some(total) = drafted.map(|order| order.total()).or(self.total) else {
            return Err(Request::ReadOrder(self.tx));
        };
        if !self.stays_claimed(clock)? {
            self.abort(Answer::Aborted { tx: self.tx });
            return Ok(());
        }
        Err(Request::Authorise { tx: self.tx, total })
    }

    fn paid(&mut self, payment: Payment) {
        match payment {
            Payment::Authorised => self.stage = Stage::Commit,
            Payment::Declined => self.abort(Answer::Declined { tx: self.tx }),
            Payment::RequiresAction => self.stage = Stage::Await,
        }
    }

    fn await_shopper(&mut self, clock: Clock) -> Result<(), Request> {
        let mut ledger = self.records.ledger(self.cart)?.clone();
        if !matches!(ledger.state(self.tx), State::Pending(_)) {
            self.abort(Answer::Aborted { tx: self.tx });
        } else if ledger.await_shopper(self.tx, clock, &self.settings) {
            return Err(self.records.write_ledger(self.cart, ledger));
        } else {
            self.end(Answer::RequiresAction { tx: self.tx });
        }
        Ok(())
    }

    /// The decision is written before anybody hears it: after a crash whoever is in doubt asks the ledger, and "no
    /// record" must mean abort.
    fn commit(&mut self, clock: Clock) -> Result<(), Request> {
        let mut ledger = self.records.ledger(self.cart)?.clone();
        let Some(pending) = &self.pending else {
            self.abort(Answer::Aborted { tx: self.tx });
            return Ok(());
        };
        match ledger.commit(pending, self.holds.clone(), clock.now) {
            Committing::Committed => Err(self.records.write_ledger(self.cart, ledger)),
            Committing::Already => {
                self.tell(Answer::Committed { tx: self.tx, is_replayed: false });
                self.stage = Stage::Finish(Finish::new(self.cart, self.tx));
                Ok(())
            }
            Committing::Refused => {
                self.abort(Answer::Aborted { tx: self.tx });
                Ok(())
            }
        }
    }

    fn abort(&mut self, answer: Answer) {
        let abort = Abort::new(self.cart, self.tx, std::mem::take(&mut self.touched));
        self.stage = Stage::Abort(abort, answer);
    }

    fn tell(&mut self, answer: Answer) {
        if !self.has_answered {
            self.has_answered = true;
            self.answers.push(answer);
        }
    }

    fn end(&mut self, answer: Answer) {
        self.tell(answer);
        self.stage = Stage::End;
    }
}

impl Driven for Coordinator {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn take(&mut self, request: Request, reply: Reply) {
        self.records.take(&request, &reply);
        match (&mut self.stage, request, reply) {
            (Stage::Finish(finish), request, reply) => finish.take(&request, &reply),
            (Stage::Abort(abort, _), request, reply) => abort.take(&request, &reply),
            (Stage::Kill(_, answer), _, Reply::Done) => {
                let answer = answer.clone();
                self.end(answer);
            }
            (Stage::Claim, Request::PutOrder(order), Reply::Done) => self.order_is_put(&order, None),
            (Stage::Claim, Request::PutOrder(order), Reply::Order(found)) => {
                self.order_is_put(&order, found.as_deref());
            }
            (Stage::Claim, Request::WriteLedger { .. }, Reply::Unknown) => self.is_claim_in_doubt = true,
            (Stage::Resume { has_taken_over }, Request::WriteLedger { .. }, Reply::Written(_)) => {
                *has_taken_over = true;
            }
            (_, Request::FindOwners { skus, .. }, Reply::Owners(mut found)) => {
                let named = skus.into_iter().map(|sku| (found.remove(&sku).unwrap_or_default(), sku));
                self.placements.extend(named.map(|(placement, sku)| (sku, placement)));
            }
            (_, Request::ReadOrder(_), Reply::Order(found)) => match found {
                Some(order) => self.total = Some(order.total()),
                None => self.abort(Answer::Aborted { tx: self.tx }),
            },
            (_, Request::Authorise { .. }, Reply::Payment(payment)) => self.paid(payment),
            _ => {}
        }
    }

    fn next(&mut self, clock: Clock, answers: &mut Vec<Answer>) -> Next {
        let next = self.go_on(clock);
        answers.append(&mut self.answers);
        next
    }

    fn has_nothing_open(&self) -> bool {
        self.desk.has_ended()
    }
}

//! A world: stores, a payment hook and carts as they are, the machines that run over them, and what is true.
//!
//! A record's version is the hash of what it says. So a write that was overtaken by two writes that undid each other
//! is let through, which no store does: more can go wrong here than outside, and states that differ in nothing but
//! the number of writes are one.

use crate::{
    explore::fingerprint,
    setup::{BEGIN, Faults, Setup, dot, stock_key},
};
use cart::{CartId, Dot};
use checkout::{
    Answer, Effect, Input, Ledger, Machine, Order, Reply, Request, Stock, TxId,
    cancel::Cancel,
    coordinator::Coordinator,
    effect::{Found, Payment, Ticket},
    grant::Grant,
    id::{KeyHash, RecordVersion},
    ledger::{Holds, Taker},
    resolver::Resolver,
    settings::Clock,
    stock::StockKey,
    sweeper::Sweeper,
    undo::ClaimUndo,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::Hash,
    sync::Arc,
};

#[derive(Clone, Debug, Hash)]
pub(crate) struct World {
    pub(crate) ledgers: BTreeMap<CartId, Arc<Ledger>>,
    pub(crate) stocks: BTreeMap<StockKey, Arc<Stock>>,
    pub(crate) orders: BTreeMap<TxId, Arc<Order>>,
    pub(crate) payments: BTreeMap<TxId, Money>,
    /// Dots that are gone from a cart's own row.
    pub(crate) killed: BTreeSet<(CartId, Dot)>,
    pub(crate) published: BTreeSet<TxId>,
    pub(crate) now: u64,
    pub(crate) shoppers: Vec<Actor>,
    pub(crate) others: Vec<Actor>,
    pub(crate) keeper: Actor,
    /// Copies of requests that are still on their way.
    pub(crate) late: Vec<Request>,
    pub(crate) left: Faults,
    pub(crate) truth: Truth,
}

/// A payment as its hook knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Money {
    pub(crate) answer: Option<Payment>,
    pub(crate) is_void: bool,
}

/// A machine and its open question.
#[derive(Clone, Debug, Hash)]
pub(crate) enum Actor {
    Idle,
    Running(Box<Running>),
    Ended,
}

#[derive(Clone, Debug, Hash)]
pub(crate) struct Running {
    pub(crate) machine: AnyMachine,
    pub(crate) ticket: Ticket,
    pub(crate) request: Request,
    /// The shopper whose request this is.
    pub(crate) shopper: Option<usize>,
}

#[expect(clippy::large_enum_variant, reason = "each is boxed with its question")]
#[derive(Clone, Debug, Hash)]
pub(crate) enum AnyMachine {
    Coordinator(Coordinator),
    Resolver(Resolver),
    Sweeper(Sweeper),
    Cancel(Cancel),
    Grant(Grant),
    Undo(ClaimUndo),
}

impl AnyMachine {
    fn step(&mut self, clock: Clock, input: Input) -> Vec<Effect> {
        match self {
            Self::Coordinator(machine) => machine.step(clock, input),
            Self::Resolver(machine) => machine.step(clock, input),
            Self::Sweeper(machine) => machine.step(clock, input),
            Self::Cancel(machine) => machine.step(clock, input),
            Self::Grant(machine) => machine.step(clock, input),
            Self::Undo(machine) => machine.step(clock, input),
        }
    }
}

/// What happened, as nobody inside can know it.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Truth {
    /// What each order takes from where.
    pub(crate) listed: BTreeMap<TxId, Holds>,
    pub(crate) bought: BTreeMap<Dot, TxId>,
    pub(crate) by_key: BTreeMap<KeyHash, TxId>,
    pub(crate) returned: BTreeSet<Dot>,
    pub(crate) claimed: BTreeSet<TxId>,
    /// Attempts of which somebody was told that they do not happen.
    pub(crate) told_aborted: BTreeSet<TxId>,
    pub(crate) broken: Option<&'static str>,
}

impl World {
    pub(crate) fn new(setup: &Setup) -> Self {
        let stocks = setup.stock.iter();
        Self {
            ledgers: BTreeMap::new(),
            stocks: stocks
                .map(|(sku, owner, n)| (stock_key(*sku, *owner), Arc::new(Stock::of(*n))))
                .collect(),
            orders: BTreeMap::new(),
            payments: BTreeMap::new(),
            killed: BTreeSet::new(),
            published: BTreeSet::new(),
            now: BEGIN,
            shoppers: vec![Actor::Idle; setup.shoppers.len()],
            others: vec![Actor::Idle; setup.others.len()],
            keeper: Actor::Idle,
            late: Vec::new(),
            left: setup.faults,
            truth: Truth::default(),
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock::at(cart::Timestamp(self.now))
    }

    pub(crate) fn ledger(&self, cart: CartId) -> Found<Ledger> {
        found(self.ledgers.get(&cart))
    }

    pub(crate) fn stock(&self, key: &StockKey) -> Found<Stock> {
        found(self.stocks.get(key))
    }

    pub(crate) fn breaks(&mut self, what: &'static str) {
        self.truth.broken.get_or_insert(what);
    }

    /// Gives an input to a machine and waits for its next question.
    pub(crate) fn feed(
        &mut self,
        setup: &Setup,
        mut running: Box<Running>,
        clock: Clock,
        input: Input,
    ) -> Actor {
        let mut input = input;
        loop {
            let effects = running.machine.step(clock, input);
            let mut question = None;
            for effect in effects {
                match effect {
                    Effect::Answer(answer) => self.hear(&answer),
                    Effect::Ask(ticket, request) => question = Some((ticket, request)),
                }
            }
            let Some((ticket, request)) = question else { return Actor::Ended };
            (running.ticket, running.request) = (ticket, request);
            let is_resolver = matches!(running.machine, AnyMachine::Resolver(_));
            if !setup.is_eager || is_resolver || !is_harmless(&running.request) {
                return Actor::Running(running);
            }
            input = Input::Reply(ticket, self.execute(setup, &running.request.clone(), running.shopper));
        }
    }

    fn hear(&mut self, answer: &Answer) {
        match answer {
            Answer::Committed { tx, .. } if !self.truth.listed.contains_key(tx) => {
                self.breaks("K4: an order was answered that does not exist");
            }
            Answer::OutOfStock { tx, .. } | Answer::Declined { tx } | Answer::Aborted { tx } => {
                self.truth.told_aborted.insert(*tx);
                if self.truth.listed.contains_key(tx) {
                    self.breaks("K4: an order was answered as aborted");
                }
            }
            _ => {}
        }
    }

    /// Does what is asked, as a store or hook does.
    pub(crate) fn execute(&mut self, setup: &Setup, request: &Request, shopper: Option<usize>) -> Reply {
        match request {
            Request::ReadLedger(cart) => Reply::Ledger(self.ledger(*cart)),
            Request::ReadStaleLedger(_) => Reply::Ledger(Found::absent()),
            Request::ReadStock(key) => Reply::Stock(self.stock(key)),
            Request::WriteLedger { cart, expected, ledger } => {
                let now = self.ledger(*cart);
                if now.version != *expected {
                    return Reply::Ledger(now);
                }
                self.ledger_changes(setup, &now.value, ledger);
                self.ledgers.insert(*cart, ledger.clone());
                Reply::Written(version(&**ledger))
            }
            Request::WriteStock { key, expected, stock } => {
                let now = self.stock(key);
                if now.version != *expected {
                    return Reply::Stock(now);
                }
                self.stock_changes(key, &now.value, stock);
                self.stocks.insert(key.clone(), stock.clone());
                Reply::Written(version(&**stock))
            }
            Request::PutOrder(order) => {
                self.orders.entry(order.tx).or_insert_with(|| order.clone());
                Reply::Done
            }
            Request::ReadOrder(tx) => Reply::Order(self.orders.get(tx).cloned()),
            Request::FindOwners { skus, cart, .. } => {
                let of_cart = setup.shoppers.iter().position(|shopper| shopper.cart == *cart);
                let shopper = &setup.shoppers[shopper.or(of_cart).unwrap()];
                let place = |sku: &cart::line::Sku| (sku.clone(), setup.placement(shopper, sku));
                Reply::Owners(skus.iter().map(place).collect())
            }
            Request::Authorise { tx, .. } => {
                let payment = self.payments.entry(*tx).or_default();
                let refused = payment.is_void.then_some(Payment::Declined);
                Reply::Payment(*payment.answer.get_or_insert(refused.unwrap_or(Payment::Authorised)))
            }
            Request::Void(tx) => {
                let payment = self.payments.entry(*tx).or_default();
                payment.is_void = true;
                if payment.answer == Some(Payment::RequiresAction) {
                    payment.answer = Some(Payment::Declined);
                }
                let is_order = self.truth.listed.contains_key(tx);
                if is_order {
                    self.breaks("K6: the payment of an order was voided");
                }
                Reply::Done
            }
            Request::KillDots { cart, dots, .. } => {
                self.killed.extend(dots.iter().map(|dot| (*cart, *dot)));
                Reply::Done
            }
            Request::PublishOrder(tx) => {
                self.published.insert(*tx);
                if !self.truth.listed.contains_key(tx) {
                    self.breaks("K4: an order was published that does not exist");
                }
                Reply::Done
            }
        }
    }

    fn ledger_changes(&mut self, setup: &Setup, before: &Ledger, after: &Ledger) {
        self.truth.claimed.extend(after.pending.iter().map(|pending| pending.tx));
        for (dot, taker) in &after.consumed {
            if let (Taker::Undo(_), false) = (taker, before.consumed.contains_key(dot)) {
                self.truth.returned.insert(*dot);
                if self.truth.bought.contains_key(dot) {
                    self.breaks("K5: a dot was returned that was bought");
                }
            }
        }
        for (tx, order) in &after.committed {
            if self.truth.listed.contains_key(tx) {
                continue;
            }
            self.truth.listed.insert(*tx, order.holds.clone());
            self.order_happens(setup, *tx, &order.holds, after);
        }
    }

    fn order_happens(&mut self, setup: &Setup, tx: TxId, holds: &Holds, after: &Ledger) {
        if self.truth.told_aborted.contains(&tx) {
            self.breaks("K4: an attempt that was answered as aborted became an order");
        }
        let held = |key: &StockKey| self.stocks.get(key).and_then(|stock| stock.holds.get(&tx)).copied();
        if holds.iter().any(|(key, listed)| held(key).is_none_or(|hold| hold.quantity != *listed)) {
            self.breaks("K2: a hold that the commit lists does not exist");
        }
        let order = self.orders[&tx].clone();
        for dot in &order.dots {
            if after.consumed.get(dot) != Some(&Taker::Order(tx)) {
                self.breaks("K4: an order does not consume what it buys");
            }
            if self.truth.bought.insert(*dot, tx).is_some() {
                self.breaks("K5: a dot was bought twice");
            }
            if self.truth.returned.contains(dot) {
                self.breaks("K5: a dot was bought that was returned");
            }
        }
        for (sku, wanted) in order.demand() {
            let is_tracked = self.stocks.keys().any(|key| key.sku == sku && key.owner.is_rights());
            let rights = holds.iter().filter(|(key, _)| key.sku == sku && key.owner.is_rights());
            if is_tracked && rights.map(|(_, listed)| listed).sum::<u64>() != wanted {
                self.breaks("K2: an order does not hold all that it sells");
            }
        }
        let payment = self.payments.get(&tx).copied().unwrap_or_default();
        if setup.settings.has_payment && (payment.answer != Some(Payment::Authorised) || payment.is_void) {
            self.breaks("K6: an order without an authorisation");
        }
        let own_keys = after.keys.iter().filter(|(_, known)| known.tx == tx).map(|(key, _)| *key);
        for key in own_keys.collect::<Vec<_>>() {
            if self.truth.by_key.insert(key, tx).is_some_and(|other| other != tx) {
                self.breaks("K5: one key, two orders");
            }
        }
    }

    fn stock_changes(&mut self, key: &StockKey, before: &Stock, after: &Stock) {
        let gone = before.holds.keys().filter(|tx| !after.holds.contains_key(*tx));
        let listed = gone.filter_map(|tx| self.truth.listed.get(tx)?.get(key));
        if after.sold != before.sold + listed.sum::<u64>() {
            self.breaks("K2: a listed hold was lost, or units were sold that no order lists");
        }
        let sold: u64 = self.truth.listed.values().filter_map(|holds| holds.get(key)).sum();
        if after.sold > sold {
            self.breaks("K1: more was sold than orders list");
        }
    }

    /// The dots that a cart shows by its own row.
    pub(crate) fn shown(&self, setup: &Setup, cart: CartId) -> BTreeSet<usize> {
        let all = setup.views.get(&cart).into_iter().flatten().copied();
        all.filter(|index| !self.killed.contains(&(cart, dot(*index)))).collect()
    }
}

/// Reads and blind inserts that nothing else depends on: whether they happen now or later makes no difference to
/// a machine whose writes are conditional.
fn is_harmless(request: &Request) -> bool {
    matches!(
        request,
        Request::ReadLedger(_)
            | Request::ReadStock(_)
            | Request::PutOrder(_)
            | Request::ReadOrder(_)
            | Request::FindOwners { .. }
            | Request::PublishOrder(_)
    )
}

fn version(value: &impl Hash) -> RecordVersion {
    RecordVersion(fingerprint(value))
}

fn found<R: Default + Hash>(record: Option<&Arc<R>>) -> Found<R> {
    record
        .map_or_else(Found::absent, |value| Found { version: Some(version(&**value)), value: value.clone() })
}

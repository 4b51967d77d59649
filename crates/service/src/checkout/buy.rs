//! Checking out, and what becomes of it: the use cases of a shopper.

use super::{
    draft::Draft,
    hooks::Charges,
    refusal::{CheckoutError, Refusal},
};
use crate::{
    CartAddress, Service, answer::CartAnswer, error::ServiceError, identity::Presented, sessions::Principal,
};
use cart::{CartId, id::SubjectId, money::Money};
use checkout::{
    Answer, Machine, Order, TxId,
    cancel::Cancel,
    coordinator::{Attempt, Coordinator},
    id::{BodyHash, KeyHash},
    ledger,
    order::Totals,
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::oneshot;

/// Milliseconds for which an answer waits until the cart shows what was bought.
const SETTLED_MS: u64 = 2_000;

/// A request to buy what a cart shows.
#[derive(Clone, Debug)]
pub struct CheckoutRequest {
    /// Whose cart.
    pub address: CartAddress,
    /// The idempotency key, and the body that came with it.
    pub key: Option<(String, Vec<u8>)>,
    /// The total that the shopper said yes to.
    pub accept_total: Option<Money>,
    /// What the caller was told before.
    pub presented: Presented,
}

/// How far a checkout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is under way.
    Pending,
    /// The shopper must do something.
    RequiresAction,
    /// It is an order.
    Committed,
    /// It did not happen.
    Aborted,
}

/// A checkout as it stands.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What is, or would be, bought.
    pub order: Arc<Order>,
    /// How far it is.
    pub state: State,
    /// True when an earlier request made it.
    pub is_replayed: bool,
    /// What the shopper must do, as JSON of the payment hook.
    pub action: Option<Arc<str>>,
}

impl Service {
    /// Buys what the caller's cart shows as sellable: completely, or not at all.
    pub async fn check_out(
        self: &Arc<Self>,
        request: &CheckoutRequest,
    ) -> Result<(Progress, CartAnswer), CheckoutError> {
        if self.checkout.is_off() {
            return Err(CheckoutError::of(Refusal::Unavailable(None), None));
        }
        let cart = self.read_own(&request.address, &request.presented).await?;
        let (attempt, refusal) = self.attempt(request, &cart).await?;
        let (charges, drafted) = (attempt.order.totals, attempt.order.clone());
        let answer = self.run(Coordinator::buy(attempt, self.checkout.settings)).await;
        count(&answer);
        // A key that is known was answered before any of this counted.
        if let (Answer::Empty, Some(refusal)) = (&answer, refusal) {
            return Err(self.refused(refusal, request).await);
        }
        match answer {
            Answer::Committed { tx, is_replayed } => {
                self.done(tx, State::Committed, is_replayed, request, Some(drafted)).await
            }
            Answer::RequiresAction { tx } => {
                self.done(tx, State::RequiresAction, false, request, Some(drafted)).await
            }
            Answer::PriceChanged { total } => {
                let (tax, shipping) = (charges.tax, charges.shipping);
                Err(self.refused(Refusal::PriceChanged { total, tax, shipping }, request).await)
            }
            other => Err(self.refused(refusal_of(other), request).await),
        }
    }

    /// What would be tried; with it, why nothing of this cart can be bought.
    async fn attempt(
        &self,
        request: &CheckoutRequest,
        cart: &CartAnswer,
    ) -> Result<(Attempt, Option<Refusal>), ServiceError> {
        let (mut draft, mut refusal) = match Draft::of(cart) {
            Ok(draft) => (draft, None),
            Err(refusal) => (Draft::empty(cart, &cart.view()), Some(refusal)),
        };
        if refusal.is_none() && self.checkout.needs_consent && request.accept_total.is_none() {
            refusal = Some(Refusal::NoConsent);
        }
        let mut totals = Err(Refusal::Empty);
        if refusal.is_none() && !draft.lines.is_empty() {
            totals = self.totals(&mut draft).await;
        }
        let totals = totals.unwrap_or_else(|why| {
            refusal.get_or_insert(why);
            // Nothing is bought, whatever the cart holds.
            (draft.lines, draft.dots) = (Vec::new(), BTreeMap::new());
            Totals { currency: draft.currency, subtotal: 0, tax: 0, shipping: 0, total: 0 }
        });
        let customer = self.customer(&request.address);
        let order = Order {
            tx: self.new_tx(),
            cart: draft.cart,
            customer,
            lines: draft.lines,
            dots: draft.dots.keys().copied().collect(),
            totals,
            fields: draft.fields,
            created_at: self.environment.now(),
        };
        let origins = draft.dots.into_iter().filter(|(_, origin)| *origin != cart.cart).collect();
        let key = request.key.as_ref().map(|(key, body)| (KeyHash::of(key), BodyHash::of(body)));
        let accept_total = request.accept_total.filter(|_| self.checkout.needs_consent);
        let attempt = Attempt {
            order: Arc::new(order),
            origins,
            merged: cart.state.merged.keys().copied().collect(),
            key,
            accept_total,
            placements: BTreeMap::new(),
        };
        Ok((attempt, refusal))
    }

    /// What the lines cost with what the shop's rules add.
    async fn totals(&self, draft: &mut Draft) -> Result<Totals, Refusal> {
        let charges = match &self.checkout.pricing {
            None => Charges::default(),
            Some(pricing) => pricing.price(&draft.question()).await.map_err(|error| {
                metrics::counter!(super::HOOKS_FAILED).increment(1);
                tracing::warn!(error = &error as &dyn std::error::Error, "a price hook did not answer");
                Refusal::Unavailable(None)
            })?,
        };
        draft.reprice(&charges.unit_prices);
        Totals::of(&draft.lines, draft.currency, charges.tax, charges.shipping).map_err(|_| Refusal::Overflow)
    }

    /// How far a checkout of the caller is.
    pub async fn checkout(&self, address: &CartAddress, tx: TxId) -> Result<Progress, CheckoutError> {
        let order = self.order_of(address, tx).await?;
        let found = self.books().read::<ledger::Ledger>(&order.cart).await.map_err(ServiceError::from)?;
        let state = match found.value.state(tx) {
            ledger::State::Pending(pending) if pending.awaits_shopper => State::RequiresAction,
            ledger::State::Pending(_) => State::Pending,
            ledger::State::Open(_) | ledger::State::Closed => State::Committed,
            ledger::State::Aborted if self.is_listed(&order).await? => State::Committed,
            ledger::State::Aborted => State::Aborted,
        };
        let action = self.checkout.actions.of(tx).filter(|_| state == State::RequiresAction);
        Ok(Progress { order, state, is_replayed: false, action })
    }

    /// Goes on with a checkout that waited for its shopper.
    pub async fn confirm_checkout(
        self: &Arc<Self>,
        address: &CartAddress,
        tx: TxId,
    ) -> Result<(Progress, CartAnswer), CheckoutError> {
        let order = self.order_of(address, tx).await?;
        let answer = self.run(Coordinator::confirm(order.cart, tx, self.checkout.settings)).await;
        count(&answer);
        self.ended(address, answer).await
    }

    /// Ends a checkout that is not decided; an order stays one.
    pub async fn cancel_checkout(
        self: &Arc<Self>,
        address: &CartAddress,
        tx: TxId,
    ) -> Result<Progress, CheckoutError> {
        let order = self.order_of(address, tx).await?;
        match self.run(Cancel::new(order.cart, tx, self.checkout.settings)).await {
            Answer::Aborted { .. } | Answer::Committed { .. } => self.checkout(address, tx).await,
            other => Err(CheckoutError::of(refusal_of(other), None)),
        }
    }

    async fn ended(
        self: &Arc<Self>,
        address: &CartAddress,
        answer: Answer,
    ) -> Result<(Progress, CartAnswer), CheckoutError> {
        let request = CheckoutRequest {
            address: address.clone(),
            key: None,
            accept_total: None,
            presented: Presented::default(),
        };
        match answer {
            Answer::Committed { tx, is_replayed } => {
                self.done(tx, State::Committed, is_replayed, &request, None).await
            }
            Answer::RequiresAction { tx } => {
                self.done(tx, State::RequiresAction, false, &request, None).await
            }
            other => Err(self.refused(refusal_of(other), &request).await),
        }
    }

    async fn done(
        &self,
        tx: TxId,
        state: State,
        is_replayed: bool,
        request: &CheckoutRequest,
        drafted: Option<Arc<Order>>,
    ) -> Result<(Progress, CartAnswer), CheckoutError> {
        // The order of an earlier request is another.
        let order = match drafted.filter(|order| order.tx == tx) {
            Some(order) => Some(order),
            None => self.books().order(tx).await.map_err(ServiceError::from)?,
        };
        let order = order.ok_or_else(|| CheckoutError::of(Refusal::Unavailable(Some(tx)), None))?;
        let cart = self.read_own(&request.address, &request.presented).await?;
        let action = self.checkout.actions.of(tx).filter(|_| state == State::RequiresAction);
        Ok((Progress { order, state, is_replayed, action }, cart))
    }

    /// A refusal with the cart as it is now, as far as that can be read.
    async fn refused(&self, refusal: Refusal, request: &CheckoutRequest) -> CheckoutError {
        let current = self.read_own(&request.address, &request.presented).await.ok();
        CheckoutError::of(refusal, current)
    }

    /// Drives a machine behind the caller, who may go away; the answer is its first. An order is answered once the cart
    /// shows it, unless that takes long.
    pub(crate) async fn run(self: &Arc<Self>, mut machine: impl Machine + Send + 'static) -> Answer {
        let (told, hears) = oneshot::channel();
        let (ended, ends) = oneshot::channel();
        let service = self.clone();
        let driving = async move {
            let mut told = Some(told);
            let mut tell = |answer: Answer| drop(told.take().map(|told| told.send(answer)));
            service.drive(&mut machine, &mut tell).await;
            ended.send(()).ok();
        };
        self.environment.spawn(Box::pin(driving));
        let answer = hears.await.unwrap_or(Answer::Unavailable { tx: None });
        if matches!(answer, Answer::Committed { .. }) {
            tokio::select! {
                _ = ends => {}
                () = self.environment.sleep(SETTLED_MS) => {}
            }
        }
        answer
    }

    pub(crate) fn new_tx(&self) -> TxId {
        let mut tx = [0; 16];
        tx[..8].copy_from_slice(&self.environment.random().to_le_bytes());
        tx[8..].copy_from_slice(&self.environment.random().to_le_bytes());
        TxId(tx)
    }

    /// Whom limits and lists of orders know the caller as.
    pub(crate) fn customer(&self, address: &CartAddress) -> Option<[u8; 16]> {
        match address {
            CartAddress::Own { principal: Principal::Account { subject }, .. } => {
                Some(SubjectId::of(&self.shop_key, subject).0)
            }
            CartAddress::Own { .. } | CartAddress::Id(_) => None,
        }
    }

    /// An order or draft that the caller may see: of one of their carts, or of a guest's that was merged into it.
    pub(crate) async fn order_of(
        &self,
        address: &CartAddress,
        tx: TxId,
    ) -> Result<Arc<Order>, CheckoutError> {
        let unknown = || CheckoutError::of(Refusal::Unknown, None);
        let order = self.books().order(tx).await.map_err(ServiceError::from)?.ok_or_else(unknown)?;
        let customer = self.customer(address);
        if customer.is_some() && customer == order.customer {
            return Ok(order);
        }
        let is_own = match address {
            CartAddress::Id(cart) => *cart == order.cart,
            CartAddress::Own { principal: Principal::Guest(token), .. } => {
                token.cart == order.cart && !self.has_ended(token)
            }
            CartAddress::Own { principal: Principal::Nobody, .. } => false,
            CartAddress::Own { principal: Principal::Account { .. }, .. } => {
                self.took_in(address, order.cart).await?
            }
        };
        if is_own { Ok(order) } else { Err(unknown()) }
    }

    /// True of a guest's cart that was merged into the caller's.
    async fn took_in(&self, address: &CartAddress, guest: CartId) -> Result<bool, ServiceError> {
        let own = self.read_own(address, &Presented::default()).await?;
        Ok(own.state.merged.contains_key(&guest))
    }
}

/// What callers are told of an answer that is no order.
pub(crate) fn refusal_of(answer: Answer) -> Refusal {
    match answer {
        Answer::Busy { tx, .. } => Refusal::Busy(tx),
        Answer::InProgress { tx } => Refusal::InProgress(tx),
        Answer::LinesChanged { .. } => Refusal::LinesChanged,
        Answer::CartMoved { .. } => Refusal::CartMoved,
        Answer::OutOfStock { shortages, .. } => Refusal::OutOfStock(shortages),
        Answer::PriceChanged { total } => Refusal::PriceChanged { total, tax: 0, shipping: 0 },
        Answer::Declined { tx } => Refusal::Declined(tx),
        Answer::Aborted { tx } => Refusal::Aborted(tx),
        Answer::Empty => Refusal::Empty,
        Answer::KeyReused => Refusal::KeyReused,
        Answer::Unavailable { tx } => Refusal::Unavailable(tx),
        Answer::Committed { tx, .. } | Answer::RequiresAction { tx } => Refusal::InProgress(tx),
        Answer::UndoClaimed | Answer::UndoRefused { .. } => Refusal::LinesChanged,
    }
}

fn count(answer: &Answer) {
    let how = match answer {
        Answer::Committed { is_replayed: false, .. } => "committed",
        Answer::Committed { .. } => "replayed",
        Answer::RequiresAction { .. } => "requires_action",
        Answer::OutOfStock { .. } => "out_of_stock",
        Answer::PriceChanged { .. } => "price_changed",
        Answer::Declined { .. } => "declined",
        Answer::Unavailable { .. } => "unavailable",
        _ => "refused",
    };
    metrics::counter!(super::CHECKOUTS, "how" => how).increment(1);
}

//! What happens in a shop: who wants what of how much, and what they ask for. Each can be played again from where it
//! was left, under the same keys.

use super::{
    bank::{Bank, Mood},
    world::{PRICE, Shopper, World, add},
};
use crate::{
    Presented, Service,
    checkout::{CheckoutRequest, State},
    inventory::{ShelfChange, StockChange},
};
use cart::{
    CartId,
    line::Sku,
    money::{Currency, Money},
    operation::Policy,
    token::GuestToken,
};
use checkout::{TxId, stock::Change};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use storage::Stores;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plot {
    /// One buys.
    Plain,
    /// Two SKUs, each of them split over buckets that have less than is wanted.
    Split,
    /// One of two SKUs is not there in that quantity.
    OutOfStock,
    /// As many as one customer may buy.
    Limited,
    /// Money is set aside first, by a provider of this mood.
    Pays(Mood),
    /// The shopper must act first, and does.
    Confirmed,
    /// The shopper must act first, and calls it off.
    Cancelled,
    /// The lines were a guest's before.
    Merged,
    /// The merge is undone.
    Undone,
    /// The merge is undone while its lines are bought.
    UndoneWhileBought,
    /// Two customers want more than there is.
    Raced,
}

impl Plot {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Plain,
        Self::Split,
        Self::OutOfStock,
        Self::Limited,
        Self::Pays(Mood::Yes),
        Self::Pays(Mood::No),
        Self::Pays(Mood::Asks),
        Self::Pays(Mood::Mute),
        Self::Pays(Mood::Hangs),
        Self::Confirmed,
        Self::Cancelled,
        Self::Merged,
        Self::Undone,
        Self::UndoneWhileBought,
        Self::Raced,
    ];
}

/// A shop and its people.
pub(super) struct Stage {
    pub(super) plot: Plot,
    pub(super) world: World,
    pub(super) bank: Option<Arc<Bank>>,
    pub(super) carts: BTreeSet<CartId>,
    /// Units that were put into carts.
    pub(super) wished: BTreeMap<Sku, u64>,
    ann: Shopper,
    bob: Shopper,
    merge: Option<String>,
}

/// What people were told.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) orders: Vec<TxId>,
    pub(super) returned: Option<GuestToken>,
}

/// What is tracked: SKU, units, buckets.
type Stocked = &'static [(&'static str, u64, u16)];
/// What is put into the cart of a customer.
type Wish = &'static [(&'static str, u32)];

impl Plot {
    fn mood(self) -> Option<Mood> {
        match self {
            Self::Pays(mood) => Some(mood),
            Self::Confirmed | Self::Cancelled => Some(Mood::Asks),
            _ => None,
        }
    }

    fn has_merge(self) -> bool {
        matches!(self, Self::Merged | Self::Undone | Self::UndoneWhileBought)
    }

    fn stocked(self) -> Stocked {
        match self {
            Self::Split => &[("A", 5, 4), ("B", 4, 2)],
            Self::OutOfStock => &[("A", 5, 2), ("B", 2, 1)],
            Self::Raced => &[("A", 3, 2)],
            _ => &[("A", 9, 1)],
        }
    }

    fn wish(self) -> Wish {
        match self {
            Self::Split => &[("A", 4), ("B", 3)],
            Self::OutOfStock => &[("A", 2), ("B", 3)],
            _ => &[("A", 2), ("C", 1)],
        }
    }
}

impl Stage {
    pub(super) async fn set(plot: Plot, stores: Stores) -> Self {
        let bank = plot.mood().map(Bank::new);
        let payments = bank.clone();
        let world = World::open(stores, |settings| {
            settings.checkout.payments = payments.map(|bank| bank as _);
        })
        .await;
        let (ann, bob) = (world.account("ann"), world.account("bob"));
        let (carts, wished) = (BTreeSet::new(), BTreeMap::new());
        let mut stage = Self { plot, world, bank, carts, wished, ann, bob, merge: None };
        stage.stock().await;
        let (ann, bob) = (stage.ann.clone(), stage.bob.clone());
        stage.wish(&ann, plot.wish()).await;
        if plot == Plot::Raced {
            stage.wish(&bob, &[("A", 2)]).await;
        }
        if plot.has_merge() {
            let guest = stage.world.guest();
            stage.wish(&guest, &[("A", 3), ("D", 1)]).await;
            stage.merge = Some(ann.claim(&guest, Policy::Sum).await.unwrap().receipt.id);
            stage.carts.insert(CartId::of_undo(ann.cart().await, guest.token().cart));
        }
        if let Some(bank) = &stage.bank {
            bank.meets(stage.world.faults.clone());
        }
        stage
    }

    async fn stock(&self) {
        let service = &self.world.service;
        for (name, units, buckets) in self.plot.stocked() {
            let sku = Sku::parse(name).unwrap();
            let limit = (self.plot == Plot::Limited).then_some(Some(2));
            let change = Change::Restock(*units);
            let restock =
                StockChange { sku: sku.clone(), change, reason: "delivery".into(), key: "d".into() };
            service.change_stock(&restock).await.unwrap();
            service.change_shelf(&sku, ShelfChange { buckets: Some(*buckets), limit }).await.unwrap();
        }
    }

    async fn wish(&mut self, shopper: &Shopper, wish: Wish) {
        for (sku, units) in wish {
            shopper.change(add(sku, *units)).await.unwrap();
            *self.wished.entry(Sku::parse(sku).unwrap()).or_default() += u64::from(*units);
        }
        self.carts.insert(shopper.cart().await);
    }

    /// Those who have a cart at the end.
    pub(super) fn shoppers(&self, played: &Played) -> Vec<Shopper> {
        let returned = played.returned.map(|token| self.ann.holding(token));
        [self.ann.clone(), self.bob.clone()].into_iter().chain(returned).collect()
    }

    /// Asks for everything once, at a node, as far as that gets.
    pub(super) async fn play(&self, service: &Arc<Service>) -> Played {
        let mut played = Played::default();
        let total = PRICE * i64::try_from(self.ann_wishes()).unwrap();
        match self.plot {
            Plot::Raced => {
                let (ann, bob) = futures::join!(
                    bought(service, &self.ann, "k", 3 * PRICE),
                    bought(service, &self.bob, "k", 2 * PRICE)
                );
                played.orders.extend(ann.into_iter().chain(bob));
            }
            Plot::Undone => played.returned = self.undo(service).await,
            Plot::UndoneWhileBought => {
                let (order, returned) =
                    futures::join!(bought(service, &self.ann, "k", total), self.undo(service));
                played.orders.extend(order);
                played.returned = returned;
            }
            Plot::Confirmed | Plot::Cancelled => played.orders.extend(self.act(service, total).await),
            _ => played.orders.extend(bought(service, &self.ann, "k", total).await),
        }
        played
    }

    /// Units in ann's cart, those of a merged guest included.
    fn ann_wishes(&self) -> u64 {
        let own: u64 = self.plot.wish().iter().map(|(_, units)| u64::from(*units)).sum();
        own + if self.plot.has_merge() { 4 } else { 0 }
    }

    async fn undo(&self, service: &Arc<Service>) -> Option<GuestToken> {
        let merge = self.merge.as_deref().unwrap_or_default();
        service.undo_claim(&self.ann.address, merge).await.ok()?.session
    }

    /// A checkout that needs its shopper, who does what is asked, or calls it off.
    async fn act(&self, service: &Arc<Service>, total: i64) -> Option<TxId> {
        let address = &self.ann.address;
        let (progress, _) = service.check_out(&request(&self.ann, "k", total)).await.ok()?;
        let tx = progress.order.tx;
        if progress.state == State::Committed {
            return Some(tx);
        }
        if self.plot == Plot::Cancelled {
            let cancelled = service.cancel_checkout(address, tx).await.ok()?;
            return (cancelled.state == State::Committed).then_some(tx);
        }
        self.bank.as_ref()?.act();
        let (confirmed, _) = service.confirm_checkout(address, tx).await.ok()?;
        (confirmed.state == State::Committed).then_some(tx)
    }
}

/// A request to buy under a key.
pub(super) fn request(shopper: &Shopper, key: &str, total: i64) -> CheckoutRequest {
    let currency = Currency::parse("GBP").unwrap();
    CheckoutRequest {
        address: shopper.address.clone(),
        key: Some((key.to_owned(), key.as_bytes().to_vec())),
        accept_total: Some(Money { amount: total, currency }),
        presented: Presented::default(),
    }
}

/// The order, where it is said to be one.
pub(super) async fn bought(service: &Arc<Service>, shopper: &Shopper, key: &str, total: i64) -> Option<TxId> {
    let (progress, _) = service.check_out(&request(shopper, key, total)).await.ok()?;
    (progress.state == State::Committed).then_some(progress.order.tx)
}

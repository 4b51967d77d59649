//! Checkout: the pure protocol of the crate of that name, driven on the stores and hooks of this node.
//!
//! Carts never wait for anything here. What always holds, whatever is dropped, repeated or away: stock is never sold
//! twice, and a checkout happens completely or not at all (K1 to K6, proven in the pure crate and again over stores).

pub(crate) mod books;
mod buy;
mod draft;
mod drive;
pub mod hooks;
mod orders;
mod refusal;
mod returns;
mod turns;

pub(crate) use buy::refusal_of;
pub use buy::{CheckoutRequest, Progress, State};
pub use orders::OrderPage;
pub use refusal::{CheckoutError, Refusal};
pub use returns::Return;

use crate::{Environment, inventory::levels::Levels};
use cart::{CartId, Dot};
use checkout::{Ledger, TxId};
use hooks::{Payments, Pricing};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Questions to hooks that were not answered.
pub const HOOKS_FAILED: &str = "evercart_checkout_hooks_failed_total";
/// Checkouts, by how they ended.
pub const CHECKOUTS: &str = "evercart_checkouts_total";

/// Actions of shoppers that are remembered, to be shown again.
const ACTIONS: usize = 10_000;

/// What the shop decided on checkout.
#[derive(Clone)]
pub struct CheckoutSettings {
    /// Timers and bounds of the protocol.
    pub protocol: checkout::Settings,
    /// True where a shopper must have said yes to the total.
    pub needs_consent: bool,
    /// So few units are worth a notice.
    pub low_stock_max: u64,
    /// Milliseconds for which a node shows what it last knew of stock.
    pub stock_shown_ms: u64,
    /// Which life of this region's store sells.
    pub incarnation: u32,
    /// Sets money aside; without it nothing is paid here.
    pub payments: Option<Arc<dyn Payments>>,
    /// Names tax and shipping; without it there is none.
    pub pricing: Option<Arc<dyn Pricing>>,
}

impl Default for CheckoutSettings {
    fn default() -> Self {
        Self {
            protocol: checkout::Settings::default(),
            needs_consent: true,
            low_stock_max: 5,
            stock_shown_ms: 1_000,
            incarnation: 1,
            payments: None,
            pricing: None,
        }
    }
}

impl std::fmt::Debug for CheckoutSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckoutSettings").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

/// The checkout of one node.
pub(crate) struct Checkouts {
    pub(crate) settings: checkout::Settings,
    pub(crate) needs_consent: bool,
    pub(crate) low_stock_max: u64,
    pub(crate) incarnation: u32,
    pub(crate) payments: Option<Arc<dyn Payments>>,
    pub(crate) pricing: Option<Arc<dyn Pricing>>,
    pub(crate) levels: Levels,
    pub(crate) actions: Actions,
    pub(crate) turns: turns::Turns,
    /// Dots that checkouts under way have claimed, as far as this node knows.
    claimed: Mutex<HashMap<CartId, Arc<BTreeSet<Dot>>>>,
    nothing: Arc<BTreeSet<Dot>>,
    /// After a restore, until somebody has counted.
    is_off: AtomicBool,
}

impl Checkouts {
    pub(crate) fn new(settings: CheckoutSettings, environment: Arc<dyn Environment>) -> Self {
        let protocol = checkout::Settings { has_payment: settings.payments.is_some(), ..settings.protocol };
        Self {
            settings: protocol,
            needs_consent: settings.needs_consent,
            low_stock_max: settings.low_stock_max,
            incarnation: settings.incarnation,
            payments: settings.payments,
            pricing: settings.pricing,
            levels: Levels::new(settings.stock_shown_ms, environment),
            actions: Actions(Cache::new(ACTIONS)),
            turns: turns::Turns::default(),
            claimed: Mutex::default(),
            nothing: Arc::default(),
            is_off: AtomicBool::new(false),
        }
    }

    /// Takes no checkouts from now on, or takes them again.
    pub(crate) fn turn(&self, is_off: bool) {
        self.is_off.store(is_off, Ordering::Release);
    }

    pub(crate) fn is_off(&self) -> bool {
        self.is_off.load(Ordering::Acquire)
    }

    /// What a ledger says now of a checkout under way.
    pub(crate) fn note_claim(&self, cart: CartId, ledger: &Ledger) {
        let mut claimed = self.claimed.lock();
        match &ledger.pending {
            Some(pending) => drop(claimed.insert(cart, Arc::new(pending.dots.clone()))),
            None => drop(claimed.remove(&cart)),
        }
    }

    /// The dots of a cart that a checkout under way has claimed.
    pub(crate) fn claimed(&self, cart: CartId) -> Arc<BTreeSet<Dot>> {
        self.claimed.lock().get(&cart).unwrap_or(&self.nothing).clone()
    }
}

/// What shoppers must do before their payments go on, as hooks last said it.
pub(crate) struct Actions(Cache<TxId, Arc<str>>);

impl Actions {
    pub(crate) fn note(&self, tx: TxId, action: Option<Arc<str>>) {
        match action {
            Some(action) => self.0.insert(tx, action),
            None => drop(self.0.remove(&tx)),
        }
    }

    pub(crate) fn of(&self, tx: TxId) -> Option<Arc<str>> {
        self.0.get(&tx)
    }
}

//! What callers are told: every way in which a checkout, a cancellation or the claim of an undo ends.

use crate::{id::TxId, ledger::Taker};
use cart::{CartId, Dot, line::Sku, money::Money};
use std::collections::BTreeMap;

/// An answer to whoever started a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It is an order.
    Committed {
        /// Which.
        tx: TxId,
        /// True when it was one before this request.
        is_replayed: bool,
    },
    /// The shopper must act; then confirm, or ask again with the same key.
    RequiresAction {
        /// The attempt.
        tx: TxId,
    },
    /// This request's own attempt is under way somewhere.
    InProgress {
        /// The attempt.
        tx: TxId,
    },
    /// Another attempt has the cart. Its owner may cancel it.
    Busy {
        /// The attempt.
        tx: TxId,
        /// The cart that it has: this one, or a guest's that was merged.
        cart: CartId,
    },
    /// Some of what was to be bought was taken meanwhile: look at the cart again.
    LinesChanged {
        /// What, and by what where that is known.
        gone: BTreeMap<Dot, Option<Taker>>,
    },
    /// The guest's cart goes on in an account's.
    CartMoved {
        /// The account's cart.
        to: CartId,
    },
    /// There is less than was asked for. Nothing is held any more.
    OutOfStock {
        /// The attempt that was aborted.
        tx: TxId,
        /// All SKUs of which there is too little.
        shortages: Vec<Shortage>,
    },
    /// The total is not the one that the shopper accepted.
    PriceChanged {
        /// What it is now.
        total: Money,
    },
    /// The payment was declined.
    Declined {
        /// The attempt that was aborted.
        tx: TxId,
    },
    /// The attempt was aborted: too late, cancelled, or given up.
    Aborted {
        /// The attempt.
        tx: TxId,
    },
    /// There is nothing to buy.
    Empty,
    /// The key came with another body before.
    KeyReused,
    /// A store or hook did not answer, or this node's clock is off. With an attempt it is in doubt for as long as its
    /// deadline; asking again with the same key tells.
    Unavailable {
        /// The attempt, once it may have claimed the cart.
        tx: Option<TxId>,
    },
    /// The undo has its dots: the returned cart and the account's can be written.
    UndoClaimed,
    /// An order, or another undo, has dots of this merge.
    UndoRefused {
        /// What.
        by: Option<Taker>,
    },
}

/// A SKU of which there is too little.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shortage {
    /// Which.
    pub sku: Sku,
    /// Units asked for.
    pub wanted: u64,
    /// Units that could be had.
    pub available: u64,
    /// True when it is the customer's limit, not the stock.
    pub is_limit: bool,
}

//! Why there is no order: each kind is one answer at the edge.

use crate::{answer::CartAnswer, error::ServiceError};
use cart::{
    line::{LineId, Sku},
    money::Money,
};
use checkout::{TxId, answer::Shortage};

/// A refusal with the cart as it is now, or a failure below.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// Nothing was sold, and nothing is held.
    #[error("checkout was refused")]
    Refused(Box<(Refusal, Option<CartAnswer>)>),
    /// Something below refused or failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Why a checkout is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing in the cart that can be bought.
    Empty,
    /// The total is not what the shopper said yes to.
    PriceChanged {
        /// What it is now.
        total: Money,
        /// Tax in it.
        tax: i64,
        /// Shipping in it.
        shipping: i64,
    },
    /// The shop wants a yes to the total, and there was none.
    NoConsent,
    /// There is less than is wanted.
    OutOfStock(Vec<Shortage>),
    /// These lines cannot be bought in the quantity that is wanted.
    QuantityClamped(Vec<(LineId, u64)>),
    /// Some of what was to be bought is gone.
    LinesChanged,
    /// Another checkout has the cart.
    Busy(TxId),
    /// This one is under way.
    InProgress(TxId),
    /// The guest's cart goes on in an account's.
    CartMoved,
    /// The payment was declined.
    Declined(TxId),
    /// The checkout was aborted: too late, cancelled, or given up.
    Aborted(TxId),
    /// The key came with another body.
    KeyReused,
    /// A store or hook does not answer; nobody can say more until it does.
    Unavailable(Option<TxId>),
    /// There is no such checkout of this caller.
    Unknown,
    /// The sum cannot be written down.
    Overflow,
    /// More of this SKU than can still come back.
    ReturnExceeds(Sku, u64),
}

impl CheckoutError {
    pub(crate) fn of(refusal: Refusal, current: Option<CartAnswer>) -> Self {
        Self::Refused(Box::new((refusal, current)))
    }
}

//! What a checkout asks of the shop's own programs: money, and what comes on top of the lines.
//!
//! Whoever answers may be slow, away or asked twice; so each question carries the attempt as its key, and an answer
//! that did not come says whether the question may have been heard.

use async_trait::async_trait;
use cart::{
    CartId,
    line::{Line, Sku, Texts},
    money::{Currency, Money},
};
use checkout::{TxId, effect::Payment};
use std::sync::Arc;
use storage::error::BoxError;

/// Sets money aside, and gives it back.
#[async_trait]
pub trait Payments: Send + Sync + 'static {
    /// Sets money aside under the key of an attempt. Asked again it answers the same, or what has become of it.
    async fn authorise(&self, request: &Authorisation) -> Result<Authorised, HookError>;

    /// Gives back what was set aside under a key, and refuses every later authorisation of it: also of one that was
    /// never heard of.
    async fn void(&self, tx: TxId) -> Result<(), HookError>;
}

/// Says what an order costs beside its lines.
#[async_trait]
pub trait Pricing: Send + Sync + 'static {
    /// Tax and shipping of what would be bought, and other prices where the shop wants them.
    async fn price(&self, request: &PriceRequest) -> Result<Charges, HookError>;
}

/// Money that is to be set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorisation {
    /// The attempt: the key of the question.
    pub tx: TxId,
    /// Whose.
    pub cart: CartId,
    /// How much.
    pub total: Money,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorised {
    /// Yes, no, or not yet.
    pub verdict: Payment,
    /// What the shopper must do first, as JSON for the shopper's client.
    pub action: Option<Arc<str>>,
}

/// What would be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRequest {
    /// Whose.
    pub cart: CartId,
    /// In which currency.
    pub currency: Currency,
    /// The lines, at the prices of the catalogue.
    pub lines: Vec<PriceLine>,
    /// The cart's fields: addresses, coupon codes.
    pub fields: Texts,
}

/// A line that would be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceLine {
    /// What.
    pub line: Arc<Line>,
    /// How many.
    pub quantity: u64,
    /// The price of one, as the shopper is shown it.
    pub unit_price: Money,
}

impl PriceLine {
    /// Of what.
    pub fn sku(&self) -> &Sku {
        self.line.sku()
    }
}

/// What an order costs beside its lines, in minor units of its currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charges {
    /// On top of the lines.
    pub tax: i64,
    /// On top of the lines.
    pub shipping: i64,
    /// Another price of one unit, by line in the order of the question; none where nothing is to be changed.
    pub unit_prices: Vec<Option<i64>>,
}

/// Why a hook did not answer.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// It did not hear the question, or said that it did nothing.
    #[error("the hook did not answer")]
    Unavailable(#[source] BoxError),
    /// It may have heard the question.
    #[error("it is not known what the hook did")]
    Unknown(#[source] BoxError),
}

//! The JSON that the replay sends and reads: its own view of the HTTP API, apart from the server's types on purpose,
//! so that a change of the API that would break a client breaks the replay too.
//!
//! Always holds: members that the replay does not compare are not read, and unknown members are no error.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pence::Pence;

pub(super) mod selling;

/// An amount in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Money {
    pub(super) amount: i64,
    pub(super) currency: String,
}

impl Money {
    pub(super) fn gbp(pence: Pence) -> Self {
        Self { amount: pence.0, currency: "GBP".to_owned() }
    }
}

/// `POST /v1/carts/{id}/lines`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AddLine {
    pub(super) sku: String,
    pub(super) quantity: i64,
    pub(super) options: BTreeMap<String, String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) price: Money,
}

/// The answer of `POST /v1/sessions`.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub(super) token: String,
    pub(super) cart: CartId,
}

/// The part of a cart that says which it is.
#[derive(Debug, Deserialize)]
pub(super) struct CartId {
    pub(super) id: String,
}

/// `POST /v1/sessions/claim`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) guest_token: String,
}

/// A cart as shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Cart {
    pub(super) currency: String,
    pub(super) lines: Vec<Line>,
    #[serde(default)]
    pub(super) saved: Vec<Line>,
    pub(super) seen: String,
    pub(super) totals: Totals,
}

/// A line as shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Line {
    pub(super) sku: String,
    #[serde(default)]
    pub(super) options: BTreeMap<String, String>,
    pub(super) quantity: i64,
    pub(super) item: Option<Item>,
    pub(super) unit_price: Option<Money>,
    pub(super) total: Option<Money>,
    #[serde(default)]
    pub(super) notices: Vec<Notice>,
}

impl Line {
    /// True while there is not enough of it to sell.
    pub(super) fn is_sold_out(&self) -> bool {
        self.notices.iter().any(|notice| notice.code == "out_of_stock")
    }
}

/// What a shopper is told of a line.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Notice {
    pub(super) code: String,
}

/// The item of a line as shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Item {
    pub(super) title: Option<String>,
}

/// The totals of a cart as shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Totals {
    pub(super) subtotal: Money,
}

/// `PATCH /v1/cart` with one operation that clears what was seen.
pub(super) fn clear_patch(seen: &str) -> serde_json::Value {
    serde_json::json!({"ops": [{"op": "clear", "list": "cart", "seen": seen}]})
}

/// The answer of `PATCH /v1/cart`: a clear that was refused shows in the cart.
#[derive(Debug, Deserialize)]
pub(super) struct Patched {
    pub(super) cart: Cart,
}

/// One line of the answer of `PUT /v1/catalog/items`.
#[derive(Debug, Deserialize)]
pub(super) struct ItemResult {
    pub(super) sku: Option<String>,
    pub(super) status: String,
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) message: Option<String>,
}

/// The members of a problem document (RFC 9457) that a report names.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Problem {
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) detail: Option<String>,
    /// The checkout that is in the way.
    #[serde(default)]
    pub(super) checkout: Option<String>,
}

//! The JSON of stock, checkout, orders and returns.
//!
//! Always holds: what this run put on an order (`country`, `invoice`, `replay`) comes back as fields of the order.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Cart, Item, Line, Money, Totals};

/// The names of the fields that the replay writes to a cart before it is checked out.
pub(in super::super) const COUNTRY: &str = "country";
pub(in super::super) const INVOICE: &str = "invoice";
pub(in super::super) const REPLAY: &str = "replay";

/// An order as shown.
#[derive(Debug, Clone, Deserialize)]
pub(in super::super) struct Order {
    pub(in super::super) id: String,
    pub(in super::super) state: String,
    pub(in super::super) lines: Vec<OrderLine>,
    pub(in super::super) total: Money,
    #[serde(default)]
    pub(in super::super) fields: BTreeMap<String, String>,
    /// The cart that is left; only where the order is the answer to its checkout.
    #[serde(default)]
    pub(in super::super) cart: Option<Cart>,
}

impl Order {
    /// The order in the form in which carts are compared.
    pub(in super::super) fn as_cart(&self) -> Cart {
        Cart {
            currency: self.total.currency.clone(),
            lines: self.lines.iter().map(OrderLine::as_line).collect(),
            saved: Vec::new(),
            seen: String::new(),
            totals: Totals { subtotal: self.total.clone() },
        }
    }

    pub(in super::super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// A line of an order as shown.
#[derive(Debug, Clone, Deserialize)]
pub(in super::super) struct OrderLine {
    pub(in super::super) sku: String,
    pub(in super::super) options: BTreeMap<String, String>,
    pub(in super::super) quantity: i64,
    pub(in super::super) title: String,
    pub(in super::super) unit_price: Money,
    pub(in super::super) total: Money,
}

impl OrderLine {
    fn as_line(&self) -> Line {
        Line {
            sku: self.sku.clone(),
            options: self.options.clone(),
            quantity: self.quantity,
            item: Some(Item { title: Some(self.title.clone()) }),
            unit_price: Some(self.unit_price.clone()),
            notices: Vec::new(),
            total: Some(self.total.clone()),
        }
    }
}

/// A page of `GET /v1/orders`.
#[derive(Debug, Deserialize)]
pub(in super::super) struct OrderPage {
    pub(in super::super) orders: Vec<Order>,
    pub(in super::super) next: Option<String>,
}

/// One line of the answer of `PUT /v1/inventory`.
#[derive(Debug, Deserialize)]
pub(in super::super) struct StockResult {
    pub(in super::super) line: u64,
    pub(in super::super) status: String,
    #[serde(default)]
    pub(in super::super) code: Option<String>,
    #[serde(default)]
    pub(in super::super) message: Option<String>,
}

/// `GET /v1/inventory/{sku}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(in super::super) struct Stock {
    pub(in super::super) available: i64,
    pub(in super::super) held: i64,
    pub(in super::super) sold: i64,
}

/// The answer of `POST /v1/orders/{id}/returns`.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Returned {
    pub(in super::super) returned: BTreeMap<String, i64>,
}

/// `PATCH /v1/cart` with one operation that sets fields of the cart.
pub(in super::super) fn fields_patch(fields: &BTreeMap<&str, &str>) -> serde_json::Value {
    serde_json::json!({"ops": [{"op": "annotate", "fields": fields}]})
}

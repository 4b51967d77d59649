//! Lines by their name, as carts and orders of the API show them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use bytes::Bytes;
use serde::Deserialize;

/// The option that tells lines of one SKU apart: each line is bought once at most.
pub(super) const BASKET: &str = "basket";

/// A line: its SKU, and its basket.
pub(super) type Name = (String, String);
/// Units by line.
pub(super) type Lines = BTreeMap<Name, u64>;

/// An order, or a checkout on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    /// Its id.
    pub(super) id: String,
    /// `committed`, or what else.
    pub(super) state: String,
    /// What is bought.
    pub(super) lines: Lines,
    /// What it costs, in minor units.
    pub(super) total: i64,
}

/// A cart as it is shown.
#[derive(Debug)]
pub(super) struct Cart {
    /// What is in it.
    pub(super) lines: Lines,
    /// What can be bought of it costs so much.
    pub(super) subtotal: i64,
}

#[derive(Debug, Deserialize)]
struct LineJson {
    sku: String,
    options: BTreeMap<String, String>,
    quantity: u64,
}

#[derive(Debug, Deserialize)]
struct Amount {
    amount: i64,
}

#[derive(Debug, Deserialize)]
struct OrderJson {
    id: String,
    state: String,
    lines: Vec<LineJson>,
    total: Amount,
}

#[derive(Debug, Deserialize)]
struct CartJson {
    lines: Vec<LineJson>,
    totals: Totals,
}

#[derive(Debug, Deserialize)]
struct Totals {
    subtotal: Amount,
}

#[derive(Debug, Deserialize)]
struct Page {
    orders: Vec<OrderJson>,
    next: Option<String>,
}

fn lines(lines: Vec<LineJson>) -> Lines {
    let mut units = Lines::new();
    for mut line in lines {
        let basket = line.options.remove(BASKET).unwrap_or_default();
        *units.entry((line.sku, basket)).or_default() += line.quantity;
    }
    units
}

impl Order {
    /// Reads the answer to a checkout.
    pub(super) fn parse(body: &Bytes) -> Result<Self> {
        serde_json::from_slice::<OrderJson>(body).map(Self::from).context("the answer is not an order")
    }

    /// Reads a page of orders, and where to go on.
    pub(super) fn page(body: &Bytes) -> Result<(Vec<Self>, Option<String>)> {
        let page: Page = serde_json::from_slice(body).context("the answer is not a list of orders")?;
        Ok((page.orders.into_iter().map(Self::from).collect(), page.next))
    }
}

impl From<OrderJson> for Order {
    fn from(order: OrderJson) -> Self {
        let OrderJson { id, state, lines: of, total } = order;
        Self { id, state, lines: lines(of), total: total.amount }
    }
}

impl Cart {
    /// Reads a cart.
    pub(super) fn parse(body: &Bytes) -> Result<Self> {
        let cart: CartJson = serde_json::from_slice(body).context("the answer is not a cart")?;
        Ok(Self { lines: lines(cart.lines), subtotal: cart.totals.subtotal.amount })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_of_carts_and_orders_have_the_same_names() {
        let line = json!({"sku": "A", "options": {"basket": "1"}, "quantity": 2});
        let cart = json!({"lines": [line], "totals": {"subtotal": {"amount": 5}}}).to_string();
        let order =
            json!({"id": "o", "state": "committed", "lines": [line], "total": {"amount": 5}}).to_string();
        let (cart, order) = (Cart::parse(&cart.into()).unwrap(), Order::parse(&order.into()).unwrap());
        assert_eq!((cart.lines, cart.subtotal), (order.lines, order.total));
    }
}

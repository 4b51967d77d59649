//! An order as JSON.

use super::wire::{MoneyJson, rfc3339};
use cart::money::Money;
use checkout::{Order, order::OrderLine};
use serde::Serialize;
use service::checkout::State;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An order, or the draft of one, as callers see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub(super) struct OrderJson {
    id: String,
    /// `committed`; of a checkout also `requires_action`, `pending` or `aborted`.
    state: &'static str,
    cart_id: String,
    lines: Vec<OrderLineJson>,
    subtotal: MoneyBody,
    tax: MoneyBody,
    shipping: MoneyBody,
    total: MoneyBody,
    fields: BTreeMap<String, String>,
    #[schema(format = DateTime)]
    created_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
struct OrderLineJson {
    sku: String,
    options: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seller: Option<String>,
    attributes: BTreeMap<String, String>,
    quantity: u64,
    title: String,
    image: Option<String>,
    url: Option<String>,
    unit_price: MoneyBody,
    total: MoneyBody,
}

/// Money that outlives what it was read from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Amount)]
pub(super) struct MoneyBody {
    amount: i64,
    currency: String,
}

impl From<Money> for MoneyBody {
    fn from(money: Money) -> Self {
        Self { amount: money.amount, currency: money.currency.as_str().to_owned() }
    }
}

/// How far a checkout is, as its JSON says it.
pub(super) fn name(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::RequiresAction => "requires_action",
        State::Committed => "committed",
        State::Aborted => "aborted",
    }
}

impl OrderJson {
    pub(super) fn of(order: &Order, state: State) -> Self {
        let amount = |amount: i64| Money { amount, currency: order.totals.currency }.into();
        let fields = order.fields.iter();
        Self {
            id: order.tx.to_string(),
            state: name(state),
            cart_id: order.cart.to_string(),
            lines: order.lines.iter().map(OrderLineJson::of).collect(),
            subtotal: amount(order.totals.subtotal),
            tax: amount(order.totals.tax),
            shipping: amount(order.totals.shipping),
            total: amount(order.totals.total),
            fields: fields.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            created_at: rfc3339(order.created_at),
        }
    }
}

impl OrderLineJson {
    fn of(line: &OrderLine) -> Self {
        let texts = |texts: &cart::line::Texts| {
            texts.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        let item = &line.item;
        Self {
            sku: line.line.sku().to_string(),
            options: texts(line.line.options()),
            seller: line.line.seller().map(ToString::to_string),
            attributes: texts(&line.attributes),
            quantity: line.quantity,
            title: item.title.to_string(),
            image: item.image.as_ref().map(ToString::to_string),
            url: item.url.as_ref().map(ToString::to_string),
            unit_price: line.unit_price.into(),
            total: line.unit_price.times(line.quantity).into(),
        }
    }
}

/// Money as a member of a problem.
pub(super) fn money(money: Money) -> serde_json::Value {
    serde_json::to_value(MoneyJson::from(&money)).unwrap_or_default()
}

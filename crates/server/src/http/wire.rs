//! A cart as JSON.

use super::{AppState, openapi::schema::NoticeJson};
use cart::{
    CartId, Timestamp,
    line::Texts,
    money::Money,
    seen::Seen,
    view::{Notice, View, ViewLine},
};
use serde::Serialize;
use serde_json::{Value, json};
use service::{CartAnswer, CartNotice, Kind};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A cart as callers see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cart)]
pub(super) struct CartJson<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    currency: &'a str,
    freshness: &'static str,
    lines: Vec<LineJson<'a>>,
    saved: Vec<LineJson<'a>>,
    seen: String,
    #[schema(value_type = BTreeMap<String, String>)]
    fields: BTreeMap<&'a str, &'a str>,
    totals: TotalsJson<'a>,
    #[schema(value_type = Vec<NoticeJson>)]
    notices: Vec<Value>,
    updated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// Of the change, where it is too long for the header `Evercart-Receipt`.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Line)]
pub(super) struct LineJson<'a> {
    id: String,
    sku: &'a str,
    #[schema(value_type = BTreeMap<String, String>)]
    options: &'a Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    seller: Option<&'a str>,
    #[schema(value_type = BTreeMap<String, String>)]
    attributes: &'a Texts,
    quantity: u64,
    item: ItemJson<'a>,
    unit_price: Option<MoneyJson<'a>>,
    unit_price_then: Option<MoneyJson<'a>>,
    total: Option<MoneyJson<'a>>,
    #[schema(value_type = Vec<NoticeJson>)]
    notices: Vec<Value>,
    seen: String,
    added_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Item)]
pub(super) struct ItemJson<'a> {
    title: &'a str,
    image: Option<&'a str>,
    url: Option<&'a str>,
    captured_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Totals)]
pub(super) struct TotalsJson<'a> {
    subtotal: MoneyJson<'a>,
    quantity: u64,
    lines: usize,
}

/// Money as callers see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Money)]
pub(super) struct MoneyJson<'a> {
    amount: i64,
    currency: &'a str,
}

impl<'a> From<&'a Money> for MoneyJson<'a> {
    fn from(money: &'a Money) -> Self {
        Self { amount: money.amount, currency: money.currency.as_str() }
    }
}

impl<'a> CartJson<'a> {
    /// The cart of an answer, whose view the caller has made.
    pub(super) fn of(state: &AppState, answer: &'a CartAnswer, view: &'a View) -> Self {
        let keys = &state.keys.tokens();
        let seen = Seen::of_cart(answer.cart, &answer.state, answer.now.day());
        let line = |line: &'a ViewLine| LineJson::of(line, answer.cart, &seen, state);
        let fields = answer.state.fields.iter();
        Self {
            id: answer.cart.to_string(),
            kind: answer.kind.map(kind),
            currency: view.currency.as_str(),
            freshness: if answer.lagging { "lagging" } else { "current" },
            lines: view.lines.iter().map(line).collect(),
            saved: view.saved.iter().map(line).collect(),
            seen: seen.to_token(keys),
            fields: fields
                .filter_map(|(name, field)| Some((name.as_str(), field.value.as_deref()?)))
                .collect(),
            totals: TotalsJson {
                subtotal: (&view.subtotal).into(),
                quantity: view.quantity,
                lines: view.lines.len(),
            },
            notices: answer.notices.iter().map(cart_notice).collect(),
            updated_at: Some(view.updated_at).filter(|at| *at != Timestamp::default()).map(rfc3339),
            expires_at: answer.expires_at.map(rfc3339),
            receipt: None,
        }
    }

    /// The same with the receipt of the change, where that goes into the body.
    pub(super) fn with_receipt(self, receipt: Option<String>) -> Self {
        Self { receipt, ..self }
    }
}

impl<'a> LineJson<'a> {
    fn of(line: &'a ViewLine, cart: CartId, seen: &Seen, state: &AppState) -> Self {
        let keys = &state.keys.tokens();
        Self {
            id: line.id.to_string(),
            sku: line.line.sku(),
            options: line.line.options(),
            seller: line.line.seller().map(|seller| seller.as_str()),
            attributes: &line.attributes,
            quantity: line.quantity,
            item: ItemJson {
                title: &line.item.title,
                image: line.item.image.as_deref(),
                url: line.item.url.as_deref(),
                captured_at: rfc3339(line.item.captured_at),
            },
            unit_price: line.item.price.as_ref().map(MoneyJson::from),
            unit_price_then: line.price_then.as_ref().map(MoneyJson::from),
            total: line.total.as_ref().map(MoneyJson::from),
            notices: line.notices.iter().map(line_notice).collect(),
            seen: Seen::token_of_line(cart, seen.day, seen.lamport, &line.seen, keys),
            added_at: rfc3339(line.added_at),
        }
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Guest => "guest",
        Kind::Account => "account",
    }
}

fn line_notice(notice: &Notice) -> Value {
    match notice {
        Notice::PriceChanged { was, now } => json!({
            "code": "price_changed", "message": "The price has changed since you put this in.",
            "was": was.amount, "now": now.amount,
        }),
        Notice::Withdrawn => {
            json!({"code": "withdrawn", "message": "This is not sold at the moment."})
        }
        Notice::Unpriced => {
            json!({"code": "unpriced", "message": "The price is not known yet; it is not in the subtotal."})
        }
        Notice::CurrencyMismatch { currency } => json!({
            "code": "currency_mismatch", "currency": currency.as_str(),
            "message": "This is priced in another currency; it is not in the subtotal.",
        }),
        Notice::QuantityClamped { sellable } => json!({
            "code": "quantity_clamped", "message": "Another quantity can be bought at once.",
            "sellable": sellable,
        }),
        Notice::OutOfStock => json!({"code": "out_of_stock", "message": "This is sold out at the moment."}),
        Notice::LowStock { available } => json!({
            "code": "low_stock", "message": "Only a few are left.", "available": available,
        }),
        Notice::InCheckout => json!({
            "code": "in_checkout", "message": "A checkout is under way for this.",
        }),
    }
}

fn cart_notice(notice: &CartNotice) -> Value {
    match notice {
        CartNotice::SessionExpired => {
            json!({"code": "session_expired", "message": "The last cart has ended; this is a new one."})
        }
        CartNotice::CartMerged => json!({
            "code": "cart_merged", "message": "The last cart is in an account now; this is a new one.",
        }),
    }
}

/// A moment as RFC 3339, UTC.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let millis = i64::try_from(at.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    millis.unwrap_or(jiff::Timestamp::MAX).to_string()
}

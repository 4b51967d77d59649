//! The calls about stock, checkout, orders and returns.
//!
//! Always holds: whatever sells, restocks or takes back carries a key, so that it happens once. Deliberately absent:
//! what a refusal of a checkout is answered with (`shop::checkout`).

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::command::replay::client::{Call, CallError, Client};
use crate::command::replay::meter::Operation;
use crate::command::replay::pence::Pence;
use crate::command::replay::wire;
use crate::command::replay::wire::selling::{self, Order, OrderPage, Returned, Stock, StockResult};

/// Orders on a page of the list.
const PAGE_ORDERS: &str = "50";

impl Client {
    /// Brings units of some SKUs in, each line once by its key; returns in words what was not done.
    pub(in super::super) async fn restock(
        &self,
        service: &str,
        lines: &[(Arc<str>, i64)],
        key: impl Fn(&str) -> String,
    ) -> Result<Vec<String>, CallError> {
        let line = |(sku, units): &(Arc<str>, i64)| {
            let line = json!({"sku": &**sku, "quantity": units, "reason": "replay", "key": key(sku)});
            line.to_string() + "\n"
        };
        let body: String = lines.iter().map(line).collect();
        let call = Call::new(Operation::Stock, Method::PUT, "/v1/inventory").bearer(service).ndjson(body);
        let results: Vec<StockResult> = self.send(&call).await?.json_lines()?;
        let mut failures = Vec::new();
        if results.len() != lines.len() {
            failures.push(format!(
                "{} SKUs were restocked, {} results came back",
                lines.len(),
                results.len()
            ));
        }
        for result in results.into_iter().filter(|result| result.status != "changed") {
            let why = result.message.or(result.code).unwrap_or_default();
            failures.push(format!("restock, line {} {}: {why}", result.line, result.status));
        }
        Ok(failures)
    }

    /// The stock of a SKU; nothing of one that is not tracked.
    pub(in super::super) async fn stock_of(&self, service: &str, sku: &str) -> Result<Stock, CallError> {
        let path = format!("/v1/inventory/{}", in_path(sku));
        let call = Call::new(Operation::Stock, Method::GET, path).bearer(service);
        match self.send(&call).await {
            Err(CallError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(Stock::default()),
            answer => answer?.json(),
        }
    }

    /// Writes fields of the caller's cart; returns its freshness token.
    pub(in super::super) async fn set_fields(
        &self,
        token: &str,
        context: Option<&str>,
        fields: &BTreeMap<&str, &str>,
        key: String,
    ) -> Result<Option<String>, CallError> {
        let call = Call::new(Operation::Fields, Method::PATCH, "/v1/cart")
            .bearer(token)
            .key(key)
            .minimal()
            .context(context)
            .json(&selling::fields_patch(fields))?;
        Ok(self.send(&call).await?.context)
    }

    /// Buys what the caller's cart holds, for so much in all.
    pub(in super::super) async fn check_out(
        &self,
        token: &str,
        context: Option<&str>,
        total: Pence,
        key: String,
    ) -> Result<Order, CallError> {
        let call = Call::new(Operation::Checkout, Method::POST, "/v1/cart/checkout")
            .bearer(token)
            .key(key)
            .context(context)
            .json(&json!({"accept_total": wire::Money::gbp(total)}))?;
        self.send(&call).await?.json()
    }

    /// Ends a checkout of the caller that is not decided.
    pub(in super::super) async fn cancel_checkout(
        &self,
        token: &str,
        checkout: &str,
    ) -> Result<(), CallError> {
        let path = format!("/v1/checkouts/{}/cancel", in_path(checkout));
        self.send(&Call::new(Operation::Cancel, Method::POST, path).bearer(token)).await?;
        Ok(())
    }

    /// A page of the caller's orders.
    pub(in super::super) async fn orders(
        &self,
        token: &str,
        after: Option<&str>,
    ) -> Result<OrderPage, CallError> {
        let call = Call::new(Operation::Orders, Method::GET, "/v1/orders").bearer(token);
        let call = call.query("limit", PAGE_ORDERS);
        let call = after.into_iter().fold(call, |call, after| call.query("after", after));
        self.send(&call).await?.json()
    }

    /// Takes units of an order back; returns all that has come back of it.
    pub(in super::super) async fn take_back(
        &self,
        service: &str,
        order: &str,
        units: &BTreeMap<Arc<str>, i64>,
        key: String,
    ) -> Result<Returned, CallError> {
        let lines: Vec<_> =
            units.iter().map(|(sku, units)| json!({"sku": &**sku, "quantity": units})).collect();
        let path = format!("/v1/orders/{}/returns", in_path(order));
        let call = Call::new(Operation::Return, Method::POST, path)
            .bearer(service)
            .key(key)
            .json(&json!({"lines": lines, "restock": true}))?;
        self.send(&call).await?.json()
    }
}

/// A text as one segment of a path.
fn in_path(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => segment.push(char::from(byte)),
            _ => segment.push_str(&format!("%{byte:02X}")),
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::in_path;

    #[test]
    fn a_code_with_any_character_stays_one_segment() {
        assert_eq!(in_path("85123A"), "85123A");
        assert_eq!(in_path("A/B é%"), "A%2FB%20%C3%A9%25");
    }
}

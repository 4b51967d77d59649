//! The calls of the HTTP API that the replay makes, each as one function.
//!
//! Always holds: a mutation that could count twice carries its key. A session carries none: an answer that was lost
//! leaves a guest session that nobody uses. Deliberately absent: what the answers should be (`shop`, `verify`).

use reqwest::Method;

use super::client::{Call, CallError, Client};
use super::meter::Operation;
use super::plan::Add;
use super::wire;

mod selling;

/// A `seen` token longer than this does not go into a query: `PATCH` carries it.
const SEEN_IN_QUERY_MAX: usize = 4_096;

/// A guest's session and its cart.
pub(super) struct Guest {
    pub(super) token: String,
    pub(super) cart: String,
    /// The freshness token of the last answer.
    pub(super) context: Option<String>,
}

impl Client {
    /// Puts one batch of items; returns in words what was not stored.
    pub(super) async fn put_items(
        &self,
        service: &str,
        lines: usize,
        batch: String,
    ) -> Result<Vec<String>, CallError> {
        let operation = Operation::Catalogue;
        let call = Call::new(operation, Method::PUT, "/v1/catalog/items").bearer(service).ndjson(batch);
        let answer = self.send(&call).await?;
        let results: Vec<wire::ItemResult> = answer.json_lines()?;
        let mut failures = Vec::new();
        if results.len() != lines {
            failures.push(format!("{lines} items were sent, {} results came back", results.len()));
        }
        for result in results.into_iter().filter(|result| result.status != "stored") {
            let sku = result.sku.unwrap_or_default();
            let why = result.message.or(result.code).unwrap_or_default();
            failures.push(format!("item `{sku}` {}: {why}", result.status));
        }
        Ok(failures)
    }

    /// Opens a guest session.
    pub(super) async fn open_session(&self) -> Result<Guest, CallError> {
        let answer = self.send(&Call::new(Operation::Session, Method::POST, "/v1/sessions")).await?;
        let session: wire::Session = answer.json()?;
        Ok(Guest { token: session.token, cart: session.cart.id, context: answer.context })
    }

    /// Adds one row to a guest's cart, with its price.
    pub(super) async fn add(
        &self,
        service: &str,
        guest: &mut Guest,
        add: &Add,
        key: String,
    ) -> Result<(), CallError> {
        let body = wire::AddLine {
            sku: add.key.sku.to_string(),
            quantity: add.quantity,
            options: add.key.options(),
            attributes: [].into(),
            price: wire::Money::gbp(add.price),
        };
        let call = Call::new(Operation::Add, Method::POST, format!("/v1/carts/{}/lines", guest.cart))
            .bearer(service)
            .key(key)
            .minimal()
            .context(guest.context.as_deref())
            .json(&body)?;
        let context = self.send(&call).await?.context;
        guest.context = context.or(guest.context.take());
        Ok(())
    }

    /// The caller's cart.
    pub(super) async fn read(&self, token: &str, context: Option<&str>) -> Result<wire::Cart, CallError> {
        let call = Call::new(Operation::Read, Method::GET, "/v1/cart").bearer(token).context(context);
        self.send(&call).await?.json()
    }

    /// Merges a guest's cart into the caller's; returns the freshness token of the caller's cart.
    pub(super) async fn claim(
        &self,
        token: &str,
        guest: &Guest,
        key: String,
    ) -> Result<Option<String>, CallError> {
        let body = wire::Claim { guest_token: guest.token.clone() };
        let call = Call::new(Operation::Claim, Method::POST, "/v1/sessions/claim")
            .bearer(token)
            .key(key)
            .json(&body)?;
        Ok(self.send(&call).await?.context)
    }

    /// Clears what was seen of the caller's cart; returns what is left.
    pub(super) async fn clear(&self, token: &str, seen: &str, key: String) -> Result<wire::Cart, CallError> {
        let operation = Operation::Clear;
        if seen.len() <= SEEN_IN_QUERY_MAX {
            let call = Call::new(operation, Method::DELETE, "/v1/cart").query("seen", seen);
            return self.send(&call.bearer(token).key(key)).await?.json();
        }
        let call = Call::new(operation, Method::PATCH, "/v1/cart")
            .bearer(token)
            .key(key)
            .json(&wire::clear_patch(seen))?;
        Ok(self.send(&call).await?.json::<wire::Patched>()?.cart)
    }
}

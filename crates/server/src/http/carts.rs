//! Which carts there are: `GET /v1/carts`, for shoppers their own, for services those of a subject or with a SKU.

use super::{
    AppState,
    answer::{give_session, json},
    holders::{HoldersJson, holders},
    openapi::schema::NameText,
    page::{self, Asked},
    wire::rfc3339,
};
use crate::{
    auth::{Caller, Scope, SessionOrigin},
    problem::Problem,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use cart::Timestamp;
use serde::Serialize;
use service::{CartList, CartSummary, Kind, Principal};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Carts on a page where nobody says otherwise, and at most.
const LIMIT: usize = 20;
const LIMIT_MAX: usize = 100;

/// A page of carts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CartList)]
struct CartListJson {
    /// The active cart first, the others by name.
    carts: Vec<CartSummaryJson>,
    /// For `after`; null at the end.
    next: Option<String>,
    /// `lagging` where names may be missing because a store does not answer.
    freshness: &'static str,
}

/// A cart without its lines.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CartSummary)]
struct CartSummaryJson {
    id: String,
    name: String,
    kind: &'static str,
    /// Units in it, without those saved for later.
    quantity: u64,
    lines: usize,
    saved: usize,
    #[schema(format = DateTime)]
    updated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    expires_at: Option<String>,
}

/// What is listed, by what is asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum CartsPage {
    Carts(CartListJson),
    Holders(HoldersJson),
}

/// Lists the caller's carts; for a service with the scope `carts`, those of `subject`, or those that hold `sku`.
#[utoipa::path(
    get, path = "/v1/carts", tag = "cart", operation_id = "listCarts",
    params(
        ("limit" = Option<u8>, Query, description = "Carts on a page; 20 without.", minimum = 1, maximum = 100),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("subject" = Option<String>, Query, description = "For services: whose carts.", min_length = 1),
        ("sku" = Option<NameText>, Query, description = "For services: which SKU the carts hold."),
    ),
    responses((status = 200, description = "A page of carts.", body = CartsPage)),
)]
async fn list(State(state): State<AppState>, caller: Caller, asked: Asked) -> Result<Response, Problem> {
    if asked.one("sku").is_some() {
        return holders(&state, &caller, &asked).await;
    }
    let (principal, origin) = whose(caller, &asked)?;
    let limit = asked.limit(LIMIT, LIMIT_MAX)?;
    let after = asked.after(name_of)?;
    let listed = state.service.list_carts(&principal, after.as_deref(), limit).await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Some(token) = &listed.session {
        give_session(&mut headers, &state, token, origin);
    }
    let list = CartListJson::of(&listed);
    if let Some(after) = &list.next {
        let subject = asked.one("subject").map(|subject| ("subject", subject));
        let limit = limit.to_string();
        let query: Vec<(&str, &str)> =
            subject.into_iter().chain([("limit", limit.as_str()), ("after", after)]).collect();
        page::next(&mut headers, "/v1/carts", &serde_urlencoded::to_string(query).unwrap_or_default());
    }
    Ok(json(StatusCode::OK, headers, &list))
}

/// The caller, or for a service the subject that it names.
fn whose(caller: Caller, asked: &Asked) -> Result<(Principal, SessionOrigin), Problem> {
    match (caller, asked.one("subject")) {
        (Caller::Shopper { principal: Principal::Nobody, .. }, _) => Err(Problem::unauthenticated()),
        (Caller::Shopper { principal, origin }, None) => Ok((principal, origin)),
        (caller, subject) => {
            caller.require(Scope::Carts)?;
            let subject = subject.filter(|subject| !subject.is_empty());
            let subject = subject.ok_or_else(|| Problem::bad_header("subject", "a service names one"))?;
            Ok((Principal::Account { subject: subject.to_owned() }, SessionOrigin::Header))
        }
    }
}

/// The name that a page ended with, and its cursor.
fn name_of(cursor: &str) -> Option<String> {
    String::from_utf8(data_encoding::BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?).ok()
}

fn cursor_of(name: &str) -> String {
    data_encoding::BASE64URL_NOPAD.encode(name.as_bytes())
}

impl CartListJson {
    fn of(listed: &CartList) -> Self {
        Self {
            carts: listed.carts.iter().map(CartSummaryJson::of).collect(),
            next: listed.next.as_ref().map(|name| cursor_of(name)),
            freshness: if listed.lagging { "lagging" } else { "current" },
        }
    }
}

impl CartSummaryJson {
    fn of(summary: &CartSummary) -> Self {
        Self {
            id: summary.cart.to_string(),
            name: summary.name.to_string(),
            kind: match summary.kind {
                Kind::Guest => "guest",
                Kind::Account => "account",
            },
            quantity: summary.quantity,
            lines: summary.lines,
            saved: summary.saved,
            updated_at: Some(summary.updated_at).filter(|at| *at != Timestamp::default()).map(rfc3339),
            expires_at: summary.expires_at.map(rfc3339),
        }
    }
}

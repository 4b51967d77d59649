//! Which pages of other origins may use the API: those of `auth.origins`, with credentials, and no others.
//!
//! Without any origin listed there is no CORS at all, and a browser keeps answers from every foreign page.

use axum::http::{HeaderName, HeaderValue, Method, header, request::Parts};
use std::time::Duration;
use tower_http::cors::{AllowCredentials, AllowOrigin, CorsLayer, Vary};

/// What a page may send beside what every page may.
const TAKEN: [&str; 14] = [
    "authorization",
    "content-type",
    "if-match",
    "if-none-match",
    "prefer",
    "idempotency-key",
    "traceparent",
    "tracestate",
    "x-request-id",
    "evercart-ack",
    "evercart-atomic",
    "evercart-cart",
    "evercart-context",
    "evercart-op",
];
/// What a script may read of an answer.
const EXPOSED: [&str; 10] = [
    "etag",
    "idempotent-replayed",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
    "x-request-id",
    "evercart-context",
    "evercart-durability",
    "evercart-region",
    "evercart-session",
];
const RECEIPT: HeaderName = HeaderName::from_static("evercart-receipt");
/// How long a browser may remember a preflight.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// The layer for these origins; `None` where there are none.
pub(super) fn layer(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let listed = origins.clone();
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let names = |names: &[&'static str]| -> Vec<HeaderName> {
        names.iter().map(|name| HeaderName::from_static(name)).chain([RECEIPT]).collect()
    };
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(AllowCredentials::predicate(move |origin: &HeaderValue, _: &Parts| {
            listed.contains(origin)
        }))
        .allow_methods(methods)
        .allow_headers(names(&TAKEN))
        .expose_headers(names(&EXPOSED))
        .vary(Vary::list([header::ORIGIN]))
        .max_age(REMEMBERED_FOR);
    Some(layer)
}

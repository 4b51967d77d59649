//! Which pages of other origins may use the API: those of `auth.origins`, with credentials, and no others.
//!
//! Without any origin listed there is no CORS at all, and a browser keeps answers from every foreign page.

use super::headers;
use axum::http::{HeaderName, HeaderValue, Method, header, request::Parts};
use std::time::Duration;
use tower_http::cors::{AllowCredentials, AllowOrigin, CorsLayer, Vary};

/// What a page may send beside what every page may.
const TAKEN: [HeaderName; 15] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    headers::PREFER,
    headers::IDEMPOTENCY_KEY,
    headers::TRACE_PARENT,
    headers::TRACE_STATE,
    headers::REQUEST_ID,
    headers::ACK,
    headers::ATOMIC,
    headers::CART,
    headers::CONTEXT,
    headers::OP,
    headers::RECEIPT,
];
/// What a script may read of an answer.
const EXPOSED: [HeaderName; 11] = [
    header::ETAG,
    headers::REPLAYED,
    header::RETRY_AFTER,
    headers::RATE_STANDING,
    headers::RATE_POLICY,
    headers::REQUEST_ID,
    headers::CONTEXT,
    headers::DURABILITY,
    headers::REGION,
    headers::SESSION,
    headers::RECEIPT,
];
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
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(AllowCredentials::predicate(move |origin: &HeaderValue, _: &Parts| {
            listed.contains(origin)
        }))
        .allow_methods(methods)
        .allow_headers(TAKEN)
        .expose_headers(EXPOSED)
        .vary(Vary::list([header::ORIGIN]))
        .max_age(REMEMBERED_FOR);
    Some(layer)
}

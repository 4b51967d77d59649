//! The names of headers that HTTP's own lists do not have, each written once.
//!
//! They are names and not texts: to look a header up by a text, the text is parsed as a name anew each time.

use axum::http::HeaderName;

/// How durable a caller wants its write to be.
pub(super) const ACK: HeaderName = HeaderName::from_static("evercart-ack");
/// Whether a bulk change is done whole or not at all.
pub(super) const ATOMIC: HeaderName = HeaderName::from_static("evercart-atomic");
/// The cart that a key was first used for.
pub(super) const CART: HeaderName = HeaderName::from_static("evercart-cart");
/// What a caller was shown: both ways.
pub(super) const CONTEXT: HeaderName = HeaderName::from_static("evercart-context");
/// How durable a write is.
pub(super) const DURABILITY: HeaderName = HeaderName::from_static("evercart-durability");
/// A client's own operation id.
pub(super) const OP: HeaderName = HeaderName::from_static("evercart-op");
/// What was written, until it is safe in several regions: both ways.
pub(super) const RECEIPT: HeaderName = HeaderName::from_static("evercart-receipt");
/// Where it was answered.
pub(super) const REGION: HeaderName = HeaderName::from_static("evercart-region");
/// A guest's token that was made or renewed.
pub(super) const SESSION: HeaderName = HeaderName::from_static("evercart-session");

/// Names a request that may be sent again (draft-ietf-httpapi-idempotency-key-header).
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The answer is that of an earlier request with the same key.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// What a caller would rather have (RFC 7240).
pub(super) const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Where a caller stands (draft-ietf-httpapi-ratelimit-headers).
pub(super) const RATE_STANDING: HeaderName = HeaderName::from_static("ratelimit");
/// The limits that hold for it (the same).
pub(super) const RATE_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The name of a request.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// W3C trace context, which a page may send on.
pub(super) const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// The same.
pub(super) const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

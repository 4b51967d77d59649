//! Errors as callers see them: `application/problem+json` (RFC 9457) with a stable `code`.
//!
//! Nothing internal leaks: what a store or a codec said stays in the log, under the incident's id.

pub mod kind;

use crate::http::request_id;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kind::Kind;
use serde::Serialize;
use serde_json::{Map, Value};
use service::ServiceError;
use storage::StoreError;

/// One error, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// Stable name of the kind.
    pub code: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<MemberError>,
    /// Further members, such as the current cart.
    pub members: Box<Map<String, Value>>,
    retry_after_s: Option<u32>,
}

/// What is wrong with one member of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberError {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What.
    pub detail: String,
}

/// Seconds after which a provider may be back.
const IDENTITY_RETRY_S: u32 = 2;
/// Seconds after which whoever was refused as one too many may try again.
pub(crate) const RETRY_S: u32 = 1;
/// What every problem's `type` begins with.
const TYPE: &str = "urn:evercart:problem:";

impl Problem {
    /// A problem of a kind, with an explanation.
    pub fn new(kind: &'static Kind, detail: impl Into<String>) -> Self {
        let (detail, errors, members) = (detail.into(), Vec::new(), Box::default());
        let Kind { status, code, title, .. } = *kind;
        Self { status, code, title, detail, errors, members, retry_after_s: None }
    }

    /// A body that is not JSON.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(kind::MALFORMED_JSON, detail)
    }

    /// A header or query that cannot be understood.
    pub fn bad_header(name: &str, detail: &str) -> Self {
        Self::new(kind::BAD_HEADER, format!("`{name}`: {detail}"))
    }

    /// A member of the body that is missing, unknown or out of bounds.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let (pointer, detail) = (pointer.into(), detail.into());
        let mut problem = Self::new(kind::INVALID_REQUEST, detail.clone());
        problem.errors.push(MemberError { pointer, detail });
        problem
    }

    /// The same of a value that is a part of the body: its pointers begin with where it is.
    #[must_use]
    pub fn below(mut self, pointer: &str) -> Self {
        self.errors.iter_mut().for_each(|error| error.pointer.insert_str(0, pointer));
        self
    }

    /// A body above the limit.
    pub fn too_large(max: usize) -> Self {
        Self::new(kind::BODY_TOO_LARGE, format!("at most {max} bytes are taken"))
    }

    /// A body of another type than JSON.
    pub fn unsupported_media(expected: &str) -> Self {
        Self::new(kind::UNSUPPORTED_MEDIA_TYPE, format!("send `Content-Type: {expected}`"))
    }

    /// No token where one is needed.
    pub fn unauthenticated() -> Self {
        let detail = "send `Authorization: Bearer …`; `POST /v1/sessions` gives a guest token";
        Self::new(kind::UNAUTHENTICATED, detail)
    }

    /// A token that is not genuine, of another shop, or ended.
    pub fn bad_token() -> Self {
        Self::new(kind::BAD_TOKEN, "the token is not one of this shop's, or has ended")
    }

    /// A caller that may not do this.
    pub fn insufficient_scope(scope: &str) -> Self {
        let detail = format!("a service token with the scope `{scope}` is needed");
        Self::new(kind::INSUFFICIENT_SCOPE, detail)
    }

    /// A service that asks for its own cart.
    pub fn service_has_no_cart() -> Self {
        Self::new(kind::SERVICE_HAS_NO_CART, "a service addresses carts by id: `/v1/carts/{id}…`")
    }

    /// A change by cookie from a page that is not the shop's.
    pub fn foreign_origin() -> Self {
        Self::new(kind::FOREIGN_ORIGIN, "changes by cookie need an `Origin` of the shop")
    }

    /// A token that cannot be checked now.
    pub fn identity_unavailable() -> Self {
        let detail = "the identity provider has not given its keys yet; guests go on";
        Self { retry_after_s: Some(IDENTITY_RETRY_S), ..Self::new(kind::IDENTITY_UNAVAILABLE, detail) }
    }

    /// One request too many; another is admitted after so many seconds.
    pub fn rate_limited(retry_after_s: u32) -> Self {
        let detail = format!("ask again in {retry_after_s} s");
        Self { retry_after_s: Some(retry_after_s), ..Self::new(kind::RATE_LIMITED, detail) }
    }

    /// More than the server takes at once.
    pub fn overloaded() -> Self {
        let detail = "the server has as much to do as it takes at once; nothing was changed";
        Self { retry_after_s: Some(RETRY_S), ..Self::new(kind::OVERLOADED, detail) }
    }

    /// No checkout at the moment.
    pub fn checkout_unavailable() -> Self {
        let detail = "what a checkout needs does not answer; try again with the same key";
        Self { retry_after_s: Some(RETRY_S), ..Self::new(kind::CHECKOUT_UNAVAILABLE, detail) }
    }

    /// With one member more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// A body that took longer than it may.
    pub fn too_slow() -> Self {
        Self::new(kind::BODY_TOO_SLOW, "the rest of the body did not come in time")
    }

    /// Headers above the limit.
    pub fn headers_too_large(max: usize) -> Self {
        Self::new(kind::HEADERS_TOO_LARGE, format!("at most {max} bytes of line and headers are taken"))
    }

    /// A route that does not exist.
    pub fn not_found() -> Self {
        Self::new(kind::NOT_FOUND, "no such route")
    }

    /// A method that the route does not have.
    pub fn method_not_allowed() -> Self {
        Self::new(kind::METHOD_NOT_ALLOWED, "see `Allow`")
    }

    /// A fault of ours: told with an id, and logged with its cause under the same.
    pub fn internal(kind: &'static Kind, error: &(dyn std::error::Error + 'static)) -> Self {
        let incident = format!("{:016x}", rand::random::<u64>());
        tracing::error!(error, incident, code = kind.code, "request failed");
        let mut problem = Self::new(kind, format!("tell the operator of incident {incident}"));
        problem.members.insert("incident".to_owned(), incident.into());
        problem
    }

    fn away(kind: &'static Kind, detail: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(error, code = kind.code, "store did not take a request");
        let mut problem = Self::new(kind, detail);
        problem.retry_after_s = Some(RETRY_S);
        problem
    }

    /// The document, with the name of the request under way.
    pub(crate) fn body(&self) -> String {
        let mut body = Map::new();
        body.insert("type".to_owned(), format!("{TYPE}{}", self.code).into());
        body.insert("title".to_owned(), self.title.into());
        body.insert("status".to_owned(), self.status.as_u16().into());
        body.insert("code".to_owned(), self.code.into());
        body.insert("detail".to_owned(), self.detail.as_str().into());
        if !self.errors.is_empty() {
            body.insert("errors".to_owned(), serde_json::to_value(&self.errors).unwrap_or_default());
        }
        if let Some(id) = request_id::current() {
            body.insert("request_id".to_owned(), id.into());
        }
        body.extend(self.members.iter().map(|(name, value)| (name.clone(), value.clone())));
        Value::Object(body).to_string()
    }

    /// The explanation, for a result inside a bulk answer.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        Self::from(&error)
    }
}

impl From<&ServiceError> for Problem {
    fn from(error: &ServiceError) -> Self {
        let of = |kind| Self::new(kind, error.to_string());
        match error {
            ServiceError::UnknownLine => of(kind::UNKNOWN_LINE),
            ServiceError::UnknownSku(_) => of(kind::UNKNOWN_SKU),
            ServiceError::Limit(_) | ServiceError::TooManyCarts { .. } => of(kind::LIMIT_EXCEEDED),
            ServiceError::BadSeen => of(kind::BAD_SEEN),
            ServiceError::KeyReused => of(kind::IDEMPOTENCY_KEY_REUSED),
            ServiceError::WriterTooOld => of(kind::WRITER_TOO_OLD),
            ServiceError::PreconditionFailed(_) => {
                Self::new(kind::PRECONDITION_FAILED, "the current cart is in `cart`")
            }
            ServiceError::MergedInto(_) => {
                Self::new(kind::CART_MERGED, "an account has taken this guest's cart in")
            }
            ServiceError::Erased => of(kind::CART_ERASED),
            ServiceError::UnknownMerge => of(kind::UNKNOWN_MERGE),
            ServiceError::UndoEnded => of(kind::UNDO_ENDED),
            ServiceError::Bought => of(kind::LINES_CHANGED),
            ServiceError::CheckoutOpen => of(kind::BUSY),
            ServiceError::Store(error) => Self::from(error),
        }
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        let unchanged = "nothing was changed; try again";
        match error {
            StoreError::Unavailable(_) => Self::away(kind::STORE_UNAVAILABLE, unchanged, error),
            StoreError::Indeterminate(_) => {
                let detail = "it may have been done; try again with the same key";
                Self::away(kind::OUTCOME_UNKNOWN, detail, error)
            }
            // Counted with the store's operations, and not logged: a line for each would be a load of its own.
            StoreError::Overloaded => Self::overloaded(),
            StoreError::Full => Self::away(kind::STORE_FULL, "nothing was changed", error),
            StoreError::Corrupt { .. } => Self::internal(kind::CORRUPT_RECORD, error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

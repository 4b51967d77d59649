//! Errors as callers see them: `application/problem+json` (RFC 9457) with a stable `code`.
//!
//! Nothing internal leaks: what a store or a codec said stays in the log, under the incident's id.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
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
    pub members: Map<String, Value>,
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

/// What every problem's `type` begins with.
const TYPE: &str = "urn:evercart:problem:";

impl Problem {
    /// A problem with a status, code, title and explanation.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let (detail, errors, members) = (detail.into(), Vec::new(), Map::new());
        Self { status, code, title, detail, errors, members, retry_after_s: None }
    }

    /// A body that is not JSON.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_json", "The body is not JSON", detail)
    }

    /// A header or query that cannot be understood.
    pub fn bad_header(name: &str, detail: &str) -> Self {
        let detail = format!("`{name}`: {detail}");
        Self::new(StatusCode::BAD_REQUEST, "bad_header", "A header or parameter cannot be understood", detail)
    }

    /// A member of the body that is missing, unknown or out of bounds.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let (status, title) = (StatusCode::UNPROCESSABLE_ENTITY, "The request does not fit");
        let (pointer, detail) = (pointer.into(), detail.into());
        let mut problem = Self::new(status, "invalid_request", title, detail.clone());
        problem.errors.push(MemberError { pointer, detail });
        problem
    }

    /// A body above the limit.
    pub fn too_large(max: usize) -> Self {
        let detail = format!("at most {max} bytes are taken");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large", detail)
    }

    /// A body of another type than JSON.
    pub fn unsupported_media(expected: &str) -> Self {
        let detail = format!("send `Content-Type: {expected}`");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, "unsupported_media_type", "The body has another type", detail)
    }

    /// No token where one is needed.
    pub fn unauthenticated() -> Self {
        let detail = "send `Authorization: Bearer …`; `POST /v1/sessions` gives a guest token";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Who are you?", detail)
    }

    /// A token that is not genuine, of another shop, or ended.
    pub fn bad_token() -> Self {
        let detail = "the token is not one of this shop's, or has ended";
        Self::new(StatusCode::UNAUTHORIZED, "bad_token", "The token is not accepted", detail)
    }

    /// A caller that may not do this.
    pub fn insufficient_scope(scope: &str) -> Self {
        let detail = format!("a service token with the scope `{scope}` is needed");
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", "Not with this token", detail)
    }

    /// A service that asks for its own cart.
    pub fn service_has_no_cart() -> Self {
        let detail = "a service addresses carts by id: `/v1/carts/{id}…`";
        Self::new(StatusCode::FORBIDDEN, "service_has_no_cart", "Not with this token", detail)
    }

    /// A change by cookie from a page that is not the shop's.
    pub fn foreign_origin() -> Self {
        let detail = "changes by cookie need an `Origin` of the shop";
        Self::new(StatusCode::FORBIDDEN, "foreign_origin", "Not from this page", detail)
    }

    /// A route that does not exist.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here", "no such route")
    }

    /// A method that the route does not have.
    pub fn method_not_allowed() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "method_not_allowed", "Not with this method", "see `Allow`")
    }

    /// A fault of ours: told with an id, and logged with its cause under the same.
    pub fn internal(code: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        let incident = format!("{:016x}", rand::random::<u64>());
        tracing::error!(error, incident, code, "request failed");
        let detail = format!("tell the operator of incident {incident}");
        let title = "Something is wrong on our side";
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, title, detail);
        problem.members.insert("incident".to_owned(), incident.into());
        problem
    }

    fn away(
        code: &'static str,
        title: &'static str,
        detail: &str,
        error: &(dyn std::error::Error + 'static),
    ) -> Self {
        tracing::warn!(error, code, "store did not take a request");
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, title, detail);
        problem.retry_after_s = Some(1);
        problem
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
        let unprocessable =
            |code, title| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, error.to_string());
        match error {
            ServiceError::UnknownLine => {
                Self::new(StatusCode::NOT_FOUND, "unknown_line", "The line is not there", error.to_string())
            }
            ServiceError::UnknownSku(_) => unprocessable("unknown_sku", "The item is not known"),
            ServiceError::Limit(_) => unprocessable("limit_exceeded", "The cart would be too large"),
            ServiceError::BadSeen => unprocessable("bad_seen", "`seen` does not fit"),
            ServiceError::SeenRequired => {
                let (status, title) = (StatusCode::PRECONDITION_REQUIRED, "`seen` is required");
                Self::new(status, "seen_required", title, error.to_string())
            }
            ServiceError::KeyReused => unprocessable("idempotency_key_reused", "The key was used before"),
            ServiceError::WriterTooOld => unprocessable("writer_too_old", "The operation id is too old"),
            ServiceError::PreconditionFailed(_) => {
                let (status, title) = (StatusCode::PRECONDITION_FAILED, "The cart has changed");
                Self::new(status, "precondition_failed", title, "the current cart is in `cart`")
            }
            ServiceError::MergedInto(_) => {
                let (status, title) = (StatusCode::CONFLICT, "The cart was merged");
                Self::new(status, "cart_merged", title, "an account has taken this guest's cart in")
            }
            ServiceError::Erased => {
                Self::new(StatusCode::GONE, "cart_erased", "The cart is gone", error.to_string())
            }
            ServiceError::UnknownMerge => {
                Self::new(StatusCode::NOT_FOUND, "unknown_merge", "The merge is not known", error.to_string())
            }
            ServiceError::UndoEnded => {
                Self::new(StatusCode::CONFLICT, "undo_ended", "Too late to undo", error.to_string())
            }
            ServiceError::Store(error) => Self::from(error),
        }
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        let title = "The store is busy or away";
        match error {
            StoreError::Unavailable(_) => {
                Self::away("store_unavailable", title, "nothing was changed; try again", error)
            }
            StoreError::Indeterminate(_) => {
                let detail = "it may have been done; try again with the same key";
                Self::away("outcome_unknown", "The outcome is not known", detail, error)
            }
            StoreError::Overloaded => {
                Self::away("overloaded", title, "nothing was changed; try again", error)
            }
            StoreError::Full => {
                Self::away("store_full", "The store takes no more writes", "nothing was changed", error)
            }
            StoreError::Corrupt { .. } => Self::internal("corrupt_record", error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("type".to_owned(), format!("{TYPE}{}", self.code).into());
        body.insert("title".to_owned(), self.title.into());
        body.insert("status".to_owned(), self.status.as_u16().into());
        body.insert("code".to_owned(), self.code.into());
        body.insert("detail".to_owned(), self.detail.into());
        if !self.errors.is_empty() {
            body.insert("errors".to_owned(), serde_json::to_value(&self.errors).unwrap_or_default());
        }
        body.extend(self.members);
        let mut response = (self.status, Value::Object(body).to_string()).into_response();
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

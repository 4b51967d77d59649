//! From an answer of the service to an HTTP response: headers, entity tag, cookie.

use super::{
    AppState,
    encoded::Encoded,
    headers::{CONTEXT, DURABILITY, RECEIPT, REGION, REPLAYED, SESSION},
    incoming::Incoming,
    wire::CartJson,
};
use crate::{
    auth::SessionOrigin,
    problem::{Problem, kind},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use cart::{
    token::{Freshness, GuestToken, Receipt},
    view::View,
};
use serde_json::{Map, Value};
use service::{Acknowledged, CartAnswer, Durability, ServiceError};

/// With those that are added on the way out: a map that grows is moved.
const HEADERS: usize = 12;
/// Bytes of the longest receipt that goes into a header; a longer one goes into the body.
const RECEIPT_HEADER_BYTES_MAX: usize = 4096;

/// How an answer is sent back.
pub(super) struct Reply<'a> {
    pub(super) state: &'a AppState,
    pub(super) incoming: &'a Incoming,
    pub(super) origin: SessionOrigin,
}

impl Reply<'_> {
    /// The cart itself; 304 where the caller has it already.
    pub(super) fn read(&self, answer: &CartAnswer) -> Response {
        match Encoded::of(self, answer) {
            Ok(encoded) => {
                let mut response = self.read_again(&encoded);
                self.add_said_once(answer, response.headers_mut());
                response
            }
            Err(error) => Problem::internal(kind::INTERNAL, &error).into_response(),
        }
    }

    /// The same of a cart that was encoded before.
    pub(super) fn read_again(&self, encoded: &Encoded) -> Response {
        let is_unchanged = self.incoming.is_unchanged(&encoded.etag);
        let mut headers = self.plain_headers(encoded.context.clone(), encoded.durability);
        headers.insert(header::ETAG, encoded.etag.clone());
        let (status, body) = if is_unchanged {
            (StatusCode::NOT_MODIFIED, Body::empty())
        } else {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            (StatusCode::OK, Body::from(encoded.body.clone()))
        };
        let mut response = Response::new(body);
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        response
    }

    /// What else there is to say of the cart as it is; 304 where the caller has been told already.
    pub(super) fn read_as(&self, answer: &CartAnswer, body: &impl serde::Serialize) -> Response {
        let etag = etag(answer);
        let is_unchanged = self.incoming.is_unchanged(&etag);
        let headers = self.headers(answer, etag);
        if is_unchanged {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        json(StatusCode::OK, headers, body)
    }

    /// The cart after a change, or nothing but headers where the caller prefers so.
    pub(super) fn changed(&self, answer: &CartAnswer) -> Response {
        let (headers, receipt) = self.headers_and_receipt(answer);
        // A receipt that fits no header needs a body.
        if self.incoming.wants_minimal() && receipt.is_none() {
            return (StatusCode::NO_CONTENT, headers).into_response();
        }
        let view = answer.view();
        json(StatusCode::OK, headers, &CartJson::of(self.state, answer, &view).with_receipt(receipt))
    }

    /// The cart as a member beside others.
    pub(super) fn beside(
        &self,
        status: StatusCode,
        members: Map<String, Value>,
        answer: &CartAnswer,
    ) -> Response {
        let view = answer.view();
        let (headers, receipt) = self.headers_and_receipt(answer);
        let mut body = members;
        body.insert("cart".to_owned(), self.cart(answer, &view));
        body.extend(receipt.map(|receipt| ("receipt".to_owned(), receipt.into())));
        json(status, headers, &Value::Object(body))
    }

    /// A refusal; where the cart has changed, with the current one.
    pub(super) fn refused(&self, error: &ServiceError) -> Response {
        let mut problem = Problem::from(error);
        let ServiceError::PreconditionFailed(current) = error else { return problem.into_response() };
        let view = current.view();
        problem.members.insert("cart".to_owned(), self.cart(current, &view));
        let headers = self.headers(current, etag(current));
        let mut response = problem.into_response();
        response.headers_mut().extend(headers);
        response
    }

    pub(super) fn cart(&self, answer: &CartAnswer, view: &View) -> Value {
        serde_json::to_value(CartJson::of(self.state, answer, view)).unwrap_or_default()
    }

    /// Nothing but headers, after a change of a cart that nobody looked at.
    pub(super) fn acknowledged(&self, done: &Acknowledged) -> Response {
        let mut headers = self.plain_headers(context(self.state, &done.freshness), done.durability);
        // As long as an unseen add, a receipt fits.
        self.add_receipt(done.receipt.as_ref(), &mut headers);
        self.add_session(done.session.as_ref(), &mut headers);
        (StatusCode::NO_CONTENT, headers).into_response()
    }

    /// The headers of an answer, and its receipt where that is too long for one.
    fn headers_and_receipt(&self, answer: &CartAnswer) -> (HeaderMap, Option<String>) {
        let mut headers = self.headers(answer, etag(answer));
        let receipt = self.add_receipt(answer.receipt.as_ref(), &mut headers);
        (headers, receipt)
    }

    /// Adds a receipt, or gives it back where it is too long for a header.
    fn add_receipt(&self, receipt: Option<&Receipt>, headers: &mut HeaderMap) -> Option<String> {
        let receipt = receipt?.to_token(&self.state.keys.tokens());
        match HeaderValue::from_str(&receipt) {
            Ok(value) if receipt.len() <= RECEIPT_HEADER_BYTES_MAX => {
                headers.insert(RECEIPT, value);
                None
            }
            _ => Some(receipt),
        }
    }

    pub(super) fn headers(&self, answer: &CartAnswer, etag: HeaderValue) -> HeaderMap {
        let mut headers = self.plain_headers(context(self.state, &answer.freshness), answer.durability);
        headers.insert(header::ETAG, etag);
        self.add_said_once(answer, &mut headers);
        headers
    }

    fn plain_headers(&self, context: HeaderValue, durability: Durability) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(HEADERS);
        headers.insert(REGION, self.state.region.clone());
        headers.insert(DURABILITY, HeaderValue::from_static(durability.as_str()));
        headers.insert(CONTEXT, context);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers
    }

    fn add_said_once(&self, answer: &CartAnswer, headers: &mut HeaderMap) {
        if answer.replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        self.add_session(answer.session.as_ref(), headers);
    }

    fn add_session(&self, session: Option<&GuestToken>, headers: &mut HeaderMap) {
        if let Some(token) = session {
            give_session(headers, self.state, token, self.origin);
        }
    }
}

/// The strong entity tag of an answer.
pub(super) fn etag(answer: &CartAnswer) -> HeaderValue {
    plain(etag_text(answer).into())
}

/// The same as a header has it.
pub(super) fn etag_text(answer: &CartAnswer) -> String {
    format!("\"{}\"", answer.etag())
}

/// What the caller is told to have been shown.
fn context(state: &AppState, freshness: &Freshness) -> HeaderValue {
    plain(context_text(state, freshness).into())
}

/// The same as a header has it.
pub(super) fn context_text(state: &AppState, freshness: &Freshness) -> String {
    freshness.to_token(&state.keys.tokens())
}

/// Tokens and digests, which are plain text.
pub(super) fn plain(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).unwrap_or(HeaderValue::from_static(""))
}

/// Hands a guest token out: as a header, and as a cookie to whoever came with a cookie or with nothing.
pub(super) fn give_session(
    headers: &mut HeaderMap,
    state: &AppState,
    token: &GuestToken,
    origin: SessionOrigin,
) {
    let text = token.to_text(&state.keys.tokens());
    if let Ok(value) = HeaderValue::from_str(&cookie(&text, token)) {
        headers.insert(header::SET_COOKIE, value);
    }
    if origin == SessionOrigin::Header
        && let Ok(value) = HeaderValue::from_str(&text)
    {
        headers.insert(SESSION, value);
    }
}

fn cookie(text: &str, token: &GuestToken) -> String {
    let seconds = token.expires_at.0.saturating_sub(token.issued_at.0) / 1000;
    format!("evercart_session={text}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age={seconds}")
}

pub(super) fn json(status: StatusCode, headers: HeaderMap, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (status, headers, kind, bytes).into_response()
        }
        Err(error) => Problem::internal(kind::INTERNAL, &error).into_response(),
    }
}

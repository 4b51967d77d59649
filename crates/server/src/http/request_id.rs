//! A name for each request: `X-Request-Id`, taken from the caller or made, echoed, in problem documents and in logs, and an
//! answer for each, even where its handler panics.
//!
//! A caller's own is taken only if it is short and plain: it goes into logs and headers as it is.

use super::headers::REQUEST_ID;
use crate::problem::{Problem, kind};
use axum::{
    http::{HeaderMap, HeaderValue},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use futures::FutureExt;
use std::{any::Any, panic::AssertUnwindSafe, pin::Pin};

/// Characters of the longest that is taken.
const CHARS_MAX: usize = 128;

tokio::task_local! {
    static CURRENT: HeaderValue;
}

/// The id of the request under way, if there is one.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(|id| id.to_str().ok().map(str::to_owned)).ok().flatten()
}

/// Waits for the answer to a request of this name, and puts the name on it.
pub(super) async fn answered_as(
    name: HeaderValue,
    answer: Pin<&mut impl Future<Output = Response>>,
) -> Response {
    let answer = AssertUnwindSafe(answer)
        .catch_unwind()
        .map(|answered| answered.unwrap_or_else(|cause| panicked(&*cause)));
    let mut response = CURRENT.scope(name.clone(), answer).await;
    response.headers_mut().insert(REQUEST_ID, name);
    response
}

fn panicked(cause: &(dyn Any + Send)) -> Response {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("no message");
    metrics::counter!("evercart_panics_total").increment(1);
    Problem::internal(kind::INTERNAL, &std::io::Error::other(text.to_owned())).into_response()
}

/// Names a request that is answered without being run.
pub(super) fn put(request: &HeaderMap, answer: &mut HeaderMap) {
    answer.insert(REQUEST_ID, of(request));
}

/// The name of a request: its caller's, or a new one.
pub(super) fn of(headers: &HeaderMap) -> HeaderValue {
    headers.get(REQUEST_ID).filter(|value| is_plain(value)).cloned().unwrap_or_else(made)
}

fn is_plain(value: &HeaderValue) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=~".contains(byte);
    (1..=CHARS_MAX).contains(&value.len()) && value.as_bytes().iter().all(plain)
}

fn made() -> HeaderValue {
    let text = HEXLOWER.encode(&rand::random::<[u8; 16]>());
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unnamed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::to_bytes, http::StatusCode};
    use serde_json::Value;
    use std::pin::pin;

    #[tokio::test]
    async fn a_handler_that_panics_is_answered_under_the_name_of_its_request() {
        let answer = pin!(async { panic!("planted") });
        let response = answered_as(HeaderValue::from_static("order-7"), answer).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[REQUEST_ID], "order-7");
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&problem["code"], &problem["request_id"]), (&"internal".into(), &"order-7".into()));
    }

    #[test]
    fn only_short_and_plain_names_are_taken() {
        let plain = |text: &[u8]| is_plain(&HeaderValue::from_bytes(text).unwrap());
        assert!(plain(b"7f1c-4:a/b+c=_.~") && plain(&[b'a'; CHARS_MAX]));
        for wrong in [&b""[..], b"a b", b"a\tb", b"\"a\"", b"a{}", b"\xff", &[b'a'; CHARS_MAX + 1]] {
            assert!(!plain(wrong), "{wrong:?}");
        }
        assert!(is_plain(&made()));
    }
}

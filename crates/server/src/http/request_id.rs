//! A name for each request: `X-Request-Id`, taken from the caller or made, echoed, in problem documents and in logs.
//!
//! A caller's own is taken only if it is short and plain: it goes into logs and headers as it is.

use super::path;
use crate::problem::Problem;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;

const NAME: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of the longest that is taken.
const CHARS_MAX: usize = 128;

tokio::task_local! {
    static CURRENT: HeaderValue;
}

/// The id of the request under way, if there is one.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(|id| id.to_str().ok().map(str::to_owned)).ok().flatten()
}

/// Names a request, and lets it in if its path is text: one whose bytes are none names nothing.
pub(super) async fn name(request: Request, next: Next) -> Response {
    let id = of(request.headers());
    let span = tracing::info_span!("http", request_id = id.to_str().unwrap_or_default());
    let run = async {
        let is_text = path::is_text(request.uri().path());
        if is_text { next.run(request).await } else { Problem::not_found().into_response() }
    };
    let mut response = CURRENT.scope(id.clone(), run).instrument(span).await;
    response.headers_mut().insert(NAME, id);
    response
}

/// Names a request that is answered without being run.
pub(super) fn put(request: &HeaderMap, answer: &mut HeaderMap) {
    answer.insert(NAME, of(request));
}

fn of(headers: &HeaderMap) -> HeaderValue {
    headers.get(NAME).filter(|value| is_plain(value)).cloned().unwrap_or_else(made)
}

fn is_plain(value: &HeaderValue) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=~".contains(byte);
    (1..=CHARS_MAX).contains(&value.len()) && value.as_bytes().iter().all(plain)
}

fn made() -> HeaderValue {
    let text = format!("{:032x}", rand::random::<u128>());
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("unnamed"))
}

#[cfg(test)]
mod tests {
    use super::*;

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

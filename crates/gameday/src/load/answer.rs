//! The head of an answer: its status, and how many bytes follow.
//!
//! Bodies are counted and never looked at. An answer without `Content-Length` is refused, except 204 and 304.

use std::io;

/// Headers of an answer at most.
const HEADERS_MAX: usize = 32;

/// What of an answer matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// Bytes of head and body.
    pub(super) bytes: usize,
    /// True where it says when to come back.
    pub(super) has_retry_after: bool,
}

/// The answer that `bytes` begin with; none while its head is not whole.
pub(super) fn read(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(io::Error::other)?;
    let httparse::Status::Complete(head) = parsed else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let header = |name: &str| response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let length =
        header("content-length").and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    let body: usize = match (length, status) {
        (_, 204 | 304) => 0,
        (Some(length), _) => length,
        (None, _) => return Err(io::Error::other("an answer without a length")),
    };
    Ok(Some(Answer { status, bytes: head + body, has_retry_after: header("retry-after").is_some() }))
}

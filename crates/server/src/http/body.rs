//! Bodies: bounded, strict, and explained by JSON pointers.

use crate::{connections::TooSlow, problem::Problem};
use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, IgnoredAny},
};
use serde_json::{Value, error::Category};
use serde_path_to_error::Segment;
use std::error::Error as _;

/// Bytes of a body beyond the limit that are still taken from the wire, so that its sender reads the refusal.
const DISCARDED_MAX: usize = 1024 * 1024;

/// Reads a body of at most `max` bytes.
pub(super) async fn read(mut body: Body, max: usize) -> Result<Bytes, Problem> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > max {
            discard(body).await;
            return Err(Problem::too_large(max));
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

/// What to tell of a body that did not come whole.
fn broken(error: &axum::Error) -> Problem {
    match error.source() {
        Some(cause) if cause.is::<TooSlow>() => Problem::too_slow(),
        _ => Problem::malformed("the body ended early"),
    }
}

/// A connection that is closed while bytes wait is reset, and the answer lost with it.
async fn discard(mut body: Body) {
    let mut discarded = 0;
    while let Some(Ok(frame)) = body.frame().await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > DISCARDED_MAX {
            return;
        }
    }
}

/// Refuses a body that does not say it is JSON.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    require(headers, &["application/json"])
}

/// Refuses a body that does not say it is of one of these types; the first is the one to recommend.
pub(super) fn require(headers: &HeaderMap, kinds: &[&str]) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kinds.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    Err(Problem::unsupported_media(kinds.first().copied().unwrap_or_default()))
}

/// Parses JSON: 400 when it is none, 422 with a pointer when it is not what was expected.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        // What does not fit may stand before what is no JSON, and says nothing of it.
        if let Err(malformed) = whole_json(bytes) {
            return malformed;
        }
        let pointer = pointer(error.path());
        explain(error.inner(), pointer)
    })?;
    deserializer.end().map_err(|error| explain(&error, String::new()))?;
    Ok(value)
}

/// Makes a value out of a JSON object that was parsed already: 422 with a pointer when it is not what was expected.
pub(super) fn parse_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    if !value.is_object() {
        return Err(Problem::invalid("", "must be an object")); // serde takes a list of its members as well
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer(error.path());
        explain(error.inner(), pointer)
    })
}

fn whole_json(bytes: &[u8]) -> Result<(), Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::malformed("the body is not UTF-8"))?;
    serde_json::from_str::<IgnoredAny>(text).map(|_| ()).map_err(|error| explain(&error, String::new()))
}

fn explain(error: &serde_json::Error, pointer: String) -> Problem {
    // The position is of no use to people, and the rest of the message is made for them.
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default().to_owned();
    // A number such as 1e999 is JSON, though not one that fits.
    let fits_no_number = text.starts_with("number out of range");
    match error.classify() {
        Category::Data => Problem::invalid(pointer, text),
        Category::Syntax if fits_no_number => Problem::invalid(pointer, text),
        Category::Syntax | Category::Eof | Category::Io => Problem::malformed(text),
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let segments = path.iter().map(|segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escaped(key)),
        Segment::Enum { variant } => format!("/{}", escaped(variant)),
        Segment::Unknown => String::new(),
    });
    segments.collect()
}

/// A name as a part of a JSON pointer (RFC 6901).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A domain value from JSON, explained where it does not fit.
pub(super) fn checked<'de, D, T>(
    deserializer: D,
    expected: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    let value = Value::deserialize(deserializer)?;
    read(&value).ok_or_else(|| D::Error::custom(format!("must be {expected}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its parsing is tested")]
        lines: Vec<BTreeMap<String, u8>>,
    }

    fn problem(text: &str) -> (u16, serde_json::Value) {
        let problem = parse::<Sample>(text.as_bytes()).unwrap_err();
        let status = problem.status.as_u16();
        let response = axum::response::IntoResponse::into_response(problem);
        let body = futures::executor::block_on(read(response.into_body(), 10_000)).unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn what_does_not_fit_is_pointed_at() {
        let cases = [
            (r#"{"lines":[{"a":1},{"b/c":300}]}"#, "/lines/1/b~1c"),
            (r#"{"lines":[{"a":1e999}]}"#, "/lines/0/a"),
            (r#"{"lines":[{"a":1.5}]}"#, "/lines/0/a"),
            (r#"{"lines":[],"more":1}"#, "/more"),
            (r#"{"lines":5}"#, "/lines"),
            ("{}", ""),
        ];
        for (text, pointer) in cases {
            let (status, body) = problem(text);
            assert_eq!((status, &body["errors"][0]["pointer"]), (422, &pointer.into()), "{text}: {body}");
        }
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for text in ["", "{", "nonsense", r#"{"lines":[]} trailing"#, "\u{0}", r#"{"more":1"#] {
            assert_eq!(problem(text).0, 400, "{text}");
        }
        assert_eq!(parse::<Sample>(b"{\"lines\":\"\xff\"}").unwrap_err().status.as_u16(), 400);
    }

    #[test]
    fn nesting_that_is_too_deep_is_refused_where_anything_is_taken() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(parse::<Value>(deep.as_bytes()).unwrap_err().status.as_u16(), 400);
        let (status, body) = problem(&format!("{{\"lines\":{deep}}}"));
        assert_eq!((status, &body["errors"][0]["pointer"]), (422, &"/lines/0".into()));
    }
}

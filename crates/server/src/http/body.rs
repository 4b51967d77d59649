//! Bodies: bounded, strict, and explained by JSON pointers.

use crate::problem::Problem;
use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error};
use serde_json::{Value, error::Category};
use serde_path_to_error::Segment;

/// Reads a body of at most `max` bytes.
pub(super) async fn read(body: Body, max: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::too_large(max)),
        Err(_) => Err(Problem::malformed("the body ended early")),
    }
}

/// Refuses a body that says it is something else than JSON.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Err(Problem::unsupported_media("application/json"));
    };
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::unsupported_media("application/json"))
}

/// Parses JSON: 400 when it is none, 422 with a pointer when it is not what was expected.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        explain(error.inner(), pointer)
    })?;
    deserializer.end().map_err(|error| explain(&error, String::new()))?;
    Ok(value)
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
    let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
    let segments = path.iter().map(|segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escape(key)),
        Segment::Enum { variant } => format!("/{}", escape(variant)),
        Segment::Unknown => String::new(),
    });
    segments.collect()
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
        for text in ["", "{", "nonsense", r#"{"lines":[]} trailing"#, "\u{0}"] {
            assert_eq!(problem(text).0, 400, "{text}");
        }
        assert_eq!(parse::<Sample>(b"{\"lines\":\"\xff\"}").unwrap_err().status.as_u16(), 400);
    }

    #[test]
    fn nesting_that_is_too_deep_is_refused_where_anything_is_taken() {
        let deep = "[".repeat(100_000);
        assert_eq!(parse::<Value>(deep.as_bytes()).unwrap_err().status.as_u16(), 400);
        let (status, body) = problem(&format!("{{\"lines\":{deep}"));
        assert_eq!((status, &body["errors"][0]["pointer"]), (422, &"/lines/0".into()));
    }
}

//! Pages of lists: `?after=…&limit=…` in, and a `Link` to the next page out (RFC 8288).
//!
//! A cursor says where the page before ended, not how many came before: what changes meanwhile moves nothing.

use crate::problem::Problem;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};

/// The parameters of a query.
pub(super) struct Asked(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = serde_urlencoded::from_str(parts.uri.query().unwrap_or_default());
        pairs.map(Self).map_err(|_| Problem::bad_header("query", "not a query string"))
    }
}

impl Asked {
    /// A parameter, the first of its name.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All parameters of a name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `limit`: how many at most.
    pub(super) fn limit(&self, usual: usize, most: usize) -> Result<usize, Problem> {
        let Some(text) = self.one("limit") else { return Ok(usual) };
        let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| Problem::bad_header("limit", &format!("a whole number from 1 to {most}")))
    }

    /// `after`: where the page before ended, as its `Link` said.
    pub(super) fn after<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = self.one("after") else { return Ok(None) };
        let not_ours = || Problem::bad_header("after", "not a cursor that a `Link` of this list gave");
        read(text).map(Some).ok_or_else(not_ours)
    }
}

/// The header that leads on. `query` is written as it stands: its values need no escapes.
pub(super) fn next(headers: &mut HeaderMap, path: &str, query: &str) {
    if let Ok(value) = HeaderValue::from_str(&format!("<{path}?{query}>; rel=\"next\"")) {
        headers.insert(header::LINK, value);
    }
}

//! What is common to all requests on carts: who asks, which operation it is, what must hold before.

use super::{AppState, body, headers};
use crate::{
    auth::{Caller, SessionOrigin, cookie},
    problem::{Problem, kind},
};
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
};
use bytes::Bytes;
use cart::{
    CartId, Dot, WriterId,
    line::is_name,
    seen::Seen,
    token::{Freshness, Receipt},
};
use serde::de::{DeserializeOwned, IgnoredAny};
use service::{CartAddress, Conditions, Identity, Presented, Principal, ServiceError, sessions::ACTIVE};

/// A request with its body, its caller known.
pub(super) struct Incoming {
    pub(super) caller: Caller,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Characters of the longest idempotency key.
const KEY_CHARS_MAX: usize = 255;

impl FromRequest<AppState> for Incoming {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, state).await?;
        let body = body::read(body, state.config.http.body_bytes_max).await?;
        if !body.is_empty() {
            body::require_json(&parts.headers)?;
        }
        Ok(Self { caller, method: parts.method, uri: parts.uri, headers: parts.headers, body })
    }
}

/// Whose cart a request means, and how a renewed token goes back.
pub(super) struct Addressed {
    pub(super) address: CartAddress,
    pub(super) origin: SessionOrigin,
}

impl Incoming {
    /// The caller's own cart: the active one, or the one that `?name=` names.
    pub(super) fn own_cart(&self) -> Result<Addressed, Problem> {
        let (principal, origin) = self.caller.clone().shopper()?;
        let name = self.query("name")?.unwrap_or_else(|| ACTIVE.to_owned());
        if !is_name(&name) {
            return Err(Problem::bad_header("name", "1 to 128 bytes without control characters"));
        }
        if name != ACTIVE && !matches!(principal, Principal::Account { .. }) {
            let detail = "a guest has one cart; carts with other names are for accounts";
            return Err(Problem::new(kind::LOGIN_NEEDED, detail));
        }
        Ok(Addressed { address: CartAddress::Own { principal, name }, origin })
    }

    /// The same of a shopper who is logged in; whoever else asks is 401 before anything is looked at.
    pub(super) fn account_cart(&self) -> Result<Addressed, Problem> {
        match &self.caller {
            Caller::Shopper { principal: Principal::Guest(_) | Principal::Nobody, .. } => {
                Err(Problem::unauthenticated())
            }
            Caller::Shopper { principal: Principal::Account { .. }, .. } | Caller::Service { .. } => {
                self.own_cart()
            }
        }
    }

    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        // Derived readers take a list for an object, member by member, and the document promises no such thing.
        if self.body.trim_ascii_start().starts_with(b"[") {
            body::parse::<IgnoredAny>(&self.body)?;
            return Err(Problem::invalid("", "must be an object"));
        }
        body::parse(&self.body)
    }

    /// The body as JSON, where none means the default.
    pub(super) fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Result<Option<String>, Problem> {
        let query = self.uri.query().unwrap_or_default();
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query)
            .map_err(|_| Problem::bad_header("query", "not a query string"))?;
        Ok(pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value))
    }

    /// A header as text.
    pub(super) fn header(&self, name: &HeaderName) -> Result<Option<&str>, Problem> {
        let Some(value) = self.headers.get(name) else { return Ok(None) };
        let not_plain = |_| Problem::bad_header(name.as_str(), "not plain text");
        value.to_str().map(|text| Some(text.trim())).map_err(not_plain)
    }

    /// The guest's token in the cookie.
    pub(super) fn cookie(&self) -> Option<&str> {
        cookie(&self.headers)
    }

    /// The operation id of the request: a client's counter, an idempotency key, or none.
    pub(super) fn identity(&self) -> Result<Identity, Problem> {
        if let Some(text) = self.header(&headers::OP)? {
            let dot = parse_dot(text).ok_or_else(|| {
                Problem::bad_header("Evercart-Op", "`<writer as 16 hex digits>.<number above 0>`")
            })?;
            return Ok(Identity::Client(dot));
        }
        let Some(text) = self.header(&headers::IDEMPOTENCY_KEY)? else { return Ok(Identity::Unnamed) };
        let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
            return Err(Problem::bad_header("Idempotency-Key", "1 to 255 characters, quoted or bare"));
        }
        let first_addressed = match self.header(&headers::CART)? {
            None => None,
            Some(text) => Some(
                CartId::parse(text)
                    .ok_or_else(|| Problem::bad_header("Evercart-Cart", "not the id of a cart"))?,
            ),
        };
        Ok(Identity::Key { key: key.to_owned(), payload: self.payload(), first_addressed })
    }

    /// What must be equal in a retry: method, path without the cart's id, query and body.
    fn payload(&self) -> Vec<u8> {
        let path = self.uri.path();
        let path = match path.strip_prefix("/v1/carts/") {
            Some(rest) => rest.split_once('/').map_or("", |(_, rest)| rest),
            None => path.strip_prefix("/v1/cart").unwrap_or(path).trim_start_matches('/'),
        };
        let head = format!("{} {path}?{}\n", self.method, self.uri.query().unwrap_or_default());
        let mut payload = head.into_bytes();
        payload.extend_from_slice(&self.body);
        payload
    }

    /// What must hold before, and what the caller brings along.
    pub(super) fn conditions(&self, state: &AppState) -> Result<Conditions, Problem> {
        self.check_ack()?;
        Ok(Conditions { if_match: self.if_match()?, presented: self.presented(state)? })
    }

    /// What the caller was shown, and what was acknowledged to it, perhaps elsewhere.
    pub(super) fn presented(&self, state: &AppState) -> Result<Presented, Problem> {
        let keys = &state.keys.tokens();
        let foreign = |name| move |_| Problem::bad_header(name, "not a token of this shop");
        let freshness = self.header(&headers::CONTEXT)?.map(|text| Freshness::from_token(text, keys));
        let receipt = self.header(&headers::RECEIPT)?.map(|text| Receipt::from_token(text, keys));
        Ok(Presented {
            freshness: freshness.transpose().map_err(foreign("Evercart-Context"))?,
            receipt: receipt.transpose().map_err(foreign("Evercart-Receipt"))?,
        })
    }

    /// Refuses to be asked for a durability that there is none of. Each answer says which one was reached.
    fn check_ack(&self) -> Result<(), Problem> {
        match self.header(&headers::ACK)? {
            None | Some("node" | "region" | "regions") => Ok(()),
            Some(_) => Err(Problem::bad_header("Evercart-Ack", "`node`, `region` or `regions`")),
        }
    }

    /// The halves of the entity tags of `If-Match` that speak of the state.
    fn if_match(&self) -> Result<Option<Vec<String>>, Problem> {
        let Some(text) = self.header(&header::IF_MATCH)? else { return Ok(None) };
        let halves = text.split(',').map(|tag| {
            let tag = tag.trim().trim_start_matches("W/").trim_matches('"');
            tag.split_once('.').map_or(tag, |(state, _)| state).to_owned()
        });
        Ok(Some(halves.collect()))
    }

    /// True when the caller already has this representation, by its entity tag as a header has it. Tags that cannot be
    /// read are none of ours.
    pub(super) fn is_unchanged(&self, etag: &HeaderValue) -> bool {
        let (Ok(Some(tags)), Ok(etag)) = (self.header(&header::IF_NONE_MATCH), etag.to_str()) else {
            return false;
        };
        tags.split(',').map(bare).any(|tag| tag == "*" || tag == bare(etag))
    }

    /// True when the caller wants no body. It is asked once the change is done, so it never fails: a preference that
    /// cannot be read is ignored (RFC 7240).
    pub(super) fn wants_minimal(&self) -> bool {
        let preferences = self.header(&headers::PREFER).ok().flatten().unwrap_or_default();
        preferences.split([',', ';']).any(|one| one.trim().eq_ignore_ascii_case("return=minimal"))
    }

    /// True when a bulk change is to be done whole or not at all.
    pub(super) fn wants_atomic(&self) -> Result<bool, Problem> {
        match self.header(&headers::ATOMIC)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::bad_header("Evercart-Atomic", "`true` or `false`")),
        }
    }
}

/// The token of what was seen, where there is one.
pub(super) fn seen(state: &AppState, token: Option<&str>) -> Result<Option<Seen>, ServiceError> {
    let keys = &state.keys.tokens();
    token.map(|token| Seen::from_token(token, keys).map_err(|_| ServiceError::BadSeen)).transpose()
}

/// An entity tag without what is around it.
fn bare(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/").trim_matches('"')
}

fn parse_dot(text: &str) -> Option<Dot> {
    let (writer, seq) = text.split_once('.')?;
    let is_hex = (1..=16).contains(&writer.len()) && writer.bytes().all(|byte| byte.is_ascii_hexdigit());
    let writer = u64::from_str_radix(writer, 16).ok().filter(|_| is_hex)?;
    // One number, one spelling: no sign, no leading zeros, and so no 0.
    let is_plain = seq.starts_with(|first: char| matches!(first, '1'..='9'));
    let seq = seq.parse().ok().filter(|_| is_plain)?;
    Some(Dot::new(WriterId(writer), seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_id_is_a_writer_and_a_number() {
        assert_eq!(parse_dot("51a6000000000001.7"), Some(Dot::new(WriterId(0x51a6_0000_0000_0001), 7)));
        for wrong in [
            "",
            "1",
            "1.",
            ".1",
            "1.0",
            "1.-1",
            "g.1",
            "11111111111111111.1",
            "1.4294967296",
            "+1.1",
            "1.+1",
            "1.01",
        ] {
            assert_eq!(parse_dot(wrong), None, "{wrong}");
        }
    }
}

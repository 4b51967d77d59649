//! From the headers of a request to who asks.

use super::jwt::Genuine;
use crate::{http::AppState, problem::Problem};
use axum::http::{HeaderMap, HeaderName, Method, header};
use cart::token::GuestToken;
use service::Principal;

/// The guest's cookie.
const COOKIE: &str = "evercart_session";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A shopper, logged in or not.
    Shopper {
        /// Who.
        principal: Principal,
        /// How a guest's token came, and so how a renewed one goes back.
        origin: SessionOrigin,
    },
    /// A service of the shop.
    Service {
        /// What it may do.
        scopes: Vec<String>,
    },
}

/// How a guest's token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionOrigin {
    /// In the `Authorization` header, or not at all.
    Header,
    /// In the cookie of a browser.
    Cookie,
}

/// What a service may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read and change any cart.
    Carts,
    /// Change the shop's items.
    Catalog,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Carts => "carts",
            Self::Catalog => "catalog",
        }
    }
}

impl Caller {
    /// Refuses a caller that is not a service with this scope.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        match self {
            Self::Service { scopes } if scopes.iter().any(|own| own == scope.as_str()) => Ok(()),
            Self::Service { .. } => Err(Problem::insufficient_scope(scope.as_str())),
            Self::Shopper { principal: Principal::Nobody, .. } => Err(Problem::unauthenticated()),
            Self::Shopper { .. } => Err(Problem::insufficient_scope(scope.as_str())),
        }
    }

    /// The shopper, for routes of one's own cart.
    pub fn shopper(self) -> Result<(Principal, SessionOrigin), Problem> {
        match self {
            Self::Shopper { principal, origin } => Ok((principal, origin)),
            Self::Service { .. } => Err(Problem::service_has_no_cart()),
        }
    }
}

/// Finds out who asks. A token in the `Authorization` header wins over the cookie; a header that holds no genuine
/// token is 401, while a cookie that is not genuine is as none, so that an old browser is not shut out.
pub fn authenticate(state: &AppState, method: &Method, headers: &HeaderMap) -> Result<Caller, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(bearer).ok_or_else(Problem::bad_token)?;
        return caller_of_token(state, token);
    }
    let keys = &state.service.secrets().tokens;
    let token = cookie(headers).and_then(|text| GuestToken::from_text(text, keys).ok());
    let Some(token) = token else {
        let principal = Principal::Nobody;
        return Ok(Caller::Shopper { principal, origin: SessionOrigin::Header });
    };
    if !method.is_safe() && !is_from_the_shop(state, headers) {
        return Err(Problem::foreign_origin());
    }
    Ok(Caller::Shopper { principal: Principal::Guest(token), origin: SessionOrigin::Cookie })
}

fn caller_of_token(state: &AppState, token: &str) -> Result<Caller, Problem> {
    let keys = &state.service.secrets().tokens;
    if let Ok(token) = GuestToken::from_text(token, keys) {
        let principal = Principal::Guest(token);
        return Ok(Caller::Shopper { principal, origin: SessionOrigin::Header });
    }
    match state.issuer.check(token) {
        Some(Genuine::Shopper { subject }) if state.config.auth.local_issuer => {
            let principal = Principal::Account { subject };
            Ok(Caller::Shopper { principal, origin: SessionOrigin::Header })
        }
        Some(Genuine::Service { scopes }) => Ok(Caller::Service { scopes }),
        Some(Genuine::Shopper { .. }) | None => Err(Problem::bad_token()),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The guest's token in the cookie.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// True when a browser says that a page of the shop sent this. A request by cookie that says nothing is not.
fn is_from_the_shop(state: &AppState, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = text(header::ORIGIN) {
        let host = text(header::HOST).unwrap_or_default();
        let own = origin.split_once("://").is_some_and(|(_, authority)| authority == host);
        return own || state.config.auth.origins.iter().any(|allowed| allowed == origin);
    }
    text(HeaderName::from_static("sec-fetch-site")) == Some("same-origin")
}

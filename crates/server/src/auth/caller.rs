//! From the headers of a request to who asks.

use super::{identity::Bearer, provider::Refused};
use crate::{
    http::AppState,
    problem::{Problem, kind},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};
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
        /// The token's id, by which it can be revoked.
        id: String,
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
    /// Change stock, and end checkouts by hand.
    Inventory,
    /// Read any order, and take units back.
    Orders,
    /// Read and erase what is stored of a subject.
    Subjects,
    /// Revoke tokens.
    Admin,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Carts => "carts",
            Self::Catalog => "catalog",
            Self::Inventory => "inventory",
            Self::Orders => "orders",
            Self::Subjects => "subjects",
            Self::Admin => "admin",
        }
    }
}

impl Caller {
    /// Refuses a caller that is not a service with this scope.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        match self {
            Self::Service { scopes, .. } if scopes.iter().any(|own| own == scope.as_str()) => Ok(()),
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

/// Who asks, as [`authenticate`] found out before the handler.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let missing = || Problem::internal(kind::INTERNAL, &std::io::Error::other("route without identity"));
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

/// Finds out who asks. A token in the `Authorization` header wins over the cookie; a header that holds no genuine
/// token is 401, while a cookie that is not genuine is as none, so that an old browser is not shut out.
pub async fn authenticate(state: &AppState, parts: &Parts) -> Result<Caller, Problem> {
    let headers = &parts.headers;
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(bearer).ok_or_else(Problem::bad_token)?;
        return caller_of_token(state, token).await;
    }
    let sender = sender(state, parts);
    let keys = &state.keys.tokens();
    let token = cookie(headers).and_then(|text| GuestToken::from_text(text, keys).ok());
    let admitted = match token {
        // A browser leaves the cookie out of what a foreign page sends, and would take the cookie of a session that
        // such a request opened: the shopper's cart would be gone.
        None => sender != Sender::ForeignPage,
        Some(_) => sender == Sender::Shop,
    };
    if !parts.method.is_safe() && !admitted {
        return Err(Problem::foreign_origin());
    }
    Ok(match token {
        None => Caller::Shopper { principal: Principal::Nobody, origin: SessionOrigin::Header },
        Some(token) => Caller::Shopper { principal: Principal::Guest(token), origin: SessionOrigin::Cookie },
    })
}

async fn caller_of_token(state: &AppState, token: &str) -> Result<Caller, Problem> {
    let keys = &state.keys.tokens();
    let origin = SessionOrigin::Header;
    if let Ok(token) = GuestToken::from_text(token, keys) {
        return Ok(Caller::Shopper { principal: Principal::Guest(token), origin });
    }
    match state.identity.check(token).await {
        Ok(Bearer::Shopper { subject }) => {
            Ok(Caller::Shopper { principal: Principal::Account { subject }, origin })
        }
        Ok(Bearer::Service { id, scopes }) => Ok(Caller::Service { id, scopes }),
        Err(Refused::Bad) => Err(Problem::bad_token()),
        Err(Refused::Away) => Err(Problem::identity_unavailable()),
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

/// What a browser says about the page that sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// A page of the shop.
    Shop,
    /// A page of somebody else.
    ForeignPage,
    /// Nothing is said: no browser of today.
    Unsaid,
}

fn sender(state: &AppState, parts: &Parts) -> Sender {
    let text = |name: HeaderName| parts.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(origin) = text(header::ORIGIN) {
        let host = text(header::HOST).or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
        let own = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
        let listed = state.config.auth.origins.iter().any(|allowed| allowed == origin);
        return if own || listed { Sender::Shop } else { Sender::ForeignPage };
    }
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin") => Sender::Shop,
        Some(_) => Sender::ForeignPage,
        None => Sender::Unsaid,
    }
}

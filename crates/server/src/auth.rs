//! Who asks: guest tokens, shoppers' tokens of an identity provider or of the local issuer, service tokens, and the
//! guest's cookie.
//!
//! Tokens never appear in logs; whatever is wrong with one is the same 401.

mod caller;
mod identity;
mod jwks;
mod jwt;
mod provider;
mod revocation;
pub mod settings;

pub use caller::{Caller, Scope, SessionOrigin, authenticate, cookie};
pub use identity::Identity;
pub use jwt::{
    IssuedToken, Issuer, SERVICE_DAYS, TokenError, issue_service, issue_shopper, service_token, shopper_token,
};
pub(crate) use provider::FETCHES;
pub use provider::FetchError;

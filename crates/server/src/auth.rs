//! Who asks: guest tokens, shopper and service tokens of the local issuer, and the guest's cookie.
//!
//! Tokens never appear in logs; whatever is wrong with one is the same 401.

mod caller;
mod jwt;

pub use caller::{Caller, Scope, SessionOrigin, authenticate, cookie};
pub use jwt::{Issuer, TokenError, issue_service, issue_shopper};

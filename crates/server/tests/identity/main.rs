//! Identity and protection at the edge, asked for over real connections: tokens of an identity provider, service
//! tokens, pages of other origins, rate limits, and names of requests.
#![expect(clippy::unwrap_used, reason = "a harness is test code, outside of `#[test]` functions")]

mod limits;
mod logs;
mod origins;
mod provider;
mod shop;
mod shoppers;
mod tokens;

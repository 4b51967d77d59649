//! Identity and protection at the edge, asked for over real connections: tokens of an identity provider, service
//! tokens, pages of other origins, rate limits, and names of requests.

mod limits;
mod logs;
mod origins;
mod provider;
mod shop;
mod shoppers;
mod tokens;

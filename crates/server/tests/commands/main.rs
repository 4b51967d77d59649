//! The command line, as whoever types it meets it: the built binary, over real HTTP where a command speaks to a server.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a harness is test code, outside of `#[test]` functions"
)]

mod backup;
mod cart;
mod carts;
mod catalog;
mod completions;
mod config;
mod harness;
mod inventory;
mod restore;
mod shop;
mod subject;

//! The binary `evercart`: HTTP, configuration, telemetry, wiring and commands.
//!
//! The only crate that names engines, and the only one that knows HTTP, JSON and the command line. A request walks
//! one way: `http` → `service` → `cart` → a store.

pub mod auth;
pub mod backup;
mod cart_lines;
pub mod command;
pub mod config;
mod connections;
mod demo;
pub mod hooks;
pub mod http;
pub mod keys;
pub mod problem;
pub mod server;
mod telemetry;
pub mod wiring;

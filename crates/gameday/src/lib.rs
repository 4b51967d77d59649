//! Load, faults and checkers against a live server, over its HTTP API alone.
//!
//! What always holds: nothing here looks into the server; what it promised is judged by what it answered. Load is bounded
//! in count and time, goes to loopback only, and only processes that were started here are stopped.

pub mod durability;
pub mod load;
pub mod process;

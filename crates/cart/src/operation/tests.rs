//! What operations mean: every pair of 1.4, and each operation by itself.
//!
//! `notation.rs` says how a case is written: `check("all: add 3 | a: set 5 | b: remove", "2 / 0")`.

mod notation;
mod pairs;
mod sequential;

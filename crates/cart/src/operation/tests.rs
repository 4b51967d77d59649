//! What operations mean: every pair of 1.4, each operation by itself, merge and undo.
//!
//! `notation.rs` says how a case is written: `check("all: add 3 | a: set 5 | b: remove", "2 / 0")`.

mod merging;
mod notation;
mod pairs;
mod sequential;
mod undoing;

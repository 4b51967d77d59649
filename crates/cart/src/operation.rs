//! Operations: each computes a delta from its arguments alone, so that executing it again, anywhere, changes
//! nothing (C5).
//!
//! One file an operation, all of the same shape: a struct of arguments with `delta(&self, &Stamp)`. Every
//! operation but [`Refresh`] and [`Erase`] burns its own dot, even if it mints nothing. Nothing here reads the
//! current state: what the caller saw is an argument. Limits are checked beside, in `limits.rs`, before the
//! delta is joined; a refused operation leaves no trace.

mod add;
mod annotate;
mod erase;
mod expire;
mod lower;
mod merge;
mod move_line;
mod policy;
mod refresh;
mod remove;
mod replace;
mod set;
mod undo;

pub use add::Add;
pub use annotate::{AnnotateCart, AnnotateLine};
pub use erase::Erase;
pub use expire::{Consume, Expire};
pub use merge::{GUEST_DAYS, Merge, Seal};
pub use move_line::Move;
pub use policy::{LineOutcome, MergeRecord, MergeRule, Policy, UNDO_MS, preview};
pub use refresh::Refresh;
pub use remove::{Clear, Remove};
pub use replace::{Replace, Wanted};
pub use set::Set;
pub use undo::{Undo, Undone};

use crate::{dot::Dot, id::CartId, state::Delta, time::Timestamp};

/// The identity and moment of an operation, fixed before its first attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The operation id.
    pub dot: Dot,
    /// The cart first addressed: whose history the dot belongs to, whatever cart is written in the end.
    pub origin: CartId,
    /// When. Only shown and used for expiry: no outcome depends on it.
    pub at: Timestamp,
}

/// Any operation on a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the operation of its name")]
pub enum Operation {
    Add(Add),
    Set(Set),
    Remove(Remove),
    Clear(Clear),
    Move(Move),
    AnnotateLine(AnnotateLine),
    AnnotateCart(AnnotateCart),
    Replace(Replace),
    Merge(Box<Merge>),
    Seal(Seal),
    Expire(Expire),
    Consume(Consume),
    Refresh(Refresh),
    Erase(Erase),
}

impl Operation {
    /// What the operation changes, as a state to join.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        match self {
            Self::Add(operation) => operation.delta(stamp),
            Self::Set(operation) => operation.delta(stamp),
            Self::Remove(operation) => operation.delta(stamp),
            Self::Clear(operation) => operation.delta(stamp),
            Self::Move(operation) => operation.delta(stamp),
            Self::AnnotateLine(operation) => operation.delta(stamp),
            Self::AnnotateCart(operation) => operation.delta(stamp),
            Self::Replace(operation) => operation.delta(stamp),
            Self::Merge(operation) => operation.delta(stamp),
            Self::Seal(operation) => operation.delta(stamp),
            Self::Expire(operation) => operation.delta(stamp),
            Self::Consume(operation) => operation.delta(stamp),
            Self::Refresh(operation) => operation.delta(stamp),
            Self::Erase(operation) => operation.delta(stamp),
        }
    }
}

#[cfg(test)]
mod tests;
